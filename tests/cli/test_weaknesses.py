"""`synth weaknesses` on logs, good and bad."""

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import Result

from synth.sws.tables import CATEGORIES, WEAKNESSES
from tests.sws.logs import Row, wide, written

Synth = Callable[..., Result]
LOG: list[Row] = [
    {"prompt": name, "category": category, "accs": accs}
    for name, category, accs in (
        ("a", "number_theory", [0.5, 0.0]), ("b", "Number Theory", [1.0, 1.0]), ("c", "Algebra", [0.0, 0.0]),
        ("d", "algebra", [0.0, 0.5]), ("e", "algebra", [1.5]), ("\x1b[31mf", "algebra", [0.9]),
    )
]  # fmt: skip


def test_three_tables_and_a_summary(synth: Synth, tmp_path: Path) -> None:
    path, out = written(tmp_path / "log.jsonl", LOG), tmp_path / "out"
    done = synth("weaknesses", path, "--out", out, "--budget", 10, "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["rows"], told["problems"], told["weaknesses"]) == (6, 5, 2)
    assert told["rejected"] == {"unreadable": 1}
    assert [(c["category"], c["failed"], c["problems"], c["budget"]) for c in told["categories"]] == [
        ("Algebra", 1, 3, 4),
        ("Number Theory", 1, 2, 6),
    ]
    weaknesses = pq.read_table(out / "weaknesses.parquet")
    assert weaknesses.schema.equals(WEAKNESSES.schema)
    assert pq.read_table(out / "categories.parquet").schema.equals(CATEGORIES.schema)
    assert pq.read_table(out / "rejected.parquet")["source"].to_pylist() == ["log.jsonl"]
    again = tmp_path / "again"
    assert synth("weaknesses", path, "--out", again, "--budget", 10).exit_code == 0
    for name in ("weaknesses", "categories", "rejected"):
        assert (out / f"{name}.parquet").read_bytes() == (again / f"{name}.parquet").read_bytes()


def test_what_a_person_sees(synth: Synth, tmp_path: Path) -> None:
    done = synth("weaknesses", written(tmp_path / "log.csv", LOG), "--out", tmp_path / "out")
    assert "weaknesses: 2 of 5 histories (trend: max_accuracy <= 0.5 and slope <= 0)" in done.output
    assert "Number Theory" in done.output and "not between 0 and 1" in done.output
    told = " ".join(done.stderr.split())
    assert "Rejected of 6 rows of the logs: unreadable 1" in told
    assert "none of their rows can be used: 1 problem." in told
    assert "\x1b" not in done.output


def test_options_reach_their_place(synth: Synth, tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", [{"q": f"{r['prompt']} Think.", "a": r["accs"]} for r in LOG])
    common = ("weaknesses", path, "--out", tmp_path / "out", "--json")
    columns = ("--col", "problem=q", "--col", "accuracy=a", "--strip", "Think.")
    options = ("--max-accuracy", 0.4, "--total", "Uncategorised=50", "--concepts", "uncategorised=7")
    done = synth(*common, *columns, *options)
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["weaknesses"] == 1
    (category,) = told["categories"]
    assert (category["problems"], category["budget"], category["capped"]) == (50, 3, True)
    assert "c" in pq.read_table(tmp_path / "out" / "weaknesses.parquet")["problem"].to_pylist()
    rated = synth(*common, *columns, "--rule", "rate", "--max-pass-rate", 0.5)
    assert json.loads(rated.stdout)["weaknesses"] == 3


def test_scores_on_another_scale_are_refused_until_it_is_told(synth: Synth, tmp_path: Path) -> None:
    path, out = written(tmp_path / "log.jsonl", wide(a=[0, 40], b=[10, 100])), tmp_path / "out"
    done = synth("weaknesses", path, "--out", out)
    assert done.exit_code == 2 and "`accs` runs from 0 to 100" in done.stderr
    assert not out.exists()
    assert synth("weaknesses", path, "--out", out, "--scale", 0, 100).exit_code == 0
    assert pq.read_table(out / "weaknesses.parquet")["last_accuracy"].to_pylist() == [1.0, 0.4]
    done = synth("weaknesses", path, "--out", out, "--scale", 1, -1)
    assert done.exit_code == 2 and "--scale 1 -1: give the score that stands for 0 first" in done.stderr


def test_no_failures_and_only_failures_are_said(synth: Synth, tmp_path: Path) -> None:
    none = written(tmp_path / "none.jsonl", wide(a=[1.0, 1.0], b=[0.9, 1.0]))
    done = synth("weaknesses", none, "--out", tmp_path / "out")
    assert done.exit_code == 0 and "no category has a budget" in done.output
    every = written(tmp_path / "all.jsonl", wide(a=[0.0, 0.0], b=[0.5, 0.0]))
    done = synth("weaknesses", every, "--out", tmp_path / "out")
    assert done.exit_code == 0 and "Every problem is a weakness" in done.output
    done = synth("weaknesses", every, "--out", tmp_path / "out", "--total", "uncategorised=5")
    assert done.exit_code == 0 and "Every problem" not in done.output
    mixed = written(tmp_path / "mixed.jsonl", wide(a=[0.5], b=[0.0, 0.0], c=[1.0]))
    done = synth("weaknesses", mixed, "--out", tmp_path / "out")
    assert "Weaknesses that were visited once: 1" in done.output
    single = written(
        tmp_path / "single.jsonl", [{"problem": "a", "correct": False}, {"problem": "b", "correct": True}]
    )
    done = synth("weaknesses", single, "--out", tmp_path / "out")
    assert "rate: last_accuracy <= 0.25" in done.output and "fewer than 8 attempts: 2" in done.output


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--total", "x"), "--total x: give NAME=VALUE."),
        (("--total", "x=y"), "give a whole number"),
        (("--total", "x=9"), "no such category"),
        (("--slope", "nan"), "A threshold is no number"),
        (("--max-accuracy", "2"), "max-accuracy"),
        (("--col", "problem=x"), "there is no column 'x' (problem)"),
        (("--student", "x"), "no row of the model"),
        (("--merged", "refuse"), "The logs look merged"),
    ],
)
def test_wrong_usage_is_told(options: tuple[str, ...], said: str, synth: Synth, tmp_path: Path) -> None:
    rows = [{"problem": "a", "step": step, "reward": 1, "model": "m"} for step in range(2)]
    rows += [] if "--student" in options else [{**rows[0], "step": 0, "problem": "b"}]
    if options[-1] == "refuse":
        rows = wide(a=[0.5]) + wide(a=[0.6])
    done = synth("weaknesses", written(tmp_path / "log.jsonl", rows), "--out", tmp_path / "out", *options)
    assert done.exit_code == 2, done.output
    assert said in done.output
    assert not (tmp_path / "out").exists()


def test_the_folder_is_a_file(synth: Synth, tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", LOG)
    done = synth("weaknesses", path, "--out", path)
    assert done.exit_code == 2 and "this is a file; name a folder" in done.output


def test_many_categories_are_in_the_file_and_the_first_on_the_screen(synth: Synth, tmp_path: Path) -> None:
    rows: list[Row] = [{"prompt": f"p{n}", "category": f"c{n:03d}", "accs": [0.0]} for n in range(99)]
    done = synth(
        "weaknesses", written(tmp_path / "log.jsonl", rows), "--out", tmp_path / "out", "--budget", 0
    )
    assert done.exit_code == 0, done.output
    assert "C029" in done.output and "C030" not in done.output.partition("categories")[2]
    assert "in categories.parquet alone: 69" in " ".join(done.output.split())
    assert pq.read_table(tmp_path / "out" / "categories.parquet").num_rows == 99


@pytest.mark.parametrize("option", ["--total", "--concepts"])
def test_a_number_of_too_many_digits_is_told(option: str, synth: Synth, tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", LOG)
    done = synth("weaknesses", path, "--out", tmp_path / "out", option, f"algebra={'9' * 5_000}")
    assert done.exit_code == 2
    assert "of 15 digits at most" in " ".join(done.stderr.split()) and len(done.stderr) < 500
