"""Labels that a teacher's votes and a student's attempts agree on, and the warning of one model in every role."""

from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import Result

from synth import run
from synth.check import warnings_of
from synth.settings import load
from synth.store import StageStore
from tests import rolled

pytest.importorskip("math_verify")


def test_a_label_needs_half_of_the_teacher_and_a_quarter_of_the_student(tmp_path: Path) -> None:
    log = rolled.write(tmp_path / "log.jsonl")
    entries = [
        'models.teacher={base_url="fake:?wrong=0.6", model="teacher"}',
        'models.mine={base_url="fake:?ability=0.9&ability=acceleration=0.1", model="mine"}',
    ]
    settings = ["roles.solver=teacher", "roles.student=mine", "targets.budget=40", "targets.rebalance=off"]
    config = load("sws-weak-to-strong", model="fake", overrides=[*entries, *settings], rollouts=[str(log)])
    done = run(config, name="r", runs=tmp_path / "runs")
    rows = pq.read_table(done.dataset / "questions").to_pylist()
    assert len(rows) > 5
    assert all(row["agreement"] >= 0.5 and row["pass_rate"] >= 0.25 for row in rows)
    # What the band of other recipes drops as too easy.
    assert any(row["pass_rate"] > 0.75 for row in rows)
    votes = StageStore(done.folder, "answers").read("rejected")["reason"].to_pylist()
    assert "no_agreement" in votes
    fallen = StageStore(done.folder, "difficulty").read("rejected").to_pylist()
    assert fallen
    assert "too_easy" not in {row["reason"] for row in fallen}


def test_one_model_in_every_role_is_warned_of(tmp_path: Path) -> None:
    entry = 'models.x={base_url="fake:", model="x"}'
    log = str(rolled.write(tmp_path / "log.jsonl"))

    def warned(*settings: str) -> list[str]:
        return [
            *warnings_of(load("sws-recommended", model="x", overrides=[entry, *settings], rollouts=[log]))
        ]

    every = ('roles.judge=["x"]', "roles.student=x")
    assert "x plays every role" in warned(*every)[0]
    assert not warned("roles.student=x")
    assert not warned(*every, "roles.solver=fake")
    assert not warned('roles.judge=["x", "fake"]', "roles.student=x")


def test_the_command_line_says_so(synth: Callable[..., Result], tmp_path: Path) -> None:
    log = rolled.write(tmp_path / "log.jsonl")
    roles = ("--set", 'roles.judge=["fake"]', "--set", "roles.student=fake")
    done = synth("check", "sws-recommended", "--rollouts", log, "--model", "fake", *roles)
    assert done.exit_code == 0, done.output
    assert "fake plays every role" in done.stderr
