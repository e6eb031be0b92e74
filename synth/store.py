"""How rows reach the disk: whole or not at all, and accounted for.

A part is written to a temporary name, fsynced and renamed; its record follows, and when a stage has
all its parts its manifest comes last, in the same way. Readers trust the manifest only.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError
from pydantic_core import from_json

from synth.config import Config
from synth.errors import StoreError
from synth.ids import digest
from synth.migrations import is_current, manifest_of, table_of, version_of
from synth.schemas import SCHEMA_VERSION, TABLES, main_table, stage_folder
from synth.stages.base import Output, rejected_table
from synth.writing import atomic, sha256_of, write_bytes

ROW_GROUP = 5_000
# The one reason that may pass by itself: an endpoint that was down is up again.
PASSING = "call_failed"


class FileRecord(Config):
    """One file of a part."""

    table: str
    path: str
    rows: int
    sha256: str


class CallsRecord(Config):
    """The calls that somebody answered, and their tokens; of `untold` calls these are not all known."""

    calls: int = 0
    untold: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def __add__(self, other: "CallsRecord") -> "CallsRecord":
        return CallsRecord(**{name: getattr(self, name) + getattr(other, name) for name in _COUNTED})


_COUNTED = tuple(CallsRecord.model_fields)


class PartRecord(Config):
    """One finished part: what went in, what came out, and where it lies.

    `calls` is None where the part was made before calls were counted.
    """

    index: int
    key: str
    inputs: int
    parents: int
    rejected: int
    reasons: dict[str, int]
    files: tuple[FileRecord, ...]
    notes: tuple[str, ...] = ()
    calls: CallsRecord | None = None

    def rows(self, table: str) -> int:
        """Rows of one table in this part."""
        return sum(f.rows for f in self.files if f.table == table)


class Manifest(Config):
    """The last word on a stage.

    `reused` counts input rows of parts that an earlier try had finished; `unanswered` is the hash of the rows
    that fell for want of an answer, however they are cut into parts.
    """

    stage: str
    schema_version: int = SCHEMA_VERSION
    fingerprint: str
    made_from: dict[str, Any]
    inputs: int
    parents: int
    outputs: dict[str, int]
    rejected: int
    reasons: dict[str, int]
    reused: int
    unanswered: str | None = None
    parts: tuple[PartRecord, ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """What the stage said of its result beyond counts of rows."""
        return tuple(note for part in self.parts for note in part.notes)

    @property
    def calls(self) -> CallsRecord | None:
        """The calls of all parts; None where those of one are not known."""
        known = [part.calls for part in self.parts if part.calls is not None]
        return sum(known, CallsRecord()) if len(known) == len(self.parts) else None

    @property
    def is_whole(self) -> bool:
        """Whether no row fell for want of an answer: such rows are asked for again by a later run."""
        return PASSING not in self.reasons

    @property
    def outcome(self) -> str:
        """What later stages depend on: the fingerprint, and which rows are still without an answer."""
        return self.fingerprint if self.is_whole else digest(self.fingerprint, self.unanswered, size=16)


def write_table(path: Path, table: pa.Table) -> None:
    """Write a table as Parquet, whole or not at all: same rows and metadata, same bytes."""
    with atomic(path) as temporary:
        pq.write_table(table, temporary, row_group_size=ROW_GROUP, compression="zstd")


class StageStore:
    """The folder of one stage in one run."""

    def __init__(self, run_folder: Path, stage: str) -> None:
        self.run_folder = run_folder
        self.stage = stage
        self.folder = run_folder / stage_folder(stage)
        self.manifest_path = self.folder / "_manifest.json"

    def manifest(self) -> Manifest | None:
        """The manifest, or None where the stage never finished.

        Raises:
            StoreError: the manifest cannot be understood, or a newer version wrote it.
        """
        try:
            return _read_manifest(self.manifest_path)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as fault:
            hint = "delete that file to compute the stage again"
            raise StoreError(f"{self.manifest_path} is damaged ({type(fault).__name__}); {hint}.") from fault

    def finished(self, index: int, key: str) -> PartRecord | None:
        """The record of a part that is already on disk with all its answers, else None."""
        path = self._record_path(index, key)
        try:
            record = PartRecord.model_validate_json(path.read_bytes())
        except (FileNotFoundError, ValidationError):
            return None
        return record if self.is_sound(record) and PASSING not in record.reasons else None

    def is_sound(self, part: PartRecord) -> bool:
        """Whether every file of a part is there and as it was written."""
        paths = [(self.run_folder / file.path, file.sha256) for file in part.files]
        return all(path.is_file() and sha256_of(path) == sha for path, sha in paths)

    def commit_part(
        self,
        index: int,
        key: str,
        made: Output | Iterable[Output],
        notes: Sequence[str] = (),
        calls: Callable[[], CallsRecord | None] = lambda: None,
    ) -> PartRecord:
        """Write the tables of a part, which may come in several pieces, then its record.

        `notes` may grow while the pieces come; `calls` is asked when all have come.

        Raises:
            SchemaError: the rows do not add up.
            StoreError: the disk is full.
        """
        inputs = parents = 0
        reasons: Counter[str] = Counter()
        files: list[FileRecord] = []
        for piece, output in enumerate([made] if isinstance(made, Output) else made):
            output.check_balance(self.stage)
            tables = {**output.tables, "rejected": rejected_table(self.stage, output.rejected)}
            name = f"part-{index:05d}-{key[:8]}" + (f"-{piece:05d}" if piece else "")
            files += [self._write(table, name, rows) for table, rows in tables.items()]
            inputs, parents = inputs + len(output.inputs), parents + len(output.parents)
            reasons.update(tables["rejected"]["reason"].to_pylist())
        record = PartRecord(
            index=index, key=key, inputs=inputs, parents=parents,
            rejected=reasons.total(), reasons=dict(sorted(reasons.items())), files=tuple(files),
            notes=tuple(notes), calls=calls(),
        )  # fmt: skip
        write_bytes(self._record_path(index, key), record.model_dump_json(indent=2).encode())
        return record

    def commit(
        self, fingerprint: str, made_from: dict[str, Any], parts: list[PartRecord], reused: int
    ) -> Manifest:
        """Write the manifest: from now on readers see the stage."""
        reasons: dict[str, int] = {}
        outputs: dict[str, int] = {}
        for part in parts:
            for reason, count in part.reasons.items():
                reasons[reason] = reasons.get(reason, 0) + count
            for file in part.files:
                if file.table != "rejected":
                    outputs[file.table] = outputs.get(file.table, 0) + file.rows
        manifest = Manifest(
            stage=self.stage, fingerprint=fingerprint, made_from=made_from,
            inputs=sum(p.inputs for p in parts), parents=sum(p.parents for p in parts), outputs=outputs,
            rejected=sum(p.rejected for p in parts), reasons=dict(sorted(reasons.items())),
            reused=reused, unanswered=self._unanswered(parts) if PASSING in reasons else None,
            parts=tuple(sorted(parts, key=lambda p: p.index)),
        )  # fmt: skip
        write_bytes(self.manifest_path, (manifest.model_dump_json(indent=2) + "\n").encode())
        return manifest

    def read(self, table: str, columns: Sequence[str] | None = None) -> pa.Table:
        """All rows of one table, in the order of its key; of `columns`, its key is one, these alone.

        Raises:
            StoreError: the stage has not finished, or a part is missing or damaged.
        """
        manifest = self.manifest()
        if manifest is None:
            raise StoreError(f"{self.folder} has no manifest: the stage `{self.stage}` has not finished.")
        paths = [self.run_folder / f.path for p in manifest.parts for f in p.files if f.table == table]
        try:
            tables = [_part(table, path, columns) for path in paths]
        except (OSError, pa.ArrowException) as fault:
            hint = "run the same command again to make it anew"
            raise StoreError(f"A part of {self.folder} is missing or damaged ({fault}); {hint}.") from fault
        spec = TABLES[table]
        # Parts are in the order of their inputs; sorting here makes rows independent of how they were cut.
        # A column that came later is null in what was written before, unless a step of `synth/migrations.py`
        # says better: a stage that is not computed anew for it keeps its rows.
        whole = pa.concat_tables([spec.schema.empty_table(), *tables], promote_options="default")
        return (whole.select(columns) if columns else whole).sort_by(spec.key)

    def _unanswered(self, parts: list[PartRecord]) -> str:
        files = [self.run_folder / f.path for part in parts for f in part.files if f.table == "rejected"]
        tables = [pq.read_table(path, columns=["row_id", "reason"], partitioning=None) for path in files]
        rows = [row for table in tables for row in table.to_pylist()]
        return digest("unanswered", sorted(row["row_id"] for row in rows if row["reason"] == PASSING))

    def prune(self) -> int:
        """Delete the files of superseded parts; the number deleted."""
        manifest = self.manifest()
        if manifest is None:
            return 0
        keep = {f.path for p in manifest.parts for f in p.files}
        keep |= {self._relative(self._record_path(p.index, p.key)) for p in manifest.parts}
        folders = (self.folder, self.run_folder / "rejected" / self.stage)
        stale = [p for f in folders for p in f.rglob("*part-*") if self._relative(p) not in keep]
        for path in stale:
            path.unlink()
        return len(stale)

    def _write(self, name: str, file: str, table: pa.Table) -> FileRecord:
        path = self._folder_of(name) / f"{file}.parquet"
        write_table(path, table)
        return FileRecord(table=name, path=self._relative(path), rows=table.num_rows, sha256=sha256_of(path))

    def _folder_of(self, table: str) -> Path:
        if table == "rejected":
            return self.run_folder / "rejected" / self.stage
        return self.folder if table == main_table(self.stage) else self.folder / table

    def _record_path(self, index: int, key: str) -> Path:
        return self.folder / "_parts" / f"part-{index:05d}-{key[:8]}.json"

    def _relative(self, path: Path) -> str:
        return path.relative_to(self.run_folder).as_posix()


def _read_manifest(path: Path) -> Manifest:
    """A manifest of any version; one of this version is read once, at full speed."""
    written = path.read_bytes()
    try:
        manifest = Manifest.model_validate_json(written)
        if manifest.schema_version == SCHEMA_VERSION:
            return manifest
    except ValidationError:
        if version_of(from_json(written)) == SCHEMA_VERSION:
            raise
    return Manifest.model_validate(manifest_of(from_json(written), path))


def _part(name: str, path: Path, columns: Sequence[str] | None) -> pa.Table:
    """One file of a table; the steps that read one of an older version may need all its columns."""
    some = list(columns) if columns and is_current(pq.read_schema(path)) else None
    return table_of(name, pq.read_table(path, columns=some, partitioning=None), path)


def part_key(fingerprint: str, index: int, ids: list[str]) -> str:
    """What makes a part the same part: settings, place, and the rows that go in."""
    return digest("part", fingerprint, index, ids)
