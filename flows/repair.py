"""Marks what killed processes left `Running`, and slots that passed while nobody served.

In: a server, and the locks of flow runs of this machine (`alive`). Out: those flow runs, their sub-flows and
tasks as `Crashed`, so that Retry is offered and no slot of a limit is held; missed slots as `Skipped`.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterParentFlowRunId,
    FlowRunFilterState,
    FlowRunFilterStateType,
    TaskRunFilter,
    TaskRunFilterState,
    TaskRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.exceptions import ObjectNotFound
from prefect.states import Crashed

from flows.alive import forget, left_behind
from flows.slots import skipped, why_skipped

AT_WORK = [StateType.RUNNING, StateType.PENDING, StateType.CANCELLING]
PAGE = 200
SAID = "Its process was killed; run it again, or press Retry: what was finished is kept."


class Repaired(NamedTuple):
    """A flow run that was marked, with how many sub-flows and tasks."""

    id: UUID
    name: str
    inside: int


def repair() -> list[Repaired]:
    """Mark the flow runs of this machine whose process is gone."""
    done = []
    with get_client(sync_client=True) as client:
        for flow_run_id in left_behind():
            if marked := _mark(client, UUID(flow_run_id)):
                done.append(marked)
            forget(flow_run_id)
    return done


def skip_missed(deployments: dict[UUID, float], now: datetime | None = None) -> int:
    """Mark the slots of deployments that passed more than so many minutes ago; how many there were."""
    done: set[UUID] = set()
    at = now or datetime.now(UTC)
    with get_client(sync_client=True) as client:
        for deployment, minutes in deployments.items():
            before = at - timedelta(minutes=minutes)
            while runs := [run for run in _late(client, deployment, before) if run.id not in done]:
                for run in runs:
                    said = why_skipped(run.expected_start_time or at, at, minutes) or ""
                    client.set_flow_run_state(run.id, skipped(said), force=True)
                    done.add(run.id)
    return len(done)


def _late(client: SyncPrefectClient, deployment: UUID, before: datetime) -> list[FlowRun]:
    from prefect.client.schemas.filters import FlowRunFilterExpectedStartTime

    wanted = FlowRunFilter(
        # Also those handed to a process which never began, as the server went away just then: such a
        # one would hold the one slot of its deployment for ever, and all later firings would be cancelled.
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED, StateType.PENDING])),
        expected_start_time=FlowRunFilterExpectedStartTime(before_=before),
    )
    only = DeploymentFilter(id=DeploymentFilterId(any_=[deployment]))
    found = client.read_flow_runs(flow_run_filter=wanted, deployment_filter=only, limit=PAGE)
    return [run for run in found if run.auto_scheduled and not run.run_count]


def _mark(client: SyncPrefectClient, flow_run_id: UUID) -> Repaired | None:
    """Mark a flow run and what is in it; None where the server has all of it ended, or knows it not."""
    try:
        run = client.read_flow_run(flow_run_id)
    except ObjectNotFound:
        return None
    inside = _mark_inside(client, [flow_run_id])
    if run.state is None or run.state.type not in AT_WORK:
        # The runner that serves marks the run whose process was killed, and nothing that was in it.
        return Repaired(flow_run_id, run.name, inside) if inside else None
    client.set_flow_run_state(flow_run_id, Crashed(message=SAID), force=True)
    return Repaired(flow_run_id, run.name, inside)


def _mark_inside(client: SyncPrefectClient, parents: list[UUID]) -> int:
    """Sub-flows and their tasks, the inner ones first."""
    count = 0
    wanted = FlowRunFilter(parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=parents), state=_at_work())
    below = client.read_flow_runs(flow_run_filter=wanted, limit=PAGE)
    if below:
        count += _mark_inside(client, [run.id for run in below])
    for run in below:
        client.set_flow_run_state(run.id, Crashed(message=SAID), force=True)
    tasks: list[Any] = client.read_task_runs(
        flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=parents)),
        task_run_filter=TaskRunFilter(state=TaskRunFilterState(type=TaskRunFilterStateType(any_=AT_WORK))),
        limit=PAGE,
    )
    for task in tasks:
        client.set_task_run_state(task.id, Crashed(message=SAID), force=True)
    return count + len(below) + len(tasks)


def _at_work() -> FlowRunFilterState:
    return FlowRunFilterState(type=FlowRunFilterStateType(any_=AT_WORK))
