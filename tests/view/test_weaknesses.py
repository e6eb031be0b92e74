"""Weaknesses of an aimed run: categories, curves, an earlier round, and the problems behind a question."""

import os
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

import synth
from synth.store import StageStore
from synth.view.curves import curve
from tests.view.pages import Page, assert_inert
from tests.view.test_browser import CHROMIUM, Served, browser, serious_faults

__all__ = ["browser"]

Row = dict[str, Any]


def stage(folder: Path, name: str, table: str) -> list[Row]:
    rows: list[Row] = StageStore(folder, name).read(table).to_pylist()
    return rows


def test_categories_and_problems_are_those_of_the_run(
    opened: Callable[..., TestClient], rounds: Path
) -> None:
    page = assert_inert(opened(rounds).get("/d/one/weaknesses").text)
    problems = stage(rounds / "one", "weaknesses", "weaknesses")
    failed = [row for row in problems if row["is_weakness"]]
    assert f"{len(failed)} of {len(problems)} problems" in page.text
    for row in stage(rounds / "one", "targets", "budgets"):
        assert row["category"] in page.text and f"{row['failed'] / row['problems']:.0%}" in page.text
    curves = [attributes for tag, attributes in page.elements if tag == "polyline"]
    assert len(curves) == len(problems)
    shown = [link for link in page.links() if "/row/" in link]
    first = sorted(problems, key=lambda r: (not r["is_weakness"], r["mean_accuracy"], r["problem_id"]))
    assert [link.rpartition("/")[2] for link in shown] == [row["problem_id"] for row in first]


def test_a_category_narrows_the_problems(opened: Callable[..., TestClient], rounds: Path) -> None:
    client = opened(rounds)
    page = Page(client.get("/d/one/weaknesses?category=Motion").text)
    mine = [r for r in stage(rounds / "one", "weaknesses", "weaknesses") if r["category"] == "Motion"]
    assert 0 < len(mine) == len([link for link in page.links() if "/row/" in link])


def test_an_earlier_round_is_set_beside(opened: Callable[..., TestClient], rounds: Path) -> None:
    page = assert_inert(opened(rounds).get("/d/two/weaknesses?before=one").text)
    one, two = (
        {row["problem_id"]: row["is_weakness"] for row in stage(rounds / name, "weaknesses", "weaknesses")}
        for name in ("one", "two")
    )
    wanted = [
        len(one), sum(one[p] and not two[p] for p in one), sum(one[p] and two[p] for p in one),
        sum(two[p] and not one[p] for p in one),
    ]  # fmt: skip
    assert min(wanted) > 0
    text = " ".join(page.text.split())
    said = ("in both rounds", "failed before, not now", "failed in both", "failed now, not before")
    for words, count in zip(said, wanted, strict=True):
        assert f"{words}{count}" in text.replace(f"{words} ", words)
    past = [attributes for tag, attributes in page.elements if attributes.get("class") == "past"]
    assert len(past) == len(two)


def test_a_question_shows_the_problems_that_it_aims_at(
    opened: Callable[..., TestClient], rounds: Path
) -> None:
    client = opened(rounds)
    page = assert_inert(client.get("/d/one/t/dataset/row/0").text)
    row = synth.load(rounds / "one", "dataset").iloc[0]
    combination = next(
        one for one in stage(rounds / "one", "combinations", "combinations")
        if one["combination_id"] == row["combination_id"]
    )  # fmt: skip
    problems = {r["problem_id"]: r for r in stage(rounds / "one", "weaknesses", "weaknesses")}
    assert combination["targets"] and "Failed problems" in page.text
    for target in combination["targets"]:
        assert problems[target]["problem"] in page.text
        assert f"/d/one/row/{target}" in page.links()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/d/one/weaknesses?page=2", 400), ("/d/one/weaknesses?page=x", 400), ("/d/one/weaknesses?before=x", 404),
        ("/d/one/weaknesses?before=one", 200), ("/d/one/weaknesses?category=%3Cscript%3E'", 200),
        ("/d/one/weaknesses?category=%00&before=two", 200),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_said(
    opened: Callable[..., TestClient], rounds: Path, path: str, status: int
) -> None:
    answer = opened(rounds).get(path)
    assert answer.status_code == status
    assert_inert(answer.text)


def test_other_runs_have_no_weaknesses(client: TestClient) -> None:
    assert client.get("/d/plain/weaknesses").status_code == 404
    assert "/d/plain/weaknesses" not in Page(client.get("/d/plain/stats").text).links()


def test_a_curve_keeps_to_its_picture() -> None:
    assert curve([0.0, 1.0]) == "0.0,29.0 100.0,1.0"
    assert curve([0.5]) == "0.0,15.0 100.0,15.0"
    assert curve(None) == curve([None, float("nan")]) == ""
    assert curve([7, -3.0]) == curve([1, 0])


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed (apt-get install chromium)")
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_has_no_serious_fault_of_accessibility(browser: Any, rounds: Path, theme: str) -> None:
    viewer = Served(rounds)
    try:
        for path in ("/d/two/weaknesses?before=one", "/d/two/t/dataset/row/0"):
            assert not serious_faults(browser, viewer.url + path, theme), path
        page = browser.new_page(viewport={"width": 400, "height": 800})
        page.goto(f"{viewer.url}/d/two/weaknesses?before=one")
        assert page.locator("html").evaluate("html => html.scrollWidth") <= 400
        page.close()
    finally:
        viewer.close()


@pytest.fixture
def series(rounds: Path, tmp_path: Path) -> Path:
    """The rounds under the names that `synth run --rounds` gives, and a run that has nothing to do with them."""
    folder = tmp_path / "runs"
    for at, (old, new) in enumerate([("two", "wk-round2"), ("one", "wk-round1"), ("one", "other")]):
        shutil.copytree(rounds / old, folder / new)
        os.utime(folder / new / "run.toml", (at, at))
    return folder


def test_the_round_before_is_that_of_its_series(opened: Callable[..., TestClient], series: Path) -> None:
    client = opened(series)
    html = client.get("/d/wk-round2/weaknesses").text
    assert "failed before, not now" in html
    assert re.findall(r'<optgroup label="([^"]*)">(.*?)</optgroup>', html) == [
        ("Rounds before it", '<option value="wk-round1" selected>wk-round1</option>'),
        ("Begun later", '<option value="other">other</option>'),
    ]
    alone = client.get("/d/wk-round2/weaknesses?before=").text
    assert "failed before, not now" not in alone
    assert all("before=" in one for one in Page(alone).links() if "/weaknesses?category=" in one)
    first = client.get("/d/wk-round1/weaknesses").text
    assert "failed before, not now" not in first and '<optgroup label="Rounds' not in first


def test_a_chosen_category_is_seen_and_the_list_stays_in_sight(
    opened: Callable[..., TestClient], rounds: Path
) -> None:
    html = opened(rounds).get("/d/one/weaknesses?category=Motion").text
    assert len(re.findall(r'<tr class="chosen">', html)) == 1
    choices = [one for one in Page(html).links() if "/weaknesses" in one and one != "/d/one/weaknesses"]
    assert choices and all(one.endswith("#problems") or "/t/" in one for one in choices)


def test_scores_that_are_the_same_for_all_are_left_out(
    opened: Callable[..., TestClient], rounds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = opened(rounds)
    whole = client.get("/d/one/weaknesses").text
    heads = re.findall(r'<th scope="col"[^>]*>([^<]+)</th>', whole)
    # The last visit of each of these problems was all right or all wrong.
    assert "Variance rank" in heads and "Signal" not in heads
    assert heads.index("Failed", heads.index("Problem")) == heads.index("Problem") + 1
    monkeypatch.setattr(sys.modules["synth.view.pages.weaknesses"], "PAGE", 1)
    assert "Variance rank" not in client.get("/d/one/weaknesses").text
