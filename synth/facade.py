"""What a notebook needs: make a configuration, run it without Prefect, load tables as pandas."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from synth.check import check
from synth.config import RunConfig
from synth.errors import ConfigError
from synth.report import FunnelRow, funnel
from synth.runs import Run
from synth.schemas import TABLES
from synth.settings import load as recipe
from synth.store import Manifest, StageStore

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Result", "home", "load", "recipe", "run"]

# Hears the stage, what is done and what there is to do; calls or rows.
Progress = Callable[[str, int, int], None]


class Result(NamedTuple):
    """A finished run: its folder, its dataset, and its funnel."""

    folder: Path
    dataset: Path
    funnel: list[FunnelRow]


def home() -> Path:
    """Where runs, datasets and stores lie: `$SYNTH_HOME`, else `./data`."""
    return Path(os.environ.get("SYNTH_HOME") or "data")


def run(
    config: RunConfig,
    *,
    name: str | None = None,
    runs: Path | None = None,
    progress: Progress = lambda stage, done, total: None,
) -> Result:
    """Run or resume a configuration to its dataset, without Prefect.

    Raises:
        ConfigError: with every fault of the configuration, before the first call.
        SynthError: an endpoint, a disk or a folder failed; the same call resumes.
    """
    folder = runs or home() / "runs"
    check(config, folder)
    with Run.open(config, folder, name) as opened:
        for stage in opened.stages:
            run_stage(opened, stage, progress)
        dataset = opened.finish()
        return Result(opened.folder, dataset, funnel(opened.folder))


def run_stage(opened: Run, stage: str, progress: Progress) -> Manifest:
    """All parts of one stage, then its manifest."""
    plan = opened.plan(stage)
    if plan.manifest is not None:
        return plan.manifest
    records = [
        opened.work(plan, part, lambda done, total: progress(stage, done, total)) for part in plan.parts
    ]
    return opened.commit(plan, records)


def load(
    run_folder: str | os.PathLike[str], table: str, columns: Sequence[str] | None = None
) -> "pd.DataFrame":
    """A table of a run as pandas, with Arrow types.

    Raises:
        ConfigError: there is no table of that name.
        StoreError: its stage has not finished.
    """
    import pandas as pd

    if table not in TABLES or not TABLES[table].stage:
        known = ", ".join(name for name, spec in TABLES.items() if spec.stage)
        raise ConfigError(f"There is no table {table!r}; a run has {known}.")
    rows = StageStore(Path(run_folder), TABLES[table].stage).read(table)
    frame: pd.DataFrame = rows.to_pandas(types_mapper=pd.ArrowDtype)
    return frame if columns is None else frame[list(columns)]
