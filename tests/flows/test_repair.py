"""What a killed process leaves in the server is marked, also where something else marked the run around it."""

import time
from datetime import timedelta
from pathlib import Path

import pytest
from prefect import flow, task
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.deployments.runner import RunnerDeployment
from prefect.schedules import Schedule
from prefect.states import Crashed, Pending, Running
from prefect.types.entrypoint import EntrypointType

from flows.alive import left_behind
from flows.repair import SAID, repair, skip_missed


@flow
def firing() -> None:
    """Only its name is used: runs of it are made without it."""


@task
def part() -> None:
    """In a run, this is what a sub-flow hangs on."""


@pytest.mark.flows
@pytest.mark.timeout(300)
def test_what_was_in_a_run_that_the_runner_marked_is_marked_too(server: str, server_home: Path) -> None:
    with get_client(sync_client=True) as client:
        around = client.create_flow_run(firing, name="often-0002", state=Running())
        hangs = client.create_task_run(part, around.id, dynamic_key="0", state=Running())
        inside = client.create_flow_run(
            firing, name="01 documents", parent_task_run_id=hangs.id, state=Running()
        )
        client.set_flow_run_state(around.id, Crashed(message="the runner saw it"), force=True)
        lock = server_home / "alive" / f"{around.id}.lock"
        lock.parent.mkdir(parents=True, exist_ok=True)
        lock.touch()

        marked = repair()
        assert [(one.id, one.name, one.inside) for one in marked] == [
            (around.id, "often-0002", 1)
        ]  # its task goes with it
        for run, message in ((around, "the runner saw it"), (inside, SAID)):
            state = client.read_flow_run(run.id).state
            assert state is not None
            assert (state.name, state.message) == ("Crashed", message)
    assert left_behind() == []
    assert repair() == []


@pytest.mark.flows
@pytest.mark.timeout(300)
def test_a_slot_whose_process_never_began_holds_up_no_later_one(server: str) -> None:
    """The server went away while it was handed over: nobody has a lock on it, and it would be pending for ever."""
    every = Schedule(interval=timedelta(minutes=5))
    made = RunnerDeployment.from_flow(
        firing, "handed-over", schedule=every, entrypoint_type=EntrypointType.MODULE_PATH
    ).apply()
    with get_client(sync_client=True) as client:
        here = DeploymentFilter(id=DeploymentFilterId(any_=[made]))
        for _ in range(60):
            if runs := client.read_flow_runs(deployment_filter=here):
                break
            time.sleep(1)
        run = min(runs, key=lambda one: one.expected_start_time)
        client.set_flow_run_state(run.id, Pending(name="Submitting"), force=True)
        assert skip_missed({made: 1.0}, run.expected_start_time + timedelta(minutes=2)) == 1
        state = client.read_flow_run(run.id).state
        assert state is not None
        assert state.name == "Skipped"
        client.delete_deployment(made)
