"""Whole runs, killed at random moments and run again: what is lost, what is doubled, what is paid twice.

`SYNTH_BENCH_KILLS` kills (50 where it does not say), by turns after so many further calls and after so many
seconds, so that some hit the stages that ask no model. A run that comes to its end is compared with an
undisturbed one, and another begins in a new folder at a new endpoint.
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from benchmarks.road import corpus
from benchmarks.server import Server
from synth.llm.journal import Journal

KILLS = int(os.environ.get("SYNTH_BENCH_KILLS", "50"))
IN_FLIGHT, PASSAGES, LATENCY_S = 32, 60, 0.15
SECONDS = (0.2, 3.0)  # of a kill by the clock, after the start
CALLS = (1, 40)  # of a kill by calls, beyond those that were answered before
BOUND_S = 120.0
HEADS = ("what", "kills", "whole runs", "calls", "lost", "doubled", "paid twice", "most at one kill")
RUN = """
import sys
from pathlib import Path
import synth
config = synth.recipe("synthllm-recommended", [sys.argv[1]], "far", overrides=sys.argv[3:])
synth.run(config, runs=Path(sys.argv[2]), name="r")
"""


class Kills(NamedTuple):
    """Sums over all whole runs; `most` is what one kill cost."""

    kills: int
    runs: int
    calls: int
    lost: int
    doubled: int
    repeated: int
    most: int

    def cells(self, others: list["Kills"]) -> tuple[str, ...]:
        """The row of a table."""
        return f"kill -9, {IN_FLIGHT} in flight", *(f"{value:,}" for value in self)


class Site(NamedTuple):
    """One run's documents, folder and endpoint."""

    documents: Path
    folder: Path
    server: Server

    def start(self) -> "subprocess.Popen[bytes]":
        """Begin it, or go on with it."""
        settings = {
            "models.far.base_url": f'"{self.server.url}"',
            "models.far.model": '"fake"',
            "models.far.structured": '"json_schema"',
            "models.far.identity": '"far"',  # the port is chosen anew, the model is the same
            "models.far.transport": '"direct"',
            "models.far.max_in_flight": IN_FLIGHT,
            "combinations.epochs": 1,
            "part_rows": 20,
        }
        overrides = [f"{key}={value}" for key, value in settings.items()]
        command = [sys.executable, "-c", RUN, str(self.documents), str(self.folder), *overrides]
        return subprocess.Popen(command)

    def paid(self) -> int:
        """Calls that the endpoint has answered, those it answered twice included, once all have ended."""
        end = time.monotonic() + BOUND_S
        while (stats := self.server.stats())["in_flight"] and time.monotonic() < end:
            time.sleep(0.02)
        return int(stats["answered"])

    def journaled(self) -> int:
        """Answers that are safe."""
        with Journal(self.folder / "r/calls", read_only=True) as journal:
            return len(journal)

    def dataset(self) -> dict[str, bytes]:
        """Every file of the dataset."""
        top = self.folder / "r/dataset"
        return {p.relative_to(top).as_posix(): p.read_bytes() for p in top.rglob("*") if p.is_file()}


def figures(kills: int = KILLS, passages: int = PASSAGES, latency_s: float = LATENCY_S) -> list[Kills]:
    """Kill so often; an error where a dataset differs, or where more was repeated than was in flight."""
    rng, found = random.Random(kills), Kills(0, 0, 0, 0, 0, 0, 0)
    with tempfile.TemporaryDirectory() as scratch:
        documents = corpus(Path(scratch) / "documents", passages)
        with Server("--latency", str(latency_s)) as server:
            right = Site(documents, Path(scratch) / "right", server)
            assert _until(right.start(), lambda: False), "the undisturbed run failed"
            calls = server.stats()["answered"]
        while found.kills < kills:
            with Server("--latency", str(latency_s)) as server:
                site = Site(documents, Path(scratch) / f"run{found.runs}", server)
                found = _add(found, _one_run(site, rng, kills - found.kills), right, site, calls)
    return [found]


def _one_run(site: Site, rng: random.Random, most_kills: int) -> list[int]:
    """Kill a run until it comes to its end; what each kill cost in calls that were paid for nothing."""
    wasted: list[int] = []
    ended = False
    while not ended:
        moment = _moment(site, rng, len(wasted)) if len(wasted) < most_kills else lambda: False
        ended = _until(site.start(), moment)
        if not ended:
            cost = site.paid() - site.journaled() - sum(wasted)
            assert 0 <= cost <= IN_FLIGHT, f"{cost} answers were lost at one kill"
            wasted.append(cost)
    return wasted


def _moment(site: Site, rng: random.Random, number: int) -> Callable[[], bool]:
    """When to kill: by turns after some calls, and after some seconds."""
    began, seconds = time.monotonic(), rng.uniform(*SECONDS)
    calls = site.server.stats()["answered"] + rng.randint(*CALLS)
    if number % 2:
        return lambda: time.monotonic() - began > seconds
    return lambda: bool(site.server.stats()["answered"] >= calls)


def _until(process: "subprocess.Popen[bytes]", moment: Callable[[], bool]) -> bool:
    """Whether it came to its end; else it was killed when the moment had come."""
    end = time.monotonic() + BOUND_S
    while process.poll() is None:
        if moment() or time.monotonic() > end:
            process.send_signal(signal.SIGKILL)
            process.wait()
            assert time.monotonic() < end, "the run did not end"
            return False
        time.sleep(0.01)
    assert process.returncode == 0, "the run failed"
    return True


def _add(found: Kills, wasted: list[int], right: Site, site: Site, calls: int) -> Kills:
    stats, rows = site.server.stats(), site.dataset()
    assert rows == right.dataset(), "the dataset differs from the undisturbed one"
    lost, doubled = calls - stats["distinct"], site.journaled() - calls
    assert lost == doubled == 0, (lost, doubled)
    assert stats["repeated"] == sum(wasted), (stats["repeated"], wasted)
    return Kills(
        found.kills + len(wasted),
        found.runs + 1,
        found.calls + stats["distinct"],
        found.lost + max(0, lost),
        found.doubled + max(0, doubled),
        found.repeated + stats["repeated"],
        max([found.most, *wasted]),
    )
