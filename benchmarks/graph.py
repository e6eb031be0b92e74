"""Walks on incidence lists against walks on edges; and the paper's size, from stored lists.

Each contender runs in a process of its own on the same corpus, building included. `SYNTH_BENCH_GRAPH` names
the sizes of peers (5000 unless set; 5000,20000,50000 are those of docs/benchmarks.md, and the last takes
8 GB for the edges of networkx), `SYNTH_BENCH_GRAPH_SCALE` the passages of the stored graph (520000 is the
paper's), `SYNTH_BENCH_PEERS` a folder with the environment `igraph`.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from benchmarks.measure import ROOT

SIZES = tuple(map(int, os.environ.get("SYNTH_BENCH_GRAPH", "5000").split(",")))
SCALE = int(os.environ.get("SYNTH_BENCH_GRAPH_SCALE", "52000"))
WALKS, FEW = 10_000, 100
# The paper's sets of one subset: 5 epochs over 32,000 topics.
SETS = 160_000
SECONDS = 1800
HEADS = ("what", "items", "CPU s", "per item", "memory MB")


class Measured(NamedTuple):
    """One row: CPU seconds in all, and each, for so many items. Few walks stand for many where it is said."""

    what: str
    items: int
    seconds: float
    memory_mb: float

    def cells(self, others: object) -> tuple[str, ...]:
        """The row of a table."""
        each = f"{self.seconds / self.items * 1e6:,.1f} µs"
        return self.what, f"{self.items:,}", f"{self.seconds:,.2f}", each, f"{self.memory_mb:,.0f}"


def figures() -> list[Measured]:
    """Peers at each size, then the stored graph."""
    rows = [row for passages in SIZES for row in _peers(passages)]
    return [*rows, *_stored(SCALE)]


def _peers(passages: int) -> list[Measured]:
    rows = [_walks(f"{passages:,} passages: incidence lists", "lists", passages, WALKS)]
    rows.append(_walks(f"{passages:,} passages: networkx, from {FEW} walks", "networkx", passages, FEW))
    python = Path(os.environ.get("SYNTH_BENCH_PEERS", "peers")).absolute() / "igraph" / "bin" / "python"
    if python.exists():
        found = _run([str(python), "-m", "benchmarks.peers.with_igraph", str(passages), str(FEW)])
        rows.append(_scaled(f"{passages:,} passages: igraph, from {FEW} walks", found, FEW))
    return rows


def _walks(what: str, who: str, passages: int, walks: int) -> Measured:
    return _scaled(
        what, _run([sys.executable, "-m", "benchmarks.graph_scale", who, str(passages), str(walks)]), walks
    )


def _scaled(what: str, found: dict[str, float], walks: int) -> Measured:
    """Building once, and what `WALKS` walks cost at the price of those that were made."""
    return Measured(what, WALKS, found["build_s"] + found["walks_s"] * WALKS / walks, found["memory_mb"])


def _stored(passages: int) -> list[Measured]:
    sets = SETS if passages >= 520_000 else SETS // 10
    command = [sys.executable, "-m", "benchmarks.graph_scale"]
    with tempfile.TemporaryDirectory() as folder:
        built = _run([*command, "store", f"{folder}/lists", str(passages)])
        found = _run([*command, "sets", f"{folder}/lists", str(sets)])
    memory, named = found["peak_gb"] * 1e3, f"{passages:,} passages: "
    return [
        Measured(named + "lists and their order, made and written", passages, built["cpu_s"], 0),
        Measured(named + "opened, checksums included", 1, found["open_s"], 0),
        Measured(named + "distinct sets", sets, found["walk_s"], 0),
        Measured(named + "two references each", sets, found["references_s"], 0),
        Measured(named + "all of it", sets, found["cpu_s"], memory),
        Measured(named + "a step", 7 * sets, found["walk_s"], 0),
        Measured(
            named + "floor of a step: six random reads", 1_000_000, 6 * found["random_read_ns"] / 1e3, 0
        ),
    ]


def _run(command: list[str]) -> dict[str, float]:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=SECONDS)
    found: dict[str, float] = json.loads(done.stdout)
    return found
