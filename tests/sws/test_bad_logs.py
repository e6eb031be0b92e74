"""Logs that are large, late, nested, packed or of odd types: what they cost, and what is said of them."""

import gzip
import json
import os
import time
import tracemalloc
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synth.errors import ConfigError
from synth.rollouts import read as rollouts
from synth.sws import files
from synth.sws.find import find
from synth.sws.read import Read, read_histories
from tests.sws.logs import Row, wide, written


def by_problem(read: Read, column: str = "accuracies") -> dict[str, Any]:
    return dict(zip(read.histories["problem"].to_pylist(), read.histories[column].to_pylist(), strict=True))


def one_log(tmp_path: Path, columns: dict[str, Any]) -> Read:
    pq.write_table(pa.table(columns), tmp_path / "log.parquet")
    return read_histories([tmp_path / "log.parquet"])


@pytest.mark.parametrize("kind", ["log.jsonl", "log.csv"])
def test_a_column_that_comes_late_counts_in_any_order(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "LINES", 4)
    early: list[Row] = [{"problem": f"p{n}", "score": 0, "step": 1} for n in range(9)]
    late = [{"problem": f"q{n}", "correct": False, "step": 1, "category": "Algebra"} for n in range(3)]
    found: list[Any] = []
    for rows in (early + late, late + early):
        whole = [
            {"problem": "", "score": None, "correct": None, "step": None, "category": None} | r for r in rows
        ]
        path = written(tmp_path / str(len(found)) / kind, whole if kind.endswith("csv") else rows)
        done = find([path], tmp_path / f"out{len(found)}")
        found.append((done.weaknesses.to_pylist(), done.categories.to_pylist(), done.rejected.num_rows))
    assert found[0] == found[1]
    # The column of the accuracy is `correct` for all rows, wherever its first value stands.
    assert [(one["category"], one["problems"]) for one in found[0][1]] == [("Algebra", 3)]


@pytest.mark.parametrize(
    "prompt", [[{"content": "x"}], [{"role": "user"}], [{"role": 1, "content": "x"}], [{}]], ids=str
)
def test_messages_that_say_nothing_have_no_problem(prompt: list[Any], tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", [{"prompt": prompt, "accuracy": 0}])
    with pytest.raises(
        ConfigError, match="none of its 1 rows can be used; the first says: it has no problem"
    ):
        read_histories([path])


@pytest.mark.parametrize("content", [b'"a"b,accuracy\n1,2\n', b"problem,accuracy\rp,0\rq,1\r"])
def test_a_head_that_is_no_csv_is_told(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_bytes(content)
    with pytest.raises(ConfigError, match=r"log.csv: its first line is no head of a CSV \(.*\); write"):
        read_histories([tmp_path / "log.csv"])


def test_what_nests_too_deep_costs_its_row(tmp_path: Path) -> None:
    deep = '{"problem": ' + "[" * 900 + "]" * 900 + ', "accuracy": 0}\n'
    (tmp_path / "log.jsonl").write_text(deep + json.dumps({"problem": "a", "accuracy": 0}))
    read = read_histories([tmp_path / "log.jsonl"])
    assert [(row.reason, row.detail) for row in read.rejected] == [("unreadable", "nested too deep")]
    assert by_problem(read) == {"a": [0.0]}


BINARY = (pa.dictionary(pa.int32(), pa.binary()), pa.binary_view(), pa.large_binary(), pa.binary(1))


@pytest.mark.parametrize("kind", BINARY, ids=str)
def test_bytes_that_are_no_text_are_read_as_far_as_they_can_be(kind: pa.DataType, tmp_path: Path) -> None:
    values = [b"a", b"\xff", b"a"]
    texts = pa.array(values).dictionary_encode() if pa.types.is_dictionary(kind) else pa.array(values, kind)
    read = one_log(tmp_path, {"problem": texts, "reward": [0, 1, 1]})
    assert by_problem(read) == {"a": [0.5], "\ufffd": [1.0]}


def test_strings_that_are_not_utf_8_are_told(tmp_path: Path) -> None:
    broken = pa.Array.from_buffers(pa.string(), 1, pa.array([b"\xff"]).buffers())
    with pytest.raises(ConfigError, match=r"log.parquet cannot be read \(.*\); is it whole"):
        one_log(tmp_path, {"problem": broken, "reward": [0]})


def test_views_of_text_are_visits_and_lists(tmp_path: Path) -> None:
    visits = pa.array(["step2", "1"], pa.string_view())
    assert by_problem(one_log(tmp_path, {"problem": ["a", "a"], "step": visits, "reward": [0, 1]})) == {
        "a": [1.0, 0.0]
    }
    lists = pa.array(["[0, 1]"], pa.string_view())
    assert by_problem(one_log(tmp_path, {"problem": ["a"], "accs": lists})) == {"a": [0.0, 1.0]}


def test_long_names_of_visits_take_no_time(tmp_path: Path) -> None:
    names = ["1" * 100_000 + "a1b1", "a1" * 50_000 + "b", "1" + "a" * 100_000 + "7", "2" * 100_000 + "b"]
    rows = [{"problem": f"p{n}", "accuracy": 0, "visit": name} for n, name in enumerate(names)]
    start = time.process_time()
    read = read_histories([written(tmp_path / "log.jsonl", rows)])
    # By squares this would be minutes; it is milliseconds.
    assert time.process_time() - start < 20
    assert sorted(by_problem(read)) == ["p0", "p1", "p2"]


def test_responses_are_not_held(tmp_path: Path) -> None:
    rows = [{"problem": f"p{n}", "correct": 0, "response": f"{n} " * 5_000} for n in range(2_000)]
    path = written(tmp_path / "log.jsonl", rows)
    (log,) = files.logs([path])
    tracemalloc.start()
    try:
        assert sum(len(block.rows) for block in files.blocks(log, {}, [])) == 2_000
        assert tracemalloc.get_traced_memory()[1] < path.stat().st_size / 10
    finally:
        tracemalloc.stop()


def test_a_block_of_long_problems_ends_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LINE_BYTES", 1_000)
    (log,) = files.logs(
        [written(tmp_path / "log.jsonl.gz", wide(**{f"{n} " * 150: [0.5] for n in range(9)}))]
    )
    assert [len(block.rows) for block in files.blocks(log, {}, [])] == [4, 4, 1]


def test_a_line_without_an_end_is_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(rollouts.lines(BytesIO(b"x" * 11 + b"\n\nyz"), 4)) == [b"xxxxx", b"\n", b"yz"]
    monkeypatch.setattr(rollouts, "MAX_FIELD", 1 << 20)
    good = json.dumps({"problem": "a", "accs": [0.5]})
    path = tmp_path / "log.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"problem": "' + b"a" * (50 << 20) + b'"}\n' + good.encode()))
    tracemalloc.start()
    try:
        read = read_histories([path])
        assert tracemalloc.get_traced_memory()[1] < 10 << 20
    finally:
        tracemalloc.stop()
    assert [row.detail for row in read.rejected] == ["longer than 1,048,576 bytes"]
    assert by_problem(read) == {"a": [0.5]}


def test_a_folder_of_many_files_is_read_through_once(tmp_path: Path) -> None:
    for n in range(12_000):
        path = tmp_path / f"{n % 2}" / f"{n // 2}.jsonl"
        path.parent.mkdir(exist_ok=True)
        path.touch()
    start = time.process_time()
    names = [log.name for log in files.logs([tmp_path])]
    # Each name compared with each other one takes minutes.
    assert time.process_time() - start < 20
    assert len(set(names)) == 12_000 and "0/7.jsonl" in names


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_what_is_no_file_is_no_log(tmp_path: Path) -> None:
    written(tmp_path / "a.jsonl", wide(a=[0.5]))
    os.mkfifo(tmp_path / "z.jsonl")
    (tmp_path / "b.jsonl").mkdir()
    assert [log.name for log in files.logs([tmp_path])] == ["a.jsonl"]
