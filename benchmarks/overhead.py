"""What Prefect adds to a run whose model calls take a second each: wall and CPU, beside the library alone.

Each contender is a process of its own, in turns, over the same endpoint (the fake, in another process). The server
of Prefect is up before; what it takes to start one, and to import Prefect, is stated apart. The library alone asks for
all rows of a stage at once; with Prefect a stage is cut into parts, each a task of its own where there are 200.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple
from urllib.request import Request, urlopen

from benchmarks.measure import ROOT
from benchmarks.server import Server

DOCUMENTS = int(os.environ.get("SYNTH_BENCH_OVERHEAD", "2000"))
ROUNDS = int(os.environ.get("SYNTH_BENCH_ROUNDS", "2"))
SLOTS, LATENCY_S = 64, 1.0
ALONE = "the library alone"
CONTENDERS = {ALONE: 0} | {f"Prefect, {tasks} tasks a stage": tasks for tasks in (8, 64, 200)}
HEADS = ("what", "calls", "task runs", "wall s", "of these calls", "added", "CPU s", "server's CPU s")


class Took(NamedTuple):
    """One run: calls, task runs, seconds of the wall and of processors, of it and of Prefect's server."""

    what: str
    calls: int
    tasks: int
    wall_s: float
    cpu_s: float
    server_s: float

    @property
    def ideal_s(self) -> float:
        """No slot is ever idle."""
        return self.calls / SLOTS * LATENCY_S

    def cells(self, others: list["Took"]) -> tuple[str, ...]:
        """The row of a table."""
        alone = next(one for one in others if one.what == ALONE)
        added = f"{self.wall_s / alone.wall_s - 1:+.1%}" if self is not alone else ""
        seconds = (f"{value:.1f}" for value in (self.cpu_s, self.server_s))
        walls = f"{self.wall_s:.1f}", f"{self.ideal_s:.1f}", added
        return self.what, f"{self.calls:,}", f"{self.tasks:,}", *walls, *seconds


def figures() -> list[Took]:
    """Each contender at its best of some turns, after what it takes to begin."""
    best: dict[str, Took] = {}
    with tempfile.TemporaryDirectory() as root, Server("--latency", str(LATENCY_S)) as server:
        _write(Path(root) / "feed.jsonl")
        os.environ.update(SYNTH_HOME=root, PREFECT_SERVER_API_PORT="0", PREFECT_HOME=f"{root}/prefect")
        os.environ.pop("PREFECT_API_URL", None)
        from flows.server import ensure_server, stop_server

        began = time.monotonic()
        ensure_server()
        print(f"A Prefect server, started for the first time: {time.monotonic() - began:.0f} s.")
        try:
            for turn in range(ROUNDS):
                for what, tasks in CONTENDERS.items():
                    took = _in_own_process(what, tasks, root, f"{tasks}-{turn}", server)
                    best[what] = min(took, best.get(what, took), key=lambda one: one.wall_s)
        finally:
            stop_server()
    return list(best.values())


def _in_own_process(what: str, tasks: int, root: str, name: str, server: Server) -> Took:
    before, known = server.stats()["answered"], _task_runs()
    command = [sys.executable, "-m", "benchmarks.overhead", str(tasks), root, name, server.url]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    found = json.loads(done.stdout.splitlines()[-1])
    return Took(what, server.stats()["answered"] - before, _task_runs() - known, **found)


def measure(tasks: int, root: Path, name: str, url: str) -> dict[str, float]:
    """One run in this process: with Prefect where it has tasks; imports are not in it."""
    from flows.server import started_here
    from synth.settings import load

    far = {"base_url": url, "model": "fake", "max_in_flight": SLOTS, "transport": "direct", "identity": "far"}
    entry = [f"models.far.{key}={json.dumps(value)}" for key, value in far.items()]
    one = ["combinations.epochs=1", "combinations.level1=off", "combinations.level2_sets=1"]
    parts = [f"tasks={tasks}", f"part_rows={max(1, DOCUMENTS // tasks)}"] if tasks else []
    feed, asked = str(root / "feed.jsonl"), [*entry, *one, "screen.twins=keep", *parts]
    config = load("synthllm-recommended", [feed], "far", overrides=asked)
    if tasks:
        from flows.synthllm import synthllm as run
    else:
        from synth.facade import run
    prefect = started_here() or 0
    before, began, server = _cpu_s(), time.monotonic(), _cpu_of(prefect)
    run(config, name=name, runs=str(root / "runs") if tasks else root / "runs")
    wall = time.monotonic() - began
    return {
        "wall_s": wall,
        "cpu_s": _cpu_s() - before,
        "server_s": _cpu_of(prefect) - server if tasks else 0.0,
    }


def _task_runs() -> int:
    """Task runs that the server of Prefect knows of."""
    request = Request(
        f"{os.environ['PREFECT_API_URL']}/task_runs/count", b"{}", {"content-type": "application/json"}
    )
    with urlopen(request, timeout=30) as answer:
        return int(json.load(answer))


def _cpu_s() -> float:
    """Of this process and of its children that have ended."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def _cpu_of(pid: int) -> float:
    if not pid:
        return 0.0
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _write(path: Path) -> None:
    """Documents of some sentences, each with words of its own, so that no question is another's."""
    with path.open("w") as file:
        for n in range(DOCUMENTS):
            words = " ".join(f"term{n}word{i}" for i in range(40))
            text = f"# Subject {n}\n\nThe rule of {words} holds in each case."
            file.write(json.dumps({"text": text}) + "\n")


if __name__ == "__main__":
    asked, folder, named, endpoint = sys.argv[1:]
    print(json.dumps(measure(int(asked), Path(folder), named, endpoint)))
