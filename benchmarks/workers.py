"""Reading documents by one worker and by two: the wall of the stage, and what it takes until workers are ready.

The documents are those of `SYNTH_TEST_DATA`, copied so often that reading them takes five minutes of a processor;
each copy differs by a comment, so that none is known from another. No model is called.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from synth.clusters import faults_of
from synth.config import RunConfig
from synth.settings import load

COPIES = int(os.environ.get("SYNTH_BENCH_COPIES", "40"))
RUNNER = os.environ.get("SYNTH_BENCH_RUNNER", "dask")
HEADS = ("what", "files", "workers ready, s", "wall s", "times one worker", "CPU s of all")
# What ends a file without changing what it says.
ENDS = {".html": "<!-- {} -->", ".cnxml": "<!-- {} -->", ".tex": "% {}", ".pdf": "% {}"}


class Read(NamedTuple):
    """One stage `documents`: its files, seconds until it began, of the wall, and of all processors."""

    what: str
    files: int
    ready_s: float
    wall_s: float
    cpu_s: float

    def cells(self, others: list["Read"]) -> tuple[str, ...]:
        """The row of a table."""
        times = f"{others[0].wall_s / self.wall_s:.2f}"
        seconds = (f"{value:.0f}" for value in (self.ready_s, self.wall_s))
        return self.what, f"{self.files:,}", *seconds, times, f"{self.cpu_s:.0f}"


def figures() -> list[Read]:
    """One worker of `SYNTH_BENCH_RUNNER` (Dask where none is named), and two."""
    root = os.environ.get("SYNTH_TEST_DATA")
    if root is None:
        print("Skipped: SYNTH_TEST_DATA names no folder of real documents.")
        return []
    if faults := [*faults_of(_config(Path(root), 1))]:
        print(f"Skipped: {faults[0]}")
        return []
    with tempfile.TemporaryDirectory() as scratch:
        documents = Path(scratch, "documents")
        files = _copy(Path(root, "docs"), documents)
        return [
            _measure(_config(documents, workers), files, Path(scratch, str(workers))) for workers in (1, 2)
        ]


def _config(documents: Path, workers: int) -> RunConfig:
    asked = [f"runner={RUNNER}", f"runner_workers={workers}", "documents.readers=1"]
    return load("synthllm-recommended", [str(documents)], "fake", overrides=asked)


def _measure(config: RunConfig, files: int, folder: Path) -> Read:
    from flows.hands import hands_of
    from synth.runs import Run

    with Run.open(config, folder, "run") as run:
        began, before = time.monotonic(), _cpu_s()
        with hands_of(run) as hands:
            assert hands is not None
            ready = time.monotonic()
            plan = run.plan("documents")
            made = [hands.work(plan, part, lambda done, total: None) for part in plan.parts]
            wall = time.monotonic() - ready
        run.commit(plan, made)
    shutil.rmtree(folder)
    workers = config.runner_workers
    what = f"{config.runner}, {workers} worker{'s' if workers > 1 else ''}"
    return Read(what, files, ready - began, wall, _cpu_s() - before)


def _cpu_s() -> float:
    """Of this process and of all that it started and that have ended."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def _copy(source: Path, folder: Path) -> int:
    """Each document of `source` so many times; the number of files."""
    files = sorted(path for path in source.rglob("*") if path.is_file())
    for number in range(COPIES):
        for path in files:
            to = folder / f"{number:03d}" / path.relative_to(source)
            to.parent.mkdir(parents=True, exist_ok=True)
            end = ENDS.get(path.suffix, "{}").format(f"copy {number}")
            to.write_bytes(b"".join(_with_end(path, end)))
    return len(files) * COPIES


def _with_end(path: Path, end: str) -> Iterator[bytes]:
    yield path.read_bytes()
    yield f"\n{end}\n".encode()
