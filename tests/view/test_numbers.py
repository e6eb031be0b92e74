"""Figures as they are read, and pages that number rows from one."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from synth.compare import compare
from synth.publish.card import demo_model
from synth.site import write_site
from synth.view.curves import line_of
from synth.view.numbers import number
from tests.view.pages import Page


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (-7.47e-05, "−0.000075"), (0.00046, "0.00046"), (-0.00046, "−0.00046"), (1234567, "1,234,567"),
        (-3, "−3"), (0.125, "0.125"), (1e-12, "1e-12"), (1e30, "1e+30"), (True, "yes"), (None, ""), (0.0, "0"),
        (float("nan"), "nan"), (float("-inf"), "−inf"), ("-x", "-x"),
    ],
)  # fmt: skip
def test_numbers(value: object, wanted: str) -> None:
    assert number(value) == wanted


@pytest.mark.parametrize(
    ("numbers", "wanted"),
    [
        ([0.0, 1.0], "0.0,29.0 100.0,1.0"), ([-1.0, 3.0], "0.0,29.0 100.0,1.0"), ([5, 5], "0.0,15.0 100.0,15.0"),
        ([10**400, 0.5], "0.0,15.0 100.0,15.0"), ([float("nan")], ""), ([-1.7e308, 1.7e308], "0.0,15.0 100.0,15.0"),
    ],
)  # fmt: skip
def test_a_line_of_any_numbers(numbers: list[float], wanted: str) -> None:
    assert line_of(numbers) == wanted


def test_rows_are_numbered_from_one(client: TestClient) -> None:
    page = Page(client.get("/d/rich/t/dataset").text)
    first = next(one for one in page.links() if "/row/0" in one)
    assert first == "/d/rich/t/dataset/row/0?i=0"
    assert re.search(r"\b1\b", page.text.partition("of")[2])
    labels = [one["aria-label"] for _, one in page.elements if "aria-label" in one]
    assert "Open row 1" in labels and "Open row 0" not in labels
    row = Page(client.get(first).text)
    assert "row 1 of" in row.text
    assert all(not one.endswith("?") and "?&" not in one for one in row.links() if one.startswith("/"))


def test_settings_are_not_told_in_python(runs: Path) -> None:
    told = {one.name: (one.a, one.b) for one in compare(runs / "plain", runs / "rich").settings}
    assert told["roles.judge"] == ("none", "fake")


def test_money_is_told_alike(opened: Callable[..., TestClient], runs: Path, tmp_path: Path) -> None:
    run = tmp_path / "runs" / "plain"
    shutil.copytree(runs / "plain", run, ignore=shutil.ignore_patterns("view"))
    path = run / "run_report.json"
    report = json.loads(path.read_text())
    report["bill"][0] |= {"cost": "0.5", "unknown": True}
    path.write_text(json.dumps(report))
    text = Page(opened(run.parent).get("/d/plain/stats").text).text
    assert "0.50 USD and an unknown part" in text and "0.00 USD" in text


def test_descriptions_have_no_backticks(client: TestClient) -> None:
    html = client.get("/d/rich/stats").text
    assert not [one for one in re.findall(r'<p class="from">(.*?)</p>', html) if "`" in one]
    assert "<code>level1</code>" in html


def test_a_site_says_who_wrote_it_and_whose_licences_it_has(runs: Path, tmp_path: Path) -> None:
    write_site(runs / "rich", tmp_path / "site")
    html = (tmp_path / "site" / "index.html").read_text()
    page = Page(html)
    text = " ".join(page.text.split())
    assert str(demo_model("fake@1#fake") or "?") in text and "A demonstration." in text
    stats = json.loads((runs / "rich" / "dataset" / "stats.json").read_text())
    assert stats["models"] and all(f"{role}{model}" in text for role, model in stats["models"].items())
    assert stats["licences"] and all(licence in text for licence in stats["licences"])
    assert "`" not in text
    forms = [one["class"] for tag, one in page.elements if tag == "form" and "class" in one]
    assert forms == ["search needs-script"]
    rows = Page((tmp_path / "site" / "pages" / "1.html").read_text()).text
    assert "Row 1" in rows and "Row 0" not in rows
