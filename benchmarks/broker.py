"""What a broker costs for each call, and what it saves after kills: beside the same client on its own.

The endpoint takes a second in the median (log-normal) and has 256 slots; each contender is a process of its
own. The kills are of the client's whole process group, at random moments; then it runs to its end.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.load import MEDIAN_S, ROWS_PER_SLOT, SIGMA, requests_of
from benchmarks.server import Server
from synth.config import ModelConfig
from synth.llm.client import Client
from synth.llm.journal import Journal
from synth.llm.rendezvous import VARIABLE, place_of

SLOTS = 256
KILLS, ROWS_PER_KILL, KILLED_SLOTS = 20, 200, 64

HEADS = ("what", "calls", "share of the ideal", "client's CPU", "broker's CPU", "broker's memory")


class Cost(NamedTuple):
    """One run: CPU of both processes in seconds."""

    what: str
    calls: int
    steady: float
    client_s: float
    broker_s: float | None
    broker_mb: float | None

    def cells(self, others: list["Cost"]) -> tuple[str, ...]:
        """The row of a table."""
        each = [
            "" if s is None else f"{s / self.calls * 1000:.3f} ms" for s in (self.client_s, self.broker_s)
        ]
        memory = "" if self.broker_mb is None else f"{self.broker_mb:.0f} MB"
        return (self.what, f"{self.calls:,}", f"{self.steady:.4f}", *each, memory)


def figures(kills: int = KILLS) -> list[Cost]:
    """Each transport with and without a broker; the kills are printed."""
    for broker in (False, True):
        print(_killed(broker, kills))
    runs = [(transport, broker) for transport in ("direct", "openai") for broker in (False, True)]
    return [Cost(**json.loads(_told("cost", transport, str(int(broker))))) for transport, broker in runs]


def _told(*arguments: str) -> str:
    command = [sys.executable, "-m", "benchmarks.broker", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def measure(transport: str, broker: bool, rows: int = ROWS_PER_SLOT * SLOTS) -> Cost:
    """Run in this process, against a server in another and perhaps through a broker in a third."""
    with (
        Server("--latency", str(MEDIAN_S), "--sigma", str(SIGMA), "--slots", str(SLOTS)) as server,
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryDirectory() as runtime,
    ):
        os.environ[VARIABLE] = runtime
        entry = _entry(server.url, transport, SLOTS, broker)
        with Journal(Path(folder)) as journal, Client({"big": entry}, journal) as client:
            began = time.process_time()
            whole = sum(reply.reason is None for _, reply in client.stream("big", requests_of(rows)))
            spent = time.process_time() - began
            pid = int(place_of(entry).lock.read_text()) if broker else None
            seen = _seen(pid) if pid else (None, None)
        stats = server.stats()
        assert whole == stats["answered"] == rows
        if pid:
            os.kill(pid, signal.SIGTERM)
        return Cost(f"{transport}, {'broker' if broker else 'alone'}", rows, stats["steady"], spent, *seen)


def _entry(url: str, transport: str, slots: int, broker: bool) -> ModelConfig:
    settings: dict[str, Any] = {"transport": transport, "max_in_flight": slots, "broker": broker}
    return ModelConfig(base_url=url, model="fake", structured="tags", **settings)


def _seen(pid: int) -> tuple[float, float]:
    """CPU seconds of a process since it began, and its most memory in MB."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    peak = next(line for line in lines if line.startswith("VmHWM"))
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), int(peak.split()[1]) / 1024


def _killed(broker: bool, kills: int) -> str:
    """Kill clients at random moments, then let one finish; what the server counts."""
    moments = random.Random(7)
    with (
        Server("--latency", "0.3", "--sigma", str(SIGMA)) as server,
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryDirectory() as runtime,
    ):
        told = [server.url, folder, str(int(broker)), str(kills * ROWS_PER_KILL)]
        command = [sys.executable, "-m", "benchmarks.broker", "rows", *told]
        environment = {**os.environ, VARIABLE: runtime}
        for _ in range(kills):
            running = subprocess.Popen(command, env=environment, start_new_session=True)
            asked = server.stats()["requests"] + moments.randrange(ROWS_PER_KILL // 2)
            while server.stats()["requests"] <= asked and running.poll() is None:
                time.sleep(0.01)
            time.sleep(moments.uniform(0, 0.3))
            assert running.poll() is None, "it came to its end before it was killed"
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()
        subprocess.run(command, env=environment, check=True)
        for lock in Path(runtime).glob("*.lock"):
            os.kill(int(lock.read_text()), signal.SIGTERM)
        stats = server.stats()
    what = "With a broker" if broker else "Alone"
    return (
        f"{what}: {kills} kills with up to {KILLED_SLOTS} in flight, {kills * ROWS_PER_KILL:,} rows: "
        f"{stats['answered']:,} calls answered, {stats['distinct']:,} distinct, {stats['repeated']:,} paid twice."
    )


def _rows(url: str, folder: str, broker: bool, rows: int) -> None:
    entry = _entry(url, "direct", KILLED_SLOTS, broker)
    with Journal(Path(folder)) as journal, Client({"big": entry}, journal) as client:
        assert all(reply.reason is None for _, reply in client.stream("big", requests_of(rows)))


def main() -> None:
    """One run as JSON, one client to be killed, or all figures with as many kills as asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["cost", "rows", "kills"])
    parser.add_argument("more", nargs="*")
    given = parser.parse_args()
    if given.what == "cost":
        print(json.dumps(measure(given.more[0], given.more[1] == "1")._asdict()))
    elif given.what == "rows":
        _rows(given.more[0], given.more[1], given.more[2] == "1", int(given.more[3]))
    else:
        for broker in (False, True):
            print(_killed(broker, int(given.more[0])))


if __name__ == "__main__":
    main()
