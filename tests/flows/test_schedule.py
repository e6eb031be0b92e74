"""A schedule on a real server: three firings in their slots, only what is new, and no pile-up after downtime."""

import re
import signal
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from urllib.error import HTTPError

import pytest

import synth
from flows.slots import why_skipped
from flows.table import read_table
from tests.flows.conftest import ask
from tests.flows.served import command, firings, kill, slot, until
from tests.incremental.feeds import put

pytestmark = [pytest.mark.flows, pytest.mark.timeout(900)]

EVERY_SECONDS = 15
TABLE = """
[feed]
description = "What is new in the feed."
recipe = "synthllm-recommended"
model = "fake"
documents = ["feed/"]
store = "notes"
every_minutes = {minutes}
skip_after_minutes = {late}
set = {{combinations.level2 = "off", combinations.level3 = "off", screen.benchmarks = []}}
"""


@pytest.mark.slow
def test_three_firings_then_downtime(server: str, tmp_path: Path) -> None:
    feed, said = put(tmp_path / "feed", "energy.md", "motion.md"), tmp_path / "said"
    table = tmp_path / "table.toml"
    table.write_text(TABLE.format(minutes=EVERY_SECONDS / 60, late=10))
    versions = tmp_path / "data/datasets/notes"

    def ended(name: str) -> bool:
        return any(run["state_name"] == name for run in firings(server, "feed"))

    with command("serve", str(table), said=said) as serving:
        until(lambda: ended("Completed"), "the first firing")
        until(lambda: ended("NothingNew"), "a firing with nothing new")
        assert (versions / "latest").read_text() == "v0001\n"
        put(feed, "rates.txt")
        until(lambda: (versions / "v0002").is_dir(), "the second version")
        until(
            lambda: sum(run["state_name"] == "Completed" for run in firings(server, "feed")) == 2, "its end"
        )
        # Killed, so that schedules go on being planned and nobody carries them out.
        kill(serving)
    assert set(synth.load(tmp_path / "data/runs/notes-0002", "documents")["source"]) == {"rates.txt"}
    slots = [slot(run) for run in firings(server, "feed")]
    assert len(slots) >= 3
    assert {after - before for before, after in pairwise(slots)} == {timedelta(seconds=EVERY_SECONDS)}

    last = slots[-1]
    until(lambda: datetime.now(UTC) > last + timedelta(seconds=2.5 * EVERY_SECONDS), "missed slots")
    table.write_text(TABLE.format(minutes=EVERY_SECONDS / 60, late=EVERY_SECONDS / 120))
    with command("serve", str(table), said=said) as serving:
        until(lambda: said.read_text().count("Ctrl-C ends it") == 2, "the table to be served again")
        serving.send_signal(signal.SIGTERM)
        assert serving.wait(timeout=120) == 0
    later = [run for run in firings(server, "feed") if slot(run) > last]
    # No process was begun for those; the slots that came while it was served again have one, or skip themselves.
    skipped = [run for run in later if run["state_name"] == "Skipped" and run["run_count"] == 0]
    assert len(skipped) >= 2, [(run["state_name"], run["run_count"], slot(run)) for run in later]
    assert len(later) - len(skipped) <= 2
    assert "missed slots are not made up for" in skipped[0]["state"]["message"]
    assert f"{len(skipped)} missed slots skipped" in said.read_text()
    # Firings share the terminal: each line has its time and its deployment.
    for told in (r"begins\.", r"01 documents: ", r"NothingNew: ", r"made \S*/v0002"):
        assert re.search(rf"(?m)^\d\d:\d\d:\d\d feed: {told}", said.read_text()), told
    assert "Stopped; the schedules are paused" in said.read_text()
    deployments = ask(server, "/deployments/filter", deployments={"name": {"any_": ["feed"]}})
    assert [one["paused"] for one in deployments] == [True]
    assert automations(server) == ["a ceiling was reached", "a run failed", "low yield", "no progress"]


def automations(api_url: str) -> list[str]:
    return sorted(one["name"].removeprefix("synth: ") for one in ask(api_url, "/automations/filter"))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"combinations": {"epochs": 0}}, "'config.combinations.epochs'. Failure reason: 0 is less than"),
        ({"flow": "other"}, "config.flow"),
        ({"combination": {}}, "combination"),
    ],
)
def test_the_form_refuses_a_wrong_value(
    server: str, documents: Path, tmp_path: Path, wrong: dict[str, object], said: str
) -> None:
    from flows.serve import made_of

    table = tmp_path / "table.toml"
    table.write_text(TABLE.format(minutes=60, late=30).replace("[feed]", "[form]"))
    entry = read_table(table).entries[0]
    deployment = made_of(entry, tmp_path / "runs", is_active=False).apply()
    path = f"/deployments/{deployment}/create_flow_run"
    config = {**entry.of.config().model_dump(mode="json", exclude_defaults=True), **wrong}
    with pytest.raises(HTTPError) as refused:
        ask(server, path, parameters={"config": config})
    assert refused.value.code in (409, 422)
    assert said in refused.value.read().decode()
    wanted = {"id": {"any_": [str(deployment)]}}
    schema = ask(server, "/deployments/filter", deployments=wanted)[0]["parameter_openapi_schema"]
    sections = schema["definitions"]
    assert sections["CombinationsConfig"]["properties"]["level3"]["enum"][-1] == "off"
    untitled = [
        f"{name}.{key}"
        for name, section in sections.items()
        for key, field in section.get("properties", {}).items()
        if not (field.get("description") or "$ref" in field or "allOf" in field)
    ]
    assert untitled == []


def test_how_late_a_firing_may_be() -> None:
    now = datetime(2026, 3, 29, 3, 30, tzinfo=UTC)
    assert why_skipped(now - timedelta(minutes=59), now, 60) is None
    assert why_skipped(now + timedelta(minutes=5), now, 60) is None  # a clock that was set back
    said = why_skipped(now - timedelta(days=3), now, 60)
    assert said == (
        "Its slot was 2026-03-26 03:30 UTC, 3 days, 0:00:00 ago; missed slots are not made up for."
    )
