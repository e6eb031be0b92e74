"""Whole runs against those of others: from the start of a process to rows on disk, at one fake endpoint each.

`SYNTH_BENCH_PEERS` names a folder with a virtual environment for each peer; what is not there is not measured,
and the table says how to install it. `SYNTH_BENCH_PEERS_ROWS` says how many rows ("2000" where it does not;
"2000,20000" for both tables), `SYNTH_BENCH_PEERS_S` the seconds that a contender may take (480).
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq

from benchmarks.peers.tree import Cost, cost_of
from benchmarks.server import Server

SLOTS = 256
LATENCY = ("--latency", "0.6", "--sigma", "0.5", "--slots", str(SLOTS))
ROWS = tuple(map(int, os.environ.get("SYNTH_BENCH_PEERS_ROWS", "2000").split(",")))
BOUND_S = float(os.environ.get("SYNTH_BENCH_PEERS_S", "480"))
FEW, ROUNDS = 5_000, 3
THE_ANSWER = {"answer", "response", "generation"}  # as the contenders call it
ROOT = Path(__file__).resolve().parents[2]
HEADS = ("what", "rows", "CPU s", "ratio", "wall s", "peak memory", "requests", "steady")
# No contender may call home, or look for what it could download.
QUIET = {
    "TELEMETRY_ENABLED": "false",
    "NEMO_TELEMETRY_ENABLED": "false",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "NO_PROXY": "127.0.0.1",
    "PYTHONPATH": str(ROOT),
}


class Contender(NamedTuple):
    """A module of this folder, and the environment that it runs in."""

    what: str
    module: str
    python: Path
    install: str
    options: tuple[str, ...] = ()


class Figure(NamedTuple):
    """One whole run, or why there is none."""

    what: str
    asked: int
    rows: int
    cost: Cost | None
    requests: int
    answered: int
    steady: float
    note: str = ""

    def cells(self, others: list["Figure"]) -> tuple[str, ...]:
        """The row of a table; the ratio is to the first of as many rows."""
        if self.cost is None:
            return f"{self.what}: {self.note}", f"of {self.asked:,}", "", "", "", "", "", ""
        first = next(f for f in others if f.asked == self.asked and f.cost is not None)
        assert first.cost is not None
        # Of a run that was ended, what each answered call cost is compared: an estimate, and marked as one.
        each, least = self.each(), first.each()
        about = "about " if self.note else ""
        return (
            f"{self.what}{': ' if self.note else ''}{self.note}",
            f"{self.rows:,} of {self.asked:,}",
            f"{self.cost.cpu_s:.1f}",
            "" if self is first else f"{about}{each / least:.1f}",
            f"{self.cost.wall_s:.1f}",
            f"{self.cost.peak_mb:.0f} MB",
            f"{self.requests:,}",
            f"{self.steady:.2f}",
        )

    def each(self) -> float:
        """CPU seconds for each row; for each answered call where the run was ended."""
        if self.cost is None:
            return 0.0
        return self.cost.cpu_s / max(1, self.rows if not self.note else self.answered)


def figures() -> list[Figure]:
    """Each contender in turn, for each number of rows; of few rows the cheapest of three runs."""
    contenders = list(_contenders())
    for contender in contenders:
        print(f"{contender.what}: {_version(contender)}")
    with tempfile.TemporaryDirectory() as compiled:
        # A first small run of each compiles what it imports, as an installation would have.
        QUIET["PYTHONPYCACHEPREFIX"] = compiled
        for contender in contenders:
            _measured(contender, 20)
        return [figure for rows in ROWS for figure in _in_turns(contenders, rows)]


def _in_turns(contenders: list[Contender], rows: int) -> list[Figure]:
    rounds = ROUNDS if rows <= FEW else 1
    runs = [[_measured(contender, rows) for contender in contenders] for _ in range(rounds)]
    return [min(of_one, key=Figure.each) for of_one in zip(*runs, strict=True)]


def _contenders() -> Iterator[Contender]:
    here, folder = Path(sys.executable), Path(os.environ.get("SYNTH_BENCH_PEERS", "peers")).absolute()
    for transport in ("direct", "openai"):
        yield Contender(f"synth, {transport}", "with_synth", here, "", (transport,))
    yield Contender("openai in a script", "with_openai", here, "")
    for name, package in {
        "curator": "bespokelabs-curator==0.1.31",
        "data-designer": "data-designer==0.9.6",
        "distilabel": "'distilabel[openai]==1.5.3' requests",
    }.items():
        install = f"python -m venv {folder.name}/{name}; {folder.name}/{name}/bin/pip install {package}"
        module = f"with_{name.replace('-', '_')}"
        yield Contender(name, module, folder / name / "bin" / "python", install)


def _version(contender: Contender) -> str:
    if not contender.python.exists():
        return f"not installed; {contender.install}, and name the folder in SYNTH_BENCH_PEERS"
    names = ("synth", "openai", "bespokelabs-curator", "data-designer", "distilabel")
    asked = "import sys, json; from importlib.metadata import distributions as d; " + (
        "print(json.dumps({x.metadata['Name']: x.version for x in d()}))"
    )
    found = json.loads(
        subprocess.run([contender.python, "-c", asked], capture_output=True, check=True).stdout
    )
    return ", ".join(f"{name} {found[name]}" for name in names if name in found)


def _measured(contender: Contender, rows: int) -> Figure:
    if not contender.python.exists():
        return Figure(contender.what, rows, 0, None, 0, 0, 0.0, "not installed")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch, Server(*LATENCY) as server:
        folder = Path(scratch, "run")
        folder.mkdir()
        module = f"benchmarks.peers.{contender.module}"
        task = (server.url, str(rows), str(SLOTS), str(folder))
        command = [str(contender.python), "-m", module, *contender.options, *task]
        log = Path(scratch, "log")
        cost = cost_of(command, _environment(folder), log, BOUND_S)
        stats, made = server.stats(), _rows(folder)
        note = _note(cost, rows, made, stats["answered"], log)
        figure = Figure(
            contender.what,
            rows,
            made,
            cost,
            stats["requests"],
            stats["answered"],
            stats["steady"] or 0.0,
            note,
        )
    print("  ".join(figure.cells([figure])), flush=True)
    return figure


def _environment(folder: Path) -> dict[str, str]:
    mine = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**mine, **QUIET, "HF_HOME": str(folder / "hf")}


def _note(cost: Cost, rows: int, made: int, answered: int, log: Path) -> str:
    """What is to be said of a run that did not end well."""
    if cost.ended is None:
        return f"ended after {cost.wall_s:.0f} s with {answered:,} calls answered"
    if cost.ended or made != rows:
        print("\n".join(log.read_text(errors="replace").splitlines()[-15:]))
        return f"failed (exit {cost.ended})"
    return ""


def _rows(folder: Path) -> int:
    """Rows in the Parquet files that are whole; a seed table is no result."""
    files = [
        path for path in folder.rglob("*.parquet") if "cache" not in path.parts and "hf" not in path.parts
    ]
    return sum(_count(path) for path in files)


def _count(path: Path) -> int:
    try:
        file = pq.ParquetFile(path)
    except (OSError, ValueError):
        return 0
    return file.metadata.num_rows if THE_ANSWER & set(file.schema_arrow.names) else 0
