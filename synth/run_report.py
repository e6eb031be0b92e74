"""`run_report.json`: all that may differ between two equal runs — dates, durations, calls made and reused.

In: an open run and a clock, which is passed in because `synth` reads none. Out: one entry for each try of
the run, the last one rewritten as its stages end, so that a try that was killed has left what it knew.
"""

import platform
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from synth.errors import Stopped, StoreError, SynthError
from synth.report import manifests
from synth.store import StageStore, write_json
from synth.target import outcome as outcome_of

if TYPE_CHECKING:
    from synth.runs import Run

# Seconds since 1970, as `time.time` gives them.
Clock = Callable[[], float]
Tree = dict[str, Any]

FILE = "run_report.json"
PACKAGES = ("synth", "prefect", "pyarrow", "pandas", "datasketch", "networkx", "openai", "xllamacpp")
USAGE = ("made", "reused", "failed", "prompt_tokens", "completion_tokens")


class _Used(BaseModel):
    """Calls and tokens, as `USAGE` names them."""

    made: int = 0
    reused: int = 0
    failed: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0


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
    calls: _Used
    calls_by_stage: dict[str, _Used]


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

    def __enter__(self) -> Self:
        self._write("running")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if fault is None:
            self._write("finished")
            return
        try:
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

    def _write(self, outcome: str, fault: str | None = None) -> None:
        now = self._clock()
        usage = {stage: asdict(used) for stage, used in self._run.client.usage.items()}
        counts = {"calls": _sum(usage), "calls_by_stage": usage}
        times: Tree = {"started": _date(self._started), "ended": _date(now)}
        times |= {"seconds": _seconds(self._started, now)}
        this = {"outcome": outcome, "fault": fault, **times, "stages": self._stages, **counts}
        if damage := self._run.journal.damage:
            this["journal_damage"] = damage
        if self._run.waves:
            this["waves"] = [wave._asdict() for wave in self._run.waves]
        tries = [*self._tries, {**this, "versions": _versions()}]
        total = _sum({str(place): t["calls"] for place, t in enumerate(tries)})
        report = {"run": self._run.name, "rows": self._rows(), "calls": total, "tries": tries}
        if found := outcome_of(manifests(self._run.folder)):
            report["target"] = found._asdict()
        write_json(self._path, report)

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
        return _Report.model_validate_json(path.read_bytes()).model_dump()
    except FileNotFoundError:
        return {}
    except (OSError, ValidationError):
        return {"damage": f"{path} is damaged, so earlier tries are not shown; run again to begin a new one."}


def _ended(old: Tree) -> Tree:
    """An earlier try that still says `running` was killed: its process cannot have said so itself."""
    return {**old, "outcome": "killed"} if old.get("outcome") == "running" else old


def _outcome(fault: BaseException) -> str:
    if isinstance(fault, Stopped):
        return fault.name.lower()
    return "failed" if isinstance(fault, Exception) else "interrupted"


def _sentence(fault: BaseException) -> str:
    # Only our own sentences are known to hold no text of a model and no key.
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
    return None if began is None or ended is None else round(ended - began, 3)


def _sum(usage: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    return {name: sum(used.get(name, 0) for used in usage.values()) for name in USAGE}


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
