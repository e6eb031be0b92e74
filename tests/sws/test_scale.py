"""Scores on other scales than from 0 to 1: told, assumed in words, or refused; never half of them rejected."""

from pathlib import Path
from typing import Any

import pytest

from synth.errors import ConfigError
from synth.sws.find import find
from synth.sws.read import Read, Reading, read_histories
from tests.sws.logs import Row, wide, written


def attempts(**problems: list[float]) -> list[Row]:
    """Two visits of each problem, with the same scores."""
    return [
        {"prompt": name, "completion": "x", "reward": score, "step": step}
        for name, scores in problems.items()
        for step in (1, 2)
        for score in scores
    ]


def by_problem(read: Read) -> dict[str, Any]:
    columns = (read.histories[name].to_pylist() for name in ("problem", "accuracies"))
    return dict(zip(*columns, strict=True))


def test_rewards_of_one_and_minus_one_are_right_and_wrong_and_that_is_said(tmp_path: Path) -> None:
    rows = attempts(never=[-1, -1], half=[-1, 1], always=[1, 1])
    read = read_histories([written(tmp_path / "log.jsonl", rows)])
    assert by_problem(read) == {"never": [0, 0], "half": [0.5, 0.5], "always": [1, 1]}
    assert [said for said in read.warnings if "1 counts as right and -1 as wrong" in said] == read.warnings
    assert read.rejected == []
    found = find([tmp_path / "log.jsonl"], tmp_path / "out")
    assert found.weaknesses["is_weakness"].to_pylist().count(True) == 2
    assert read.warnings[0] in found.warnings


def test_the_scale_is_that_of_the_whole_log_and_not_of_a_file(tmp_path: Path) -> None:
    """verl writes a file a step: in the first nothing may be right."""
    for step, scores in ((1, [-1.0, -1.0]), (2, [1.0, -1.0])):
        rows = [{"input": "a", "output": "x", "score": score, "step": step} for score in scores]
        written(tmp_path / "dump" / f"{step}.jsonl", rows)
    assert by_problem(read_histories([tmp_path / "dump"])) == {"a": [0, 0.5]}


@pytest.mark.parametrize(
    ("scores", "span"),
    [
        ([1.1, 0.1, 0.1], "from 0.1 to 1.1"),  # a bonus for the format
        ([-1, -1, -1], "from -1 to -1"),  # what was not graded may be -1 as well
        ([-1, 0, 1], "from -1 to 1"),
        ([0, 40, 100], "from 0 to 100"),
    ],
)
def test_other_scores_of_attempts_are_refused_with_the_setting(
    scores: list[float], span: str, tmp_path: Path
) -> None:
    path = written(tmp_path / "log.jsonl", attempts(a=scores, b=scores))
    with pytest.raises(ConfigError, match=r"log.jsonl: `reward` runs " + span) as told:
        read_histories([path])
    for setting in ("--right-at", "rollouts.right_at", "--scale", "rollouts.scale"):
        assert setting in str(told.value)
    right = max(scores) if max(scores) > 0 else 1
    share = [scores.count(right) / len(scores)] * 2
    assert by_problem(read_histories([path], Reading(right_at=right))) == {"a": share, "b": share}


@pytest.mark.parametrize("kind", ["log.jsonl", "log.csv", "log.parquet"])
def test_percent_is_refused_until_it_is_told(kind: str, tmp_path: Path) -> None:
    by_visit = [{"problem": name, "accuracy": 10 * n, "step": 1} for n, name in enumerate("abcdefghijk")]
    for rows in (by_visit, wide(a=[0.0, 12.5], b=[40, 100])):
        path = written(tmp_path / kind, rows)
        with pytest.raises(ConfigError, match="say what stands for 0 and for 1 with --scale"):
            read_histories([path])
        found = by_problem(read_histories([path], Reading(scale=(0, 100))))
        assert found["b"] == ([0.1] if len(found) > 2 else [0.4, 1])
        path.unlink()


def test_mean_rewards_from_minus_one_on_are_rescaled(tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", wide(a=[-1, -0.5], b=[0, 1]))
    assert by_problem(read_histories([path], Reading(scale=(-1, 1)))) == {"a": [0, 0.25], "b": [0.5, 1]}
    with pytest.raises(ConfigError, match="is for single attempts, and `accs` holds lists"):
        read_histories([path], Reading(right_at=1))
    with pytest.raises(ConfigError, match="exclude each other"):
        read_histories([path], Reading(right_at=1, scale=(0, 1)))


def test_a_slip_costs_its_row_and_problems_without_another_are_told(tmp_path: Path) -> None:
    rows = attempts(**{f"p{n}": [0.0, 1.0] for n in range(100)})
    rows[0]["reward"] = rows[7]["reward"] = 1.5
    rows += [{"prompt": "lost", "completion": "x", "reward": -2, "step": 1}]
    read = read_histories([written(tmp_path / "log.jsonl", rows)])
    assert len(read.histories) == 100
    (said,) = read.warnings
    assert "Rejected of 401 rows of the logs: unreadable 3" in said
    assert "none of their rows can be used: 1 problem." in said
    assert by_problem(read)["p0"] == [1, 0.5]  # the other attempts of that visit are used
    told = {row.row_id: row.row["accuracy"] for row in read.rejected}
    assert told == {"log.jsonl#000000000": 1.5, "log.jsonl#000000007": 1.5, "log.jsonl#000000400": -2.0}


def test_whoever_names_the_scale_gets_every_other_row_rejected(tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", attempts(a=[1, 0], b=[-1, -1]))
    read = read_histories([path], Reading(scale=(0, 1)))
    assert by_problem(read) == {"a": [0.5, 0.5]}
    assert "1 problem." in read.warnings[0]


def test_partly_right_attempts_are_said(tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", attempts(a=[0.1, 1.0], b=[0.1, 0.1]))
    (said,) = read_histories([path]).warnings
    assert "6 of 8 attempts, which count as partly right" in said
    assert read_histories([path], Reading(right_at=1)).warnings == []


def test_a_hair_beyond_an_end_is_the_end(tmp_path: Path) -> None:
    read = read_histories([written(tmp_path / "log.jsonl", wide(a=[1 + 1e-7, -1e-8], b=[1 + 1e-7, 1]))])
    assert by_problem(read) == {"a": [1, 0], "b": [1, 1]}
