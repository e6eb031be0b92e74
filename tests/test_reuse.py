"""Answers that an earlier run paid for serve a later one, on request."""

import shutil
from pathlib import Path

import pytest

import synth
from synth.check import check
from synth.config import RunConfig
from synth.errors import ConfigError, StoreError
from synth.facade import run_stage
from synth.lineage import lineage
from synth.llm.journal import Journal
from synth.llm.sealing import seal_closed
from synth.run_report import RunReport, read
from synth.runs import Run, default_name
from synth.sample import sample_folder
from synth.settings import anchored, load


def calls_of(config: RunConfig, runs: Path, name: str) -> tuple[int, int]:
    """Calls made and reused by a run of all stages."""
    with Run.open(config, runs, name) as run:
        for stage in run.stages:
            run_stage(run, stage, lambda *_: None)
        run.finish()
        return run.client.calls_made, run.client.calls_reused


def test_a_run_that_reuses_another_asks_nothing_and_explains_itself(
    config: RunConfig, tmp_path: Path
) -> None:
    runs = tmp_path / "elsewhere"
    made, _ = calls_of(config, runs, "first")
    assert made > 0
    again = config.model_copy(update={"reuse": ("first",)})
    assert calls_of(again, runs, "second") == (0, made)
    first, second = (synth.load(runs / name, "dataset") for name in ("first", "second"))
    assert list(first["id"]) == list(second["id"])
    shutil.rmtree(runs / "first")
    told = lineage(runs / "second", str(second["id"][0]))
    assert {call["stage"] for call in told.calls} == {"concepts", "questions", "answers"}


def test_only_what_is_new_is_paid_for(config: RunConfig, tmp_path: Path) -> None:
    made, _ = calls_of(config, tmp_path, "first")
    sampling = config.prompts.answers_sampling.model_copy(update={"temperature": 0.1})
    prompts = config.prompts.model_copy(update={"answers_sampling": sampling})
    other = config.model_copy(update={"reuse": (str(tmp_path / "first"),), "prompts": prompts})
    new, reused = calls_of(other, tmp_path, "second")
    assert 0 < new < made
    assert new + reused >= made


def test_reuse_changes_no_name_and_no_stage(config: RunConfig, tmp_path: Path) -> None:
    calls_of(config, tmp_path, "first")
    again = config.model_copy(update={"reuse": ("first",)})
    assert default_name(again) == default_name(config)
    with Run.open(again, tmp_path, "first") as run:
        assert all(run.plan(stage).manifest is not None for stage in run.stages)


def test_a_folder_that_is_reused_is_found_from_anywhere(config: RunConfig, tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    kept = anchored(config.model_copy(update={"reuse": ("old", "by-name")}))
    assert kept.reuse == (str(tmp_path / "old"), "by-name")


def test_a_run_that_is_not_there_is_named(config: RunConfig, tmp_path: Path) -> None:
    wrong = config.model_copy(update={"reuse": ("none-such",)})
    with pytest.raises(ConfigError, match="There is no run 'none-such'"):
        Run.open(wrong, tmp_path, "x")
    with pytest.raises(ConfigError, match="reuse: There is no run 'none-such'"):
        check(wrong, tmp_path)
    with Run.open(config, tmp_path, "x"):
        pass  # and the folder is not held any more


def test_the_own_record_stands_before_an_earlier_one_and_copies_are_counted(tmp_path: Path) -> None:
    for name, number in (("one", 1), ("two", 2)):
        with Journal(tmp_path / name) as journal:
            journal.append("both", {"from": number})
            journal.append(f"only-{name}", {"from": number})
    with Journal(tmp_path / "new", reuse=[tmp_path / "one", tmp_path / "two"]) as journal:
        journal.append("mine", {"from": 3})
        assert "both" in journal
        assert len(journal) == 1
        assert journal.get("both") == {"from": 1}
        assert journal.get("only-two") == {"from": 2}
        assert journal.get("mine") == {"from": 3}
        assert journal.get("nobody") is None
        assert journal.taken_over == 2
        journal.get("both")
        assert journal.taken_over == 2
    with Journal(tmp_path / "new", read_only=True) as journal:
        assert journal.keys() == ["mine", "both", "only-two"]
    with Journal(tmp_path / "x", read_only=True, reuse=[tmp_path / "one"]) as journal:
        assert journal.get("both") == {"from": 1}
        with pytest.raises(StoreError, match="reading only"):
            journal.append("x", {})
    assert not (tmp_path / "x").exists()


def test_damage_of_the_journal_stands_in_the_report_and_its_calls_are_made_again(
    config: RunConfig, tmp_path: Path
) -> None:
    made, _ = calls_of(config, tmp_path, "first")
    calls = tmp_path / "first" / "calls"
    seal_closed(calls, 1)
    (path,) = calls.glob("*.sealed")
    path.write_bytes(b"\0\0\0\0" + path.read_bytes()[4:])
    shutil.rmtree(tmp_path / "first" / "02_concepts")
    with Run.open(config, tmp_path, "first") as run:
        with RunReport(run):
            run_stage(run, "concepts", lambda *_: None)
        assert 0 < run.client.calls_made <= made
    (told,) = read(tmp_path / "first")["tries"][-1]["journal_damage"]
    assert told.startswith(f"{path}: the block at byte 0 is damaged")


def test_a_clock_that_is_set_back_in_mid_run_gives_no_time_below_nothing(tmp_path: Path) -> None:
    times = iter([1_000_000.0, 1_000_010.0, *(900_000.0 + n for n in range(1000))])
    with Run.open(load("synthllm-recommended", [str(sample_folder())], "fake"), tmp_path, "r") as run:
        with RunReport(run, lambda: next(times)) as report:
            run_stage(run, "documents", lambda *_: None)
            with report.stage("documents"):
                report.beat()
        (stage,) = read(tmp_path / "r")["tries"][-1]["stages"].values()
    assert stage["seconds"] >= 0
    assert min(one["seconds"] or 0 for one in read(tmp_path / "r")["tries"]) >= 0
