"""Search: the index says what reading all rows says, lies beside the run, and is made when it is needed."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from starlette.testclient import TestClient

import synth
from synth.view import search
from tests.view.pages import Page
from tests.view.test_pages import rows_of


@pytest.fixture
def copy(runs: Path, tmp_path: Path) -> Path:
    shutil.copytree(runs / "plain", tmp_path / "runs" / "plain", ignore=shutil.ignore_patterns("view"))
    return tmp_path / "runs" / "plain"


def words_of(text: str) -> set[str]:
    return {word.lower() for word in "".join(c if c.isalnum() else " " for c in text).split()}


def test_a_search_finds_the_rows_that_have_the_words(opened: Callable[..., TestClient], copy: Path) -> None:
    before = {path: path.read_bytes() for path in (copy / "dataset").rglob("*") if path.is_file()}
    client = opened(copy.parent)
    frame = synth.load(copy, "dataset")
    texts = [
        words_of(" ".join([row.question, row.answer, row.label, *row.concepts, *row.sources, *row.licences]))
        for row in frame.itertuples()
    ]
    some = sorted(texts[0])[:4] + sorted(texts[-1])[-4:]
    for word in some:
        wanted = [i for i, words in enumerate(texts) if word in words]
        page = Page(client.get(f"/d/plain/t/dataset?q={quote(word)}%20&size=100").text)
        found = rows_of(page)
        assert set(wanted[:100]) <= set(found) if len(wanted) <= 100 else len(found) == 100
        assert all(word in " ".join(texts[i]) for i in found)
    assert list((copy / "view").glob("search-dataset-*.sqlite"))
    assert {path: path.read_bytes() for path in (copy / "dataset").rglob("*") if path.is_file()} == before


def test_search_and_filter_hold_together(opened: Callable[..., TestClient], copy: Path) -> None:
    client = opened(copy.parent)
    frame = synth.load(copy, "dataset")
    word = next(w for w in sorted(words_of(frame["question"].iloc[0])) if len(w) > 5)
    both = rows_of(Page(client.get(f"/d/plain/t/dataset?q={word}&f.origin=level2&sort=-label&size=100").text))
    alone = rows_of(Page(client.get(f"/d/plain/t/dataset?q={word}&size=100").text))
    assert set(both) == {i for i in alone if frame["origin"].iloc[i] == "level2"}


def test_of_very_many_hits_the_first_are_shown_and_it_says_so(
    opened: Callable[..., TestClient], copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = opened(copy.parent)
    word = "a"
    every = rows_of(Page(client.get(f"/d/plain/t/dataset?q={word}&size=100").text))
    assert len(every) > 4
    monkeypatch.setattr(search, "MOST_FOUND", 3)
    few = opened(copy.parent)
    page = Page(few.get(f"/d/plain/t/dataset?q={word}&size=100").text)
    assert rows_of(page) == sorted(every)[:3] and "More than 3 rows" in page.text
    # A condition or an order is of all of them, and so is what is taken away.
    assert len(rows_of(Page(few.get(f"/d/plain/t/dataset?q={word}&sort=label&size=100").text))) == len(every)
    taken = few.get(f"/d/plain/t/dataset/rows.jsonl?q={word}").text.splitlines()
    assert len(taken) >= len(every)


@pytest.mark.parametrize("asked", ["NEAR(a", '"', "a AND", "*", "a* OR", "x:y", "- -", "()", "%", "_"])
def test_signs_are_no_statement(opened: Callable[..., TestClient], copy: Path, asked: str) -> None:
    assert opened(copy.parent).get(f"/d/plain/t/dataset?q={quote(asked)}").status_code == 200


def test_a_few_hits_are_found_at_their_places(opened: Callable[..., TestClient], copy: Path) -> None:
    frame = synth.load(copy, "dataset")
    client = opened(copy.parent)
    for number in (0, 3, len(frame) - 1):
        label = frame["label"].iloc[number]
        for more in ("", "&sort=id", "&f.origin=level1&f.origin=level2&f.origin=level3"):
            answer = client.get(f"/d/plain/t/dataset?q={quote(label)}{more}")
            assert answer.status_code == 200 and number in rows_of(Page(answer.text))


def test_an_index_of_other_rows_is_not_asked(opened: Callable[..., TestClient], copy: Path) -> None:
    client = opened(copy.parent)
    client.get("/d/plain/t/dataset?q=a")
    old = next((copy / "view").glob("search-dataset-*"))
    file = next((copy / "dataset" / "questions").glob("*.parquet"))
    os.utime(file, (1, 1))
    os.utime(copy / "dataset" / "stats.json", (1, 1))
    client.get("/d/plain/t/dataset?q=a")
    new = next((copy / "view").glob("search-dataset-*"))
    assert new != old and not old.exists()


def test_a_damaged_index_is_told(opened: Callable[..., TestClient], copy: Path) -> None:
    client = opened(copy.parent)
    client.get("/d/plain/t/dataset?q=a")
    next((copy / "view").glob("search-dataset-*")).write_bytes(b"no database" * 100)
    answer = client.get("/d/plain/t/dataset?q=word")
    assert answer.status_code == 400 and "made anew" in answer.text


def test_until_the_index_is_there_rows_are_read_through(
    opened: Callable[..., TestClient], copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from synth.errors import StoreError
    from synth.view import index

    def full(*_: object) -> Path:
        raise StoreError("No space is left.")

    monkeypatch.setattr(index, "build", full)
    client = opened(copy.parent)
    label = synth.load(copy, "dataset")["label"].iloc[3]
    page = client.get(f"/d/plain/t/dataset?q={quote(label)}").text
    assert 3 in rows_of(Page(page)) and "rows are read through" in page


def test_a_large_table_is_indexed_in_the_background(
    opened: Callable[..., TestClient], copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    monkeypatch.setattr(search, "SMALL", 0)
    client = opened(copy.parent)
    assert client.get("/d/plain/t/dataset?q=zzz").status_code == 200
    until = time.monotonic() + 30
    while not list((copy / "view").glob("search-dataset-*.sqlite")):
        assert time.monotonic() < until
        time.sleep(0.05)
    assert "No row has all of this" in client.get("/d/plain/t/dataset?q=zzz").text


def test_an_index_that_is_being_made_ends_with_the_viewer(
    opened: Callable[..., TestClient], copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    from synth.view import index

    begun, texts = threading.Event(), index._texts

    def endless(*args: Any) -> Iterator[list[str]]:
        begun.set()
        while True:
            yield from texts(*args)

    monkeypatch.setattr(search, "SMALL", 0)
    monkeypatch.setattr(index, "_texts", endless)
    client = opened(copy.parent)
    client.get("/d/plain/t/dataset?q=zzz")
    assert begun.wait(30)
    site = client.app.state.site  # type: ignore[attr-defined]
    at_work = list(site.indexes._threads)
    site.close()
    assert at_work and not any(thread.is_alive() for thread in at_work)
    assert not list((copy / "view").glob(".search-*"))


def test_what_a_killed_build_left_is_removed(opened: Callable[..., TestClient], copy: Path) -> None:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    (copy / "view").mkdir()
    left, mine = (copy / "view" / f".search-x-0.sqlite.{pid}.tmp" for pid in (done.pid, os.getppid()))
    left.touch()
    mine.touch()
    opened(copy.parent).get("/d/plain/t/dataset?q=a")
    assert not left.exists() and mine.exists()


def test_of_loose_files_the_last_indexes_are_kept(
    opened: Callable[..., TestClient], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from synth.view import index

    monkeypatch.setattr(index, "MOST_KEPT", 3)
    kept = tmp_path / "caches" / "synth" / "view"
    for number in range(5):
        file = tmp_path / "loose" / f"t{number}.parquet"
        file.parent.mkdir(exist_ok=True)
        pq.write_table(pa.table({"q": [f"word{number} is long enough", "b"]}), file)
        assert "1 is long" in opened(file).get(f"/d/{file.name}/t/{file.stem}?q=word1").text or number != 1
        for place, old in enumerate(sorted(kept.glob("*.sqlite"), key=lambda one: one.stat().st_mtime_ns)):
            os.utime(old, (1_000 * number + place, 1_000 * number + place))
    assert {path.name.split("-")[1] for path in kept.glob("*.sqlite")} == {"t2", "t3", "t4"}


def test_a_table_without_end_is_not_indexed_by_itself(
    opened: Callable[..., TestClient], copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "MOST_INDEXED", 3)
    client = opened(copy.parent)
    label = synth.load(copy, "dataset")["label"].iloc[3]
    page = client.get(f"/d/plain/t/dataset?q={quote(label)}").text
    assert 3 in rows_of(Page(page)) and "synth index" in page
    assert not list((copy / "view").glob("*.sqlite"))
