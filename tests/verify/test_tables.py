"""Tables that are read row by row: what comes late in a file is kept as what comes first."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synth.dedup.deduplicate import deduplicate
from synth.dedup.tables import options_of
from synth.errors import ConfigError
from synth.verify import tables
from synth.verify.tables import BATCH_ROWS, batches, check
from tests.dedup.test_phases import told


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    content = "".join(json.dumps(row) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def read(path: Path) -> pa.Table:
    return pa.Table.from_batches(batches([path], []))


@pytest.mark.parametrize(
    ("first", "late", "kind", "kept"),
    [
        (1, [2.5, None], pa.float64(), [1.0, 2.5, None]),
        (1, [2**60], pa.int64(), [1, 2**60]),
        (1, [2**70], pa.string(), ["1", str(2**70)]),
        (2**60 + 1, [0.5], pa.string(), [str(2**60 + 1), "0.5"]),
        (1, ["x"], pa.string(), ["1", "x"]),
        (1.5, ["x", [1]], pa.string(), ["1.5", "x", "[1]"]),
        (None, [7], pa.int64(), [None, 7]),
        (True, [False], pa.bool_(), [True, False]),
        (True, [0], pa.string(), ["true", "0"]),
        (None, [], pa.string(), [None]),
    ],
)
@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_types_are_those_of_all_rows(
    tmp_path: Path, name: str, first: Any, late: list[Any], kind: pa.DataType, kept: list[Any]
) -> None:
    rows = [{"n": first}] * BATCH_ROWS + [{"n": value} for value in late]
    path = written(tmp_path / name, rows)
    assert check([path], ["n"]).field("n").type == kind
    found = read(path)["n"]
    assert found.type == kind
    assert found.to_pylist()[BATCH_ROWS - 1 :] == kept


def test_a_column_that_comes_late_is_there(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", [{"q": "x"}] * BATCH_ROWS + [{"q": "y", "late": 3}])
    assert check([path], ["late"]).names == ["q", "late"]
    assert read(path)["late"].to_pylist()[-2:] == [None, 3]


def test_the_better_row_stays_where_its_quality_is_of_another_type(tmp_path: Path) -> None:
    text = "the same long question about rings and fields in algebra"
    rows = [{"id": str(n), "question": f"w{n}", "quality": 1} for n in range(BATCH_ROWS)]
    rows += [{"id": "bad", "question": text, "quality": 1}, {"id": "good", "question": text, "quality": 9.5}]
    options = options_of(**told(quality="quality"))
    deduplicate([written(tmp_path / "a.jsonl", rows)], tmp_path / "out", options)
    (gone,) = pq.read_table(tmp_path / "out" / "removed.parquet").to_pylist()
    assert (gone["id"], gone["dup_of"]) == ("bad", "good")
    assert pq.read_table(tmp_path / "out" / "kept.parquet")["quality"].to_pylist()[-1] == 9.5


def test_a_file_is_searched_for_its_columns_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, opened = written(tmp_path / "a.jsonl", [{"q": "x"}]), []
    inner: Callable[[Path], Any] = tables._opened
    monkeypatch.setattr(tables, "_opened", lambda path: opened.append(path) or inner(path))
    check([path], [])
    read(path)
    read(path)
    assert len(opened) == 4  # once for the columns, and three times for rows
    written(path, [{"q": "x"}, {"other": 1}])
    assert read(path).column_names == ["q", "other"]


@pytest.mark.parametrize("then", [{"n": 2.5}, {"n": "x"}, {"more": 1}])
def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path, then: dict[str, Any]) -> None:
    path = written(tmp_path / "a.jsonl", [{"n": 1}] * 3 * BATCH_ROWS)
    found = batches([path], ["n"])
    next(found)
    written(path, [{"n": 1}] * BATCH_ROWS + [then] * 2 * BATCH_ROWS)
    with pytest.raises(ConfigError, match="changed while it was read|no JSON object"):
        list(found)


def test_names_without_end_are_no_columns(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", [{f"n{number}": 1} for number in range(10_001)])
    with pytest.raises(ConfigError, match="more than 10,000 columns"):
        check([path], [])


def test_a_line_that_is_no_row_costs_itself_only(tmp_path: Path) -> None:
    lines, commas = tmp_path / "a.jsonl", tmp_path / "b.csv"
    lines.write_text('{"q": "one"}\n{broken\n[1]\n{"q": "two"}\n')
    commas.write_text('q,n\n"three, whole",1\nfour, cut,2\nfive,3\n')
    read = [text for batch in batches([lines, commas], ["q"]) for text in batch["q"].to_pylist()]
    assert read == ["one", "two", "three, whole", "five"]
    assert tables.write_rejected([lines, commas], tmp_path) == 3
    found = pq.read_table(tmp_path / tables.REJECTED).to_pylist()
    assert [(row["file"], row["line"], row["row"]) for row in found] == [
        ("a.jsonl", 2, "{broken"),
        ("a.jsonl", 3, "[1]"),
        ("b.csv", 3, "four, cut,2"),
    ]
    assert tables.write_rejected([commas], tmp_path, with_text=False) == 1
    assert pq.read_table(tmp_path / tables.REJECTED)["row"].to_pylist() == [None]
    lines.write_text('{"q": "one"}\n')
    assert tables.write_rejected([lines], tmp_path) == 0 and not (tmp_path / tables.REJECTED).exists()


def test_a_file_of_which_no_line_is_a_row_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("[\n1\n]\n")
    with pytest.raises(ConfigError, match="line 1: no JSON object, nor is any other"):
        check([tmp_path / "a.jsonl"], [])
