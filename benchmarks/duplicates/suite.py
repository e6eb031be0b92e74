"""Duplicates: the engine and its peers on the same rows, with the truth from an exact join.

Each contender is a process of its own, and its CPU seconds are those of the whole process: start, imports and
reading included. `SYNTH_BENCH_DEDUP_ROWS` says how many rows ("20000"); beyond 50,000 slow peers are left out,
and the README loop of datasketch is run up to 200,000 and reckoned from there. `SYNTH_BENCH_DEDUP_PEERS` names a folder with the
environments `peers` (datasketch, rensa, gaoya), `textdedup` and `datatrove`; `SYNTH_TEST_DATA` is needed.
`SYNTH_BENCH_DEDUP_WORK` keeps corpora and indexes between runs.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq

from benchmarks.duplicates.corpus import write
from benchmarks.duplicates.truth import exact_pairs
from benchmarks.measure import ROOT
from synth.dedup.measuring import Measured, Measurer, Numbers, Scheme

HEADS = ("what", "rows", "CPU s", "memory", "pair P", "pair R", "row R", "removed", "wrong", "left")
ROWS = tuple(map(int, os.environ.get("SYNTH_BENCH_DEDUP_ROWS", "20000").split(",")))
MOST_OF_LOOP, MANY = 200_000, 50_000
CONTENDER = Path(__file__).with_name("contender.py")
# Name, environment, and the most rows it is run on.
PEERS = (
    ("datasketch_readme", "peers", MOST_OF_LOOP),
    ("datasketch_best", "peers", MANY),
    ("gaoya", "peers", 10**7),
    ("rensa_all", "peers", 10**7),
    ("rensa_pairs", "peers", MANY),
    ("text_dedup", "textdedup", MANY),
    ("datatrove", "datatrove", MANY),
)


class Figure(NamedTuple):
    """One contender on one corpus; what it does not tell is empty."""

    what: str
    rows: int
    cpu: float = 0
    memory: float = 0
    told: dict[str, str] = {}  # noqa: RUF012 - never changed

    def cells(self, others: list["Figure"]) -> tuple[str, ...]:
        """The row of a table."""
        memory = f"{self.memory:,.0f} MB" if self.memory else ""
        return (
            self.what,
            f"{self.rows:,}",
            f"{self.cpu:,.2f}",
            memory,
            *(self.told.get(head, "") for head in HEADS[4:]),
        )


class Truth(NamedTuple):
    """Rows as measured, and all pairs that are at least 0.7 alike."""

    measured: Measured
    left: Numbers
    right: Numbers


def figures() -> list[Figure]:
    """One row a contender and corpus."""
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(os.environ.get("SYNTH_BENCH_DEDUP_WORK", scratch))
        return [figure for rows in ROWS for figure in _corpus(work, rows)]


def _corpus(work: Path, rows: int) -> Iterable[Figure]:
    path = write(work / f"corpus-{rows}.parquet", rows)
    texts = pq.read_table(path, columns=["text"])["text"].combine_chunks()
    measured = Measurer(Scheme()).measure(texts)
    truth = Truth(measured, *exact_pairs(measured))
    del texts
    yield _engine(path, rows, truth)
    for name, environment, most in PEERS:
        yield from _peer(path, rows, name, environment, most, truth)
    yield _engine(path, rows, truth)
    yield from _index(path, rows)


def _engine(path: Path, rows: int, truth: Truth) -> Figure:
    command = [sys.executable, "-m", "benchmarks.duplicates.engine", str(path), str(rows)]
    found, cpu, memory = _run(command, path)
    dup_of = np.array(found["dup_of"])
    seen = (truth.measured.keys[truth.left] == truth.measured.keys[truth.right]).any(axis=1)
    rows_seen = len(np.union1d(truth.left[seen], truth.right[seen])) / max(
        len(np.union1d(truth.left, truth.right)), 1
    )
    told = {
        "pair P": "1",
        "pair R": f"{seen.mean():.4f}",
        "row R": f"{rows_seen:.4f}",
        **_fate(truth, dup_of >= 0),
    }
    return Figure("synth", rows, cpu, memory, told)


def _peer(path: Path, rows: int, name: str, environment: str, most: int, truth: Truth) -> Iterable[Figure]:
    python = Path(os.environ.get("SYNTH_BENCH_DEDUP_PEERS", "none"), environment, "bin", "python")
    taken = min(rows, most)
    if not python.is_file() or (taken < rows and name != "datasketch_readme"):
        return
    try:
        found, cpu, memory = _run([str(python), str(CONTENDER), name, str(path), str(taken)], path)
    except subprocess.SubprocessError as fault:
        print(f"{name} was not measured: {fault}", file=sys.stderr)
        return
    if taken < rows:
        yield Figure(f"{name}, reckoned from {taken:,}", rows, cpu * rows / taken, memory)
    else:
        yield Figure(name, rows, cpu, memory, _told(truth, found))


def _told(truth: Truth, found: dict[str, Any]) -> dict[str, str]:
    true_rows = np.union1d(truth.left, truth.right)
    if "flags" in found:
        flagged = np.flatnonzero(found["flags"])
        return {"row R": f"{len(np.intersect1d(flagged, true_rows)) / max(len(true_rows), 1):.4f}"}
    if "removed" in found:
        gone = np.zeros(len(truth.measured.tokens), np.bool_)
        gone[found["removed"]] = True
        return _fate(truth, gone)
    size = len(truth.measured.tokens)
    pairs = np.array(found["pairs"], np.int64).reshape(-1, 2)
    right = len(np.intersect1d(pairs[:, 0] * size + pairs[:, 1], truth.left * size + truth.right))
    rows = len(np.intersect1d(pairs.ravel(), true_rows))
    return {
        "pair P": f"{right / max(len(pairs), 1):.4f}",
        "pair R": f"{right / max(len(truth.left), 1):.4f}",
        "row R": f"{rows / max(len(true_rows), 1):.4f}",
    }


def _fate(truth: Truth, gone: "np.ndarray[Any, np.dtype[np.bool_]]") -> dict[str, str]:
    """Rows removed; those of them that are like no row that stays; true pairs of which both rows stay."""
    left, right = truth.left, truth.right
    backed = np.union1d(left[gone[left] & ~gone[right]], right[gone[right] & ~gone[left]])
    wrong = int(gone.sum()) - len(backed)
    return {
        "removed": f"{int(gone.sum()):,}",
        "wrong": f"{wrong:,}",
        "left": f"{int((~gone[left] & ~gone[right]).sum()):,}",
    }


def _index(path: Path, rows: int) -> Iterable[Figure]:
    command = [sys.executable, "-m", "benchmarks.duplicates.engine", str(path), str(rows)]
    found, _, memory = _run(command, path, "search")
    for step in ("build", "open", "search"):
        yield Figure(
            f"synth index, {step}" + (", 10,000 new rows" if step == "search" else ""),
            rows,
            found[step],
            memory,
        )


def _run(command: list[str], path: Path, *more: str) -> tuple[dict[str, Any], float, float]:
    """What a process writes, its CPU seconds with those of its children, and its peak memory in MB."""
    out = path.with_suffix(".json")
    out.unlink(missing_ok=True)
    quiet = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [*command, str(out), *more],
        env=os.environ | quiet,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode or not out.is_file():
        raise subprocess.SubprocessError(f"it ended with {process.returncode}")
    found = json.loads(out.read_bytes())
    return found, used.ru_utime + used.ru_stime, found.pop("memory")
