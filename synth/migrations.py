"""How rows and manifests of older versions are read: numbered steps, each from one version to the next.

In: a table or a manifest as it lies on the disk, with the version that wrote it. Out: the same as this
version has it. Steps are taken where tables and manifests are read and nothing is written back: a part stays
as it is until its stage is computed anew, and the fingerprint that it was made under stays its fingerprint.

A change of a table raises `SCHEMA_VERSION` and adds a step to the end of `STEPS`; a step that was released is
not edited. A new column that may be null needs no more than the number: it is null in older rows.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from synth.columns import SCHEMA_VERSION
from synth.errors import StoreError

VERSION = b"synth.schema_version"
ChangeTable = Callable[[pa.Table], pa.Table]
ChangeManifest = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Step:
    """From the version before to version `to`: what changed, and how older tables and manifests follow."""

    to: int
    why: str
    tables: Mapping[str, ChangeTable] = field(default_factory=dict)
    manifest: ChangeManifest = lambda manifest: manifest


def with_columns(**added: pa.Scalar) -> ChangeTable:
    """The change that adds columns with one value in all rows, each where it is not there yet."""

    def change(table: pa.Table) -> pa.Table:
        for name, value in added.items():
            if name not in table.column_names:
                table = table.append_column(name, pa.repeat(value, table.num_rows))
        return table

    return change


def _uncounted_length(manifest: dict[str, Any]) -> dict[str, Any]:
    """The stage `dataset` no longer depends on how long an answer may be; the stage `answers` does."""
    made = manifest["made_from"]
    if manifest["stage"] != "dataset":
        return manifest
    settings = {key: value for key, value in made["settings"].items() if key != "answers.max_chars"}
    return {**manifest, "made_from": {**made, "settings": settings}}


STEPS = (
    Step(
        2,
        "All tables said version 1 until here, though columns had come: modes of answering, categories, dates"
        " of documents, ratings of passages. An answer without a mode is the only one that was asked for.",
        {
            "answers": with_columns(
                mode=pa.scalar("single"),
                samples=pa.scalar(1, pa.int32()),
                cluster_sizes=pa.scalar([], pa.list_(pa.int32())),
            )
        },
        _uncounted_length,
    ),
)


def table_of(name: str, table: pa.Table, path: object) -> pa.Table:
    """A table as this version has it; one of this version is handed back as it is.

    Raises:
        StoreError: a newer version wrote it, or it does not say which.
    """
    said = (table.schema.metadata or {}).get(VERSION, b"1")
    if not re.fullmatch(rb"\d{1,9}", said):
        raise StoreError(f"{path} says no version that could be read; run the same command again.")
    version = int(said)
    if version == SCHEMA_VERSION:
        return table
    refuse_newer(version, path)
    for step in _steps_after(version):
        if name in step.tables:
            table = step.tables[name](table)
    return table


def is_current(schema: pa.Schema) -> bool:
    """Whether this version wrote a table."""
    return (schema.metadata or {}).get(VERSION) == str(SCHEMA_VERSION).encode()


def manifest_of(manifest: dict[str, Any], path: object) -> dict[str, Any]:
    """A manifest as this version has it; `schema_version` still says which version wrote it.

    Raises:
        StoreError: a newer version wrote it.
    """
    version = version_of(manifest)
    refuse_newer(version, path)
    for step in _steps_after(version):
        manifest = step.manifest(manifest)
    return manifest


def version_of(manifest: object) -> int:
    """The version that wrote a manifest; this one where it does not say a number."""
    said = manifest.get("schema_version") if isinstance(manifest, dict) else None
    return said if isinstance(said, int) and not isinstance(said, bool) else SCHEMA_VERSION


def refuse_newer(version: int, path: object) -> None:
    """Read nothing that cannot be understood.

    Raises:
        StoreError: the version is newer than this one.
    """
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"{path} was written by a newer synth (tables of version {version}; this one knows up to "
            f"{SCHEMA_VERSION}); install that synth here, or choose another folder."
        )


def _steps_after(version: int) -> tuple[Step, ...]:
    return tuple(step for step in STEPS if step.to > version)
