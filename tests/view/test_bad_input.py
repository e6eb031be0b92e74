"""Whatever lies in a folder or stands in an address: an answer with a sentence, never a fault of the server."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, urlencode

import hypothesis.strategies as st
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from starlette.testclient import TestClient

from synth.view import rows
from synth.view.app import LOG, create
from tests.view import hostile
from tests.view.pages import Page, assert_inert

Opened = Callable[..., TestClient]
PAGES = ("t/dataset", "t/dataset/row/0", "stats", "graph", "prompts", "progress", "rejected", "t/rejected")
COLUMNS = ("id", "question", "origin", "concepts", "pass_rate", "agreement", "nothing", "", '"', "a.b")


@pytest.fixture
def copy(runs: Path, tmp_path: Path) -> Path:
    """A copy of a run, to be damaged, beside a whole one."""
    for name in ("rich", "plain"):
        shutil.copytree(runs / name, tmp_path / "copies" / name)
    return tmp_path / "copies" / "rich"


def assert_told(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code in (200, 303, 400, 404), path
    if answer.status_code in (400, 404):
        assert len(Page(answer.text).text.split()) > 5
    if answer.headers.get("content-type", "").startswith("text/html"):
        assert_inert(answer.text)


@pytest.mark.parametrize("bytes_left", [0, 3, 1000, -1])
def test_a_damaged_file_is_told(opened: Opened, copy: Path, bytes_left: int) -> None:
    for file in copy.rglob("*.parquet"):
        content = file.read_bytes()
        file.write_bytes(
            content[:bytes_left] if bytes_left >= 0 else b"PAR1" + bytes(len(content) - 8) + content[-4:]
        )
    client = opened(copy.parent)
    for page in PAGES:
        assert_told(client, f"/d/rich/{page}")
    answer = client.get("/d/rich/t/dataset")
    assert answer.status_code == 400 and "damaged" in answer.text
    assert client.get("/").status_code == 200
    assert client.get("/d/plain/t/dataset").status_code == 200


def test_damage_in_the_midst_is_told(opened: Opened, copy: Path) -> None:
    file = next((copy / "dataset" / "questions").glob("*.parquet"))
    content = bytearray(file.read_bytes())
    content[4 : len(content) // 2] = bytes(len(content) // 2 - 4)
    file.write_bytes(content)
    client = opened(copy.parent)
    for page in PAGES:
        assert_told(client, f"/d/rich/{page}")


@pytest.mark.parametrize("name", ["_manifest.json", "run_report.json", "stats.json", "run.toml"])
@pytest.mark.parametrize(
    "content",
    [
        "", "{", "[]", "null", '{"tries": 3}', "[" * 100_000, '{"words": 5, "rows": [1]}',
        '{"words": {"question": {"p5": "a"}}, "funnel": 5, "sources": -1}',
        '{"cross_document": ' + "9" * 400 + ', "funnel": [{"stage": 1, "outputs": "x"}]}',
    ],
)  # fmt: skip
def test_damaged_records_are_told(opened: Opened, copy: Path, name: str, content: str) -> None:
    for file in copy.rglob(name):
        file.write_text(content)
    client = opened(copy.parent)
    assert client.get("/").status_code == 200
    for page in PAGES:
        assert_told(client, f"/d/rich/{page}")
    assert_told(client, "/compare?a=rich&b=plain")


def test_a_run_of_a_newer_schema_shows_what_was_published(opened: Opened, copy: Path) -> None:
    for file in copy.rglob("_manifest.json"):
        file.write_text(json.dumps({**json.loads(file.read_text()), "schema_version": 99}))
    client = opened(copy.parent)
    assert client.get("/d/rich/t/dataset").status_code == 200
    assert client.get("/d/rich/t/dataset/row/0").status_code == 200
    assert client.get("/d/rich/t/mentions").status_code == 404
    for page in PAGES:
        assert_told(client, f"/d/rich/{page}")


def test_a_run_that_is_going_on_shows_what_is_there(opened: Opened, copy: Path) -> None:
    shutil.rmtree(copy / "dataset")
    for stage in ("06_screen", "07_judge", "08_answers", "09_difficulty", "10_dataset"):
        (copy / stage / "_manifest.json").unlink()
    client = opened(copy.parent)
    assert client.get("/d/rich").headers["location"] == "/d/rich/t/questions"
    for page in ("t/questions", "t/questions/row/0", *PAGES):
        assert_told(client, f"/d/rich/{page}")
    for manifest in copy.rglob("_manifest.json"):
        manifest.unlink()
    assert client.get("/d/rich").headers["location"] == "/d/rich/progress"


def test_tables_that_do_not_fit_each_other_are_told(opened: Opened, copy: Path) -> None:
    for name in ("03_graph/incidence", "04_combinations", "05_questions", "02_concepts"):
        for file in (copy / name).glob("*.parquet"):
            table = pq.read_table(file, partitioning=None)
            odd = [pa.nulls(len(table), field.type) if pa.types.is_list(field.type) else table[field.name]
                   for field in table.schema]  # fmt: skip
            pq.write_table(pa.table(odd, names=table.schema.names), file)
    client = opened(copy.parent)
    for page in (*PAGES, "t/combinations/row/0", "t/questions/row/0", "t/mentions/row/0"):
        assert_told(client, f"/d/rich/{page}")


def test_a_folder_that_vanishes_is_told(opened: Opened, copy: Path) -> None:
    client = opened(copy.parent)
    assert client.get("/d/rich/t/dataset").status_code == 200
    shutil.rmtree(copy)
    for page in PAGES:
        answer = client.get(f"/d/rich/{page}")
        assert answer.status_code == 404 and "no run" in answer.text
    assert client.get("/d/plain/t/dataset").status_code == 200
    shutil.rmtree(copy.parent)
    assert client.get("/").status_code == 200


def test_files_that_vanish_are_told(opened: Opened, copy: Path) -> None:
    client = opened(copy.parent)
    assert client.get("/d/rich/t/dataset").status_code == 200
    for file in copy.rglob("*.parquet"):
        file.unlink()
    for page in PAGES:
        assert_told(client, f"/d/rich/{page}")


def test_hostile_rows_stay_text(opened: Opened, tmp_path: Path) -> None:
    client = opened(hostile.write(tmp_path / "bad"))
    table = client.get("/d/bad").headers["location"]
    page = assert_inert(client.get(table).text)
    rows = len(hostile.TEXTS)
    shown = " ".join(assert_inert(client.get(f"{table}/row/{number}").text).text for number in range(rows))
    assert "<script>document.title='owned'</script>" in shown
    assert "{{ 7 * 7 }}" in shown and "49" not in shown.split()
    assert "⟨U+202E⟩" in shown and "\u202e" not in shown and "\x1b" not in shown
    assert "javascript:alert(1)" in shown
    for href in page.links():
        assert_told(client, href if href.startswith("/") else table + href)
    for text in hostile.TEXTS:
        for name in ("origin", "question", "concepts", hostile.COLUMN):
            assert_told(client, f"{table}?{urlencode({f'f.{name}': text[:390]})}")
        assert_told(client, f"{table}?q={quote(text[:390])}")
    assert_told(client, "/d/bad/stats")


def test_a_long_text_is_shown_in_part_and_whole_when_asked(opened: Opened, tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["word " * 200_000, "b " * 9]}), tmp_path / "long.parquet")
    client = opened(tmp_path / "long.parquet")
    assert len(client.get("/d/long.parquet/t/long").content) < 60_000
    short = client.get("/d/long.parquet/t/long/row/0").text
    assert "Show more" in short and short.count("word") < 10_000
    assert client.get("/d/long.parquet/t/long/row/0?whole=1").text.count("word") > 100_000


def test_odd_tables_open(opened: Opened, tmp_path: Path) -> None:
    odd = {
        "empty": pa.table({"a": pa.array([], pa.string()), "b": pa.array([], pa.float64())}),
        "nulls": pa.table({"a": pa.array([None, None], pa.string()), "b": pa.array([None, None], pa.int64())}),
        "nan": pa.table({"x": pa.array([float("nan"), float("inf"), 1.0, None])}),
        "types": pa.table(
            {
                "when": pa.array([1, 2], pa.timestamp("us", "UTC")), "bytes": pa.array([b"\xff\x00", b"a"]),
                "nested": pa.array([{"a": [1]}, None]), "flags": pa.array([True, False]),
                "words": pa.array(["a", "b"]).dictionary_encode(), "big": pa.array([2**62, 1]),
                "lists": pa.array([[["deep"]], []]),
            }
        ),
        "no columns": pa.table({"a": [1]}).drop_columns(["a"]),
    }  # fmt: skip
    for name, table in odd.items():
        pq.write_table(table, tmp_path / f"{name}.parquet")
    client = opened(tmp_path)
    base = f"/d/{tmp_path.name}"
    for name, table in odd.items():
        for page in (f"t/{quote(name)}", f"t/{quote(name)}/row/0", f"t/{quote(name)}/rows.jsonl"):
            assert client.get(f"{base}/{page}").status_code in (200, 400), page
        assert client.get(f"{base}/t/{quote(name)}").status_code == 200 or not table.num_columns
        for column in table.column_names:
            for asked in (f"sort={column}", f"f.{column}=1", f"none={column}", f"col={column}"):
                assert_told(client, f"{base}/t/{quote(name)}?{asked}")


def test_files_of_one_table_may_lack_columns(opened: Opened, tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": ["x", "y"], "b": [1, 2]}), tmp_path / "train-00000-of-00002.parquet")
    pq.write_table(pa.table({"a": ["z"]}), tmp_path / "train-00001-of-00002.parquet")
    client = opened(tmp_path)
    page = client.get(f"/d/{tmp_path.name}/t/train").text
    assert "<strong>3</strong> of 3 rows" in page
    assert "z" in client.get(f"/d/{tmp_path.name}/t/train/row/2").text
    assert "<strong>1</strong> of" in client.get(f"/d/{tmp_path.name}/t/train?none=b").text


NAMES = st.sampled_from(
    ["q", "sort", "page", "size", "col", "none", "i", "whole", "token", *(f"f.{name}" for name in COLUMNS)]
)
VALUES = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        ["0", "1", "-1", "99999999999999999999", "1e999", "nan", "..", "1..", "..1", "5..1", "inf..-inf"]
    ),
    st.sampled_from(["true", "level2", "-label", "NEAR(a", '"', "'", "%", "*", "\\", "\x00", "﻿", "a" * 500]),
    st.sampled_from([*COLUMNS, *(f"-{name}" for name in COLUMNS)]),
)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    page=st.sampled_from(["t/dataset", "t/rejected", "t/dataset/row/0", "t/dataset/rows.jsonl", "stats"]),
    query=st.lists(st.tuples(NAMES, VALUES), max_size=6),
)
def test_no_query_is_a_fault_of_the_server(
    client: TestClient, page: str, query: list[tuple[str, str]]
) -> None:
    answer = client.get(f"/d/rich/{page}?{urlencode(query, errors='surrogatepass')}")
    assert answer.status_code in (200, 400)
    if answer.headers["content-type"].startswith("text/html"):
        assert_inert(answer.text)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.text(max_size=40), query=st.binary(max_size=60))
def test_no_address_is(client: TestClient, path: str, query: bytes) -> None:
    for base in (
        "/",
        "/d/",
        "/d/rich/",
        "/d/rich/t/",
        "/d/rich/t/dataset/row/",
        "/d/rich/concept/",
        "/d/rich/prompts/",
    ):
        answer = client.get(f"{base}{quote(path, errors='surrogatepass')}?{quote(query)}")
        assert answer.status_code in (200, 303, 400, 404)


def test_a_fault_that_nobody_foresaw_is_a_page_and_its_text_is_not_logged(
    runs: Path, caches: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the text of a row")

    monkeypatch.setattr(rows, "fetch", fail)
    # A server of Prefect in this process, of another test, has silenced the loggers that were there.
    monkeypatch.setattr(LOG, "disabled", False)
    monkeypatch.setattr(LOG, "propagate", True)
    app = create(runs)
    client = TestClient(app, base_url="http://127.0.0.1")
    answer = client.get("/d/rich/t/dataset/row/0")
    app.state.site.close()
    assert answer.status_code == 400 and "not made for" in answer.text
    assert "RuntimeError in test_bad_input.py" in caplog.text
    assert "text of a row" not in caplog.text + answer.text
