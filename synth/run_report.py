"""`run_report.json`: all that may differ between two equal runs — dates, durations, calls made and reused.

In: an open run and a clock, which is passed in because `synth` reads none. Out: one entry for each try of
the run, the last one rewritten as its stages end, so that a try that was killed has left what it knew.
"""

import platform
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from synth.bill import Counted, Line, as_tree, cost_of, counts_of, lines_of, merged, per_row, unbilled
from synth.costs import stage_money
from synth.errors import NothingFailed, Stopped, StoreError, SynthError, Waiting
from synth.llm.journal import Journal
from synth.llm.prices import Cost
from synth.llm.rendezvous import is_brokered
from synth.report import manifests, read_stats
from synth.store import StageStore
from synth.target import outcome as outcome_of
from synth.writing import write_json

if TYPE_CHECKING:
    from synth.runs import Run

# Seconds since 1970, as `time.time` gives them.
Clock = Callable[[], float]
Tree = dict[str, Any]

FILE = "run_report.json"
PACKAGES = ("synth", "prefect", "pyarrow", "pandas", "datasketch", "networkx", "openai", "xllamacpp")
# A try that is killed has left what it knew at most so long before.
BEAT_SECONDS = 30.0


class _Stage(BaseModel):
    model_config = ConfigDict(extra="allow")

    status: str


class _Try(BaseModel):
    """What is summed up and shown of a try; what else stands there is kept."""

    model_config = ConfigDict(extra="allow")

    outcome: str
    fault: str | None = None
    started: str | None = None
    seconds: float | None = None
    stages: dict[str, _Stage]
    calls: Counted
    calls_by_stage: dict[str, Counted]
    bill: list[Line] = []


class _Report(BaseModel):
    model_config = ConfigDict(extra="allow")

    tries: list[_Try]


class RunReport:
    """The report of one try; use as a context manager around the stages, inside the opened run."""

    def __init__(self, run: "Run", clock: Clock | None = None) -> None:
        self._run = run
        self._clock: Callable[[], float | None] = clock or (lambda: None)
        self._path = run.folder / FILE
        self._tries = [_ended(old) for old in read(run.folder).get("tries", [])]
        self._started = self._clock()
        self._stages: dict[str, Tree] = {}
        self._written_at = self._started
        self._lock = threading.Lock()
        self._unbilled: list[Line] = []

    def __enter__(self) -> Self:
        self._settle()
        self._write("running")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if fault is None:
            self._settle()
            self._write("finished")
            return
        try:
            self._settle()
            self._write(_outcome(fault), _sentence(fault))
        except StoreError as second:  # a full disk: the first fault is the one to be heard
            fault.add_note(str(second))

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time one stage; it was reused where its manifest is still the one that was there before."""
        path = StageStore(self._run.folder, name).manifest_path
        before, began = _stamp(path), self._clock()
        # In a later wave it is there already.
        old = self._stages.get(name, {"started": _date(began), "status": "reused", "seconds": None})
        self._stages[name] = {**old, "status": "running"}
        try:
            yield
        finally:
            same = before is not None and _stamp(path) == before
            done = _stamp(path) not in (None, before)
            status = old["status"] if same else "done" if done else "unfinished"
            seconds = _seconds(began, self._clock())
            both = old["seconds"] if seconds is None else round(seconds + (old["seconds"] or 0), 3)
            self._stages[name] |= {"status": status, "seconds": both}
        self._write("running")

    def _settle(self) -> None:
        """Find what was paid and stands in no try: after a kill, and where a broker answered others."""
        run = self._run
        in_use = run.config.in_use()
        killed = any(this["outcome"] == "killed" for this in self._tries)
        if not killed and not any(map(is_brokered, in_use.values())):
            return
        client = run.client
        now = lines_of(client.bill, client.prices, run.config)
        lines = [*_lines(self._tries), *now]
        entries = {client.model(name): name for name in in_use}
        with Journal(run.folder / "calls", read_only=True) as journal:  # also what others wrote meanwhile
            self._unbilled = unbilled(lines, journal, entries, client.prices, run.config)

    def beat(self) -> None:
        """Write now and then what is known, from any thread: a stage may take hours."""
        now, last = self._clock(), self._written_at
        if now is None or last is None:
            return
        if not 0 <= now - last < BEAT_SECONDS:  # a clock may be set back
            self._write("running")

    def _write(self, outcome: str, fault: str | None = None) -> None:
        with self._lock:
            self._write_now(outcome, fault)

    def _write_now(self, outcome: str, fault: str | None) -> None:
        now, run = self._clock(), self._run
        self._written_at = now
        lines = merged(lines_of(run.client.bill, run.client.prices, run.config))
        usage = {stage: used.as_dict() for stage, used in run.client.usage.items()}
        counts = {"calls": counts_of(lines), "calls_by_stage": usage}
        counts |= {"bill": [line.model_dump(mode="json") for line in lines], **as_tree(cost_of(lines))}
        times: Tree = {"started": _date(self._started), "ended": _date(now)}
        times |= {"seconds": _seconds(self._started, now)}
        this = {"outcome": outcome, "fault": fault, **times, "stages": self._stages, **counts}
        if damage := self._run.journal.damage:
            this["journal_damage"] = damage
        if self._run.waves:
            this["waves"] = [wave._asdict() for wave in self._run.waves]
        tries = [*self._tries, {**this, "versions": _versions()}]
        report = {"run": run.name, "rows": self._rows(), **self._bill(tries, outcome), "tries": tries}
        if found := outcome_of(manifests(run.folder)):
            report["target"] = found._asdict()
        write_json(self._path, report)

    def _bill(self, tries: list[Tree], outcome: str) -> Tree:
        """Calls and money of all tries, and of each row that was published."""
        told = [Counted.model_validate(this["calls"]) for this in tries]
        calls = counts_of([*told, *self._unbilled])
        calls["reused"] = told[-1].reused  # the same answers, each time
        lines = merged([*_lines(tries), *self._unbilled])
        cost = cost_of(lines)
        rows = self._published() if outcome == "finished" else 0
        return {
            "calls": calls,
            "currency": self._run.config.currency,
            "bill": [line.model_dump(mode="json") for line in lines],
            **as_tree(cost),
            "kept_rows": rows or None,
            "cost_per_kept_row": as_tree(per_row(cost, rows)) if rows else None,
            "cost_by_stage": self._by_stage(lines),
        }

    def _by_stage(self, lines: list[Line]) -> dict[str, Tree]:
        """Of each finished stage: its cost, that of each row out, and up to there of each published row."""
        found = stage_money(manifests(self._run.folder), lines)
        return {
            stage: {**as_tree(of.cost), "per_row": _tree(of.each_row), "so_far": _tree(of.so_far)}
            for stage, of in found.items()
        }

    def _published(self) -> int:
        try:
            return int(read_stats(self._run.folder)["rows"])
        except StoreError:
            return 0

    def _rows(self) -> dict[str, Tree]:
        """Rows of each finished stage, and how many of its inputs lay in parts of an earlier try."""
        return {
            stage: {"in": m.inputs, "out": m.outputs, "rejected": m.rejected, "reused": m.reused}
            for stage, m in manifests(self._run.folder).items()
        }


def read(run_folder: Path) -> Tree:
    """The report of a run; empty where there is none, and with a `damage` where it cannot be relied on.

    It is no part of the run, so a damaged report stops nothing: the next try begins a new one.
    """
    path = run_folder / FILE
    try:
        return _Report.model_validate_json(path.read_bytes()).model_dump(mode="json")
    except FileNotFoundError:
        return {}
    except (OSError, ValidationError):
        return {"damage": f"{path} is damaged, so earlier tries are not shown; run again to begin a new one."}


def _tree(cost: Cost | None) -> Tree | None:
    return None if cost is None else as_tree(cost)


def _lines(tries: list[Tree]) -> list[Line]:
    """The bills of some tries; answers that were there already are those of the last."""
    lines = [[Line.model_validate(line) for line in this.get("bill", ())] for this in tries]
    earlier = [line.model_copy(update={"reused": 0}) for several in lines[:-1] for line in several]
    return [*earlier, *(lines[-1] if lines else ())]


def _ended(old: Tree) -> Tree:
    """An earlier try that still says `running` was killed: its process cannot have said so itself."""
    return {**old, "outcome": "killed"} if old.get("outcome") == "running" else old


def _outcome(fault: BaseException) -> str:
    if isinstance(fault, NothingFailed):
        return "stopped"
    if isinstance(fault, Stopped):
        return "waiting" if isinstance(fault, Waiting) else "stopped"
    return "failed" if isinstance(fault, Exception) else "interrupted"


def _sentence(fault: BaseException) -> str:
    # Only our own sentences are known to hold no text of a model and no key.
    if isinstance(fault, KeyboardInterrupt):
        return "stopped by hand"
    return str(fault) if isinstance(fault, SynthError) else type(fault).__name__


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        facts = path.stat()
    except FileNotFoundError:
        return None
    return facts.st_ino, facts.st_mtime_ns


def _date(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _seconds(began: float | None, ended: float | None) -> float | None:
    # A clock that was set back says nothing of how long it took; less than nothing it was not.
    return None if began is None or ended is None else max(0.0, round(ended - began, 3))


@cache
def _versions() -> dict[str, str]:
    """What this process has imported stays what it is, and reading it anew takes as long as a small stage."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
