"""Progress of stages, told to whoever listens.

The work is done in this process, with Prefect or without; so a list of listeners is enough. Stages tell
(stage, done, total) in calls or rows; (stage, 0, 0) says that a stage begins, which ends the one before.
What else is shown of a stage (calls in flight, money, the end) is asked of the run that is watched.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from flows.course import Course, duration, fitted
from flows.terminal import note
from synth.schemas import STAGES, stage_folder

if TYPE_CHECKING:
    from rich.progress import Progress, Task, TaskID
    from rich.text import Text

    from synth.runs import Run

Listener = Callable[[str, int, int], None]
_listeners: list[Listener] = []


class Watched:
    """A run that is at work, and the courses of its stages; `say` hears what a person should know."""

    def __init__(self, run: "Run", say: Callable[[str], None]) -> None:
        self._run, self._say = run, say
        self._courses: dict[str, Course] = {}
        run.client.on_alarm = say

    def hear(self, stage: str, done: int, total: int) -> None:
        """A stage has come so far: say once what the rest of it will take."""
        budget = self._run.client.budget
        if total and (said := self.course(stage).outlook(done, total, budget.left() if budget else {})):
            self._say(said)

    def course(self, stage: str) -> Course:
        """The course of a stage, from its beginning."""
        if stage not in self._courses:
            currency = self._run.config.currency
            self._courses[stage] = Course(stage, self._run.client.pulse, currency)
        return self._courses[stage]


_watched: list[Watched] = []
# What serves the figures of the run that is watched, where it has a port for them.
_measured: list[Listener] = []


def watch(run: "Run", say: Callable[[str], None] = note) -> None:
    """From now on show what this run's client says of itself, and hear its alarms."""
    _watched[:] = [Watched(run, say)]
    _measured.clear()
    if run.config.metrics_port:
        from flows.metrics import show

        _measured.append(show(run, say).hear)


def course(stage: str) -> Course | None:
    """The course of a stage of the run that is watched, if one is."""
    return _watched[0].course(stage) if _watched else None


def tell(stage: str, done: int, total: int) -> None:
    """Tell every listener how far a stage has come; safe to call from any thread."""
    for watched in tuple(_watched):
        watched.hear(stage, done, total)
    for listener in (*_measured, *_listeners):
        listener(stage, done, total)


def explain(stage: str, why: str) -> None:
    """Say of a stage whether it is reused or computed anew, and why."""
    named = stage_folder(stage).replace("_", " ") if stage in STAGES else f"00 {stage}"
    note(f"{named}: {why[:1].lower()}{why[1:]}")


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Let a listener hear all that is told inside the block."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


@contextmanager
def bars() -> Iterator[None]:
    """Draw a bar for each stage on a terminal; elsewhere write lines as it goes on."""
    from flows.console import err

    _watched.clear()
    try:
        if not err.is_terminal:
            with listening(_Lines()):
                yield
            return
        with _drawn() as drawn:
            painter = _Bars(drawn)
            with listening(painter):
                yield
            painter.end()
    finally:
        _watched.clear()


def _drawn() -> "Progress":
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn
    from rich.text import Text

    from flows.console import err

    wide = max(5, min(30, err.width - 80))

    class Facts(ProgressColumn):
        """The course of a stage while it runs, in what room is left; then what it came to."""

        max_refresh = 0.5

        def render(self, task: "Task") -> "Text":
            said = task.fields.get("ended") or _facts_of(task)
            room = err.width - 12 - wide - len(f"{task.completed:.0f}/{task.total or 0:.0f}") - 5
            return Text(fitted(said, room), no_wrap=True)

    columns = (TextColumn("{task.description:<12}"), BarColumn(bar_width=wide), MofNCompleteColumn(), Facts())
    return Progress(*columns, console=err, refresh_per_second=4)


def _facts_of(task: "Task") -> list[str]:
    known = course(task.description)
    if known is None:
        return [duration(task.elapsed or 0)]
    return known.facts(int(task.completed), int(task.total or 0))


class _Bars:
    """One bar per stage; a stage that tells nothing but its beginning has a bar that only pulses."""

    def __init__(self, drawn: "Progress") -> None:
        self._drawn = drawn
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, stage: str, done: int, total: int) -> None:
        if stage not in self._tasks:
            self.end()
            self._tasks[stage] = self._drawn.add_task(stage, total=None)
            course(stage)  # its time begins
        if total:
            self._drawn.update(self._tasks[stage], completed=done, total=total)

    def end(self) -> None:
        """Fill the bars of stages that counted nothing, and say what each came to."""
        for task in self._drawn.tasks:
            if task.total is None:
                self._drawn.update(task.id, completed=1, total=1)
            if "ended" not in task.fields:
                known = course(task.description)
                ended = known.summary() if known else [duration(task.elapsed or 0)]
                self._drawn.update(task.id, ended=ended)


class _Lines:
    """One line at each quarter of a stage's calls: enough for a log, with what `explain` says before."""

    def __init__(self) -> None:
        self._quarter: dict[str, int] = {}

    def __call__(self, stage: str, done: int, total: int) -> None:
        if not total:
            self._quarter.pop(stage, None)  # a further wave of the stage
        known = course(stage)
        quarter = 4 * done // total if total else 0
        if quarter > self._quarter.get(stage, 0):
            self._quarter[stage] = quarter
            # Documents are files first, and then what the filter asks for.
            what = "" if stage == "documents" else " calls"
            facts = known.facts(done, total) if known else []
            note(", ".join([f"   {stage}: {done:,} of {total:,}{what}", *facts]))
