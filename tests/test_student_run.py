"""Whole runs with a student and without: what changes, what must not, and what is made of its attempts."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import synth
from synth import check as checks
from synth.check import check
from synth.config import RunConfig
from synth.errors import ConfigError, StoreError
from synth.export import Options, export
from synth.export.sources import run_rollouts
from synth.forecast import forecast
from synth.lineage import lineage
from synth.pipeline import made_from, road, stages_before
from synth.prompts.library import PromptLibrary
from synth.report import manifests, read_stats
from synth.road import stages_of
from synth.rollouts.groups import Kinds
from synth.rollouts.prompts import prompts
from synth.rollouts.tables import ROLLOUTS
from synth.run_report import read
from synth.runs import default_name
from synth.settings import load
from synth.store import StageStore
from synth.waves import waved
from tests import corpus

pytest.importorskip("math_verify")

ENTRY = 'models.small={base_url="fake:", model="small"}'
STUDENT = (ENTRY, 'roles.student="small"')
PLAIN = ("documents", "concepts", "graph", "combinations", "questions", "screen", "answers", "dataset")
FEW = ("combinations.epochs=1", "combinations.max_level3=12", "combinations.level2_sets=2")
Make = Callable[..., RunConfig]


@pytest.fixture
def make(documents: Path) -> Make:
    return lambda *settings: load(
        "synthllm-recommended", [str(documents)], "fake", overrides=[*FEW, *settings]
    )


class Tried(NamedTuple):
    config: RunConfig
    folder: Path
    dataset: Path


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> Tried:
    """A finished run with a student: to be read, never to be changed."""
    root = tmp_path_factory.mktemp("tried")
    documents = str(corpus.write(root / "documents"))
    config = load("synthllm-recommended", [documents], "fake", overrides=[*FEW, *STUDENT])
    result = synth.run(config, name="r", runs=root / "runs")
    return Tried(config, result.folder, result.dataset)


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def prints(config: RunConfig) -> dict[str, Any]:
    return {
        stage.name: made_from(
            stage, config, PromptLibrary(), lambda entry: entry, dict.fromkeys(stages_before(stage), "")
        )
        for stage in road(config)
    }


def rows_of(folder: Path) -> list[dict[str, Any]]:
    return list(pq.read_table(folder / "questions").to_pylist())


def test_without_a_student_nothing_is_as_if_there_were_one(make: Make) -> None:
    plain = make()
    assert stages_of(plain) == PLAIN
    other = make("difficulty.attempts=3", "difficulty.keep=all", "prompts.attempt=attempt.v9")
    assert prints(other) == prints(plain)
    assert default_name(other) == default_name(plain)
    with_student = prints(make(*STUDENT))
    assert [n for n in with_student if with_student[n] != prints(plain).get(n)] == ["difficulty", "dataset"]


def test_what_counts_for_the_stage(make: Make) -> None:
    def stage(*settings: str) -> Any:
        return prints(make(*STUDENT, *settings))["difficulty"]

    base = stage()
    assert base["models"] == {"student": "small"}
    assert set(base["prompts"]) == {"attempt.v1"}
    assert set(base["before"]) == {"questions", "answers"}
    assert "math-verify" in base["outside"]
    for setting in (
        "difficulty.attempts=4",
        "difficulty.low=0.5",
        "difficulty.keep=all",
        "difficulty.keep_hard=true",
        "difficulty.agreement=0.9",
        "prompts.attempts_sampling.temperature=0.6",
        'roles.student="fake"',
    ):
        assert stage(setting) != base, setting


def test_a_run_with_a_student(tried: Tried) -> None:
    found = manifests(tried.folder)
    assert tuple(found) == stages_of(tried.config) == (*PLAIN[:-1], "difficulty", "dataset")
    assert (tried.folder / "09_difficulty" / "rollouts").is_dir()
    rows = rows_of(tried.dataset)
    assert rows
    assert {row["pass_rate"] for row in rows} <= {n / 8 for n in range(2, 7)}
    assert len({row["pass_rate"] for row in rows}) > 2
    assert {"too_easy", "too_hard", "unsolved"} <= set(found["difficulty"].reasons)
    tries = synth.load(tried.folder, "rollouts")
    assert list(tries.columns) == ROLLOUTS.schema.names
    asked = found["difficulty"].inputs
    assert len(tries) == found["difficulty"].outputs["rollouts"] == 8 * asked
    right = tries[tries.correct].groupby("problem_id").size()
    assert all(row["pass_rate"] == right[row["id"]] / 8 for row in rows)


def test_figures_are_those_of_every_question(tried: Tried) -> None:
    fallen = pq.read_table(tried.dataset / "rejected").to_pylist()
    rates = [json.loads(row["row"])["pass_rate"] for row in fallen if row["stage"] == "difficulty"]
    rates += [row["pass_rate"] for row in rows_of(tried.dataset)]
    stats = read_stats(tried.folder)["student"]
    counted = Counter(rates)
    assert stats["pass_rates"] == {**{f"{n}/8": counted[n / 8] for n in range(9)}, "none": 0}
    assert stats["questions"] == len(rates) == sum(stats["words"].values())
    assert stats["words"]["in_band"] == len(rows_of(tried.dataset))
    reasons = manifests(tried.folder)["difficulty"].reasons
    assert {word: n for word, n in stats["words"].items() if word != "in_band"} == reasons
    outcomes = stats["outcomes"]
    tries = run_rollouts(tried.folder).to_pylist()
    assert (
        outcomes["unanswered"] == sum(row["answer"] is None and row["correct"] is False for row in tries) > 0
    )
    assert outcomes["attempts"] == 8 * len(rates) == outcomes["right"] + outcomes["wrong"]
    card = (tried.dataset / "README.md").read_text()
    assert "## Difficulty" in card
    assert f"| 4/8 | {counted[0.5]} |" in card
    assert "| student | fake@" in card
    assert f"({outcomes['unanswered']} of these without a final answer)" in card
    assert {row["hardness"] for row in rows_of(tried.dataset)} == {"in_band"}
    assert read_stats(tried.folder)["hardness"] == {"in_band": len(rows_of(tried.dataset))}
    assert "No judge took part: `verdict` and `well_posed` are null" in card
    assert "No student" not in card


def test_without_a_student_the_card_says_so(make: Make) -> None:
    result = synth.run(make(), name="r")
    assert {(row["pass_rate"], row["hardness"]) for row in rows_of(result.dataset)} == {(None, None)}
    assert "## Difficulty" not in (result.dataset / "README.md").read_text()
    assert read_stats(result.folder)["student"] is None


def test_a_student_comes_and_goes_without_a_call_made_twice(make: Make) -> None:
    plain, with_student = make(), make(*STUDENT)
    first = synth.run(plain, name="r")
    before = contents(first.dataset)
    second = synth.run(with_student, name="r")
    assert set(read(second.folder)["tries"][-1]["calls_by_stage"]) == {"difficulty"}
    then = contents(second.dataset)
    assert contents(synth.run(plain, name="r").dataset) == before
    assert contents(synth.run(with_student, name="r").dataset) == then
    everything = synth.run(make(*STUDENT, "difficulty.keep=all"), name="r")
    assert [t["calls"]["made"] for t in read(everything.folder)["tries"][-3:]] == [0, 0, 0]
    questions = {row["id"] for row in rows_of(everything.dataset)}
    assert len(questions) == first.funnel[-1].outputs
    # More attempts keep those that were made.
    synth.run(make(*STUDENT, "difficulty.attempts=10"), name="r")
    assert read(first.folder)["tries"][-1]["calls"]["made"] == 2 * len(questions)


def test_rows_do_not_depend_on_parts_or_names(tried: Tried, make: Make, tmp_path: Path) -> None:
    cut = synth.run(make(*STUDENT, "part_rows=5", "tasks=3"), runs=tmp_path / "cut", name="other")
    assert contents(cut.dataset) == contents(tried.dataset)
    assert len(manifests(cut.folder)["difficulty"].parts) > 2
    assert run_rollouts(cut.folder).sort_by("rollout_id") == run_rollouts(tried.folder).sort_by("rollout_id")


def test_a_target_counts_after_the_student(make: Make) -> None:
    config = make(*STUDENT, "target.rows=8")
    assert waved(config) == ("questions", "screen", "answers", "difficulty")
    result = synth.run(config, name="r")
    assert result.target is not None
    assert (result.target.kept, result.target.stop) == (8, "reached")
    assert manifests(result.folder)["difficulty"].rejected
    assert all(0.25 <= row["pass_rate"] <= 0.75 for row in rows_of(result.dataset))


def test_pairs_are_right_against_wrong_of_one_question(tried: Tried, tmp_path: Path) -> None:
    done = export(tried.folder, "dpo", tmp_path / "pairs.jsonl", options=Options(style="standard"))
    sides: dict[bool, set[tuple[str, str]]] = defaultdict(set)
    for row in run_rollouts(tried.folder).to_pylist():
        sides[row["correct"]].add((row["problem"], row["response"]))
    pairs = [json.loads(line) for line in done.path.read_text().splitlines()]
    least = sum(min(row["pass_rate"], 1 - row["pass_rate"]) * 8 for row in rows_of(tried.dataset))
    assert len(pairs) == done.rows == least
    for pair in pairs:
        assert (pair["prompt"].strip(), pair["chosen"]) in sides[True]
        assert (pair["prompt"].strip(), pair["rejected"]) in sides[False]


def test_prompts_have_the_filters_of_the_runs_own_rollouts(tried: Tried, tmp_path: Path) -> None:
    rows = rows_of(tried.dataset)
    done = export(tried.folder, "rl", tmp_path / "rl.jsonl")
    made = [json.loads(line) for line in done.path.read_text().splitlines()]
    assert {row["id"] for row in made} == {row["id"] for row in rows if row["pass_rate"] <= 0.5}
    assert done.left_out["right more often than the cap on ease allows (--max-pass-rate)"] == len(rows) - len(
        made
    )
    assert {row["reward_model"]["ground_truth"] for row in made} <= {row["label"] for row in rows}
    whole = export(tried.folder, "rl", tmp_path / "all.jsonl", options=Options(max_pass_rate=1.0))
    assert whole.rows == len(rows)
    found = prompts(run_rollouts(tried.folder))
    kinds = Kinds(found.rollouts)
    assert kinds.right.sum() == kinds.wrong.sum() == found.rollouts.num_rows / 2 > 0


def test_right_attempts_are_rows_for_supervised_training(tried: Tried, tmp_path: Path) -> None:
    from flows.cli import app

    out = tmp_path / "own.jsonl"
    args = [
        "export",
        str(tried.folder),
        "--format",
        "sft",
        "--rollouts",
        str(tried.folder),
        "--out",
        str(out),
    ]
    done = CliRunner(env={"COLUMNS": "200"}).invoke(app, args)
    assert done.exit_code == 0, done.output
    right = sum(row["pass_rate"] * 8 for row in rows_of(tried.dataset))
    assert len(out.read_text().splitlines()) == right
    plain = export(tried.folder, "sft", tmp_path / "answers.jsonl")
    assert plain.rows == len(rows_of(tried.dataset))  # the answers of the solver
    alone = export(None, "dpo", tmp_path / "all.jsonl", options=Options(rollouts=tried.folder))
    dataset = export(tried.folder, "dpo", tmp_path / "some.jsonl")
    assert alone.rows > dataset.rows  # also of questions that fell


def test_a_run_without_a_student_says_so(make: Make, tmp_path: Path) -> None:
    result = synth.run(make(), name="r")
    assert export(result.folder, "rl", tmp_path / "rl.jsonl").rows == len(rows_of(result.dataset))
    with pytest.raises(StoreError, match="set roles.student") as caught:
        export(result.folder, "dpo", tmp_path / "x.jsonl")
    assert "\n" not in str(caught.value)


def test_bad_replies_of_a_student_cost_their_own_attempts(make: Make) -> None:
    faulty = 'models.small={base_url="fake:?truncated=0.15&empty=0.05&refusal=0.05", model="small"}'
    result = synth.run(make(*STUDENT, faulty), name="r")
    outcomes = read_stats(result.folder)["student"]["outcomes"]
    assert outcomes["truncated"] > outcomes["attempts"] / 20
    assert (
        sum(outcomes[name] for name in ("right", "wrong", "truncated", "undecided")) == outcomes["attempts"]
    )
    assert any(row["pass_rate"] * 8 % 1 for row in rows_of(result.dataset))  # of fewer than eight
    assert manifests(result.folder)["difficulty"].parents > 10


def test_the_way_back_shows_every_attempt(tried: Tried) -> None:
    from flows.cli import app

    row = rows_of(tried.dataset)[0]
    found = lineage(tried.folder, row["id"])
    assert [one["sample"] for one in found.attempts] == list(range(8))
    assert [call["stage"] for call in found.calls].count("difficulty") == 8
    one = lineage(tried.folder, found.attempts[3]["rollout_id"])
    assert (one.kind, one.rows["questions"]["question_id"]) == ("rollouts", row["id"])
    assert [call["stage"] for call in one.calls].count("difficulty") == 1
    assert lineage(tried.folder, one.rows["rollouts"]["call_id"]).rows == {"rollouts": found.attempts[3]}
    assert found.rows["difficulty"]["pass_rate"] == row["pass_rate"]
    shown = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["explain", str(tried.folder), row["id"]]).output
    assert f"attempts of fake@1#small: {row['pass_rate'] * 8:.0f} of 8 right" in shown
    assert "8 samples of one prompt, stage difficulty" in shown
    fallen = StageStore(tried.folder, "difficulty").read("rejected").to_pylist()
    easy = next(row for row in fallen if row["reason"] == "too_easy")
    shown = (
        CliRunner(env={"COLUMNS": "200"}).invoke(app, ["explain", str(tried.folder), easy["row_id"]]).output
    )
    assert "rejected by stage difficulty: too_easy" in shown
    assert "attempts of fake@1#small: " in shown


def test_hard_questions_that_nothing_could_find_are_told(make: Make, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"keep_hard: without roles.student"):
        check(make("difficulty.keep_hard=true"), tmp_path)
    with pytest.raises(ConfigError, match=r"keep_hard: .*answers.mode = single"):
        check(make(*STUDENT, "difficulty.keep_hard=true"), tmp_path)
    check(make(*STUDENT, "difficulty.keep_hard=true", "answers.mode=vote"), tmp_path)


def test_the_forecast_bounds_the_attempts(tried: Tried, make: Make) -> None:
    stages = {stage.stage: stage for stage in forecast(tried.config).stages}
    used = read(tried.folder)["tries"][0]["calls_by_stage"]["difficulty"]
    assert used["made"] == 8 * manifests(tried.folder)["difficulty"].inputs
    assert used["made"] <= (stages["difficulty"].calls or 0) == 8 * (stages["difficulty"].rows or 0)
    assert "difficulty" not in {stage.stage for stage in forecast(make()).stages}


def test_a_student_needs_what_compares_answers(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check(make(*STUDENT), tmp_path)
    monkeypatch.setattr(checks, "is_installed", lambda: False)
    check(make(), tmp_path)
    with pytest.raises(ConfigError) as caught:
        check(make(*STUDENT), tmp_path)
    (fault,) = caught.value.faults
    assert fault.startswith("roles.student: ")
    assert "pip install 'synth[verify]'" in fault


def test_the_fake_plays_the_student_where_one_is_named(tmp_path: Path, documents: Path) -> None:
    recipe = tmp_path / "mine.toml"
    recipe.write_text('[models.big]\nbase_url="http://127.0.0.1:9/v1"\nmodel="m"\n[roles]\nstudent="big"\n')
    assert load(str(recipe), [str(documents)], "fake").roles.student == "fake"
    other = load(str(recipe), [str(documents)], "some-model")
    assert (other.roles.generator, other.roles.student) == ("some-model", "big")
    with pytest.raises(ConfigError, match="roles.student: there is no model entry 'nobody'"):
        load(str(recipe), overrides=["roles.student=nobody"])
    with pytest.raises(ConfigError, match="wordllama gives embeddings only"):
        check(load(str(recipe), [str(documents)], "fake", overrides=["roles.student=wordllama"]), tmp_path)


def test_words_of_the_student_are_held_back_with_the_text(make: Make) -> None:
    result = synth.run(make(*STUDENT, "dataset.include_text=false"), name="r")
    fallen = pq.read_table(result.dataset / "rejected").to_pylist()
    rows = [json.loads(row["row"]) for row in fallen if row["stage"] == "difficulty"]
    assert rows
    assert all(not {"question", "label"} & set(row) and row["difficulty"] for row in rows)
