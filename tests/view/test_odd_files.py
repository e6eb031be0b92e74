"""Parquet as others write it, and as an attacker would: shown whole, or refused with a sentence; never wrong."""

import base64
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from starlette.testclient import TestClient

from synth.view import slowly
from tests.view.pages import Page

Opened = Callable[..., TestClient]
ROW = ("t/t", "t/t/row/0", "stats", "t/t/rows.jsonl", "t/t/rows.parquet", "t/t?q=low")


def of(opened: Opened, folder: Path, cells: dict[str, Any] | pa.Table) -> tuple[TestClient, str]:
    folder.mkdir(exist_ok=True)
    pq.write_table(cells if isinstance(cells, pa.Table) else pa.table(cells), folder / "t.parquet")
    return opened(folder), f"/d/{folder.name}"


@pytest.mark.parametrize(
    "cells",
    [
        {"Question": ["up"], "question": ["low"]},
        {"A": [1], "a": ["low"]},
        pa.Table.from_arrays([pa.array(["up"]), pa.array(["low"])], names=["q", "q"]),
        {"": ["low"], "q": ["x"]},
        {"file_row_number": [7], "q": ["low"]},
        {"File_Index": [7], "q": ["low"]},
    ],
)
def test_columns_that_would_be_mixed_up_are_refused(opened: Opened, tmp_path: Path, cells: Any) -> None:
    client, base = of(opened, tmp_path / "odd", cells)
    for page in ROW:
        answer = client.get(f"{base}/{page}")
        assert answer.status_code == 400 and "other names" in answer.text, page


def test_other_letters_have_their_case(opened: Opened, tmp_path: Path) -> None:
    client, base = of(opened, tmp_path / "odd", {"É": ["up"], "é": ["low"]})
    assert json.loads(client.get(f"{base}/t/t/rows.jsonl").text) == {"É": "up", "é": "low"}
    assert client.get(f"{base}/t/t").status_code == 200


def test_a_name_of_a_column_that_is_no_text_is_refused(opened: Opened, tmp_path: Path) -> None:
    client, base = of(opened, tmp_path / "odd", {"q": ["x"]})
    file = tmp_path / "odd" / "t.parquet"
    pq.write_table(pa.table({"colname": ["a"], "q": ["x"]}), file, store_schema=False)
    file.write_bytes(file.read_bytes().replace(b"colname", b"col\xffame"))
    for page in ROW:
        answer = client.get(f"{base}/{page}")
        assert answer.status_code == 400 and "columns" in answer.text, page


def test_a_name_of_a_folder_is_no_column(opened: Opened, tmp_path: Path) -> None:
    for name in ("en", "de"):
        (tmp_path / "all" / f"lang={name}").mkdir(parents=True)
        file = tmp_path / "all" / f"lang={name}" / "p.parquet"
        pq.write_table(pa.table({"lang": [f"real {name}"] * 3, "q": ["a", "b", "c"]}), file)
    client = opened(tmp_path / "all")
    base = f"/d/all/t/{quote('lang=en', safe='')}"
    taken = [json.loads(line)["lang"] for line in client.get(f"{base}/rows.jsonl").text.splitlines()]
    assert taken == ["real en"] * 3
    assert "real en" in client.get(f"{base}?col=lang").text and "real en" in client.get(f"{base}/row/1").text
    assert "<strong>3</strong> of 3" in client.get(f"{base}?f.lang=real+en").text


def test_many_columns_of_words_are_counted(opened: Opened, tmp_path: Path) -> None:
    client, base = of(opened, tmp_path / "wide", {f"c{i}": ["a", "b", "a", "b", "a"] for i in range(130)})
    for page in ("t/t", "stats", "t/t?f.c0=a", "t/t?f.c129=a"):
        assert client.get(f"{base}/{page}").status_code == 200, page
    assert "<strong>3</strong> of 5" in client.get(f"{base}/t/t?f.c129=a").text


def test_ends_that_no_float_holds_apart(opened: Opened, tmp_path: Path) -> None:
    far = pa.array([-1.7e308, 1.7e308, 0.0])
    client, base = of(opened, tmp_path / "far", {"q": ["e", "f", "g"], "x": far})
    for page in ROW:
        assert client.get(f"{base}/{page}").status_code == 200, page
    assert "<strong>2</strong> of 3" in client.get(f"{base}/t/t?f.x=0..").text


def test_a_folder_with_the_name_of_a_file(opened: Opened, tmp_path: Path) -> None:
    (tmp_path / "spark" / "data.parquet").mkdir(parents=True)
    pq.write_table(pa.table({"q": ["e", "f"]}), tmp_path / "spark" / "data.parquet" / "part-0.parquet")
    client = opened(tmp_path / "spark")
    first = client.get("/d/spark").headers["location"]
    assert "<strong>2</strong> of 2" in client.get(first).text


@pytest.mark.parametrize("name", ["two\nlines", "end\n"])
def test_a_name_with_a_line_end_has_its_pages(opened: Opened, tmp_path: Path, name: str) -> None:
    for folder in (name, "other"):
        (tmp_path / "all" / folder).mkdir(parents=True)
        pq.write_table(pa.table({"q": ["e", "f"]}), tmp_path / "all" / folder / "t.parquet")
    client = opened(tmp_path / "all")
    base = f"/d/all/t/{quote(name, safe='')}"
    for page in ("", "/row/1", "/rows.jsonl"):
        assert client.get(base + page).status_code == 200, page
    assert f"{base}/row/1" in client.get(base).text or f"{base}/row/1" in "".join(
        Page(client.get(base).text).links()
    )


def test_every_type_is_taken_away_as_it_is(opened: Opened, tmp_path: Path) -> None:
    cells = pa.table(
        {
            "when": pa.array([2**62, 0, None], pa.timestamp("us")),
            "zone": pa.array([2**62, 0, None], pa.timestamp("us", "UTC")),
            "took": pa.array([1, 2, None], pa.duration("us")),
            "word": pa.array(["a", "b", "a"]).dictionary_encode(),
            "large": pa.array(["a", None, "b"], pa.large_string()),
            "bytes": pa.array([b"\xff\x00", b"a", None]),
            "exact": pa.array([Decimal("1.5"), None, Decimal("-2.25")], pa.decimal128(30, 2)),
            "parts": pa.array([{"a": [b"\xff"]}, None, {"a": []}]),
        }
    )
    client, base = of(opened, tmp_path / "types", cells)
    taken = pq.read_table(io.BytesIO(client.get(f"{base}/t/t/rows.parquet").content))
    for name in cells.column_names:
        assert taken[name].equals(cells[name]) or taken[name].cast(pa.string()).equals(
            cells[name].cast(pa.string())
        ), name
        assert taken.schema.field(name).type == cells.schema.field(name).type


def test_rows_are_taken_away_in_their_order_from_several_files(opened: Opened, tmp_path: Path) -> None:
    (tmp_path / "many").mkdir()
    for part, more in ((0, {}), (1, {"only": ["x", "y", "z"]})):
        numbers = [part, part + 10, part + 20]
        pq.write_table(
            pa.table({"n": numbers, "q": [f"row {n}" for n in numbers], **more}),
            tmp_path / "many" / f"train-0000{part}-of-00002.parquet",
        )
    client = opened(tmp_path / "many")
    taken = pq.read_table(io.BytesIO(client.get("/d/many/t/train/rows.parquet?sort=-n").content))
    assert taken["n"].to_pylist() == [21, 20, 11, 10, 1, 0]
    assert taken["q"].to_pylist() == [f"row {n}" for n in (21, 20, 11, 10, 1, 0)]
    assert taken["only"].to_pylist() == ["z", None, "y", None, "x", None]


def test_numbers_of_many_digits_are_taken_away(opened: Opened, tmp_path: Path) -> None:
    exact = pa.array([Decimal("1.5"), Decimal("9" * 50), None], pa.decimal256(60, 2))
    nested = pa.array([[Decimal("1.5")], None, []], pa.list_(pa.decimal256(60, 2)))
    client, base = of(opened, tmp_path / "types", {"x": exact, "n": nested})
    taken = pq.read_table(io.BytesIO(client.get(f"{base}/t/t/rows.parquet").content))
    assert taken["x"].to_pylist() == [1.5, 1e50, None] and taken["n"].to_pylist() == [[1.5], None, []]


def test_bytes_and_maps_are_taken_away_as_json(opened: Opened, tmp_path: Path) -> None:
    cells = {
        "b": pa.array([b"\xff\x00"]),
        "m": pa.array([[(1, "a")]], pa.map_(pa.int32(), pa.string())),
        "t": pa.array([datetime(2020, 1, 2, tzinfo=UTC)]),
    }
    client, base = of(opened, tmp_path / "types", cells)
    (line,) = client.get(f"{base}/t/t/rows.jsonl").text.splitlines()
    row = json.loads(line)
    assert base64.b64decode(row["b"]) == b"\xff\x00" and row["m"] == {"1": "a"}
    assert row["t"].startswith("2020-01-0")


def test_rows_too_large_for_duckdb_are_read_one_after_another(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = "A long line of a book. " * 9_000
    texts = [f"{i} {book}" for i in range(2_100)]
    cells: dict[str, Any] = {"q": texts, "tags": [["a", "b"]] * 2_100, "n": list(range(2_100))}
    client, base = of(opened, tmp_path / "books", cells)
    page = client.get(f"{base}/t/t?sort=-n&page=2").text
    assert "2049 A long line" in page and len(page) < 400_000
    assert "100 A long line" in client.get(f"{base}/t/t/row/100").text
    monkeypatch.setattr(slowly, "MOST_BYTES", 1_000)
    answer = client.get(f"{base}/t/t/row/100")
    assert answer.status_code == 400 and "memory" in answer.text


def test_what_may_not_be_missing_is_taken_away_so(opened: Opened, tmp_path: Path) -> None:
    (tmp_path / "some").mkdir()
    sure, parts = pa.field("a", pa.int64(), False), pa.field("x", pa.int64(), False)
    whole = pa.schema([sure, pa.field("b", pa.int64(), False), pa.field("s", pa.struct([parts]), False)])
    rows = [{"a": 1, "b": 2, "s": {"x": 3}}]
    pq.write_table(pa.Table.from_pylist(rows, whole), tmp_path / "some" / "t-00000.parquet")
    pq.write_table(pa.Table.from_pylist([{"a": 4}], pa.schema([sure])), tmp_path / "some" / "t-00001.parquet")
    taken = pq.read_table(io.BytesIO(opened(tmp_path / "some").get("/d/some/t/t/rows.parquet").content))
    assert taken.to_pylist() == [*rows, {"a": 4, "b": None, "s": None}]
    assert [field.nullable for field in taken.schema] == [False, True, True]
