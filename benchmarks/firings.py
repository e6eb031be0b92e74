"""What a firing of a store costs beside its calls: the first, one with nothing new, one with a few new files.

The model is the fake, in this process, so nothing is waited for; its own work is part of each figure.
"""

import os
import shutil
import tempfile
import time
from pathlib import Path

import synth
from benchmarks.measure import Figure
from synth.settings import load

FILES, NEW = 2_000, 20


def figures() -> list[Figure]:
    """CPU of firings over a folder that grows, and of a version of all runs."""
    root = Path(tempfile.mkdtemp())
    before = os.environ.get("SYNTH_HOME")
    os.environ["SYNTH_HOME"] = str(root)
    try:
        return _figures(root)
    finally:
        os.environ.pop("SYNTH_HOME")
        if before is not None:
            os.environ["SYNTH_HOME"] = before
        shutil.rmtree(root)


def _figures(root: Path) -> list[Figure]:
    feed = root / "feed"
    feed.mkdir()
    _write(feed, 0, FILES)
    asked = ["store.name=feed", "combinations.level1=off", "combinations.level2_sets=1"]
    config = load("synthllm-recommended", [str(feed)], "fake", overrides=asked)

    def timed(what: str, items: int) -> Figure:
        began = time.process_time()
        synth.take_new(config, runs=root / "runs")
        return Figure(what, what, items, time.process_time() - began)

    found = [timed("first firing", FILES), timed("nothing new", FILES)]
    _write(feed, FILES, NEW)
    found.append(timed(f"{NEW} new files of {FILES + NEW:,}", NEW))
    shutil.rmtree(root / "datasets")
    return [*found, timed("a version of all runs, written anew", FILES + NEW)]


def _write(folder: Path, first: int, count: int) -> None:
    for n in range(first, first + count):
        words = " ".join(f"term{n}word{i}" for i in range(40))
        (folder / f"{n:06d}.md").write_text(f"# Subject {n}\n\nThe rule of {words} holds in each case.")
