"""`synth status`, `synth stats`, `synth explain`."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import Result

from synth.config import RunConfig
from synth.runs import Run
from synth.standing import StageStanding, standing

Synth = Callable[..., Result]


def stage(folder: Path, name: str) -> StageStanding:
    return next(s for s in standing(folder).stages if s.stage == name)


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "done"))


def test_a_finished_run(synth: Synth, finished: Path) -> None:
    done = synth("status", finished)
    assert done.exit_code == 0, done.output
    assert "to do" not in done.stdout
    assert "finished" in done.stdout
    assert "No process is at work" in done.stdout
    told = json.loads(synth("status", finished, "--json").stdout)
    assert told["published"] is True
    assert {s["state"] for s in told["stages"]} == {"finished"}


def test_a_run_is_found_by_its_name(synth: Synth, finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNTH_HOME", str(finished.parents[1]))
    assert synth("status", "done").exit_code == 0


def test_parts_of_an_unfinished_stage_are_counted(copied: Path, config: RunConfig) -> None:
    (copied / "05_questions" / "_manifest.json").unlink()
    assert stage(copied, "questions")[1:4] == ("partly", 1, 1)
    assert stage(copied, "screen")[1:4] == ("to do", 0, 1)
    assert stage(copied, "answers")[1:4] == ("to do", 0, None)
    assert standing(copied).published is False
    for record in (copied / "05_questions" / "_parts").iterdir():
        record.unlink()
    assert stage(copied, "questions")[1:4] == ("to do", 0, 1)


def test_parts_that_another_configuration_left_do_not_count(copied: Path) -> None:
    (copied / "05_questions" / "_manifest.json").unlink()
    recipe = copied / "run.toml"
    recipe.write_text(recipe.read_text().replace("samples = 1", "samples = 2"))
    assert stage(copied, "questions")[1:4] == ("to do", 0, 1)


def test_a_process_at_work_is_seen(copied: Path, config: RunConfig, synth: Synth) -> None:
    with Run.open(config, copied.parent, "done"):
        assert standing(copied).at_work is True
        assert "A process is at work" in synth("status", copied).stdout
    assert standing(copied).at_work is False


def test_stats(synth: Synth, finished: Path) -> None:
    done = synth("stats", finished)
    assert done.exit_code == 0, done.output
    for word in ("Funnel", "origins", "licences", "Bill of all tries", "median", "Tokens and cost of a row"):
        assert word in done.stdout
    told = json.loads(synth("stats", finished, "--json").stdout)
    rows = pq.read_table(finished / "dataset" / "questions").num_rows
    assert told["dataset"]["rows"] == rows == told["funnel"][-1]["outputs"]
    assert told["report"]["calls"]["made"] > 0
    assert told["cost"] == told["dataset"]["cost"]


@pytest.mark.parametrize("columns", [80, 120])
def test_tables_fit_the_screen(
    synth: Synth, finished: Path, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    for command in ("status", "stats"):
        lines = synth(command, finished).stdout.splitlines()
        assert max(len(line.rstrip()) for line in lines if "/" not in line) <= columns


def test_the_way_back_of_a_question(synth: Synth, finished: Path) -> None:
    rows = pq.read_table(finished / "dataset" / "questions").to_pylist()
    row = next(row for row in rows if row["origin"] == "level3")
    done = synth("explain", finished, row["id"], "--full")
    assert done.exit_code == 0, done.output
    flat = " ".join(done.stdout.replace("│", " ").split())
    for expected in ("walk on the graph", "final_answer", row["call_id"], *row["passage_ids"], "reply:"):
        assert expected in flat
    told = json.loads(synth("explain", finished, row["id"], "--json").stdout)
    assert told["rows"]["questions"]["question"] == row["question"]
    assert {call["stage"] for call in told["calls"]} == {"concepts", "questions", "answers"}


@pytest.mark.parametrize("table", ["documents", "passages", "concepts", "combinations"])
def test_the_way_back_of_other_rows(synth: Synth, finished: Path, table: str) -> None:
    from synth.facade import load
    from synth.schemas import TABLES

    row_id = str(load(finished, table)[TABLES[table].key].iloc[0])
    done = synth("explain", finished, row_id)
    assert done.exit_code == 0, done.output
    assert f"{table.removesuffix('s')} {row_id}" in done.stdout


def test_the_reason_of_a_rejected_row(synth: Synth, tmp_path: Path, home: Path) -> None:
    (tmp_path / "good.txt").write_text("The slope of a line is a rate of change of one quantity. " * 4)
    (tmp_path / "short.txt").write_text("Too short.")
    files = (tmp_path / "good.txt", tmp_path / "short.txt")
    few = ("--set", "combinations.level3=off", "--model", "fake", "--no-ui", "--name", "r")
    assert synth("run", "synthllm-recommended", "--documents", *files, *few).exit_code == 0
    row = pq.read_table(home / "runs" / "r" / "rejected" / "documents").to_pylist()[0]
    done = synth("explain", "r", row["row_id"])
    assert done.exit_code == 0, done.output
    assert "rejected by stage documents: too_short" in done.stdout
    assert "short.txt" in done.stdout


def test_text_of_a_model_cannot_steer_the_terminal(synth: Synth, tmp_path: Path, home: Path) -> None:
    evil = (
        "The slope \x1b[2J\x1b]0;title\x07 of a line \u202egnorw\u202c is [red]a rate[/red] of change. " * 4
    )
    (tmp_path / "evil.jsonl").write_text(json.dumps({"text": evil, "title": "\x1b[31mTitle[/]"}))
    few = ("--set", "combinations.level3=off", "--model", "fake", "--no-ui", "--name", "e")
    done = synth("run", "synthllm-recommended", "--documents", tmp_path / "evil.jsonl", *few)
    assert done.exit_code == 0, done.output
    folder = home / "runs" / "e"
    for table in ("documents", "questions"):
        row_id = pq.read_table(folder / "dataset" / table).to_pylist()[0][
            "id" if table == "questions" else "document_id"
        ]
        for form in ((), ("--full",), ("--json",)):
            shown = synth("explain", folder, row_id, *form).stdout
            assert not {"\x1b", "\x07", "\u202e"} & set(shown)
        assert "[red]a rate[/red]" in " ".join(synth("explain", folder, row_id, "--full").stdout.split())


def test_a_run_folder_can_be_read_only(copied: Path, synth: Synth) -> None:
    before = {path: path.stat().st_mtime_ns for path in copied.rglob("*")}
    for command in (("status", copied), ("stats", copied)):
        assert synth(*command).exit_code == 0
    assert {path: path.stat().st_mtime_ns for path in copied.rglob("*")} == before


def test_figures_of_an_old_dataset_are_called_old(copied: Path, config: RunConfig, synth: Synth) -> None:
    assert "older than the run" not in synth("stats", copied).output
    screen = config.screen.model_copy(update={"min_words": 9})
    with Run.open(config.model_copy(update={"screen": screen}), copied.parent, "done"):
        pass
    done = synth("stats", copied)
    assert "The dataset is older than the run (screen.min_words (9, was 3) changed)" in done.stderr
    assert json.loads(synth("stats", copied, "--json").stdout)["outdated"]
    refused = synth("export", copied, "--format", "sft", "--out", copied / "x.jsonl")
    assert refused.exit_code == 1
    assert "older than its run" in refused.stderr


def test_a_name_that_is_a_sentence_is_cut_unless_all_is_asked_for() -> None:
    from flows.commands.explain import EXCERPT, NAME_CHARS, concept_line

    row = {"kind": "topic", "name": "all that a small model copied from its passage " * 3, "passages": 1}
    assert concept_line(row, EXCERPT)[1].endswith("… (in 1 passage)")
    assert len(concept_line(row, EXCERPT)[1]) <= NAME_CHARS + len(" (in 1 passage)")
    assert row["name"] in concept_line(row, None)[1]
