"""What a notebook needs: make a configuration, run it without Prefect, load tables as pandas."""

from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from synth.check import check
from synth.config import RunConfig
from synth.errors import ConfigError, StoreError, Waiting
from synth.llm.client import Client
from synth.parts import Parts
from synth.places import home
from synth.report import FunnelRow, funnel, manifests
from synth.run_report import Clock, RunReport
from synth.runs import Part, Run
from synth.schemas import TABLES
from synth.settings import load as recipe
from synth.store import Manifest, PartRecord, StageStore
from synth.target import Outcome, outcome
from synth.versions import Version, version_in
from synth.waves import WAVED, road

if TYPE_CHECKING:
    import pandas as pd

    from synth.incremental.firing import Fired

__all__ = ["Result", "home", "load", "recipe", "run", "take_new"]

# Hears the stage, what is done and what there is to do; calls or rows.
Progress = Callable[[str, int, int], None]
# Hears of each stage whether it is reused or computed anew, and why.
Explain = Callable[[str, str], None]


class Result(NamedTuple):
    """A finished run: its folder, its dataset, its funnel, what came of its target where it has one.

    `version` is that of the published dataset, where it was asked for.
    """

    folder: Path
    dataset: Path
    funnel: list[FunnelRow]
    target: Outcome | None = None
    version: Version | None = None


def run(
    config: RunConfig,
    *,
    name: str | None = None,
    runs: Path | None = None,
    progress: Progress = lambda stage, done, total: None,
    clock: Clock | None = None,
    explain: Explain = lambda stage, why: None,
    watch: Callable[[Run], None] = lambda run: None,
) -> Result:
    """Run or resume a configuration to its dataset, without Prefect; with a `clock`, the report has dates.

    `watch` gets the run once it is open, to ask its client how the calls are going (`run.client.pulse()`).

    Raises:
        ConfigError: with every fault of the configuration, before the first call.
        Stopped: a ceiling of the budget was reached, or batches are under way; the same call goes on later.
        SynthError: an endpoint, a disk or a folder failed; the same call resumes.
    """
    folder = runs or home() / "runs"
    if config.runner != "threads":
        raise ConfigError(
            f"runner: {config.runner} takes a run with Prefect; leave out --no-ui, or set threads."
        )
    check(config, folder)
    opening = Run.open(config, folder, name, lambda said: explain("mirror", said))
    with opening as opened, RunReport(opened, clock) as report:
        watch(opened)

        def count(stage: str, done: int, total: int) -> None:
            report.beat()
            progress(stage, done, total)

        for stage, wave in road(opened):
            if wave.said and stage == WAVED[0]:
                explain(stage, wave.said)
            progress(stage, 0, 0)  # a stage begins
            with report.stage(stage):
                run_stage(opened, stage, count, explain)
        dataset = opened.finish()
        found = outcome(manifests(opened.folder))
        return Result(opened.folder, dataset, funnel(opened.folder), found, opened.version)


def take_new(
    config: RunConfig,
    *,
    runs: Path | None = None,
    progress: Progress = lambda stage, done, total: None,
    clock: Clock | None = None,
    explain: Explain = lambda stage, why: None,
    watch: Callable[[Run], None] = lambda run: None,
    say: Callable[[str], None] = lambda said: None,
) -> "Fired":
    """Run what the store of a configuration (`store.name`) has not seen, and publish all of its runs.

    Raises:
        SynthError, Stopped: as `run` does; the same call goes on.
    """
    from synth.incremental.firing import fire

    folder = runs or home() / "runs"

    def make(inner: RunConfig, name: str) -> Result:
        return run(
            inner, name=name, runs=folder, progress=progress, clock=clock, explain=explain, watch=watch
        )

    return fire(config, folder, make, say)


def run_stage(
    opened: Run, stage: str, progress: Progress, explain: Explain = lambda stage, why: None
) -> Manifest:
    """All parts of one stage, then its manifest."""
    plan = opened.plan(stage)
    explain(stage, plan.why)
    if plan.manifest is not None:
        return plan.manifest
    counts = Parts([len(part.ids) for part in plan.parts])

    def work(part: Part) -> PartRecord:
        record = opened.work(plan, part, lambda *come: progress(stage, *counts.count(part.index, *come)))
        counts.end(part.index)
        return record

    manifest = opened.commit(plan, all_parts(opened.client, plan.parts, work))
    for note in manifest.notes:
        explain(stage, note)
    return manifest


def all_parts(client: Client, parts: Sequence[Part], work: Callable[[Part], PartRecord]) -> list[PartRecord]:
    """The records of all parts. A part that waits for batches keeps no other from submitting its own.

    Raises:
        Waiting: batches are under way, and the time of this command is over.
    """
    records: dict[int, PartRecord] = {}
    while todo := [part for part in parts if part.index not in records]:
        waiting: Waiting | None = None
        for part in todo:
            try:
                records[part.index] = work(part)
            except Waiting as fault:
                waiting = fault
        if waiting is not None and not client.wait_for_batches():
            raise client.waiting() or waiting
    return [records[part.index] for part in parts]


def load(run_folder: str | PathLike[str], table: str, columns: Sequence[str] | None = None) -> "pd.DataFrame":
    """A table of a run as pandas, with Arrow types; `rejected` holds the rows of all stages.

    A published dataset, `datasets/NAME` for its newest version or `datasets/NAME/v0002` for that one, has
    `dataset`, `documents`, `concepts` and `rejected`.

    Raises:
        ConfigError: there is no table of that name, or a published dataset has none.
        StoreError: its stage has not finished.
    """
    import pandas as pd

    if table not in TABLES:
        raise ConfigError(f"There is no table {table!r}; a run has {', '.join(TABLES)}.")
    folder = Path(run_folder)
    rows = _published(found, table) if (found := version_in(folder)) else _rows(folder, table)
    frame: pd.DataFrame = rows.to_pandas(types_mapper=pd.ArrowDtype)
    return frame if columns is None else frame[list(columns)]


def _published(version: Path, table: str) -> pa.Table:
    part = "questions" if table == "dataset" else table
    files = sorted((version / part).glob("*.parquet"))
    if not files:
        raise ConfigError(f"{version} has no table {table!r}; load it from a run, as in data/runs/NAME.")
    return pa.concat_tables(pq.read_table(file) for file in files)


def _rows(run_folder: Path, table: str) -> pa.Table:
    if stage := TABLES[table].stage:
        return StageStore(run_folder, stage).read(table)
    found = [StageStore(run_folder, stage).read(table) for stage in manifests(run_folder)]
    if not found:
        raise StoreError(f"{run_folder}: no stage has finished, so {table!r} is not there yet; let it run.")
    return pa.concat_tables(found)
