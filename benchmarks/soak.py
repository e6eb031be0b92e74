"""A long run against an endpoint that fails in every way: nothing is lost, and memory does not grow.

So many calls as `SYNTH_BENCH_SOAK` says (20,000 where it does not) with 5 % faults, then a tenth of them, at
least 20,000, with 20 %; each run in a process of its own. What the client has counted is held against what the
server has counted, and the journal against the replies; a difference ends the suite.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.load import requests_of
from benchmarks.measure import ROOT
from benchmarks.server import Server
from synth.config import ModelConfig
from synth.llm import wire
from synth.llm.client import Client
from synth.llm.journal import Journal

ROWS = int(os.environ.get("SYNTH_BENCH_SOAK", "20000"))
LATENCY_S, IN_FLIGHT, TIMEOUT_S = 0.05, 256, 5.0
FAULTS = (
    "status_429", "bare_429", "status_500", "status_503", "reset_before", "reset_after", "stall", "cut",
    "html_page", "error_200", "broken_json", "double_usage",
)  # fmt: skip
# Of these the client gets no whole answer though it has sent everything, so the work may have been paid.
SILENT = ("reset_before", "reset_after", "stall", "cut")
MOMENTS = 10
HEADS = ("what", "calls", "failed", "requests", "paid twice", "CPU per call", "MB, each tenth")


class Soak(NamedTuple):
    """One run: counts of the client and of the server, and its memory at the start and after each tenth."""

    what: str
    calls: int
    reasons: dict[str, int]
    cpu_s: float
    memory_mb: list[float]
    server: dict[str, Any]
    client: dict[str, float]

    def cells(self, others: list["Soak"]) -> tuple[str, ...]:
        """The row of a table."""
        return (
            self.what,
            f"{self.calls:,}",
            f"{sum(self.reasons.values()):,}",
            f"{self.server['requests']:,}",
            f"{self.server['repeated']:,}",
            f"{self.cpu_s / self.calls * 1000:.3f} ms",
            " ".join(f"{mb:.0f}" for mb in self.memory_mb),
        )


def figures() -> list[Soak]:
    """Few faults for long, many for a while."""
    found = [run(ROWS, 0.05), run(max(20_000, ROWS // 10), 0.2)]
    for soak in found:
        print(f"{soak.what}: failed {soak.reasons}; the client counted {soak.client};")
        print(
            f"    the server {soak.server['faults']}, {soak.server['unconfirmed']} answers that never arrived."
        )
    return found


def run(rows: int, share: float) -> Soak:
    """So many calls, with so large a share of faulty replies, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.soak", str(rows), str(share)]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return Soak(**json.loads(done.stdout))


def measure(rows: int, share: float) -> Soak:
    """Run here, against a server in another process.

    Raises:
        AssertionError: a row, a request or a record is not accounted for.
    """
    faults = [f"--fault={kind}={share / len(FAULTS)}" for kind in FAULTS]
    latency = ("--latency", str(LATENCY_S), "--sigma", "0.4", "--stall", str(TIMEOUT_S * 2))
    with Server(*latency, *faults) as server, tempfile.TemporaryDirectory() as folder:
        entry = ModelConfig(
            base_url=server.url, model="fake", structured="tags", transport="direct",
            max_in_flight=IN_FLIGHT, timeout_s=TIMEOUT_S,
        )  # fmt: skip
        with Journal(Path(folder)) as journal, Client({"far": entry}, journal) as client:
            began = time.process_time()
            answered, reasons, memory = _streamed(client, rows)
            spent = time.process_time() - began
            counts = client._endpoints["far"].limiter.admission.counts.as_dict()
            _check_journal(journal, answered, lambda r: wire.call_key(client.identity("far"), entry, r))
        _settle(server)
        stats = server.stats()
    _check_counts(answered, counts, stats)
    return Soak(f"{share:.0%} faults, {IN_FLIGHT} at one time", rows, reasons, spent, memory, stats, counts)


def _streamed(client: Client, rows: int) -> tuple[bytearray, dict[str, int], list[float]]:
    """Which rows were answered, why the others were not, and memory on the way."""
    answered, seen, reasons = bytearray(rows), bytearray(rows), dict[str, int]()
    memory, step = [resident_mb()], max(1, rows // MOMENTS)
    for count, (place, reply) in enumerate(client.stream("far", requests_of(rows)), 1):
        assert not seen[place], f"row {place} came twice"
        seen[place] = 1
        if reply.reason == "call_failed":
            reasons[reply.reason] = reasons.get(reply.reason, 0) + 1
        else:
            answered[place] = 1
        if count % step == 0:
            memory.append(resident_mb())
    assert all(seen), f"{rows - sum(seen)} rows never came"
    assert sum(answered) + sum(reasons.values()) == rows
    return answered, reasons, memory


def _check_journal(journal: Journal, answered: bytearray, key: Callable[[Any], str]) -> None:
    assert len(journal) == sum(answered), f"{len(journal)} records for {sum(answered)} answers"
    for place, request in enumerate(requests_of(len(answered))):
        assert (key(request) in journal) == bool(answered[place]), f"row {place} and the journal differ"


def _check_counts(answered: bytearray, client: dict[str, float], server: dict[str, Any]) -> None:
    """The client's bill is the server's."""
    faults = server["faults"]
    assert client["requests"] == server["requests"], (client, server)
    assert client["answered"] == sum(answered)
    assert server["answered"] == client["answered"] + server["unconfirmed"]
    assert server["repeated"] == server["answered"] - server["distinct"]
    # What was sent and never answered is in the client's bill, though it cannot know whether the work was done:
    # a connection may be reset before the work, and what is lost may have been a refusal.
    early, silent = faults.get("reset_before", 0), sum(faults.get(kind, 0) for kind in SILENT)
    assert server["unconfirmed"] + early <= client["unconfirmed"] <= silent, (client, server)
    ended = client["answered"] + client["refused"] + client["failed"]
    assert ended == client["requests"], client


def _settle(server: Server) -> None:
    """Wait until the server has let go of what stalls."""
    end = time.monotonic() + 4 * TIMEOUT_S
    while server.stats()["in_flight"] and time.monotonic() < end:
        time.sleep(0.1)


def resident_mb() -> float:
    """Memory of this process now; nothing where the system does not tell."""
    status = Path("/proc/self/status")
    if not status.exists():
        return float("nan")
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def main() -> None:
    """One run, as JSON."""
    rows, share = sys.argv[1:]
    print(json.dumps(measure(int(rows), float(share))._asdict()))


if __name__ == "__main__":
    main()
