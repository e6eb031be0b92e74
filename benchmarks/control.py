"""What the limiter finds out, and what that costs: in made-up time, and against the fake endpoint over HTTP.

Each row compares with the limit that is right, or with the least time that the server's rate allows.
"""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.load import requests_of
from benchmarks.server import Server as Real
from benchmarks.simulate import Outcome, Server, play
from synth.config import ModelConfig
from synth.llm.client import Client
from synth.llm.journal import Journal

HEADS = ("what", "rows", "speed of the right one", "requests per row", "refused", "latency")
SLOTS = ("--latency", "1", "--slots", "128")


class Control(NamedTuple):
    """One run: its speed as a share of the best, and what it sent."""

    what: str
    rows: int
    speed: float
    requests: int
    refused: int
    latency: float | None = None

    def cells(self, others: list["Control"]) -> tuple[str, ...]:
        """The row of a table."""
        each, share = self.requests / self.rows, self.refused / self.requests
        slower = "" if self.latency is None else f"x {self.latency:.2f}"
        return self.what, f"{self.rows:,}", f"{self.speed:.3f}", f"{each:.3f}", f"{share:.2%}", slower


def figures() -> list[Control]:
    """Simulations first; the real runs take some two minutes."""
    return [*_simulated(), *_real()]


def _simulated() -> Iterator[Control]:
    yield _against("never refuses, limit 256", Server(), Server(), 5120, 256, 256)
    yield _against("unknown limit: 128 slots, queue 16", Server(128), Server(128, 16), 3000, 128, 512)
    yield _against(
        "two stray refusals in a hundred", Server(128), Server(128, 16, stray=0.02), 6000, 128, 128
    )
    for slots in (24, 64, 200):
        said = f"queues, {slots} slots, up to 1,024 at a time"
        yield _against(said, Server(slots), Server(slots), 100 * slots, slots, 1024, "queue")
    for said, settings in {"bucket": {"burst": 4800.0}, "window": {"window_s": 60.0}}.items():
        found = play(Server(per_s=80, headers=True, **settings), 9600, 512)
        yield _of(f"4,800 a minute from headers, {said}", found, 9600 / 80)
    for said, more in {
        "bucket": {"burst": 5.0},
        "window": {"window_s": 1.0},
        "strict": {"burst": 1.0},
    }.items():
        yield _of(f"5 a second, not told, {said}", play(Server(per_s=5, **more), 300, 64), 60.0)
    events = ((5.0, lambda s: setattr(s, "down", True)), (35.0, lambda s: setattr(s, "down", False)))
    yield _of("down for 30 s", play(Server(), 3000, 128, events=events), 3000 * 1.083 / 128 + 30)


def _against(
    what: str, best: Server, server: Server, rows: int, right: int, most: int, control: str = "aimd"
) -> Control:
    fixed, found = play(best, rows, right, "fixed"), play(server, rows, most, control)
    slower = _mean(found) / _mean(fixed) if control == "queue" else None
    return _of(what, found, fixed.seconds, slower)


def _of(what: str, found: Outcome, best_s: float, latency: float | None = None) -> Control:
    server = found.server
    return Control(what, found.done, best_s / found.seconds, server.requests, server.refused, latency)


def _mean(outcome: Outcome) -> float:
    return sum(outcome.server.latencies) / len(outcome.server.latencies)


def _real() -> Iterator[Control]:
    right_s, _ = _run(SLOTS, 3000, max_in_flight=128, control="fixed")
    for what, options, settings in (
        ("HTTP: the right limit, and looking for one", SLOTS, {"max_in_flight": 128}),
        ("HTTP: unknown limit, 128 slots, queue 16", (*SLOTS, "--queue", "16"), {"max_in_flight": 512}),
        ("HTTP: queues, 128 slots, up to 512", SLOTS, {"max_in_flight": 512, "control": "queue"}),
    ):
        seconds, stats = _run(options, 3000, **settings)
        yield Control(what, 3000, right_s / seconds, stats["requests"], stats["refused"])
    seconds, stats = _run(("--latency", "0.2", "--rpm", "300"), 150)
    yield Control("HTTP: 5 a second, told by headers", 150, 30 / seconds, stats["requests"], stats["refused"])


def _run(options: tuple[str, ...], rows: int, **settings: Any) -> tuple[float, dict[str, Any]]:
    with Real(*options) as server, tempfile.TemporaryDirectory() as folder:
        entry = ModelConfig(
            **{
                "base_url": server.url,
                "model": "fake",
                "structured": "tags",
                "transport": "direct",
                **settings,
            }
        )
        with Journal(Path(folder)) as journal, Client({"big": entry}, journal) as client:
            began = time.monotonic()
            whole = sum(reply.reason is None for _, reply in client.stream("big", requests_of(rows)))
            seconds = time.monotonic() - began
        assert whole == rows
        return seconds, server.stats()
