"""Rounds of a student that learns: the budget follows its weaknesses, and the report says so."""

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import synth
from synth.errors import BudgetReached, ConfigError
from synth.rounds.figures import Figures, figures
from synth.rounds.loop import seeds_of, try_seeds
from synth.rounds.plan import Loop
from synth.rounds.report import nested
from synth.run_report import read
from synth.settings import load
from tests import rolled
from tests.rollouts.seeds import put
from tests.rounds.loops import BUDGET, EACH, carry, config, entry, loop

pytest.importorskip("math_verify")


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[Loop, Figures]:
    """Two finished rounds: to be read, never to be changed."""
    made = loop(tmp_path_factory.mktemp("two"))
    return made, carry(made, 2)


def test_the_budget_moves_away_from_what_the_student_has_learnt(two: tuple[Loop, Figures]) -> None:
    made, found = two
    by_name = {one.category: one.rounds for one in found.categories}
    geometry, numbers = by_name["Geometry"], by_name["Number Theory"]
    assert [one.failed for one in geometry if one] == [EACH, 0]
    assert [one.budget for one in geometry if one] == [BUDGET // 2, 0]
    assert [one.failed for one in numbers if one] == [EACH, EACH]
    assert [one.budget for one in numbers if one] == [BUDGET // 2, BUDGET]
    assert geometry[1] and (geometry[1].no_longer, geometry[1].still, geometry[1].newly) == (EACH, 0, 0)
    assert numbers[1] and (numbers[1].no_longer, numbers[1].still, numbers[1].newly) == (0, EACH, 0)
    rows = [pq.read_table(made.round(n).folder / "dataset" / "questions") for n in (1, 2)]
    assert {*rows[0]["category"].to_pylist()} == {"Geometry", "Number Theory"}
    assert {*rows[1]["category"].to_pylist()} == {"Number Theory"}
    assert not {*rows[0]["id"].to_pylist()} & {*rows[1]["id"].to_pylist()}


def test_the_report_shows_it(two: tuple[Loop, Figures]) -> None:
    made, found = two
    page = (made.folder / "rounds.md").read_text()
    assert "| Geometry | 6 of 6 | 0 of 6 | 6 | 0 | 6 no longer failed, 0 still, 0 newly |" in page
    assert "| Number Theory | 6 of 6 | 6 of 6 | 6 | 12 | 0 no longer failed, 6 still, 0 newly |" in page
    assert json.loads((made.folder / "rounds.json").read_text()) == json.loads(json.dumps(found.as_tree()))
    assert "| 12 | `trend: max" in page or "| `rate: last_accuracy <= 0.25` |" in page
    assert (made.folder / "rounds.png").read_bytes().startswith(b"\x89PNG")
    # A concept of geometry is still there in the second round, though nobody asked for it then.
    learnt = [one for one in found.concepts if one.failed[0] and not one.failed[1]]
    assert learnt
    assert all(one.tried[0] == one.tried[1] == one.problems for one in learnt)
    assert not found.remarks()


def test_lines_that_coincide_are_drawn_around_each_other() -> None:
    nan = float("nan")
    assert nested([[1, 2, 3], [1, 2, 3], [1, 2, 9], [9, 2, 3], [9, 9, 9]]) == [3, 2, 0, 0, 0]
    assert nested([[1], [1], [2]]) == [1, 0, 0]
    assert nested([[nan, 1], [nan, 1]]) == [0, 0]


def test_a_finished_round_is_not_touched_again(two: tuple[Loop, Figures]) -> None:
    made, found = two
    before = contents(made.runs)
    said: list[str] = []
    assert carry(made, 2, said) == found
    assert carry(made, 1, said) == found  # the report has all that are finished
    assert contents(made.runs) == before
    assert not said


@pytest.mark.parametrize("count", [0, 2])
def test_a_round_that_was_removed_is_made_without_those_behind_it(
    count: int, two: tuple[Loop, Figures], tmp_path: Path
) -> None:
    made = loop(tmp_path, "targets.budget=4")
    shutil.copytree(two[0].runs, made.runs)
    shutil.rmtree(made.round(1).folder)
    second = contents(made.round(2).folder)
    assert [one.number for one in made.missing(count)] == [1]
    said: list[str] = []
    found = carry(made, count, said)
    assert contents(made.round(2).folder) == second
    assert said and all("Round 1" in line for line in said)
    assert [(one.round, one.budget) for one in found.rounds] == [(1, 4), (2, BUDGET)]
    shutil.rmtree(made.round(1).folder)
    assert [one.number for one in made.missing(3)] == [1, 3]
    (left,) = made.finished()
    assert [one.round for one in figures("l", [left.number], [left.folder]).rounds] == [2]


def test_what_ended_a_round_early_does_not_show_in_it(two: tuple[Loop, Figures], tmp_path: Path) -> None:
    few = loop(tmp_path, "budget.calls=20")
    with pytest.raises(BudgetReached):
        carry(few, 1)
    assert not (tmp_path / "runs" / "l-round1" / "run.toml").exists()  # among the rollouts
    done = loop(tmp_path)
    try_seeds(done.round(1), seeds_of(done.round(1)))
    with pytest.raises(BudgetReached):
        synth.run(few.round(1).config, name="l-round1", runs=few.runs)
    assert (tmp_path / "runs" / "l-round1" / "run.toml").exists()  # behind them
    assert not (tmp_path / "runs" / "l-rounds").exists()
    assert carry(done, 1).rounds == two[1].rounds[:1]
    for part in ("dataset", "sampled/rollouts.parquet"):
        one, other = (made.round(1).folder / part for made in (done, two[0]))
        assert contents(one) == contents(other) if one.is_dir() else one.read_bytes() == other.read_bytes()


def test_a_round_in_which_nothing_is_failed_is_a_round_with_none_failed(tmp_path: Path) -> None:
    learnt = entry("mine", "step{round}", "fake:?ability=1&ability=geometry@step1=0&ability=number@step3=0")
    made = loop(tmp_path, learnt, "targets.budget=4")
    said: list[str] = []
    found = carry(made, 3, said)
    assert [(one.failed, one.budget, bool(one.rows)) for one in found.rounds] == [
        (6, 4, True), (0, 0, False), (6, 4, True),
    ]  # fmt: skip
    by_name = {one.category: one.rounds for one in found.categories}
    assert [(one.failed, one.problems, one.rate) for one in by_name["Geometry"] if one] == [
        (6, 6, 1), (0, 6, 0), (0, 6, 0),
    ]  # fmt: skip
    assert any("none of 12 problems is failed" in line and "without rows" in line for line in said)
    page = (made.folder / "rounds.md").read_text()
    assert (
        "| Geometry | 6 of 6 | 0 of 6 | 0 of 6 | 4 | 0 | 0 | 0 no longer failed, 0 still, 0 newly |" in page
    )
    assert not (made.round(2).folder / "dataset").exists()
    before = contents(made.runs)
    again: list[str] = []
    assert carry(made, 3, again) == found
    assert (again, contents(made.runs)) == ([], before)


def test_categories_of_an_empty_round_are_those_known_before(tmp_path: Path) -> None:
    """Nobody is asked for them where nothing is failed."""
    logs = {1: [0.0, 0.0], 2: [1.0, 1.0]}
    for number, accs in logs.items():
        rows = [row | {"accuracies": accs, "category": None} for row in rolled.rows()]
        put(tmp_path, rows, f"week{number}.jsonl")
    config = load(
        "sws-recommended", model="fake", overrides=["targets.budget=4"],
        rollouts=[str(tmp_path / "week{round}.jsonl")],
    )  # fmt: skip
    found = carry(Loop(config, tmp_path / "runs", "w"), 2)
    problems = [[one.problems if one else 0 for one in category.rounds] for category in found.categories]
    assert len(problems) > 1
    assert all(first == second for first, second in problems)


def test_equal_calls_are_not_paid_twice(two: tuple[Loop, Figures]) -> None:
    """What is still failed in the second round was asked for its concepts in the first."""
    done = read(two[0].round(2).folder)
    made = {line["stage"]: (line["made"], line["reused"]) for line in done["bill"]}
    assert made["targets"] == (0, EACH)
    assert made["questions"] == (BUDGET, 0)


def test_each_round_is_a_run_that_explains_itself(two: tuple[Loop, Figures]) -> None:
    made, _ = two
    second = made.round(2)
    assert second.config.rollouts.paths == (str(second.sampled / "rollouts.parquet"),)
    assert second.config.models["mine"].model == "step2"
    told = (second.folder / "run.toml").read_text()
    assert "sampled/rollouts.parquet" in told
    assert "{round}" not in told


def test_the_next_round_is_made_where_no_number_is_given(tmp_path: Path) -> None:
    made = loop(tmp_path, "targets.budget=4", name=None)
    assert len(carry(made, 0).rounds) == 1
    assert len(carry(made, 0).rounds) == 2
    assert made.name == Loop(config(tmp_path, "targets.budget=4"), tmp_path / "runs").name
    assert made.name != Loop(config(tmp_path, "targets.budget=5"), tmp_path / "runs").name


def test_the_same_student_in_each_round_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the very same student"):
        loop(tmp_path, student="mine")
    loop(tmp_path, 'models.mine.identity="mine {round}"', student="mine")
