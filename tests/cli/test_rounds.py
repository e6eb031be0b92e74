"""`synth run --rounds`: rounds from the command line, by sampled rollouts and by given logs."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from tests import rolled
from tests.rollouts.seeds import put
from tests.rounds.loops import ROWS, STUDENT, entry

pytest.importorskip("math_verify")

Synth = Callable[..., Result]


@pytest.fixture
def sampled(tmp_path: Path) -> tuple[object, ...]:
    seeds = put(tmp_path / "seeds", ROWS)
    settings = (entry("mine", "step{round}"), f'rounds.seeds=["{seeds}"]', 'rounds.visits=["mine"]')
    more = ("rounds.attempts=4", "targets.budget=6")
    asked = [part for setting in (*settings, *more) for part in ("--set", setting)]
    return ("run", "sws-recommended", "--model", "fake", "--no-ui", "--name", "w", *asked)


def test_two_rounds_and_their_report(synth: Synth, home: Path, sampled: tuple[object, ...]) -> None:
    done = synth(*sampled, "--rounds", 2)
    assert done.exit_code == 0, done.output
    assert "6 no longer failed, 0 still, 0 newly" in " ".join(done.stdout.split())
    told = json.loads((home / "runs" / "w-rounds" / "rounds.json").read_text())
    assert [one["failed"] for one in told["rounds"]] == [12, 6]
    assert (home / "runs" / "w-round2" / "dataset" / "README.md").is_file()
    again = synth(*sampled, "--rounds", 0, "--dry-run")
    assert again.exit_code == 0, again.output
    assert "Round 3 would be the next" in again.output
    assert "48" in again.output
    assert not (home / "runs" / "w-round3").exists()


def test_logs_may_be_given_for_each_round(synth: Synth, home: Path, tmp_path: Path) -> None:
    rolled.write(tmp_path / "week1.jsonl")
    asked = (
        "run",
        "sws-recommended",
        "--model",
        "fake",
        "--no-ui",
        "--name",
        "g",
        "--set",
        "targets.budget=6",
    )
    logs = ("--rollouts", tmp_path / "week{round}.jsonl")
    done = synth(*asked, *logs, "--rounds", 2)
    assert done.exit_code == 2
    assert "week2.jsonl" in done.stderr
    assert (home / "runs" / "g-rounds" / "rounds.md").is_file()
    learnt = [
        row | {"accuracies": [1.0] * 4} if row["category"] == "chance" else row for row in rolled.rows()
    ]
    (tmp_path / "week2.jsonl").write_text("".join(json.dumps(row) + "\n" for row in learnt))
    assert synth(*asked, *logs, "--rounds", 2).exit_code == 0
    told = json.loads((home / "runs" / "g-rounds" / "rounds.json").read_text())
    chance = next(one["rounds"] for one in told["categories"] if one["category"] == "Chance")
    assert [one["failed"] for one in chance] == [3, 0]
    assert chance[0]["budget"] > chance[1]["budget"] == 0


def test_what_is_wrong_is_told_before_a_call(
    synth: Synth, home: Path, tmp_path: Path, sampled: tuple[object, ...]
) -> None:
    def told(*options: object) -> str:
        done = synth(*options)
        assert done.exit_code == 2, done.output
        return done.stderr

    log = rolled.write(tmp_path / "log.jsonl")
    bare = ("run", "sws-recommended", "--model", "fake", "--no-ui")
    assert "each round would read the same logs" in told(*bare, "--rollouts", log, "--rounds", 2)
    assert "name problems for the student" in told(*bare, "--rounds", 2)
    assert "leave one of them out" in told(*sampled, "--rollouts", log, "--rounds", 2)
    assert "only a recipe that aims" in told("run", "demo", "--model", "fake", "--no-ui", "--rounds", 2)
    assert "there is no file" in told(*bare, "--set", 'rounds.seeds=["none.jsonl"]', "--rounds", 2)
    assert "very same student" in told(*sampled, "--set", entry("mine", "m", STUDENT), "--rounds", 2)
    assert "or --rounds 1" in told(*sampled)
    said = told(*sampled, "--rollouts", log, "--set", "roles.student=mine")
    assert "only rounds put a number in" in said
    assert "no model entry 'none'" in told(*sampled, "--set", 'rounds.visits=["none"]', "--rounds", 1)
    # The student is not asked where the run behind it would not begin.
    assert "judge" in told(*sampled, "--set", "roles.checker=mine", "--rounds", 1)
    assert not (home / "runs" / "w-round1").exists()
