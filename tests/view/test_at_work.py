"""A run that is still going: which stage is at work, and what is known of calls and money meanwhile."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from synth import lock
from synth.llm.journal import Journal
from synth.standing import standing
from tests.view.pages import Page


@pytest.fixture
def begun(runs: Path, tmp_path: Path) -> Path:
    """A run whose questions are being written: nothing of that stage is on disk, and no call is counted."""
    folder = tmp_path / "runs" / "begun"
    shutil.copytree(runs / "plain", folder, ignore=shutil.ignore_patterns("05_*", "06_*", "08_*", "dataset"))
    path = folder / "run_report.json"
    report = json.loads(path.read_text())
    for counts in (report["calls"], report["tries"][-1]["calls"]):
        counts |= dict.fromkeys(counts, 0)
    report |= {"bill": [], "cost": "0", "unknown": []}
    report["tries"][-1] |= {"outcome": "running", "bill": []}
    path.write_text(json.dumps(report))
    return folder


@pytest.fixture
def held(begun: Path) -> Iterator[None]:
    file = lock.take(begun)
    yield
    os.close(file)


def test_the_first_unfinished_stage_is_at_work(begun: Path, held: None) -> None:
    states = {one.stage: one.state for one in standing(begun).stages}
    assert states["combinations"] == "finished" and states["questions"] == "at work"
    assert [state for state in states.values() if state == "at work"] == ["at work"]
    assert states["answers"] == "to do"


def test_nothing_is_at_work_without_a_process(begun: Path) -> None:
    assert "at work" not in {one.state for one in standing(begun).stages}


def test_calls_are_counted_while_the_report_is_behind(
    opened: Callable[..., TestClient], begun: Path, held: None
) -> None:
    page = Page(opened(begun.parent).get("/d/begun/progress").text)
    with Journal(begun / "calls", read_only=True) as journal:
        calls = len(journal)
    text = " ".join(page.text.split())
    assert calls and f"calls answered until now{calls:,}" in text
    assert "tokens in" not in text and "not counted yet" in text
    assert ("span", {"class": "state at-work"}) in page.elements


def test_money_that_is_not_counted_yet_is_not_nought(
    opened: Callable[..., TestClient], begun: Path, held: None
) -> None:
    text = opened(begun.parent).get("/").text
    assert "unknown so far" in text and "0.00 USD" not in text


def test_money_of_a_run_at_work_is_of_its_last_report(
    opened: Callable[..., TestClient], begun: Path, held: None
) -> None:
    path = begun / "run_report.json"
    report = json.loads(path.read_text())
    report["calls"]["made"], report["cost"] = 3, "0.25"
    path.write_text(json.dumps(report))
    client = opened(begun.parent)
    assert "0.25 USD so far" in client.get("/").text
    assert "tokens in" in client.get("/d/begun/progress").text


def test_a_run_whose_process_is_gone_was_killed(opened: Callable[..., TestClient], begun: Path) -> None:
    page = Page(opened(begun.parent).get("/").text)
    assert "killed" in page.text and "running" not in page.text
