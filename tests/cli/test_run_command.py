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
    assert "price is known" in done.stdout
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
