"""Slots of a schedule: a firing that finds its own long past ends at once, so that nothing piles up.

In: the flow run that is under way. Out: the flow, whose process holds a lock (`alive`), or the state
`Skipped`. A run that a person began is never skipped, however late.
"""

import functools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, ParamSpec, TypeVar, cast

from prefect.client.schemas.objects import State, StateType
from prefect.context import FlowRunContext
from prefect.runtime import deployment

from flows.alive import hold
from flows.terminal import begin_lines, note

P = ParamSpec("P")
R = TypeVar("R")

SKIPPED = "Skipped"
# The parameter of a flow that says how late it may begin, and what holds where it has none.
PARAMETER, MINUTES = "skip_after_minutes", 60.0


def skipped(message: str) -> State[Any]:
    """The state of a firing that is not made up for: nothing failed."""
    return State(type=StateType.CANCELLED, name=SKIPPED, message=message)


def why_skipped(slot: datetime, now: datetime, minutes: float) -> str | None:
    """Why a firing is too late to be begun; None where it is not."""
    late = now - slot
    if late <= timedelta(minutes=minutes):
        return None
    told = str(timedelta(seconds=round(late.total_seconds())))
    return f"Its slot was {slot:%Y-%m-%d %H:%M} UTC, {told} ago; missed slots are not made up for."


def in_time(work: Callable[P, R]) -> Callable[P, R]:
    """A flow that ends at once, as `Skipped`, where its schedule meant it for long ago."""

    @functools.wraps(work)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        served = _named_lines()
        if said := _missed():
            if served:
                note(f"{SKIPPED}: {said}")
            return cast(R, skipped(said))
        _hold()
        return _told(work, *args, **kwargs) if served else work(*args, **kwargs)

    return wrapper


def _told(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Say when a firing begins and what came of it."""
    note("begins.")
    try:
        made = work(*args, **kwargs)
    except Exception as fault:
        note(f"failed ({type(fault).__name__}); its page in the UI says more.")
        raise
    note(f"{made.name}: {made.message}" if isinstance(made, State) else f"made {made}")
    return made


def _named_lines() -> bool:
    """Begin lines with time and name where this is a firing of a deployment: several share a terminal."""
    context = FlowRunContext.get()
    if not (context and context.flow_run and context.flow_run.deployment_id):
        return False
    name = deployment.name
    begin_lines(lambda: f"{datetime.now(UTC):%H:%M:%S} {name}: ")
    return True


def _hold() -> None:
    context = FlowRunContext.get()
    if context and context.flow_run and not context.flow_run.parent_task_run_id:
        hold(str(context.flow_run.id))


def _missed() -> str | None:
    context = FlowRunContext.get()
    run = context.flow_run if context else None
    # A sub-flow has a task for a parent; a second try was begun by somebody.
    if run is None or not run.auto_scheduled or run.parent_task_run_id or run.run_count > 1:
        return None
    slot, most = run.expected_start_time, float(run.parameters.get(PARAMETER, MINUTES))
    return why_skipped(slot, datetime.now(UTC), most) if slot else None
