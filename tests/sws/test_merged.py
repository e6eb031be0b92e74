"""Merged logs: found by their signs, never put behind each other."""

from pathlib import Path

import pytest

from synth.errors import ConfigError
from synth.sws.read import Read, Reading, read_histories
from synth.sws.weakness import weaknesses
from tests.sws.logs import Row, wide, written

TWICE: list[Row] = [
    {"prompt": "a", "accs": [0.5, 0.25]},
    {"prompt": "b", "accs": [0.0, 0.0]},
    {"prompt": "a", "accs": [0.5, 0.25, 0.0]},
    {"prompt": " b ", "accs": [0.0, 0.0]},
]


def problems(read: Read) -> list[str]:
    return sorted(read.histories["problem"].to_pylist())


def test_histories_that_differ_are_dropped_and_said(tmp_path: Path) -> None:
    read = read_histories([written(tmp_path / "a.jsonl", TWICE)])
    assert problems(read) == ["b"]
    assert sorted(fallen.reason for fallen in read.rejected) == ["conflicting", "conflicting", "duplicate"]
    assert len({fallen.row_id for fallen in read.rejected}) == 3
    (warning,) = read.warnings
    assert warning == (
        "Merged logs: histories that differ from another one of their problem: 2; they were rejected."
    )


def test_each_row_of_a_mixture_falls_once(tmp_path: Path) -> None:
    rows = wide(a=[0.5]) * 2 + wide(a=[0.25]) + wide(b=[0.0])
    read = read_histories([written(tmp_path / "a.jsonl", rows)])
    assert problems(read) == ["b"]
    assert sorted(fallen.reason for fallen in read.rejected) == ["conflicting", "conflicting", "duplicate"]


def test_they_can_be_kept_apart(tmp_path: Path) -> None:
    read = read_histories([written(tmp_path / "a.jsonl", TWICE)], Reading(merged="split"))
    assert problems(read) == ["a", "a", "b"]
    assert sorted(read.histories["visits"].to_pylist()) == [2, 2, 3]
    assert "each is kept as a row of its own" in read.warnings[0]
    assert weaknesses(read.histories).num_rows == 3


def test_or_stop_the_run(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", TWICE)
    with pytest.raises(ConfigError, match=r"that differ.*: 2; for example of 'a'.*--merged split"):
        read_histories([path], Reading(merged="refuse"))
    assert problems(read_histories([written(tmp_path / "b.jsonl", TWICE[:2])], Reading(merged="refuse"))) == [
        "a",
        "b",
    ]


def test_one_text_with_two_answers_is_a_contradiction(tmp_path: Path) -> None:
    rows = [r | {"answer": label} for r, label in zip(wide(a=[0.5]) * 2 + wide(b=[0.5]), "443", strict=True)]
    assert problems(read_histories([written(tmp_path / "a.jsonl", rows)])) == ["a", "b"]
    rows[0]["answer"] = "5"
    assert problems(read_histories([written(tmp_path / "b.jsonl", rows)])) == ["b"]
    attempts = [{"problem": p, "reward": 1, "gold": gold} for p, gold in (("a", "1"), ("a", "2"), ("b", "1"))]
    read = read_histories([written(tmp_path / "c.jsonl", attempts)])
    assert problems(read) == ["b"]
    assert read.rejected[0].detail == "its rows name several right answers"


def test_two_accuracies_of_one_visit(tmp_path: Path) -> None:
    rows = [{"problem": p, "step": step, "accuracy": a} for p, step, a in (
        ("a", 1, 0.5), ("a", 2, 0.5), ("a", 2, 0.25), ("b", 1, 0.5), ("b", 1, 0.5))]  # fmt: skip
    for merged in ("drop", "split"):
        read = read_histories([written(tmp_path / "a.jsonl", rows)], Reading(merged=merged))  # type: ignore[arg-type]
        assert problems(read) == ["b"]
        assert sorted(fallen.reason for fallen in read.rejected) == ["conflicting", "duplicate"]


def test_two_contents_of_one_attempt(tmp_path: Path) -> None:
    def attempt(problem: str, sample: int, correct: bool, answer: str = "4") -> Row:
        return {"problem": problem, "response": "x", "sample": sample, "correct": correct, "answer": answer}

    rows = [
        attempt("a", 0, True), attempt("a", 0, False), attempt("b", 0, True), attempt("b", 0, True),
        attempt("b", 2_000_000_000, False), attempt("c", 0, True), attempt("c", 0, True, "5"),
    ]  # fmt: skip
    read = read_histories([written(tmp_path / "a.jsonl", rows)])
    assert problems(read) == ["b"]
    assert read.histories["attempts"].to_pylist() == [[2]]
    assert read.histories["unanimity"].to_pylist() == [[1.0]]
    assert [(f.reason, f.row["rows"]) for f in read.rejected if f.reason == "duplicate"] == [("duplicate", 3)]


def test_folders_are_logs_of_their_own(tmp_path: Path) -> None:
    for run, rewards in (("one", [0, 1]), ("two", [1, 1])):
        for step, reward in enumerate(rewards):
            row = {"input": "a", "output": "x", "score": reward, "step": step}
            written(tmp_path / run / f"{step}.jsonl", [row, row | {"input": f"only {run}"}])
    both = [tmp_path / "one", tmp_path / "two"]
    assert problems(read_histories(both)) == ["only one", "only two"]
    read = read_histories(both, Reading(merged="split"))
    of_a = [row for row in read.histories.to_pylist() if row["problem"] == "a"]
    assert [(row["source"], row["accuracies"]) for row in of_a] == [("one", [0.0, 1.0]), ("two", [1.0, 1.0])]


def test_long_histories_of_several_problems_as_in_the_released_record(tmp_path: Path) -> None:
    usual = wide(**{f"p{n}": [0.0, 0.125 * (n % 4)] for n in range(8)})
    joined = wide(x=[0.5, 0.25, 0.125, 0.0], y=[0.5, 0.25, 0.125, 0.0], z=[0.5, 0.25, 0.0, 0.0])
    read = read_histories([written(tmp_path / "a.jsonl", usual + joined)])
    assert problems(read) == [*(f"p{n}" for n in range(8)), "z"]
    assert [warning.split(";")[0] for warning in read.warnings] == [
        "Merged logs: long histories that stand under several problems: 2",
        "Histories with more than 1.5 times the usual visits: 1",
    ]
    with pytest.raises(ConfigError, match="long histories that stand under several problems: 2"):
        read_histories([tmp_path / "a.jsonl"], Reading(merged="refuse"))
