"""Where a run stands and what it yielded, read from its manifests alone."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from synth.errors import StoreError
from synth.places import dataset_of
from synth.schemas import STAGES, main_table
from synth.store import Manifest, StageStore

# What the columns of a funnel mean, for all that show one.
LEGEND = "used: rows in that led to a row out. rejected: counts single outputs too."


class FunnelRow(NamedTuple):
    """One stage of the funnel: rows in, those that led to a row out, rows out, rows rejected by reason."""

    stage: str
    inputs: int
    parents: int
    outputs: int
    rejected: int
    reasons: dict[str, int]
    reused: int


def manifests(run_folder: Path) -> dict[str, Manifest]:
    """The manifests of finished stages whose inputs have not changed since, in the order of the road."""
    found: dict[str, Manifest] = {}
    for stage in STAGES:
        manifest = StageStore(run_folder, stage).manifest()
        before = manifest.made_from.get("before", {}) if manifest else {}
        if manifest and all(n in found and found[n].outcome == f for n, f in before.items()):
            found[stage] = manifest
    return found


def funnel(run_folder: Path) -> list[FunnelRow]:
    """The funnel of a run, as far as it has come."""
    return [
        FunnelRow(
            stage, m.inputs, m.parents, m.outputs.get(main_table(stage), 0), m.rejected, m.reasons, m.reused
        )
        for stage, m in manifests(run_folder).items()
    ]


def read_stats(run_folder: Path) -> dict[str, Any]:
    """The figures of a published dataset.

    Raises:
        StoreError: nothing is published there.
    """
    path = dataset_of(run_folder) / "stats.json"
    try:
        value: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError) as fault:
        raise StoreError(f"{path} cannot be read: the run has not published a dataset yet.") from fault
    return value
