"""A run with Prefect that is cancelled in the UI, or whose process is killed: it ends, is marked, and resumes."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows.repair import SAID, repair
from synth.lock import is_locked
from tests import corpus
from tests.endpoints import FakeEndpoint
from tests.flows.conftest import ask
from tests.flows.served import command, kill, until

pytestmark = [pytest.mark.flows, pytest.mark.timeout(900)]
Find = Callable[[str], list[dict[str, Any]]]
# Far longer than anybody waits for a run to end that was cancelled: one call.
SLOW = ("--latency", "120")


def arguments(documents: Path, url: str, name: str) -> list[str]:
    entry = {"base_url": f'"{url}"', "model": '"fake"', "structured": '"json_schema"', "identity": '"far"'}
    told = [f"models.far.{key}={value}" for key, value in entry.items()]
    few = ["combinations.level2=off", "combinations.level3=off", "documents.near_duplicates=keep"]
    asked = ["run", "synthllm-recommended", "--documents", str(documents), "--name", name]
    sets = [part for one in [*told, *few] for part in ("--set", one)]
    return [*asked, *sets[:8], "--model", "far", *sets[8:]]


@pytest.mark.slow
def test_cancelled_then_killed_then_resumed(
    server: str, runs_of: Find, start_fake: Callable[..., FakeEndpoint], tmp_path: Path
) -> None:
    documents, said = corpus.write(tmp_path / "documents"), tmp_path / "said"
    slow, quick = start_fake(*SLOW), start_fake()
    run = tmp_path / "data/runs/early"

    def at_work() -> bool:
        found = [one["state_name"] for one in runs_of("02 concepts")[:1]]
        # A task is told of as an event, which on a busy machine comes late.
        tasks = ask(server, "/task_runs/filter", task_runs={"state": {"type": {"any_": ["RUNNING"]}}})
        return found == ["Running"] and slow.stats()["in_flight"] > 0 and bool(tasks)

    with command(*arguments(documents, slow.url, "early"), said=said) as process:
        until(at_work, "calls under way")
        found = runs_of("early")[0]
        began = time.monotonic()
        cancelled = {"state": {"type": "CANCELLING", "name": "Cancelling"}}
        ask(server, f"/flow_runs/{found['id']}/set_state", **cancelled)
        assert process.wait(timeout=90) == 3
        assert time.monotonic() - began < 90  # and not the 120 s of a call
    assert "Cancelled in the UI" in said.read_text()
    assert runs_of("early")[0]["state_name"] == "Cancelled"
    assert not is_locked(run)
    assert repair() == []

    with command(*arguments(documents, slow.url, "early"), said=said) as process:
        until(at_work, "calls under way again")
        kill(process)
    assert runs_of("early")[0]["state_name"] == "Running"
    marked = repair()
    assert [one.name for one in marked] == ["early"]
    assert marked[0].inside >= 2  # the stage, and a task of it
    for name in ("early", "02 concepts"):
        state = runs_of(name)[0]["state"]
        assert (state["type"], state["message"]) == ("CRASHED", SAID)
    assert repair() == []

    with command(*arguments(documents, quick.url, "early"), said=said) as process:
        assert process.wait(timeout=240) == 0, said.read_text()
    assert runs_of("early")[0]["state_name"] == "Completed"
    assert json.loads((run / "dataset/stats.json").read_bytes())["rows"] > 0
