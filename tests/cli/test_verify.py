"""`synth verify` on tables of all kinds, good and bad."""

import csv
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import Result

Synth = Callable[..., Result]
ROWS: list[dict[str, Any]] = [
    {"id": 1, "response": r"so \boxed{\frac12}", "gold": "0.5"},
    {"id": 2, "response": "The answer is 7 km.", "gold": "8 km"},
    {"id": 3, "response": "I do not know.", "gold": "3"},
    {"id": 4, "response": None, "gold": "3"},
    {"id": 5, "response": "It makes 18 eggs.", "gold": None},
    {"id": 6, "response": r"\boxed{9^{9^{9^9}}}", "gold": "5"},
    {"id": 7, "response": "They have 5 apples in 3 bags, 15 in all.", "gold": "15"},
]
CORRECT = [True, False, None, None, None, None, True]

pytest.importorskip("math_verify")


def lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    text = "".join(json.dumps(row) + "\n" for row in rows)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def commas(path: Path) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["id", "response", "gold"])
        writer.writeheader()
        writer.writerows(ROWS)
    return path


def parquet(path: Path) -> Path:
    pq.write_table(pa.Table.from_pylist(ROWS), path, row_group_size=2)
    return path


def verdicts(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(folder / "verdicts.parquet").to_pylist()
    return found


@pytest.mark.parametrize(
    "made",
    [
        lambda p: lines(p / "a.jsonl", ROWS),
        lambda p: lines(p / "a.jsonl.gz", ROWS),
        lambda p: commas(p / "a.csv"),
        lambda p: parquet(p / "a.parquet"),
    ],
    ids=["jsonl", "gzipped", "csv", "parquet"],
)
def test_every_kind_of_table(made: Callable[[Path], Path], synth: Synth, tmp_path: Path) -> None:
    path = made(tmp_path)
    done = synth(
        "verify", path, "--response", "response", "--gold", "gold", "--out", tmp_path / "out", "--json"
    )
    assert done.exit_code == 0, done.output
    rows = verdicts(tmp_path / "out")
    assert [str(row["id"]) for row in rows] == [str(row["id"]) for row in ROWS]
    assert [row["correct"] for row in rows] == CORRECT
    assert [row["response"] or None for row in rows] == [row["response"] for row in ROWS]
    assert all(row["reason"] for row in rows)
    told = json.loads(done.stdout)
    assert (told["rows"], told["correct"], told["wrong"], told["undecided"]) == (7, 2, 1, 4)


def test_the_summary_and_the_mode(synth: Synth, tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", ROWS)
    common = ("--response", "response", "--gold", "gold", "--out", tmp_path / "out")
    free = synth("verify", path, *common)
    assert free.exit_code == 0
    again = synth("verify", path, *common, "--mode", "stated")
    assert again.exit_code == 2
    assert "verdicts.parquet exists already" in again.output and "--force" in again.output
    assert [row["correct"] for row in verdicts(tmp_path / "out")] == CORRECT
    assert "verdicts.parquet" in free.output and "not decided" in free.output
    assert synth("verify", path, *common, "--mode", "stated", "--force").exit_code == 0
    assert [row["correct"] for row in verdicts(tmp_path / "out")] == [*CORRECT[:6], None]


def test_several_files_keep_their_order_and_columns(synth: Synth, tmp_path: Path) -> None:
    first = lines(tmp_path / "a.jsonl", [{"id": 1, "response": "#### 4", "gold": 4, "extra": "x"}])
    second = lines(tmp_path / "b.jsonl", [{"id": 2, "response": "#### 5", "gold": 4.5}])
    done = synth("verify", first, second, "--response", "response", "--gold", "gold", "--out", tmp_path / "o")
    assert done.exit_code == 0, done.output
    found = [(row["id"], row["correct"], row["extra"]) for row in verdicts(tmp_path / "o")]
    assert found == [(1, True, "x"), (2, False, None)]


def test_columns_of_the_added_names_are_kept_under_others(synth: Synth, tmp_path: Path) -> None:
    row = {"response": "#### 4", "gold": "4", "correct": False, "input_correct": "y", "reason": "z"}
    path = lines(tmp_path / "a.jsonl", [row])
    done = synth("verify", path, "--response", "response", "--gold", "gold", "--out", tmp_path / "o")
    assert "`correct` of the input is now called `input_input_correct`" in done.output
    (found,) = verdicts(tmp_path / "o")
    assert (found["correct"], found["input_input_correct"], found["input_correct"]) == (True, False, "y")
    assert found["input_reason"] == "z"


def test_gold_may_be_a_worked_solution(synth: Synth, tmp_path: Path) -> None:
    rows = [
        {"response": "#### 4", "gold": "2+2 is\n#### 4"},
        {"response": "#### 4", "gold": r"Thus $\boxed{4}$."},
        {"response": "#### 4", "gold": "2 + 2 = 4 is what\nis asked for.\nA: 4"},
    ]
    path = lines(tmp_path / "a.jsonl", rows)
    assert (
        synth("verify", path, "--response", "response", "--gold", "gold", "--out", tmp_path / "o").exit_code
        == 0
    )
    assert [row["correct"] for row in verdicts(tmp_path / "o")] == [True, True, True]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (
            "a.jsonl",
            b'{"response": "x", "answer": "y"}\n',
            "there is no column 'gold'; there are: response, answer.",
        ),
        ("a.jsonl", b"{broken\n", "line 1: no JSON object"),
        ("a.jsonl", b"\xff\xfe\x00", "cannot be read"),
        ("a.jsonl", b"", "there is no row in it"),
        ("a.jsonl.gz", b"not packed", "cannot be read"),
        ("a.parquet", b"PAR1 broken", "cannot be read"),
        ("a.xlsx", b"", "no table that can be read"),
    ],
)
def test_bad_tables_are_told_in_one_sentence(
    name: str, content: bytes, said: str, synth: Synth, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    done = synth("verify", path, "--response", "response", "--gold", "gold", "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert said in done.output and name in done.output
    assert not (tmp_path / "out" / "verdicts.parquet").exists()


def test_wrong_usage_is_told(synth: Synth, tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", ROWS)
    assert synth("verify", path, "--out", tmp_path / "o").exit_code == 2
    columns = ("--response", "response", "--gold", "gold")
    assert (
        "There is no file" in synth("verify", tmp_path / "none.csv", *columns, "--out", tmp_path / "o").output
    )
    assert "this is a file" in synth("verify", path, *columns, "--out", path).output


def test_bad_values_in_single_rows_cost_those_rows(synth: Synth, tmp_path: Path) -> None:
    rows = [
        {"response": {"text": "#### 4"}, "gold": 4},
        {"response": "#### \ud800", "gold": 4},
        {"response": "9" * 300_000, "gold": 4},
        {"response": "#### 4", "gold": "9" * 200_000},
        {"response": "#### 4", "gold": 4},
    ]
    path = lines(tmp_path / "a.jsonl", rows)
    done = synth("verify", path, "--response", "response", "--gold", "gold", "--out", tmp_path / "o")
    assert done.exit_code == 0, done.output
    found = [row["correct"] for row in verdicts(tmp_path / "o")]
    assert found[2:4] == [None, None] and found[4] is True
