"""A ceiling under Prefect: flow runs end in a state of that name, and the exit code is the same."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flows.cli import app
from tests import corpus
from tests.endpoints import FakeEndpoint
from tests.flows.conftest import ask

pytestmark = pytest.mark.flows


def test_a_flow_run_that_reached_a_ceiling_says_so_and_is_not_tried_again(
    server: str,
    runs_of: Callable[[str], list[dict[str, Any]]],
    start_fake: Callable[..., FakeEndpoint],
    tmp_path: Path,
) -> None:
    far = start_fake()
    documents = corpus.write(tmp_path / "documents")
    entry = f'models.far={{base_url="{far.url}",model="fake",structured="json_schema",price={{input=1,output=1}}}}'
    command = ["run", "synthllm-recommended", "--documents", str(documents), "--model", "far", "--set", entry]
    command += [
        "--set",
        "part_rows=2",
        "--set",
        "combinations.epochs=1",
        "--out",
        str(tmp_path),
        "--name",
        "low",
    ]
    stopped = CliRunner().invoke(app, [*command, "--set", "budget.calls=9"])
    assert stopped.exit_code == 3, stopped.output
    assert "budget.calls: the ceiling of 9 calls is reached" in stopped.stderr
    assert "Traceback" not in stopped.output
    assert far.stats()["requests"] == 9
    (parent,) = runs_of("low")
    assert (parent["state_name"], parent["state_type"]) == ("BudgetReached", "CANCELLED")
    assert parent["state"]["message"].startswith("budget.calls: ")
    inside = {"parent_flow_run_id": {"any_": [parent["id"]]}}
    found = ask(server, "/flow_runs/filter", flow_runs=inside, sort="START_TIME_ASC")
    assert [run["state_name"] for run in found] == ["Completed"] * (len(found) - 1) + ["BudgetReached"]
    tasks = ask(server, "/task_runs/filter", task_runs={"state": {"name": {"any_": ["BudgetReached"]}}})
    assert tasks
    assert {task["run_count"] for task in tasks} == {1}

    again = CliRunner().invoke(app, [*command, "--set", "budget.calls=9"])
    assert (again.exit_code, far.stats()["requests"]) == (3, 9)
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert far.stats()["repeated"] == 0
