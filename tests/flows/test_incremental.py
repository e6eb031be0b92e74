"""The flow of incremental builds: what is new, states that a person reads, events that automations wait for."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.flows.conftest import ask
from tests.flows.served import until
from tests.incremental.feeds import config, put

pytestmark = pytest.mark.flows
Find = Callable[[str], list[dict[str, Any]]]


def test_a_firing_and_one_with_nothing_new(running_server: str, runs_of: Find, tmp_path: Path) -> None:
    from flows.incremental import incremental

    began = datetime.now(UTC).isoformat()
    feed, runs = put(tmp_path / "feed", "energy.md", "motion.md"), str(tmp_path / "runs")
    asked = config(feed, "publish.min_yield=1.0", "screen.max_words=12")
    assert Path(incremental(asked, runs)) == tmp_path / "data/datasets/notes/v0001"
    parent = runs_of("notes, what is new")[0]
    inside = {"parent_flow_run_id": {"any_": [parent["id"]]}}
    found = ask(running_server, "/flow_runs/filter", flow_runs=inside)
    assert [run["name"] for run in found] == ["notes-0001"]

    incremental(asked, runs, return_state=True)
    state = runs_of("notes, what is new")[0]["state"]
    assert (state["type"], state["name"]) == ("COMPLETED", "NothingNew")
    assert state["message"] == "Nothing new, as every file was seen before; notes v0001 stays."

    def told() -> dict[str, dict[str, Any]] | None:
        wanted = {"event": {"prefix": ["synth."]}, "occurred": {"since": began}}
        events = ask(running_server, "/events/filter", filter=wanted)["events"]
        by_name = {event["event"]: event for event in events}
        return by_name if len(by_name) == 3 else None

    events = until(told, "three kinds of events")
    assert set(events) == {"synth.dataset.published", "synth.run.low-yield", "synth.run.progress"}
    assert events["synth.dataset.published"]["payload"]["version"] == "v0001"
    assert events["synth.dataset.published"]["resource"]["prefect.resource.id"] == "synth.dataset.notes"
    progress = events["synth.run.progress"]["resource"]["prefect.resource.id"]
    assert progress == f"prefect.flow-run.{parent['id']}"
