"""Progress of stages, told to whoever listens.

The work is done in this process, with Prefect or without; so a list of listeners is enough. Stages tell
(stage, done, total) in calls or rows; (stage, 0, 0) says that a stage begins, which ends the one before.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from flows.terminal import note
from synth.schemas import STAGES

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

Listener = Callable[[str, int, int], None]
_listeners: list[Listener] = []


def tell(stage: str, done: int, total: int) -> None:
    """Tell every listener how far a stage has come; safe to call from any thread."""
    for listener in tuple(_listeners):
        listener(stage, done, total)


def explain(stage: str, why: str) -> None:
    """Say of a stage whether it is reused or computed anew, and why."""
    place = STAGES.index(stage) + 1 if stage in STAGES else 0
    note(f"{place:02d} {stage}: {why[:1].lower()}{why[1:]}")


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
    """Draw a bar for each stage on a terminal; elsewhere write one line for each."""
    from flows.console import err

    if not err.is_terminal:
        with listening(_Lines()):
            yield
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description:<12}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, refresh_per_second=4) as drawn:
        painter = _Bars(drawn)
        with listening(painter):
            yield
        painter.end()


class _Bars:
    """One bar per stage; a stage that tells nothing but its beginning has a bar that only pulses."""

    def __init__(self, drawn: "Progress") -> None:
        self._drawn = drawn
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, stage: str, done: int, total: int) -> None:
        if stage not in self._tasks:
            self.end()
            self._tasks[stage] = self._drawn.add_task(stage, total=None)
        if total:
            self._drawn.update(self._tasks[stage], completed=done, total=total)

    def end(self) -> None:
        """Fill the bars of stages that counted nothing."""
        for task in self._drawn.tasks:
            if task.total is None:
                self._drawn.update(task.id, completed=1, total=1)


class _Lines:
    """One line at each quarter of a stage's calls: enough for a log, with what `explain` says before."""

    def __init__(self) -> None:
        self._quarter: dict[str, int] = {}

    def __call__(self, stage: str, done: int, total: int) -> None:
        if not total:
            self._quarter.pop(stage, None)  # a further wave of the stage
        quarter = 4 * done // total if total else 0
        if quarter > self._quarter.get(stage, 0):
            self._quarter[stage] = quarter
            # Documents are files first, and then what the filter asks for.
            what = "" if stage == "documents" else " calls"
            note(f"   {stage}: {done:,} of {total:,}{what}")
