"""Whole aimed runs: with documents and without, the same bytes however they are cut, and the way back."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import synth
from flows.cli import app
from synth.check import check
from synth.config import RunConfig
from synth.errors import ConfigError, NothingFailed
from synth.forecast import forecast
from synth.lineage import lineage
from synth.pipeline import made_from, road, stages_before
from synth.prompts.library import PromptLibrary
from synth.report import manifests, read_stats
from synth.road import stages_of
from synth.runs import REUSED, default_name
from synth.settings import load
from synth.store import StageStore
from synth.text import counted
from tests import corpus, rolled

FEW = ("targets.budget=30",)
Make = Callable[..., RunConfig]
Row = dict[str, Any]


class Done(NamedTuple):
    config: RunConfig
    folder: Path
    dataset: Path


def aimed(root: Path, recipe: str = "sws-recommended", *settings: str, documents: bool = True) -> RunConfig:
    log = rolled.write(root / "log.jsonl")
    texts = [str(corpus.write(root / "documents"))] if documents else []
    return load(recipe, texts, "fake", overrides=[*FEW, *settings], rollouts=[str(log)])


@pytest.fixture(scope="module")
def grounded(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """A finished run with documents: to be read, never to be changed."""
    root = tmp_path_factory.mktemp("grounded")
    config = aimed(root)
    result = synth.run(config, name="r", runs=root / "runs")
    return Done(config, result.folder, result.dataset)


@pytest.fixture
def make(tmp_path: Path) -> Make:
    return lambda *settings, **more: aimed(tmp_path, *(settings or ("sws-recommended",)), **more)


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def table(done: Done, stage: str, name: str) -> list[Row]:
    rows: list[Row] = StageStore(done.folder, stage).read(name).to_pylist()
    return rows


def prints(config: RunConfig) -> dict[str, Any]:
    return {
        stage.name: made_from(
            stage, config, PromptLibrary(), lambda entry: entry, dict.fromkeys(stages_before(stage), "")
        )
        for stage in road(config)
    }


def test_the_lower_line_has_folders_of_its_own_and_the_upper_keeps_its_numbers(grounded: Done) -> None:
    assert stages_of(grounded.config)[:7] == (
        *("rollouts", "weaknesses", "targets", "documents", "concepts", "graph", "combinations"),
    )
    folders = sorted(path.name for path in grounded.folder.iterdir() if path.is_dir())
    assert {"01_documents", "04_combinations", "10_dataset", "a1_rollouts", "a3_targets"} < {*folders}


def test_published_rows_say_what_they_aim_at(grounded: Done) -> None:
    rows = pq.read_table(grounded.dataset / "questions").to_pylist()
    shares = {row["category"]: row["budget"] for row in table(grounded, "targets", "budgets")}
    assert len(rows) > 15
    assert {row["origin"] for row in rows} == {"targeted"}
    assert {row["category"] for row in rows} <= {*shares}
    assert {row["difficulty"] for row in rows} <= {*grounded.config.targets.difficulties}
    assert any(len(row["sources"]) == 2 for row in rows)
    assert sum(shares.values()) == 30
    # The shares of the budget, to the row.
    counts = Counter(row["category"] for row in rows)
    assert all(abs(counts[name] - len(rows) * budget / 30) < 1 for name, budget in shares.items())


def test_categories_are_given_or_asked_for_and_rates_count_all_problems(grounded: Done) -> None:
    found = {row["problem_id"]: row for row in table(grounded, "weaknesses", "weaknesses")}
    labels = table(grounded, "weaknesses", "category_labels")
    assert len(found) == rolled.ALL
    assert len(labels) == len(rolled.PROBLEMS[None])
    assert all(found[row["problem_id"]]["category"] == row["category"] for row in labels)
    shares = {row["category"]: row for row in table(grounded, "weaknesses", "categories")}
    assert (shares["Chance"]["failed"], shares["Chance"]["problems"]) == (3, 6)
    assert (shares["Motion"]["failed"], shares["Motion"]["problems"]) == (4, 5)


def test_the_way_back_leads_to_failed_problems_and_documents(grounded: Done) -> None:
    rows = pq.read_table(grounded.dataset / "questions").to_pylist()
    row = next(row for row in rows if row["sources"])
    found = lineage(grounded.folder, row["id"])
    assert found.problems
    assert all(problem["is_weakness"] for problem in found.problems)
    assert all(problem["accuracies"] == [0.25, 0.125, 0.0, 0.0] for problem in found.problems)
    weak = {one["name"] for problem in found.problems for one in problem["concepts"]}
    assert {*row["concepts"]} <= weak
    assert found.passages
    assert {passage["source"] for passage in found.passages} == {*row["sources"]}
    assert {call["stage"] for call in found.calls} >= {"targets", "questions", "answers", "concepts"}
    shown = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["explain", str(grounded.folder), row["id"]]).output
    assert f"failed problem {found.problems[0]['problem_id']}" in shown
    assert "max_accuracy: 0.25" in shown
    assert "slope: -0.08" in shown
    of_problem = lineage(grounded.folder, found.problems[0]["problem_id"])
    assert of_problem.kind == "weaknesses"


def test_the_outline_is_kept(grounded: Done) -> None:
    questions = table(grounded, "questions", "questions")
    assert all(row["outline"].startswith("Combine ") for row in questions)


def test_the_card_and_the_figures_tell_of_weaknesses(grounded: Done) -> None:
    stats = read_stats(grounded.folder)
    assert stats["aimed"]["weaknesses"] == rolled.FAILED
    assert [row["stage"] for row in stats["funnel"]][:3] == ["rollouts", "weaknesses", "targets"]
    card = (grounded.dataset / "README.md").read_text()
    assert "that a student keeps failing" in card
    assert "| Motion | 5 | 4 | 80.0% |" in card
    assert "failed by the rule `trend: max_accuracy <= 0.5 and slope <= 0`." in card
    assert "are weaknesses by the rule `trend: max_accuracy <= 0.5 and slope <= 0`." in card
    rows = pq.read_table(grounded.dataset / "questions")["passage_ids"].to_pylist()
    bare = sum(not passages for passages in rows)
    assert stats["aimed"]["without_passage"] == bare > 0
    assert f"{counted(bare, 'question')} had no passage in the prompt" in card
    shown = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["stats", str(grounded.folder)]).output
    assert f"{counted(bare, 'question')} had no passage in the prompt" in shown


@pytest.mark.parametrize("part_rows", [3, 11])
def test_the_bytes_do_not_depend_on_parts(grounded: Done, tmp_path: Path, part_rows: int) -> None:
    config = grounded.config.model_copy(update={"part_rows": part_rows})
    again = synth.run(config, name="r", runs=tmp_path / "runs")
    assert contents(again.dataset) == contents(grounded.dataset)


def test_nothing_is_done_or_paid_twice(grounded: Done) -> None:
    before = contents(grounded.dataset)
    said: list[str] = []
    again = synth.run(
        grounded.config, name="r", runs=grounded.folder.parent, explain=lambda stage, why: said.append(why)
    )
    assert contents(again.dataset) == before
    assert said == [REUSED] * len(stages_of(grounded.config))


def test_a_run_needs_no_documents(make: Make, tmp_path: Path) -> None:
    config = make("sws-faithful", "targets.most_problems=7", documents=False)
    assert stages_of(config)[:5] == ("rollouts", "weaknesses", "targets", "combinations", "questions")
    result = synth.run(config, name="r", runs=tmp_path / "runs")
    rows = pq.read_table(result.dataset / "questions").to_pylist()
    assert rows
    assert {(row["origin"], *row["sources"]) for row in rows} == {("targeted",)}
    assert pq.read_table(result.dataset / "documents").num_rows == 0
    assert not (result.dataset / "graph.png").exists()


def test_problems_of_the_logs_are_not_published(make: Make, tmp_path: Path) -> None:
    config = make("sws-recommended", "targets.most_problems=7", documents=False)
    result = synth.run(config, name="r", runs=tmp_path / "runs")
    fallen = pq.read_table(result.dataset / "rejected").to_pylist()
    assert {row["row"] for row in fallen if row["stage"] == "targets"} == {"{}"}
    texts = [text for problems in rolled.PROBLEMS.values() for text, _ in problems]
    assert not any(text in row["row"] for row in fallen for text in texts)
    assert "the problems in the logs" in (result.dataset / "README.md").read_text()


@pytest.mark.parametrize("sampler", ["graph_walk", "uniform"])
def test_other_samplers_end_too(make: Make, tmp_path: Path, sampler: str) -> None:
    config = make("sws-recommended", f"targets.sampler={sampler}", "targets.similarity=false")
    result = synth.run(config, name="r", runs=tmp_path / "runs")
    drawn = StageStore(result.folder, "combinations").read("combinations").to_pylist()
    assert {row["sampler"] for row in drawn} == {sampler}
    assert all(row["targets"] for row in drawn)
    if sampler == "graph_walk":
        assert all(row["references"] for row in drawn)


def test_a_target_is_met_by_the_shares(make: Make, tmp_path: Path) -> None:
    config = make("sws-recommended", "target.rows=9")
    result = synth.run(config, name="r", runs=tmp_path / "runs")
    assert result.target is not None
    assert result.target.kept == 9
    assert result.target.candidates < 30


def test_what_the_shares_cost_is_said_and_can_be_kept(make: Make, tmp_path: Path) -> None:
    some = ("sws-recommended", "targets.budget=50", "seed=2")
    result = synth.run(make(*some, documents=False), name="r", runs=tmp_path / "runs")
    fallen = next(row for row in result.funnel if row.stage == "dataset")
    assert 0 < fallen.rejected <= fallen.inputs / 10
    said = f"Left out for the shares of the categories: {fallen.rejected} of {fallen.inputs} accepted rows ("
    (note,) = [note for note in read_stats(result.folder)["notes"] if note.startswith("Left out")]
    assert note.startswith(said) and note.endswith("; targets.rebalance=off keeps them.")
    assert said.split(":")[0] in (result.dataset / "README.md").read_text()
    details = [row["detail"] for row in StageStore(result.folder, "dataset").read("rejected").to_pylist()]
    assert all(" has for its share (targets.rebalance)" in detail for detail in details)
    whole = make(*some, "targets.rebalance=off", documents=False)
    kept = synth.run(whole, name="whole", runs=tmp_path / "runs")
    assert read_stats(kept.folder)["rows"] == fallen.inputs


def test_what_is_wrong_is_told_before_any_call(make: Make, tmp_path: Path) -> None:
    def faults(*settings: str, documents: bool = True) -> list[str]:
        with pytest.raises(ConfigError) as told:
            check(make("sws-recommended", *settings, documents=documents), tmp_path)
        return list(told.value.faults)

    assert "no rollouts were given" in faults("rollouts.paths=[]")[0]
    assert "walks need a graph" in faults("targets.sampler=graph_walk", documents=False)[0]
    assert "one history for each problem" in faults("weakness.merged=split")[0]
    (tmp_path / "bare.jsonl").write_text('{"problem": "What is it?"}\n')
    assert "bare.jsonl" in faults(f'rollouts.paths=["{tmp_path}/bare.jsonl"]')[0]
    assert "missing" in faults('rollouts.paths=["missing.jsonl"]')[0]
    assert "exclude each other" in faults("rollouts.right_at=1", "rollouts.scale=[0, 100]")[0]
    assert "does not rise" in faults("rollouts.scale=[1, 1]")[0]
    assert "wordllama" not in str(faults("rollouts.paths=[]", "roles.embedder=fake"))


def test_nothing_failed_is_told_before_any_call(make: Make, tmp_path: Path) -> None:
    config = make("sws-recommended", "weakness.max_accuracy=0")
    with pytest.raises(NothingFailed, match="none of 15 problems is failed"):
        synth.run(config, name="r", runs=tmp_path / "runs")
    assert not (tmp_path / "runs" / "r" / "01_documents").exists()


def test_the_forecast_is_that_of_the_run(grounded: Done) -> None:
    found = {stage.stage: stage for stage in forecast(grounded.config).stages}
    done = manifests(grounded.folder)
    assert found["weaknesses"].calls == len(rolled.PROBLEMS[None])
    assert found["targets"].calls == done["targets"].inputs == rolled.FAILED
    assert found["questions"].calls == done["questions"].inputs == 30


def test_the_other_flow_depends_on_none_of_it(documents: Path) -> None:
    def plain(*settings: str) -> RunConfig:
        return load("synthllm-recommended", [str(documents)], "fake", overrides=settings)

    more = (
        "targets.size=3",
        "weakness.max_accuracy=0.1",
        "rollouts.right_at=1.0",
        "prompts.targeted=level3.v1",
    )
    assert prints(plain(*more)) == prints(plain())
    assert default_name(plain(*more)) == default_name(plain())


def test_logs_of_the_same_bytes_are_the_same_run_wherever_they_lie(make: Make, tmp_path: Path) -> None:
    log = rolled.write(tmp_path / "elsewhere" / "log.jsonl")
    config = make()
    moved = config.model_copy(update={"rollouts": config.rollouts.model_copy(update={"paths": (str(log),)})})
    assert default_name(moved) == default_name(config)
    log.write_text(log.read_text().replace("queen", "king"))
    assert default_name(moved) != default_name(config)
