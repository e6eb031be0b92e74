"""The questions that a store has published, as an index that its next run is screened against.

In: the finished runs of a store. Out: an index in the store's folder, each run a source of its own. It holds
nothing that the runs do not have: what of it is missing is made of them before the next run begins, and
another way of measuring questions has an index of its own. A run is compared with the runs before it alone,
so one that is taken up again finds the same as before, whatever has come in since.
"""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from synth.config import ScreenConfig
from synth.dedup.index import Index
from synth.dedup.measuring import Measurer, Scheme
from synth.dedup.normalise import VERSION
from synth.ids import digest
from synth.stages.screen import scheme_of
from synth.store import StageStore


def index_of(store: Path, config: ScreenConfig) -> Path:
    """The folder of the index of a store; another one for each way of measuring."""
    return store.absolute() / "index" / digest(VERSION, scheme_of(config))[:16]


def remember(store: Path, runs: Sequence[Path], config: ScreenConfig) -> Path:
    """Add the finished runs that the index lacks, in their order; its folder.

    Raises:
        StoreError: the index is damaged, or the disk is full.
    """
    scheme = scheme_of(config)
    folder = index_of(store, config)
    index = Index(folder, scheme)
    there = set(index.sources)
    for run in runs:
        if run.name not in there:
            _add(index, run, scheme)
    return folder


def _add(index: Index, run: Path, scheme: Scheme) -> None:
    rows = StageStore(run, "dataset").read("dataset").select(["id", "question"])
    questions = rows["question"].combine_chunks().cast(pa.large_string())
    index.add(run.name, rows["id"].to_pylist(), Measurer(scheme).measure(questions))
