"""Weaknesses: what it costs to score ten million rows of training logs, and how much memory it takes.

Each measurement is a process of its own, so that the memory is that of one; logs are written by another.
"""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.measure import ROOT

HEADS = ("what", "rows", "CPU s", "per row", "memory")
PROBLEMS, VISITS, SAMPLES = 100_000, 10, 10
GROUP = 100_000
WORDS = (
    "if the sum of two numbers is and their product find value area circle with radius prime integer".split()
)


class Figure(NamedTuple):
    """One process: CPU seconds of it and its children, and the most memory it held."""

    what: str
    rows: int
    seconds: float
    megabytes: float

    def cells(self, others: list["Figure"]) -> tuple[str, ...]:
        """The row of a table."""
        each = f"{self.seconds / self.rows * 1e6:,.2f} µs"
        return (self.what, f"{self.rows:,}", f"{self.seconds:,.1f}", each, f"{self.megabytes:,.0f} MB")


def problems(count: int) -> pa.Array:
    """Problems of about 200 characters, no two the same."""
    rng = np.random.default_rng(0)
    picks = rng.integers(len(WORDS), size=(count, 40))
    return pa.array([f"{n}: {' '.join(WORDS[w] for w in row)}?" for n, row in enumerate(picks)])


def write(path: Path, shape: str, count: int = PROBLEMS) -> int:
    """A log of `count` problems: `attempts`, `answers` (with an answer each) or `visits`; the number of rows."""
    rng = np.random.default_rng(1)
    texts = problems(count)
    each = VISITS * (1 if shape == "visits" else SAMPLES)
    rows = count * each
    order = rng.permutation(rows)  # as no trainer writes it, which is the worst case
    rate = rng.random(count)
    writer = None
    for start in range(0, rows, GROUP):
        at = order[start : start + GROUP]
        problem, rest = at // each, at % each
        table = _rows(shape, texts, problem, rest, rate, rng)
        writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd")
        writer.write_table(table, row_group_size=GROUP)
    if writer:
        writer.close()
    return rows


def _rows(
    shape: str,
    texts: pa.Array,
    problem: np.ndarray,
    rest: np.ndarray,
    rate: np.ndarray,
    rng: np.random.Generator,
) -> pa.Table:
    columns = {"problem": texts.take(pa.array(problem)), "category": pa.array([f"c{p % 7}" for p in problem])}
    if shape == "visits":
        right = rng.binomial(SAMPLES, rate[problem])
        return pa.table(columns | {"step": rest, "accuracy": right / SAMPLES})
    correct = rng.random(len(problem)) < rate[problem]
    columns |= {
        "visit": (rest // SAMPLES).astype(np.int32),
        "sample": (rest % SAMPLES).astype(np.int32),
        "response": pa.array([f"{p} " + "so it is " * 30 for p in problem]),
        "correct": correct,
    }
    if shape == "answers":
        wrong = rng.integers(0, 50, len(problem))
        columns["answer"] = pa.array(np.where(correct, problem, wrong).astype(str))
    return pa.table(columns)


MEASURED = """
import resource, sys
from pathlib import Path
from synth.sws.find import find
find([Path(sys.argv[1])], Path(sys.argv[2]))
used = resource.getrusage(resource.RUSAGE_SELF)
print(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
"""


def measure(what: str, shape: str, count: int = PROBLEMS) -> Figure:
    """Write a log, and score it in a process of its own, imports included."""
    with TemporaryDirectory() as folder:
        log = Path(folder) / "log.parquet"
        rows = write(log, shape, count)
        command = [sys.executable, "-c", MEASURED, str(log), str(Path(folder) / "out")]
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
        seconds, megabytes = map(float, done.stdout.split())
        return Figure(what, rows, seconds, megabytes)


def figures() -> list[Figure]:
    """The three shapes of a log that is long."""
    return [
        measure("attempts: Parquet, 100,000 problems, 10 visits of 10", "attempts"),
        measure("attempts with their answers: unanimity as well", "answers"),
        measure("accuracies, a row a visit: 1,000,000 problems", "visits", 10 * PROBLEMS),
    ]
