"""What a run costs by stage as it grows: CPU and peak memory of its process, for documents and ten times as many.

The model is the fake, in this process. Documents are rows of one file, so that each costs its text and no file.
`python -m benchmarks.growth 500` is one of the two measurements: a line of JSON.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import NamedTuple

import synth
from benchmarks.measure import ROOT

DOCUMENTS = int(os.environ.get("SYNTH_BENCH_GROWTH", "500"))
HEADS = (
    "what",
    "rows out",
    "CPU each, ms",
    "CPU each, ms: × 10",
    "peak MB",
    "peak MB: × 10",
    "KB a document",
)
_TERMS = 3_000
_WORDS = 120


class Grown(NamedTuple):
    """A stage at both sizes: rows out, CPU seconds, peak megabytes of the whole process."""

    stage: str
    small: tuple[int, float, float]
    large: tuple[int, float, float]

    def cells(self, _: object) -> tuple[str, ...]:
        """The row of a table; memory for each further document is the slope between both sizes."""
        each = (f"{1e3 * cpu / max(rows, 1):.2f}" for rows, cpu, _ in (self.small, self.large))
        slope = (self.large[2] - self.small[2]) * 1e3 / (9 * DOCUMENTS)
        peaks = (f"{peak:,.0f}" for _, _, peak in (self.small, self.large))
        return self.stage, f"{self.large[0]:,}", *each, *peaks, f"{slope:.1f}"


def figures() -> list[Grown]:
    """Both sizes, each in a process of its own."""
    small, large = (_measured(count) for count in (DOCUMENTS, 10 * DOCUMENTS))
    return [Grown(stage, small[stage], large[stage]) for stage in large]


def _measured(count: int) -> dict[str, tuple[int, float, float]]:
    command = [sys.executable, "-m", "benchmarks.growth", str(count)]
    said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return {stage: tuple(found) for stage, found in json.loads(said.splitlines()[-1]).items()}


def measure(count: int) -> dict[str, list[float]]:
    """One run over so many documents: of each stage rows out, CPU seconds, peak megabytes."""
    with tempfile.TemporaryDirectory() as root:
        feed = Path(root) / "feed.jsonl"
        _write(feed, count)
        marks: list[tuple[str, float, float]] = []

        def mark(stage: str, done: int, total: int) -> None:
            if total == 0:
                marks.append((stage, time.process_time(), _peak()))

        config = synth.recipe("synthllm-recommended", [str(feed)], "fake")
        rows = {row.stage: row.outputs for row in synth.run(config, runs=Path(root), progress=mark).funnel}
        mark("", 0, 0)
    between = pairwise(marks)
    return {one: [rows[one], end - begin, peak] for (one, begin, _), (_, end, peak) in between}


def _peak() -> float:
    """Megabytes that the process took at most since it was last asked (Linux)."""
    status = Path("/proc/self/status").read_text()
    found = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    Path("/proc/self/clear_refs").write_text("5")
    return int(found.split()[1]) / 1e3


def _write(path: Path, count: int) -> None:
    """Documents of a hundred words whose terms fall off as one over their rank."""
    random = Random(0)
    terms = [f"{a}{b}" for a in _SYLLABLES for b in _SYLLABLES][:_TERMS]
    weights = [1 / rank for rank in range(1, len(terms) + 1)]
    with path.open("w") as file:
        for number in range(count):
            words = random.choices(terms, weights, k=_WORDS)
            sentences = (" ".join(words[at : at + 12]).capitalize() + "." for at in range(0, _WORDS, 12))
            file.write(json.dumps({"text": f"# The {words[0]} {number}\n\n{' '.join(sentences)}"}) + "\n")


_SYLLABLES = tuple(f"{c}{v}{d}" for c in "bdfgklmnprst" for v in "aeiou" for d in "lnrs")

if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]))))
