"""The page of a failed problem, and what a question says of the problems behind it."""

import re
from collections.abc import Callable
from pathlib import Path

from starlette.testclient import TestClient

import synth
from tests.view.pages import Page, assert_inert
from tests.view.test_weaknesses import Row, stage


def in_order(run: Path, category: str = "") -> list[Row]:
    """Problems as the page of weaknesses lists them."""
    rows = [r for r in stage(run, "weaknesses", "weaknesses") if category in ("", r["category"])]
    return sorted(rows, key=lambda r: (not r["is_weakness"], r["mean_accuracy"], r["problem_id"]))


def shown(client: TestClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 303
    return client.get(answer.headers["location"]).text


def test_the_id_of_a_problem_leads_to_the_weaknesses(opened: Callable[..., TestClient], rounds: Path) -> None:
    client, id = opened(rounds), in_order(rounds / "one")[0]["problem_id"]
    answer = client.get(f"/d/one/row/{id}?category=x")
    assert re.fullmatch(r"/d/one/t/weaknesses/row/\d+\?category=x", answer.headers["location"])


def test_a_problem_stands_between_its_neighbours(opened: Callable[..., TestClient], rounds: Path) -> None:
    client = opened(rounds)
    for asked, rows in (
        ("", in_order(rounds / "one")),
        ("?category=Motion", in_order(rounds / "one", "Motion")),
    ):
        for at, row in enumerate(rows):
            page = assert_inert(shown(client, f"/d/one/row/{row['problem_id']}{asked}"))
            found = {name: one["href"] for _, one in page.elements for name in one if name.startswith("data-")
                     if "href" in one}  # fmt: skip
            near = [rows[i]["problem_id"] if 0 <= i < len(rows) else None for i in (at - 1, at + 1)]
            assert [found.get(name) for name in ("data-before", "data-after")] == [
                id and f"/d/one/row/{id}{asked}" for id in near
            ]
            assert found["data-up"] == f"/d/one/weaknesses{asked}"
            assert f"problem {at + 1} of {len(rows)}" in page.text
            lit = [
                one["href"] for tag, one in page.elements if tag == "a" and one.get("aria-current") == "page"
            ]
            assert "/d/one/weaknesses" in lit and "/d/one" not in lit


def test_a_problem_shows_its_questions(opened: Callable[..., TestClient], rounds: Path) -> None:
    client, run = opened(rounds), rounds / "one"
    targets = {r["combination_id"]: r["targets"] for r in stage(run, "combinations", "combinations")}
    dataset = synth.load(run, "dataset")
    made = 0
    for row in in_order(run):
        page = Page(shown(client, f"/d/one/row/{row['problem_id']}"))
        mine = [i for i, c in enumerate(dataset["combination_id"]) if row["problem_id"] in (targets[c] or ())]
        linked = [
            int(match[1]) for one in page.links() if (match := re.search(r"/t/dataset/row/(\d+)$", one))
        ]
        assert linked == mine[:20]
        made += len(mine)
        said = "None: it is not failed" if not row["is_weakness"] else "No published question aims at it"
        assert (said in page.text) == (not mine)
        if mine:
            table = next(one for one in page.links() if "/t/dataset?f.combination_id" in one)
            assert f"<strong>{len(mine):,}</strong> of" in client.get(table).text
        # It is not said of a problem that it aims at itself.
        assert "that it aims at" not in page.text and "The problem and its history" not in page.text
    assert made


def test_a_history_is_a_curve_and_no_list_of_python(opened: Callable[..., TestClient], rounds: Path) -> None:
    client, row = opened(rounds), in_order(rounds / "one")[0]
    history = next(
        one
        for one in stage(rounds / "one", "rollouts", "histories")
        if one["problem_id"] == row["problem_id"]
    )
    visits = len(history["accuracies"])
    page = assert_inert(shown(client, f"/d/one/row/{row['problem_id']}"))
    assert f"All {visits} visits" in page.text and f"visit {visits}" in page.text
    number = stage(rounds / "one", "rollouts", "histories").index(history)
    other = assert_inert(client.get(f"/d/one/t/histories/row/{number}").text)
    for text in (page.text, other.text):
        assert str(history["accuracies"]) not in text.partition("{\n")[0]
    assert f"{visits} values" in other.text


def test_a_question_names_its_problems_and_its_draw(opened: Callable[..., TestClient], rounds: Path) -> None:
    client, run = opened(rounds), rounds / "one"
    row = synth.load(run, "dataset").iloc[0]
    drawn = {r["combination_id"]: r for r in stage(run, "combinations", "combinations")}[
        row["combination_id"]
    ]
    page = assert_inert(client.get("/d/one/t/dataset/row/0").text)
    texts = " ".join(page.text.split())
    assert "drawn from failed problems" in texts and "as the graph joined them" not in texts
    labels = {one.get("aria-label") for _, one in page.elements}
    assert "Draw from failed problems" in labels and "Walk on the graph" not in labels
    assert all(name in texts for name in drawn["names"])
    assert "The problem and its history" in texts
    behind = {step["passage_id"] for step in drawn["walk"]} - {None}
    assert texts.count("by a problem") >= bool(behind)


def test_a_row_of_the_documents_is_still_walked(client: TestClient) -> None:
    text = client.get("/d/rich/t/dataset/row/0").text
    assert "as the graph joined them" in text and "drawn from failed problems" not in text


def test_a_run_without_documents_says_so(opened: Callable[..., TestClient], bare: Path) -> None:
    client = opened(bare)
    assert "reads no documents" in client.get("/d/bare/graph").text
    page = client.get("/d/bare/t/dataset/row/0").text
    assert "drawn from failed problems" in page
