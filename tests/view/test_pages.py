"""Every page of a real run, and that what it shows is right."""

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from starlette.testclient import TestClient

import synth
from synth.view import rows as of
from tests.view.pages import Page, assert_inert

PAGES = (
    "stats",
    "graph",
    "prompts",
    "progress",
    "t/dataset",
    "t/rejected",
    "t/candidates",
    "t/rollouts",
    "t/judged",
)


def rows_of(page: Page) -> list[int]:
    """Numbers of the rows that a table shows."""
    found = [re.search(r"/row/(\d+)\?", href) for href in page.links()]
    return [int(match[1]) for match in found if match]


@pytest.mark.parametrize("name", PAGES)
def test_pages_are_there(client: TestClient, name: str) -> None:
    answer = client.get(f"/d/rich/{name}")
    assert answer.status_code == 200
    assert_inert(answer.text)


def test_all_links_of_all_pages_lead_somewhere(client: TestClient) -> None:
    """Every page that can be reached by links from the first, as far as four hundred."""
    seen, waiting = {"/"}, ["/"]
    while waiting and len(seen) < 400:
        path = waiting.pop(0)
        answer = client.get(path)
        assert answer.status_code in (200, 303), path
        if answer.status_code == 303 or not answer.headers["content-type"].startswith("text/html"):
            continue
        for href in assert_inert(answer.text).links():
            target = (path.partition("?")[0] + href) if href.startswith("?") else href
            if target not in seen and "#" not in target:
                seen.add(target)
                waiting.append(target)
    assert len(seen) > 300


def test_the_first_page_lists_runs(client: TestClient) -> None:
    page = Page(client.get("/").text)
    assert {"/d/rich", "/d/plain"} <= set(page.links())


def test_the_state_of_a_run_stands_beside_its_name(client: TestClient) -> None:
    heads = re.findall(r"<th scope=\"col\"[^>]*>([^<]+)</th>", client.get("/").text)
    assert heads[:3] == ["Run", "State", "Questions"]


def test_the_keys_that_are_told_are_those_of_the_guide(client: TestClient) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "viewer.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([^`])`", " ".join(re.findall(r"^\| `.*$", guide, re.MULTILINE))))
    told = set(re.findall(r"<kbd>([^<])</kbd>", client.get("/d/rich/stats").text))
    assert named and named == told


def test_a_filter_keeps_its_own_alternatives(client: TestClient, runs: Path) -> None:
    frame = synth.load(runs / "plain", "dataset")
    counts = Counter(frame["origin"])
    page = client.get("/d/plain/t/dataset?f.origin=level2").text
    assert f"<strong>{counts['level2']:,}</strong> of {len(frame):,} rows" in page
    for origin, count in counts.items():
        bar = re.search(rf'class="name">{origin}</span><span class="n">(\d+)', page)
        assert bar and int(bar[1]) == count
    both = client.get("/d/plain/t/dataset?f.origin=level2&f.origin=level1").text
    assert f"<strong>{counts['level2'] + counts['level1']:,}</strong>" in both


def test_a_list_is_filtered_by_its_items(client: TestClient, runs: Path) -> None:
    frame = synth.load(runs / "plain", "dataset")
    concept = frame["concepts"].iloc[0][0]
    wanted = [i for i, items in enumerate(frame["concepts"]) if concept in items]
    page = Page(client.get(f"/d/plain/t/dataset?f.concepts={quote(concept)}&size=100").text)
    assert rows_of(page) == wanted[:100]


def test_counts_are_the_same_whether_rows_were_held_or_read_again(
    opened: Callable[..., TestClient], runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    concept = str(synth.load(runs / "plain", "dataset")["concepts"].iloc[0][0])
    path = f"/d/plain/t/dataset?f.concepts={quote(concept)}"

    def words() -> list[tuple[str, str]]:
        text = opened(runs).get(path).text
        return re.findall(r'class="name">([^<]*)</span><span class="n">([^<]*)<', text)

    held = words()
    monkeypatch.setattr(of, "few", lambda *given: None)  # as where too many rows are left
    assert held and words() == held


def test_formulas_of_a_table_are_set_and_whole(opened: Callable[..., TestClient], tmp_path: Path) -> None:
    problems = [
        r"Half is $\frac{1}{2}$." + " and more" * 40,
        "word " * 44 + r"$\frac{1}{2}" + "+1" * 100 + "$",
    ]
    table = pa.table({"problem": problems, "label": [r"\frac{6}{5}", r"C:\some\path"]})
    pq.write_table(table, tmp_path / "math.parquet")
    page = opened(tmp_path).get(f"/d/{tmp_path.name}/t/math").text
    assert re.findall(r'class="math">([^<]*)<', page) == [r"\frac{1}{2}", r"\frac{6}{5}"]
    assert "$" not in re.sub(r"(?s)<pre.*?</pre>", "", page)


def test_a_range_takes_both_ends(client: TestClient, runs: Path) -> None:
    rates = synth.load(runs / "rich", "dataset")["pass_rate"]
    page = client.get("/d/rich/t/dataset?f.pass_rate=0.5..0.75").text
    assert f"<strong>{int(rates.between(0.5, 0.75).sum()):,}</strong>" in page


def test_bars_of_a_histogram_add_up_and_lead_to_their_rows(client: TestClient, runs: Path) -> None:
    total = len(synth.load(runs / "rich", "difficulty"))
    html = client.get("/d/rich/t/difficulty?col=length_mean").text
    bars = re.findall(r'<a href="([^"]+)" aria-label="length_mean [^:]*: (\d+) row', html)
    assert sum(int(count) for _, count in bars) == total
    for href, count in bars:
        shown = client.get("/d/rich/t/difficulty" + href.replace("&amp;", "&")).text
        assert f"<strong>{int(count):,}</strong> of" in shown


def test_sorting_goes_both_ways_and_over_pages(client: TestClient, runs: Path) -> None:
    labels = synth.load(runs / "plain", "dataset")["label"].tolist()
    order = sorted(range(len(labels)), key=lambda i: labels[i])
    for way, wanted in (
        ("", order),
        ("-", sorted(range(len(labels)), key=lambda i: labels[i], reverse=True)),
    ):
        found: list[int] = []
        for page in range(1, -(-len(labels) // 25) + 1):
            found += rows_of(Page(client.get(f"/d/plain/t/dataset?sort={way}label&size=25&page={page}").text))
        assert [labels[i] for i in found] == [labels[i] for i in wanted]
        assert sorted(found) == list(range(len(labels)))


def test_a_row_shows_where_it_comes_from(client: TestClient, runs: Path) -> None:
    frame = synth.load(runs / "rich", "dataset")
    page = client.get("/d/rich/t/dataset/row/0").text
    shown = assert_inert(page)
    assert frame["question"].iloc[0][:60] in shown.text
    marked = re.findall(r"<mark[^>]*>([^<]+)</mark>", page)
    texts = " ".join(synth.load(runs / "rich", "passages")["text"])
    assert marked and all(word in texts for word in marked)
    assert 'class="sentence"' in page and "Votes" in page and "Attempts" in page and "Judges" in page
    for passage in frame["passage_ids"].iloc[0]:
        assert f"/d/rich/row/{passage}" in shown.links()
    call = frame["call_id"].iloc[0]
    assert call in shown.text and "The prompt as it was sent" in shown.text


def test_the_neighbours_of_a_row_are_those_of_its_result(client: TestClient) -> None:
    query = "?f.origin=level2&sort=-label"
    rows = rows_of(Page(client.get(f"/d/plain/t/dataset{query}").text))
    page = client.get(f"/d/plain/t/dataset/row/{rows[1]}{query}&i=1").text
    before, after = (
        re.search(rf'{name} href="[^"]*/row/(\d+)\?', page) for name in ("data-before", "data-after")
    )
    assert before and after and [int(before[1]), int(after[1])] == [rows[0], rows[2]]


def test_an_id_leads_to_its_row(client: TestClient, runs: Path) -> None:
    frame = synth.load(runs / "plain", "dataset")
    answer = client.get(f"/d/plain/row/{frame['id'].iloc[5]}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/d/plain/t/dataset/row/5")
    assert client.get("/d/plain/row/nothing").status_code == 404


def test_a_rejected_row_stands_beside_what_it_clashed_with(client: TestClient, runs: Path) -> None:
    frame = synth.load(runs / "rich", "rejected")
    clashing = frame[frame["clash_id"].notna()]
    for number in range(len(frame)):
        page = client.get(f"/d/rich/t/rejected/row/{number}").text
        if clashing["clash_id"].iloc[0] in page:
            assert "What it clashed with" in page
            return
    raise AssertionError("the clashing row was not found")


def test_every_rejected_row_tells_its_reason(client: TestClient, runs: Path) -> None:
    reasons = Counter(synth.load(runs / "rich", "rejected")["reason"])
    for reason, count in reasons.items():
        page = client.get(f"/d/rich/t/rejected?f.reason={reason}").text
        assert f"<strong>{count:,}</strong> of" in page


def test_a_concept_shows_its_passages_and_questions(client: TestClient, runs: Path) -> None:
    concepts = synth.load(runs / "plain", "concepts")
    row = concepts.sort_values("passages", ascending=False).iloc[0]
    page = Page(client.get(f"/d/plain/concept/{row['concept_id']}").text)
    mentions = synth.load(runs / "plain", "mentions")
    passages = set(mentions[mentions["concept_id"] == row["concept_id"]]["passage_id"])
    linked = {href.rpartition("/")[2] for href in page.links() if "/row/psg_" in href}
    assert linked == passages


def test_a_prompt_shows_its_file_and_its_rows(client: TestClient, runs: Path) -> None:
    ids = Counter(synth.load(runs / "plain", "dataset")["prompt_id"])
    for id, count in ids.items():
        page = Page(client.get(f"/d/plain/prompts/{id}").text)
        assert f"dataset {count:,}" in re.sub(r"\s+", " ", page.text)
        assert "As it was sent" in page.text and "The file" in page.text
    assert client.get("/d/plain/prompts/nothing.v1").status_code == 404


def test_two_runs_are_compared(client: TestClient) -> None:
    page = Page(client.get("/compare?a=plain&b=rich").text)
    assert "answers.mode" in page.text and "single" in page.text and "vote" in page.text
    same = Page(client.get("/compare?a=plain&b=plain").text)
    assert "All settings are the same" in same.text


def test_a_finished_run_is_not_asked_for_again(client: TestClient) -> None:
    page = client.get("/d/rich/progress").text
    assert "its dataset is published" in page and "data-again" not in page


def test_a_run_at_work_is(client: TestClient, runs: Path) -> None:
    import os

    from synth import lock

    held = lock.take(runs / "rich")
    try:
        assert 'data-again="3"' in client.get("/d/rich/progress").text
        assert "at work" in client.get("/").text
    finally:
        os.close(held)


@pytest.mark.parametrize("kind", ["parquet", "jsonl"])
def test_a_selection_can_be_taken_away(client: TestClient, runs: Path, tmp_path: Path, kind: str) -> None:
    answer = client.get(f"/d/rich/t/dataset/rows.{kind}?f.origin=level2&sort=-label")
    file = tmp_path / f"rows.{kind}"
    file.write_bytes(answer.content)
    if kind == "parquet":
        taken = pq.read_table(file).to_pylist()
        assert pq.read_schema(file).equals(pq.read_schema(next((runs / "rich/dataset/questions").glob("*"))))
    else:
        taken = [json.loads(line) for line in file.read_text().splitlines()]
    frame = synth.load(runs / "rich", "dataset")
    wanted = frame[frame["origin"] == "level2"].sort_values("label", ascending=False, kind="stable")
    assert [row["id"] for row in taken] == wanted["id"].tolist()
    assert [row["concepts"] for row in taken] == [list(items) for items in wanted["concepts"]]


def test_the_code_of_a_state_gives_its_rows(client: TestClient, runs: Path) -> None:
    import duckdb

    frame = synth.load(runs / "plain", "dataset")
    concept = frame["concepts"].iloc[0][0]
    query = f"?f.origin=level2&f.origin=level3&f.concepts={quote(concept)}&f.source_overlap=..0.9&sort=-label"
    page = client.get(f"/d/plain/t/dataset{query}").text
    code = [
        Page(f"<p>{text}").text for text in re.findall(r'<pre id="code-\d"[^>]*>(.*?)</pre>', page, re.DOTALL)
    ]
    kept = frame[[concept in items for items in frame["concepts"]]]
    kept = kept[kept["origin"].isin(["level2", "level3"]) & (kept["source_overlap"] <= 0.9)]
    wanted = kept.sort_values("label", ascending=False)["label"].tolist()
    pandas_code, sql, polars_code = code
    for text in (pandas_code, polars_code):
        names: dict[str, object] = {}
        exec(text, names)
        found = names["rows"]
        labels = found["label"].tolist() if isinstance(found, pd.DataFrame) else found["label"].to_list()  # type: ignore[index]
        assert labels == wanted
    assert [row[0] for row in duckdb.sql(f"SELECT label FROM ({sql})").fetchall()] == wanted


def test_any_parquet_opens(opened: Callable[..., TestClient], runs: Path, tmp_path: Path) -> None:
    folder = runs / "plain" / "dataset"
    client = opened(folder)
    assert client.get("/").headers["location"] == "/d/dataset"
    assert client.get("/d/dataset").headers["location"] == "/d/dataset/t/questions"
    for table in ("questions", "documents", "concepts", "rejected"):
        assert client.get(f"/d/dataset/t/{table}").status_code == 200
    assert client.get("/d/dataset/t/questions/row/0").status_code == 200
    assert client.get("/d/dataset/stats").status_code == 200
    file = next((folder / "questions").glob("*.parquet"))
    alone = opened(file)
    assert alone.get(f"/d/{file.name}/t/{file.stem}/row/1").status_code == 200
