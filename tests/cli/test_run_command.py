"""`synth run`: runs, resumes, forecasts."""

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import Result

from flows.commands.run import spread

Synth = Callable[..., Result]
FEW = ("--set", "combinations.max_level3=3", "--set", "combinations.level2_sets=1")


def runs_of(home: Path) -> list[Path]:
    return sorted((home / "runs").glob("*/run.toml"))


def test_a_run_without_prefect_ends_with_a_dataset(synth: Synth, home: Path, documents: Path) -> None:
    command = ("run", "synthllm-recommended", "--documents", documents, "--model", "fake", "--no-ui", *FEW)
    done = synth(*command)
    assert done.exit_code == 0, done.output
    folder = runs_of(home)[0].parent
    assert pq.read_table(folder / "dataset" / "questions").num_rows > 0
    assert "Funnel" in done.stdout
    assert "no language model at all" in done.stdout
    assert "Model of the questions: fake@" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr

    again = synth(*command)
    assert again.exit_code == 0, again.output
    assert "0 computed, 8 reused." in again.stdout
    assert "Calls: 0 made" in again.stdout
    assert len(runs_of(home)) == 1


def test_the_name_and_the_folder_of_runs_can_be_chosen(synth: Synth, tmp_path: Path, documents: Path) -> None:
    out = tmp_path / "elsewhere"
    few = ("--name", "mine", "--out", out, "--sample", "1", "--set", "combinations.level3=off")
    done = synth("run", "synthllm-recommended", "--documents", documents, "--model", "fake", "--no-ui", *few)
    assert done.exit_code == 0, done.output
    assert json.loads((out / "mine" / "02_concepts" / "_manifest.json").read_bytes())["inputs"] == 1


def test_a_dry_run_makes_no_call_and_writes_nothing(synth: Synth, home: Path, documents: Path) -> None:
    # A closed port: any call, and any question whether the endpoint is there, would fail.
    closed = ("--set", 'models.big={base_url="http://127.0.0.1:9/v1", model="m"}', "--model", "big")
    done = synth("run", "synthllm-recommended", "--documents", documents, "--dry-run", *closed)
    assert done.exit_code == 0, done.output
    assert not home.exists()
    for stage in ("concepts", "questions, level1", "questions, level2", "questions, level3", "answers"):
        assert f"Prompt of stage {stage}" in done.stdout
    assert "Cost: unknown for models.big" in done.stdout
    assert "linear equation" in done.stdout


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (["r", "--documents", "a", "b"], ["r", "--documents", "a", "--documents", "b"]),
        (["--documents", "a", "--no-ui", "r"], ["--documents", "a", "--no-ui", "r"]),
        (
            ["r", "--documents", "a", "b", "--name", "n"],
            ["r", "--documents", "a", "--documents", "b", "--name", "n"],
        ),
        (["--documents", "a", "--documents", "b"], ["--documents", "a", "--documents", "b"]),
        (["--documents", "a", "--", "r"], ["--documents", "a", "--", "r"]),
        (["--documents=a", "r"], ["--documents=a", "r"]),
    ],
)
def test_documents_takes_all_paths_that_follow(given: list[str], meant: list[str]) -> None:
    assert spread(given, "--documents") == meant


def test_demo_shows_a_question_of_each_level_and_what_to_do_next(synth: Synth, home: Path) -> None:
    done = synth("demo", "--model", "fake", "--no-ui")
    assert done.exit_code == 0, done.output
    for expected in (
        "level1, q_",
        "level2, q_",
        "level3, q_",
        "pandas.read_parquet",
        "base_url",
        "synth explain",
    ):
        assert expected in done.stdout
    assert "show the machinery" in done.stdout
    again = synth("demo", "--model", "fake", "--no-ui")
    assert "8 reused" in again.stdout


def test_a_dry_run_shows_prompts_whole(synth: Synth, documents: Path, tmp_path: Path) -> None:
    long = tmp_path / "long.md"
    long.write_text("# Lines\n\n" + "The slope of a line is a rate of change. " * 100 + "THE END")
    done = synth("run", "synthllm-recommended", "--documents", long, "--dry-run", "--model", "fake")
    assert done.exit_code == 0, done.output
    assert "THE END" in done.stdout
    assert " characters)" not in done.stdout


@pytest.mark.parametrize("command", [("demo",), ("run", "synthllm-recommended", "--name", "r")])
def test_the_end_of_a_run_fits_a_narrow_screen(
    synth: Synth, home: Path, documents: Path, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    given = ("--documents", documents, *FEW) if command[0] == "run" else ()
    done = synth(*command, *given, "--model", "fake", "--no-ui")
    assert done.exit_code == 0, done.output
    # Text of models, paths and the paragraph on the model are broken between words by the screen itself.
    free = ("Question:", "Answer:", "They were written", "  ")
    assert [
        row for row in done.stdout.splitlines() if len(row.rstrip()) > 80 and not row.startswith(free)
    ] == []
    for expected in ("used: rows in that led", "Rejected: ", "Calls: ", "Next:"):
        assert expected in done.stdout
    assert "ROW_ID" not in done.stdout
    assert "Prefect" not in done.stdout


def test_a_prompt_file_of_a_wrong_name_stops_the_run(synth: Synth, documents: Path, tmp_path: Path) -> None:
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "level3.md").write_text("---\nid: level3\n---\n")
    own = ("--set", f"prompts.dir={tmp_path / 'prompts'}", "--model", "fake", "--no-ui")
    done = synth("run", "synthllm-recommended", "--documents", documents, *own)
    assert done.exit_code == 2
    assert "nothing uses" in done.stderr
    assert "level3.md" in done.stderr


def test_a_model_without_an_address_is_told_which_variable_names_one(
    synth: Synth, documents: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    done = synth("check", "synthllm-recommended", "--documents", documents, "--model", "qwen3-32b")
    assert done.exit_code == 2
    assert "OPENAI_BASE_URL" in done.stderr


def test_models_are_named_as_a_person_names_them(synth: Synth, documents: Path) -> None:
    done = synth("check", "synthllm-recommended", "--documents", documents, "--model", "fake")
    assert "3 files" in done.stdout
    assert "fake:" not in done.stdout
