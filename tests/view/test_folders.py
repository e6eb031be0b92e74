"""Tables that are empty, alone or of one row: what is shown of them, and what opens first."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from starlette.testclient import TestClient

import synth
from synth.compare import compare
from synth.schemas import TABLES
from tests.view.pages import Page, assert_inert


@pytest.fixture
def fallen(runs: Path, tmp_path: Path) -> Path:
    """A run of which no question came through."""
    folder = tmp_path / "runs" / "fallen"
    shutil.copytree(runs / "rich", folder, ignore=shutil.ignore_patterns("view"))
    shutil.rmtree(folder / "dataset" / "questions")
    (folder / "dataset" / "questions").mkdir()
    pq.write_table(TABLES["dataset"].schema.empty_table(), folder / "dataset" / "questions" / "train.parquet")
    path = folder / "dataset" / "stats.json"
    stats = json.loads(path.read_text())
    path.write_text(json.dumps(stats | {"rows": 0, "words": dict.fromkeys(stats["words"])}))
    return folder


def test_no_rows_are_no_conditions(opened: Callable[..., TestClient], fallen: Path) -> None:
    page = assert_inert(opened(fallen.parent).get("/d/fallen/t/dataset").text)
    assert "No question came through" in page.text and "Clear the conditions" not in page.text
    assert "/d/fallen/rejected" in page.links()


def test_no_rows_have_no_mean_and_no_length(opened: Callable[..., TestClient], fallen: Path) -> None:
    page = assert_inert(opened(fallen.parent).get("/d/fallen/stats").text)
    assert "No question came through" in page.text
    assert "mean " not in page.text and "Length" not in page.text


def test_a_condition_that_nothing_meets_can_be_cleared(client: TestClient) -> None:
    text = client.get("/d/rich/t/dataset?f.origin=none").text
    assert "No row has all of this" in text and "Clear the conditions" in text


@pytest.mark.parametrize(("others", "first"), [
    (("rejected", "selected"), "selected"), (("categories", "rejected", "weaknesses"), "weaknesses"),
    (("aaa", "rejected"), "aaa"), (("rejected",), "rejected"),
])  # fmt: skip
def test_a_folder_opens_on_what_was_chosen(
    opened: Callable[..., TestClient], tmp_path: Path, others: tuple[str, ...], first: str
) -> None:
    for name in others:
        pq.write_table(pa.table({"problem": ["What is it?"]}), tmp_path / f"{name}.parquet")
    client = opened(tmp_path)
    address = client.get(f"/d/{tmp_path.name}?q=x").headers["location"]
    assert address == f"/d/{tmp_path.name}/t/{first}?q=x"
    page = Page(client.get(address).text)
    lit = [one["href"] for tag, one in page.elements if tag == "a" and one.get("aria-current") == "page"]
    assert f"/d/{tmp_path.name}" in lit


def test_what_all_rows_have_in_common_is_shown_where_little_else_is(
    opened: Callable[..., TestClient], tmp_path: Path
) -> None:
    table = pa.table({"category": ["Algebra"], "problems": [3], "rate": [0.5], "capped": [False]})
    pq.write_table(table, tmp_path / "categories.parquet")
    page = Page(opened(tmp_path).get(f"/d/{tmp_path.name}/t/categories").text)
    assert all(word in page.text for word in ("Algebra", "rate", "problems", "capped"))


def test_a_rejected_row_of_seeds_shows_its_problem(opened: Callable[..., TestClient], tmp_path: Path) -> None:
    rows = {"row_id": ["a"], "reason": ["duplicate"], "row": [json.dumps({"problem": "What is it?"})]}
    pq.write_table(pa.table(rows), tmp_path / "rejected.parquet")
    assert "What is it?" in Page(opened(tmp_path).get(f"/d/{tmp_path.name}/t/rejected").text).text


def conflicting(run: Path) -> None:
    """Two rejected rows of one problem of a log, among those that a run rejected."""
    file = next((run / "rejected").rglob("*.parquet"))
    table = pq.read_table(file)
    new = [
        {
            "stage": "rollouts", "row_id": f"log#p_1#{i}", "source": "log", "reason": "conflicting",
            "detail": "its problem has another history", "clash_id": None,
            "row": json.dumps({"problem": f"Problem {i}", "answer": f"Answer {i}", "accuracies": [0.5, i / 4]}),
        }
        for i in (1, 2)
    ]  # fmt: skip
    pq.write_table(pa.concat_tables([pa.Table.from_pylist(new, table.schema), table]), file)


def test_a_conflicting_row_stands_beside_the_others_of_its_problem(
    opened: Callable[..., TestClient], runs: Path, tmp_path: Path
) -> None:
    run = tmp_path / "runs" / "plain"
    shutil.copytree(runs / "rich", run, ignore=shutil.ignore_patterns("view"))
    conflicting(run)
    client = opened(run.parent)
    table = client.get("/d/plain/t/rejected?f.reason=conflicting").text
    address = next(one for one in Page(table).links() if "/row/" in one)
    page = assert_inert(client.get(address).text)
    assert "other rows of the same problem" in page.text
    assert all(f"{word} {i}" in page.text for word in ("Problem", "Answer") for i in (1, 2))
    # What is which of its texts is said.
    assert [word for word in ("answer", "problem") if word in page.text] == ["answer", "problem"]
    assert ("h3", {"class": "label"}) in page.elements
    assert "contradicts another row" in page.text


def test_shares_are_of_all_rows(runs: Path, tmp_path: Path) -> None:
    run = tmp_path / "some"
    shutil.copytree(runs / "rich", run, ignore=shutil.ignore_patterns("view"))
    file = next((run / "dataset" / "questions").glob("*.parquet"))
    table = pq.read_table(file)
    at = table.schema.get_field_index("origin")
    origins = [None if i % 2 else one for i, one in enumerate(table["origin"].to_pylist())]
    pq.write_table(
        table.set_column(
            at, table.schema.field(at).with_nullable(True), pa.array(origins, table.schema.field(at).type)
        ),
        file,
    )
    shifts = [one for one in compare(runs / "rich", run).shifts if one.column == "origin"]
    assert {one.value for one in shifts} == {*synth.load(runs / "rich", "dataset")["origin"], None}
    for shares in ([one.a for one in shifts], [one.b for one in shifts]):
        assert sum(shares) == pytest.approx(1)
    assert next(one.b for one in shifts if one.value is None) == pytest.approx(
        origins.count(None) / len(origins)
    )
