"""Where things lie: the folder of all data, and runs in it by their names. Light on imports."""

import os
from pathlib import Path

from synth.errors import ConfigError

SHOWN_RUNS = 8
# Its name for the moment in which a new dataset takes its place.
OLD_DATASET = ".dataset.old"


def home() -> Path:
    """Where runs, datasets and stores lie: `$SYNTH_HOME`, else `./data`."""
    return Path(os.environ.get("SYNTH_HOME") or "data")


def find_run(run: str, folder: Path | None = None) -> Path:
    """The folder of a run that was named by folder, or by its name in the folder of runs.

    Raises:
        ConfigError: there is no such run.
    """
    runs = folder or home() / "runs"
    for folder in (Path(run), runs / run):
        if (folder / "run.toml").is_file():
            return folder
    files = sorted(runs.glob("*/run.toml"), key=lambda path: path.stat().st_mtime, reverse=True)
    known = ", ".join(path.parent.name for path in files[:SHOWN_RUNS]) or "none yet"
    raise ConfigError(f"There is no run {run!r}: give its folder, or a name in {runs} (there: {known}).")


def dataset_of(run_folder: Path) -> Path:
    """The published dataset of a run, whether or not there is one yet; read it through this path."""
    target, old = run_folder / "dataset", run_folder / OLD_DATASET
    return old if old.is_dir() and not target.exists() else target
