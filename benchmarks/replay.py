"""A finished run, run again: every answer comes from the journal, and nothing is asked.

A journal of `SYNTH_BENCH_REPLAY` answered calls (100,000 where it does not say) is written as the client writes
it; then a client in a process of its own streams the same requests. CPU of that process, its memory after each
tenth, and the requests that the endpoint saw.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.journal import record
from benchmarks.load import requests_of
from benchmarks.measure import ROOT
from benchmarks.server import Server
from benchmarks.soak import resident_mb
from synth.config import ModelConfig
from synth.llm import wire
from synth.llm.client import Client
from synth.llm.journal import Journal

ROWS = int(os.environ.get("SYNTH_BENCH_REPLAY", "100000"))
AT_ONCE, MOMENTS = 1_000, 10
HEADS = ("what", "calls", "requests", "CPU s", "CPU per call", "on disk", "MB, each tenth")


class Replay(NamedTuple):
    """One run; `first_s` is until the first reply, opening the journal included."""

    calls: int
    requests: int
    cpu_s: float
    first_s: float
    disk_mb: float
    memory_mb: list[float]

    def cells(self, others: list["Replay"]) -> tuple[str, ...]:
        """The row of a table."""
        return (
            f"first reply after {self.first_s:.2f} s",
            f"{self.calls:,}",
            f"{self.requests:,}",
            f"{self.cpu_s:.1f}",
            f"{self.cpu_s / self.calls * 1e6:.1f} µs",
            f"{self.disk_mb:,.0f} MB",
            " ".join(f"{mb:.0f}" for mb in self.memory_mb),
        )


def figures(rows: int = ROWS) -> list[Replay]:
    """Write a journal, then replay it in another process."""
    with tempfile.TemporaryDirectory() as scratch, Server() as server:
        folder = Path(scratch)
        _write(folder, server.url, rows)
        disk_mb = sum(path.stat().st_size for path in folder.iterdir()) / 2**20
        command = [sys.executable, "-m", "benchmarks.replay", str(folder), server.url, str(rows)]
        done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
        found = Replay(requests=server.stats()["requests"], disk_mb=disk_mb, **json.loads(done.stdout))
    assert found.requests == 0, f"{found.requests} calls were made again"
    return [found]


def _entry(url: str) -> ModelConfig:
    return ModelConfig(base_url=url, model="fake", structured="tags", transport="direct", max_in_flight=256)


def _write(folder: Path, url: str, rows: int) -> None:
    with Journal(folder) as journal:
        records = _records(_entry(url), rows)
        while some := list(islice(records, AT_ONCE)):
            journal.append_many(some)


def _records(entry: ModelConfig, rows: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """What the client journals of each call."""
    identity, replies = wire.identity_of(entry), [record(n)["response"] for n in range(2_000)]
    for n, request in enumerate(requests_of(rows)):
        key = wire.call_key(identity, entry, request)
        yield key, {
            "key": key, "stage": request.stage, "model": f"{identity}#{entry.model}",
            "request": wire.body_of(entry, request), "response": replies[n % len(replies)], "status": 200,
            "tries": 1, "usage": {"prompt_tokens": 120, "completion_tokens": 100},
        }  # fmt: skip


def measure(folder: Path, url: str, rows: int) -> dict[str, Any]:
    """Replay here."""
    began, first_s, memory, step = time.process_time(), 0.0, [resident_mb()], max(1, rows // MOMENTS)
    with Journal(folder) as journal, Client({"far": _entry(url)}, journal) as client:
        for count, (_, reply) in enumerate(client.stream("far", requests_of(rows)), 1):
            assert reply.reused and reply.reason is None
            first_s = first_s or time.process_time() - began
            if count % step == 0:
                memory.append(resident_mb())
        assert client.calls_reused == rows and client.calls_made == 0
    spent = time.process_time() - began
    return {"calls": rows, "cpu_s": spent, "first_s": first_s, "memory_mb": memory}


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))))
