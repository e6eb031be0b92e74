"""The SwS flow: both lines as sub-flows that meet, and the dataset that is made without Prefect."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import synth
from synth.errors import BudgetReached
from synth.rounds.loop import seeds_of, try_seeds
from synth.rounds.plan import Loop
from synth.settings import load
from tests import corpus, rolled
from tests.flows.conftest import ask
from tests.rounds import loops

pytestmark = pytest.mark.flows
Find = Callable[[str], list[dict[str, Any]]]


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("grounded", [True, False])
def test_both_lines_meet_at_the_combinations(
    running_server: str, runs_of: Find, tmp_path: Path, grounded: bool
) -> None:
    from flows.sws import sws

    documents = [str(corpus.write(tmp_path / "documents"))] if grounded else []
    log = rolled.write(tmp_path / "log.jsonl")
    config = load("sws-recommended", documents, "fake", overrides=["targets.budget=12"], rollouts=[str(log)])
    name = f"sws-{grounded}"
    dataset = Path(sws(config, name, str(tmp_path / "runs")))
    plain = synth.run(config, name=name, runs=tmp_path / "plain")
    assert contents(dataset) == contents(plain.dataset)
    inside = {"parent_flow_run_id": {"any_": [runs_of(name)[0]["id"]]}}
    found = ask(running_server, "/flow_runs/filter", flow_runs=inside, sort="START_TIME_ASC")
    upper = ["01 documents", "02 concepts", "03 graph"] if grounded else []
    names = [
        "a1 rollouts",
        "a2 weaknesses",
        "a3 targets",
        *upper,
        "04 combinations",
        "05 questions",
        "06 screen",
    ]
    assert [run["name"] for run in found] == [*names, "08 answers", "10 dataset", "the dataset"]


def test_each_round_is_a_flow_of_its_own(running_server: str, runs_of: Find, tmp_path: Path) -> None:
    pytest.importorskip("math_verify")
    from flows.sws import sws_rounds

    config = loops.config(tmp_path, "targets.budget=4")
    report = Path(sws_rounds(config, name="weekly", runs=str(tmp_path / "runs")))
    assert Path(sws_rounds(config, name="weekly", runs=str(tmp_path / "runs"))) == report
    assert [one["state"]["name"] for one in runs_of("weekly, rounds")] == ["Completed"] * 2
    assert [len(runs_of(f"weekly-round{n}")) for n in (1, 2, 3)] == [1, 1, 0]
    plain = Loop(config, tmp_path / "plain", "weekly")
    loops.carry(plain, 2)
    assert contents(report) == contents(plain.folder)
    for number in (1, 2):
        dataset = f"weekly-round{number}/dataset"
        assert contents(tmp_path / "runs" / dataset) == contents(tmp_path / "plain" / dataset)


def test_a_round_in_which_nothing_is_failed_is_no_failure(
    running_server: str, runs_of: Find, tmp_path: Path
) -> None:
    pytest.importorskip("math_verify")
    from flows.sws import sws_rounds

    learnt = loops.entry("mine", "step{round}", "fake:?ability=1")
    config = loops.config(tmp_path, "targets.budget=4", learnt)
    report = Path(sws_rounds(config, name="able", runs=str(tmp_path / "runs")))
    assert "0 of 6" in (report / "rounds.md").read_text()
    assert [one["state"]["name"] for one in runs_of("able, rounds")] == ["Completed"]
    assert [one["state"]["name"] for one in runs_of("able-round1")] == ["NothingFailed"]


@pytest.mark.parametrize("before", [False, True])
def test_a_ceiling_stops_the_rounds_as_it_was_told_to(
    running_server: str, runs_of: Find, tmp_path: Path, before: bool
) -> None:
    pytest.importorskip("math_verify")
    from flows.sws import sws_rounds

    name = f"few-{before}"
    config = loops.config(tmp_path, "targets.budget=4", "budget.calls=20")
    if before:  # the rollouts are there, so that it is the run which ends
        one = Loop(loops.config(tmp_path, "targets.budget=4"), tmp_path / "runs", name).round(1)
        try_seeds(one, seeds_of(one))
        config = loops.config(tmp_path, "targets.budget=4", "budget.calls=5")
    with pytest.raises(BudgetReached):
        sws_rounds(config, name=name, runs=str(tmp_path / "runs"))
    assert [one["state"]["name"] for one in runs_of(f"{name}, rounds")] == ["BudgetReached"]
    assert (tmp_path / "runs" / f"{name}-round1" / "run.toml").exists() == before
