"""Rollouts out of files: every row comes in or falls with its reason, whatever the file holds."""

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.errors import ConfigError, StoreError
from synth.rollouts.read import read_rollouts
from synth.rollouts.tables import ROLLOUTS
from tests.rollouts.tables import of, row, tables

GOOD: dict[str, Any] = {"problem": "What is 2 + 2?", "response": "It is 4.", "correct": True}


def put(folder: Path, *rows: dict[str, Any] | str, name: str = "r.jsonl") -> Path:
    path = folder / name
    text = "".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in rows)
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


def reasons(path: Path) -> dict[int, str]:
    return {int(r.row_id.partition("#")[2]): r.reason for r in read_rollouts(path).rejected}


def test_the_least_that_a_row_needs(tmp_path: Path) -> None:
    found = read_rollouts(put(tmp_path, GOOD))
    assert not found.rejected
    made = found.rollouts.to_pylist()[0]
    assert made["problem_id"].startswith("p_")
    assert made["rollout_id"].startswith("r_")
    assert {k: made[k] for k in ("visit", "sample", "answer", "truncated", "tokens", "model")} == {
        "visit": 0, "sample": 0, "answer": None, "truncated": False, "tokens": None, "model": "",
    }  # fmt: skip
    assert found.rollouts.schema.equals(ROLLOUTS.schema)


@pytest.mark.parametrize(
    "fault",
    [
        {"problem": ""},
        {"problem": None},
        {"response": None},
        {"response": 4},
        {"correct": "true"},
        {"correct": 1},
        {"correct": 1.0},
        {"visit": -1},
        {"visit": 0.5},
        {"sample": "0"},
        {"tokens": -1},
        {"tokens": 1 << 40},
        {"truncated": None},
        {"problem_id": ""},
        {"problem_id": ["x"]},
        {"answer": 4},
    ],
    ids=str,
)
def test_a_fault_costs_its_own_row(tmp_path: Path, fault: dict[str, Any]) -> None:
    path = put(tmp_path, GOOD, {**GOOD, **fault}, {**GOOD, "problem": "Another?"})
    assert reasons(path) == {1: "unreadable"}
    assert read_rollouts(path).rollouts.num_rows == 2
    assert next(iter(fault)) in read_rollouts(path).rejected[0].detail


def test_rows_that_are_none(tmp_path: Path) -> None:
    missing = {k: v for k, v in GOOD.items() if k != "correct"}
    path = put(
        tmp_path,
        "no JSON",
        "[1]",
        "",
        '{"problem": "\\ud800", "response": "", "correct": null}',
        missing,
        GOOD,
    )
    assert set(reasons(path).values()) == {"unreadable"}
    assert sorted(reasons(path)) == [0, 1, 3, 4]
    assert read_rollouts(path).rollouts.num_rows == 1


def test_a_student_that_answers_nothing_is_read(tmp_path: Path) -> None:
    found = read_rollouts(put(tmp_path, {**GOOD, "response": "", "correct": None}))
    assert found.rollouts["response"].to_pylist() == [""]
    assert found.rollouts["correct"].to_pylist() == [None]


def test_numbers_as_names_of_problems(tmp_path: Path) -> None:
    assert read_rollouts(put(tmp_path, {**GOOD, "problem_id": 17})).rollouts["problem_id"].to_pylist() == [
        "17"
    ]


def test_two_problems_under_one_number_all_fall(tmp_path: Path) -> None:
    mixed = [{**GOOD, "problem_id": "7"}, {**GOOD, "problem_id": "7", "problem": "Another?"}]
    labels = [{**GOOD, "problem_id": "8", "label": label} for label in ("4", "5", None)]
    path = put(tmp_path, *mixed, *labels, {**GOOD, "problem_id": "9"})
    assert reasons(path) == dict.fromkeys(range(5), "conflicting")
    assert read_rollouts(path).rollouts["problem_id"].to_pylist() == ["9"]


def test_the_same_rollout_again(tmp_path: Path) -> None:
    one = {**GOOD, "sample": 0}
    path = put(tmp_path, one, one, {**GOOD, "sample": 1}, {**GOOD, "sample": 1, "correct": False})
    assert reasons(path) == {1: "duplicate", 2: "conflicting", 3: "conflicting"}
    assert read_rollouts(path).rollouts["sample"].to_pylist() == [0]


@settings(deadline=None)
@given(st.permutations(range(6)))
def test_samples_without_a_number_do_not_depend_on_the_order(order: list[int]) -> None:
    from tempfile import TemporaryDirectory

    rows = [{**GOOD, "response": text} for text in "aabbbc"]
    with TemporaryDirectory() as folder:
        one = read_rollouts(put(Path(folder), *rows)).rollouts
        other = read_rollouts(put(Path(folder), *(rows[place] for place in order))).rollouts
    assert one.equals(other)
    assert one["sample"].to_pylist() == list(range(6))


@settings(deadline=None)
@given(tables())
def test_what_was_written_is_read(rollouts: pa.Table) -> None:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as name:
        folder = Path(name)
        pq.write_table(rollouts, folder / "r.parquet")
        (folder / "r.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rollouts.to_pylist()))
        with (folder / "r.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, ROLLOUTS.schema.names)
            writer.writeheader()
            writer.writerows(rollouts.to_pylist())
        read = [read_rollouts(folder / f"r.{kind}") for kind in ("parquet", "jsonl", "csv")]
    assert not any(r.rejected for r in read)
    assert read[0].rollouts.equals(read[1].rollouts)
    assert read[0].rollouts.equals(read[2].rollouts)
    texts = ("problem_id", "sample", "response", "correct", "tokens")
    wanted = sorted(tuple(r[k] for k in texts) for r in rollouts.to_pylist())
    assert sorted(tuple(r[k] for k in texts) for r in read[0].rollouts.to_pylist()) == wanted


def test_parquet_of_other_types_is_checked_row_by_row(tmp_path: Path) -> None:
    rows = [
        {**GOOD, "visit": 0, "tokens": 5},
        {**GOOD, "visit": -3, "tokens": 5},
        {**GOOD, "visit": 0, "problem": ""},
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "r.parquet")
    assert reasons(tmp_path / "r.parquet") == {1: "unreadable", 2: "unreadable"}
    ours = of([row("a", 0, "r"), row("a", 1, "w", tokens=-4), row("", 0, "r")])
    pq.write_table(ours, tmp_path / "ours.parquet")
    assert reasons(tmp_path / "ours.parquet") == {1: "unreadable", 2: "unreadable"}


def test_faults_of_csv(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_bytes(
        b'problem,response,correct,tokens\nWhat?,four,true,5\nWhat?,"two\nlines",false,6\n'
        b"What?,four\nWhat?,four,maybe,5\nWhat?,\xff,true,5\nWhat?,,,\n"
    )
    assert reasons(path) == {2: "unreadable", 3: "unreadable", 4: "unreadable"}
    read = read_rollouts(path).rollouts
    assert sorted(zip(read["response"].to_pylist(), read["correct"].to_pylist(), strict=True)) == [
        ("", None), ("four", True), ("two\nlines", False),
    ]  # fmt: skip


def test_packed_files(tmp_path: Path) -> None:
    assert read_rollouts(put(tmp_path, GOOD, name="r.jsonl.gz")).rollouts.num_rows == 1


@pytest.mark.parametrize(
    ("name", "content", "error", "words"),
    [
        ("r.txt", b"", ConfigError, "no table of rollouts"),
        ("r.csv", b"a,b\n1,2\n", ConfigError, "no column problem, response, correct"),
        ("r.parquet", b"PAR1 none", StoreError, "cannot be read"),
        ("r.jsonl.gz", b"no gzip", StoreError, "cannot be read"),
        ("r.jsonl.gz", gzip.compress(b"{}\n" * 99, mtime=0)[:-9], StoreError, "cannot be read"),
    ],
)
def test_what_is_no_table(
    tmp_path: Path, name: str, content: bytes, error: type[Exception], words: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(error, match=words):
        read_rollouts(tmp_path / name)
    with pytest.raises(ConfigError, match="no file"):
        read_rollouts(tmp_path / "nowhere.csv")
