"""A schedule on a real server: three firings in their slots, only what is new, and no pile-up after downtime."""

import signal
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

import synth
from flows.slots import why_skipped
from tests.flows.conftest import ask
from tests.flows.served import command, firings, kill, slot, until
from tests.incremental.feeds import put

pytestmark = [pytest.mark.flows, pytest.mark.timeout(900)]

EVERY_SECONDS = 20
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
    until(lambda: datetime.now(UTC) > last + timedelta(seconds=4 * EVERY_SECONDS), "missed slots")
    table.write_text(TABLE.format(minutes=EVERY_SECONDS / 60, late=EVERY_SECONDS / 60))
    with command("serve", str(table), said=said) as serving:
        until(
            lambda: firings(server, "feed")[-1]["state_name"] == "NothingNew" or None, "a firing afterwards"
        )
        serving.send_signal(signal.SIGTERM)
        assert serving.wait(timeout=120) == 0
    later = [run for run in firings(server, "feed") if slot(run) > last]
    skipped = [run for run in later if run["state_name"] == "Skipped"]
    assert len(skipped) >= 2
    assert all(run["run_count"] == 0 for run in skipped)
    assert "missed slots are not made up for" in skipped[0]["state"]["message"]
    assert "missed slot" in said.read_text()
    assert "Stopped; the schedules are paused" in said.read_text()
    paused = ask(server, "/deployments/filter", deployments={"name": {"any_": ["feed"]}})
    assert [one["paused"] for one in paused] == [True]


def test_how_late_a_firing_may_be() -> None:
    now = datetime(2026, 3, 29, 3, 30, tzinfo=UTC)
    assert why_skipped(now - timedelta(minutes=59), now, 60) is None
    assert why_skipped(now + timedelta(minutes=5), now, 60) is None  # a clock that was set back
    said = why_skipped(now - timedelta(days=3), now, 60)
    assert said == (
        "Its slot was 2026-03-26 03:30 UTC, 3 days, 0:00:00 ago; missed slots are not made up for."
    )
