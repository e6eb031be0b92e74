"""The share of an endpoint's slots that the client keeps busy, everything on: keys, journal, gate, decoding.

Each contender runs in a process of its own, on as many rows as `SYNTH_BENCH_ROWS_PER_SLOT` says for each slot
(8 where it does not). Latency is log-normal with a median of one second, so that the ideal is known: a slot is
never idle from the first request to the arrival of the last one. The fewer rows, the more of the start is in it.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.measure import ROOT
from benchmarks.server import Server
from synth.config import ModelConfig, Sampling
from synth.llm.client import Client, Request
from synth.llm.journal import Journal

ROWS_PER_SLOT = int(os.environ.get("SYNTH_BENCH_ROWS_PER_SLOT", "8"))
MEDIAN_S, SIGMA = 1.0, 0.4
RUNS = (("direct", 256), ("openai", 256), ("direct", 1_024), ("openai", 1_024))

HEADS = (
    "what",
    "calls",
    "share of the ideal",
    "CPU per call",
    "peak memory",
    "grown by",
    "server's CPU",
    "load",
)


class Load(NamedTuple):
    """One run: what was measured in its process and at the server."""

    what: str
    calls: int
    steady: float
    cpu_s: float
    peak_mb: float
    grown_mb: float
    server_s: float
    machine: float

    def cells(self, others: list["Load"]) -> tuple[str, ...]:
        """The row of a table."""
        return (
            self.what,
            f"{self.calls:,}",
            f"{self.steady:.4f}",
            f"{self.cpu_s / self.calls * 1000:.3f} ms",
            f"{self.peak_mb:.0f} MB",
            f"{self.grown_mb:.0f} MB",
            f"{self.server_s / self.calls * 1000:.3f} ms",
            f"{self.machine:.1f}",
        )


def figures() -> list[Load]:
    """Each transport at each number of slots."""
    return [_in_own_process(transport, slots, ROWS_PER_SLOT * slots) for transport, slots in RUNS]


def _in_own_process(transport: str, slots: int, rows: int) -> Load:
    command = [sys.executable, "-m", "benchmarks.load", transport, str(slots), str(rows)]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return Load(**json.loads(done.stdout))


def measure(transport: str, slots: int, rows: int, median_s: float = MEDIAN_S) -> Load:
    """Run in this process, against a server in another."""
    with Server("--latency", str(median_s), "--sigma", str(SIGMA), "--slots", str(slots)) as server:
        entry = ModelConfig(
            base_url=server.url, model="fake", structured="tags", max_in_flight=slots, transport=transport
        )
        with (
            tempfile.TemporaryDirectory() as folder,
            Journal(Path(folder)) as journal,
            Client({"big": entry}, journal) as client,
        ):
            before_mb, began, server_began = _peak_mb(), time.process_time(), server.cpu_s() or 0.0
            whole = sum(reply.reason is None for _, reply in client.stream("big", requests_of(rows)))
            spent = time.process_time() - began
        stats = server.stats()
        assert whole == stats["answered"] == rows
        return Load(
            what=f"{transport}, {slots:,} slots",
            calls=rows,
            steady=stats["steady"],
            cpu_s=spent,
            peak_mb=_peak_mb(),
            grown_mb=_peak_mb() - before_mb,
            server_s=(server.cpu_s() or 0.0) - server_began,
            machine=os.getloadavg()[0],
        )


def requests_of(rows: int) -> Iterator[Request]:
    """So many requests of some 0.6 kB, each different."""
    for n in range(rows):
        text = f"<question>\nWhat is {n} + {n}?\n</question>\n" + "Think of every step. " * 25
        yield Request(({"role": "user", "content": text},), Sampling(), "answers")


def _peak_mb() -> float:
    status = Path("/proc/self/status")
    if status.exists():  # of this program only: the other count begins with what our parent had
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 1024)


def main() -> None:
    """One run, as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("transport", choices=["direct", "openai"])
    parser.add_argument("slots", type=int)
    parser.add_argument("rows", type=int)
    parser.add_argument("--median", type=float, default=MEDIAN_S, help="seconds of a reply")
    given = parser.parse_args()
    print(json.dumps(measure(given.transport, given.slots, given.rows, given.median)._asdict()))


if __name__ == "__main__":
    main()
