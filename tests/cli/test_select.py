"""`synth select`: a pool's problems nearest to failed ones, from files to files."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from typer.testing import Result

from synth.sws.select import SELECTED
from tests import rolled
from tests.rollouts.seeds import put

Synth = Callable[..., Result]
POOL: list[dict[str, Any]] = [
    {"problem": "A ball falls with constant acceleration. Find its speed after five seconds.", "label": "49"},
    {"problem": "Find the acceleration of a train from its distance and speed.", "label": "2"},
    {"problem": "Find the probability of two independent events together.", "label": "1/6"},
    {"problem": "Three coins are thrown. Find the probability of two heads.", "label": "3/8"},
    {"problem": "The capital of a country has many streets and gardens. How many?", "label": "7"},
    {"problem": "A poem has four verses of five lines. How many lines are there?", "label": "20"},
    {"problem": rolled.SEED, "label": "1/13"},
    {"problem": "No label?"},
]


@pytest.fixture
def weak(synth: Synth, tmp_path: Path) -> Path:
    log = rolled.write(tmp_path / "log.jsonl")
    assert synth("weaknesses", log, "--out", tmp_path / "weak").exit_code == 0
    return tmp_path / "weak"


def rows_of(path: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return rows


def test_the_nearest_are_selected_and_every_row_is_accounted_for(
    synth: Synth, weak: Path, tmp_path: Path
) -> None:
    pytest.importorskip("wordllama")
    out = tmp_path / "out"
    done = synth("select", put(tmp_path, POOL, "pool.jsonl"), "--weak", weak, "--budget", 4, "--out", out)
    assert done.exit_code == 0, done.output
    rows = rows_of(out / "selected.parquet")
    assert pq.read_schema(out / "selected.parquet").equals(SELECTED.schema)
    assert {row["category"] for row in rows} == {"Chance", "Motion", "Uncategorised"}
    near = {row["problem"][:20]: row["category"] for row in rows}
    assert near["A ball falls with co"[:20]] == "Motion"
    assert "Chance" in (near.get("Find the probability"), near.get("Three coins are thro"))
    failed = {row["problem_id"] for row in rows_of(weak / "weaknesses.parquet") if row["is_weakness"]}
    assert {row["nearest_id"] for row in rows} <= failed
    assert {row["origin"] for row in rows} == {"selected"}
    fallen = rows_of(out / "rejected.parquet")
    assert sorted(row["reason"] for row in fallen) == ["duplicate", "surplus", "surplus", "unlabelled"]
    assert len(rows) + len(fallen) == len(POOL)
    assert not (out / "calls").exists()


def test_a_run_and_an_endpoint_of_embeddings_serve_too(synth: Synth, home: Path, tmp_path: Path) -> None:
    log = rolled.write(tmp_path / "log.jsonl")
    asked = ("--model", "fake", "--no-ui", "--name", "r", "--set", "targets.budget=4")
    assert synth("run", "sws-recommended", "--rollouts", log, *asked).exit_code == 0
    pool, out = put(tmp_path, POOL, "pool.jsonl"), tmp_path / "out"
    options = ("--weak", "r", "--budget", 40, "--embedder", "fake", "--json")
    done = synth("select", pool, *options, "--out", out)
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert sum(one["selected"] for one in told["categories"]) == 6
    assert told["rejected"] == {"duplicate": 1, "unlabelled": 1}
    before = (out / "selected.parquet").read_bytes()
    put(tmp_path, POOL[::-1], "pool.jsonl")
    assert synth("select", pool, *options, "--out", out).exit_code == 0
    assert (out / "selected.parquet").read_bytes() == before
    seeds = synth(
        "rollouts", out / "selected.parquet", "--model", "fake", "--out", tmp_path / "t", "--dry-run"
    )
    assert seeds.exit_code == 0 and "48" in seeds.output


END = " Let's think step by step and output the final answer within \\boxed{}."


def test_problems_of_the_logs_are_known_with_and_without_their_instruction(
    synth: Synth, home: Path, tmp_path: Path
) -> None:
    rows = [row | {"problem": f"{row['problem']}{END}"} for row in rolled.rows()]
    log = put(tmp_path, rows, "log.jsonl")
    pool = [{"problem": row["problem"], "label": "1"} for row in rows]
    pool += [
        {"problem": str(row["problem"]).upper().replace(" ", "  "), "label": "1"} for row in rolled.rows()[:3]
    ]
    pool += [{"problem": f"Find the probability of {n} reds.", "label": "1"} for n in range(4)]
    asked = ("--model", "fake", "--no-ui", "--name", "r", "--set", "targets.budget=4")
    assert synth("run", "sws-recommended", "--rollouts", log, *asked).exit_code == 0
    stripped = ("weaknesses", log, "--strip", END.strip(), "--out", tmp_path / "stripped")
    assert synth(*stripped).exit_code == 0
    assert synth("weaknesses", log, "--out", tmp_path / "whole").exit_code == 0

    def selected(weak: object, pool: list[dict[str, Any]]) -> Any:
        given = put(tmp_path, pool, "pool.jsonl")
        options = ("--weak", weak, "--budget", 40, "--embedder", "fake", "--out", tmp_path / "o", "--json")
        return json.loads(synth("select", given, *options).stdout)

    for weak in ("r", tmp_path / "stripped", tmp_path / "whole"):
        told = selected(weak, pool)
        assert told["rejected"]["duplicate"] >= len(rows), weak
        assert sum(one["selected"] for one in told["categories"]) <= 4 + 3
    assert selected("r", pool)["rejected"]["duplicate"] == len(rows) + 3
    # The log keeps its instruction and the pool has none: nobody can be sure, so it is said.
    free = [{"problem": row["problem"], "label": "1"} for row in rolled.rows()]
    told = selected(tmp_path / "whole", free)
    assert (told["copies"], sum(one["selected"] for one in told["categories"])) == (rolled.FAILED, rolled.ALL)


def test_copies_are_said(synth: Synth, weak: Path, tmp_path: Path) -> None:
    rows = [{"problem": f"{row['problem']} Reason first.", "label": "1"} for row in rolled.rows()]
    pool = put(tmp_path, [*rows, *POOL[:2]], "pool.jsonl")
    done = synth("select", pool, "--weak", weak, "--embedder", "fake", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    said = " ".join(done.output.split())
    assert "look like copies of a failed one" in said and "--strip" in said


def test_what_is_wrong_is_told(synth: Synth, weak: Path, tmp_path: Path) -> None:
    pool = put(tmp_path, POOL, "pool.jsonl")

    def told(*options: object) -> str:
        done = synth("select", *options, "--out", tmp_path / "out")
        assert done.exit_code == 2, done.output
        return done.stderr

    assert "There is no run" in told(pool, "--weak", "nowhere")
    assert "gives no embeddings" in told(pool, "--weak", weak, "--embedder", "embedded")
    assert synth("weaknesses", tmp_path / "log.jsonl", "--max-accuracy", 0, "--out", weak).exit_code == 0
    assert "no problem is failed" in told(pool, "--weak", weak, "--embedder", "fake")
