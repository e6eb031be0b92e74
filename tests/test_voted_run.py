"""Whole runs whose answers are voted on or aggregated: labels, figures, card, the way back, and equal bytes."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import synth
from synth.check import check
from synth.config import RunConfig
from synth.errors import ConfigError
from synth.forecast import forecast
from synth.lineage import lineage
from synth.report import funnel, manifests, read_stats
from synth.run_report import read
from synth.runs import default_name
from synth.settings import load
from tests import corpus
from tests.endpoints import FakeEndpoint

FEW = ("combinations.epochs=1", "combinations.max_level3=6", "combinations.level2_sets=1")
SOLVER = 'models.f={{base_url="{}",model="f",structured="json_schema"}}'
FAULTY = SOLVER.format("fake:?wrong=0.35&unmarked=0.15&truncated=0.05")
Make = Callable[..., RunConfig]


class Made(NamedTuple):
    config: RunConfig
    folder: Path
    dataset: Path

    def table(self, name: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = synth.load(self.folder, name).to_dict("records")
        return rows


@pytest.fixture
def make(documents: Path) -> Make:
    return lambda *settings: load(
        "synthllm-recommended", [str(documents)], "fake", overrides=[*FEW, *settings]
    )


def run(config: RunConfig, root: Path, name: str = "r") -> Made:
    result = synth.run(config, name=name, runs=root / "runs")
    return Made(config, result.folder, result.dataset)


def solved(root: Path, *settings: str) -> Made:
    documents = str(corpus.write(root / "documents"))
    settings = (*FEW, FAULTY, "roles.solver=f", *settings)
    return run(load("synthllm-recommended", [documents], "fake", overrides=list(settings)), root)


@pytest.fixture(scope="module")
def voted(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A finished run by vote, with solvers that are wrong, cut short or silent: to be read only."""
    return solved(tmp_path_factory.mktemp("voted"), "answers.mode=vote")


@pytest.fixture(scope="module")
def drafted(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The same by aggregation."""
    return solved(tmp_path_factory.mktemp("drafted"), "answers.mode=aggregate")


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def by_question(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["question_id"], []).append(row)
    return found


def test_labels_are_what_at_least_half_of_all_samples_say(voted: Made) -> None:
    """Counted again from the responses themselves: the fake model writes plain whole numbers."""
    labels = {row["id"]: row for row in pq.read_table(voted.dataset / "questions").to_pylist()}
    asked = by_question(voted.table("candidates"))
    assert len(asked) == manifests(voted.folder)["answers"].inputs
    for question_id, rows in asked.items():
        votes = Counter(
            row["final_answer"] if row["outcome"] == "answered" else row["outcome"]
            for row in rows
            if row["outcome"] in ("answered", "inconsistent", "under_determined", "several_answers")
        ).most_common(2)
        first, second = [*votes, ("", 0), ("", 0)][:2]
        won = first[1] >= 4 and first[1] > second[1]
        assert (question_id in labels) == (won and first[0].isdigit()), rows
        if question_id in labels:
            row = labels[question_id]
            assert (row["label"], row["answer_mode"]) == (first[0], "vote")
            assert row["agreement"] == first[1] / len(rows)
    assert len(labels) > 5


def test_every_response_is_accounted_for(voted: Made) -> None:
    candidates, fallen = voted.table("candidates"), voted.table("rejected")
    failed = {row["candidate_id"] for row in candidates if row["outcome"] in ("no_final_answer", "truncated")}
    assert failed
    assert failed == {row["row_id"] for row in fallen if row["row_id"].startswith("cnd_")}
    kept = {row["question_id"] for row in voted.table("answers")}
    lost = {row["row_id"] for row in fallen if row["stage"] == "answers" and row["row_id"].startswith("q_")}
    assert kept | lost == {row["question_id"] for row in candidates}
    assert not kept & lost
    assert len(candidates) == read(voted.folder)["tries"][0]["calls_by_stage"]["answers"]["made"]
    assert all(row["tokens"] > 0 for row in candidates)


def test_figures_and_card_tell_of_agreement(voted: Made) -> None:
    stats, asked = read_stats(voted.folder)["answering"], by_question(voted.table("candidates"))
    assert stats["questions"] == len(asked)
    assert stats["responses"] == sum(map(len, asked.values())) == sum(stats["outcomes"].values())
    assert stats["decided_early"] == sum(len(rows) < 8 for rows in asked.values()) > 0
    rows = {row.stage: row for row in funnel(voted.folder)}["answers"]
    assert sum(found["kept"] for found in stats["agreement"].values()) == rows.parents
    assert sum(found["rejected"] for found in stats["agreement"].values()) == rows.inputs - rows.parents
    assert stats["agreement"]["25 % to 50 %"]["kept"] == 0
    card = (voted.dataset / "README.md").read_text()
    assert "## Agreement" in card
    assert "`label` is what enough of several responses agreed on" in card
    assert f"{stats['decided_early']} questions stopped early" in card
    assert "it is ahead of every other by 1 vote or more" in card


def test_without_early_stop_all_are_asked_and_labels_are_the_same(voted: Made, tmp_path: Path) -> None:
    whole = solved(tmp_path, "answers.mode=vote", "answers.early_stop=false")
    assert {len(rows) for rows in by_question(whole.table("candidates")).values()} == {8}
    assert read_stats(whole.folder)["answering"]["decided_early"] == 0
    labels = {row["question_id"]: row["final_answer"] for row in whole.table("answers")}
    assert labels == {row["question_id"]: row["final_answer"] for row in voted.table("answers")}


@pytest.mark.parametrize("mode", ["vote", "aggregate"])
def test_equal_bytes_however_it_is_cut_and_resumed(
    mode: str, voted: Made, drafted: Made, make: Make, tmp_path: Path
) -> None:
    settings = (FAULTY, "roles.solver=f", f"answers.mode={mode}", "part_rows=4", "tasks=3")
    cut = run(make(*settings), tmp_path, "other")
    assert contents(cut.dataset) == contents((voted if mode == "vote" else drafted).dataset)
    before = contents(cut.dataset)
    for path in (cut.folder / "08_answers").rglob("*"):
        if path.is_file():
            path.unlink()
    again = run(make(*settings), tmp_path, "other")
    assert read(again.folder)["tries"][-1]["calls"]["made"] == 0
    assert contents(again.dataset) == before


def test_an_aggregated_run(drafted: Made) -> None:
    rows = pq.read_table(drafted.dataset / "questions").to_pylist()
    answers = {row["question_id"]: row for row in drafted.table("answers")}
    drafts = by_question([row for row in drafted.table("candidates") if row["part"] == "draft"])
    for row in rows:
        said = [one["final_answer"] for one in drafts[row["id"]]]
        assert row["agreement"] == said.count(row["label"]) / 4
        votes = Counter(one for one in said if one).most_common(2)
        majority = len(votes) == 1 or votes[0][1] > votes[1][1]
        expected = (row["label"] != votes[0][0]) if majority and votes[0][1] > 1 else None
        found = answers[row["id"]]["differs_from_majority"]
        assert (None if found is not True and found is not False else found) == expected
    stats = read_stats(drafted.folder)["answering"]
    assert 0 < stats["differs_from_majority"] < stats["with_a_majority"] <= len(rows)
    card = (drafted.dataset / "README.md").read_text()
    assert f"{stats['differs_from_majority']} got an answer that differs from it" in card
    assert "answers are written from several drafts" in card


def test_the_way_back_shows_votes(voted: Made, drafted: Made) -> None:
    from flows.cli import app

    fallen = next(row for row in voted.table("rejected") if row["reason"] == "no_agreement")
    found = lineage(voted.folder, fallen["row_id"])
    assert len(found.votes) == len(json.loads(fallen["row"])["final_answers"])
    shown = (
        CliRunner(env={"COLUMNS": "200"}).invoke(app, ["explain", str(voted.folder), fallen["row_id"]]).output
    )
    assert "rejected by stage answers: no_agreement" in shown
    assert "sample 1: " in shown
    calls = {row["call_id"] for row in found.votes}
    assert calls <= {call["call_id"] for call in found.calls}
    assert f"{len(calls)} samples of one prompt, stage answers" in shown
    assert shown.count("Solve the question step by step") == 1
    whole = (
        CliRunner(env={"COLUMNS": "200"})
        .invoke(app, ["explain", str(voted.folder), fallen["row_id"], "--full"])
        .output
    )
    assert all(f"reply of {call}" in whole for call in calls)
    sample = next(row for row in voted.table("rejected") if row["row_id"].startswith("cnd_"))
    one = lineage(voted.folder, sample["row_id"])
    assert (one.kind, one.rows["questions"]["question_id"]) == ("candidates", sample["source"])
    one_call = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["explain", str(voted.folder), min(calls)])
    assert one_call.exit_code == 0, one_call.output
    assert f"call {min(calls)}, stage answers" in one_call.output
    assert "candidate_id: cnd_" in one_call.output
    row = drafted.table("answers")[0]
    shown = (
        CliRunner(env={"COLUMNS": "200"})
        .invoke(app, ["explain", str(drafted.folder), row["question_id"], "--full"])
        .output
    )
    assert "aggregate: " in shown
    assert ", kept" in shown


@pytest.mark.parametrize("mode", ["vote", "aggregate"])
def test_the_forecast_bounds_what_is_asked(mode: str, voted: Made, drafted: Made) -> None:
    made = voted if mode == "vote" else drafted
    expected = {stage.stage: stage for stage in forecast(made.config).stages}["answers"]
    used = read(made.folder)["tries"][0]["calls_by_stage"]["answers"]
    each = {"vote": 8, "aggregate": 5}[mode]
    assert used["made"] <= (expected.calls or 0) == each * (expected.rows or 0)
    assert used["prompt_tokens"] <= 1.5 * (expected.prompt_tokens or 0)


def test_an_endpoint_with_solvers_that_dissent(
    make: Make, start_fake: Callable[..., FakeEndpoint], tmp_path: Path, voted: Made
) -> None:
    """In another process, with answers that come in another order: the same labels."""
    faults = ["wrong=0.35", "unmarked=0.15", "truncated=0.05"]
    options = [option for fault in faults for option in ("--fault", fault)]
    endpoint = start_fake("--latency", "0.003", *options)
    entry = SOLVER.format(endpoint.url)
    made = run(make(entry, "roles.solver=f", "answers.mode=vote"), tmp_path)
    assert {row["question_id"]: row["final_answer"] for row in made.table("answers")} == {
        row["question_id"]: row["final_answer"] for row in voted.table("answers")
    }


def test_words_of_solvers_are_held_back_with_the_text(make: Make, tmp_path: Path) -> None:
    settings = (FAULTY, "roles.solver=f", "answers.mode=vote", "dataset.include_text=false")
    made = run(make(*settings), tmp_path)
    rows = [row for row in pq.read_table(made.dataset / "rejected").to_pylist() if row["stage"] == "answers"]
    assert {"no_agreement", "no_final_answer"} <= {row["reason"] for row in rows}
    assert all(not {"reply", "question", "final_answers"} & set(json.loads(row["row"])) for row in rows)


def test_settings_of_another_mode_are_none(make: Make) -> None:
    plain = make()
    assert default_name(plain) == default_name(
        make("answers.samples=3", "answers.drafts=2", "prompts.vote=x.v1")
    )
    assert default_name(plain) != default_name(make("answers.mode=vote"))
    voting = ("answers.mode=vote", "answers.early_stop=false")
    assert default_name(make(*voting)) == default_name(make(*voting, "answers.first_samples=3"))
    assert default_name(make(*voting)) != default_name(make(*voting, "answers.minimum_margin=2"))


def test_what_is_wrong_is_told_before_any_call(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match="answers of the kind `text` cannot be compared"):
        check(make("answers.mode=vote", "answers.kind=text"), tmp_path)
    with pytest.raises(ConfigError, match=r"screen.reject_multiple_choice: .*set it to false"):
        check(make("answers.kind=choice"), tmp_path)
    check(make("answers.kind=choice", "screen.reject_multiple_choice=false"), tmp_path)
    monkeypatch.setattr("synth.verify.equivalence.engine.find_spec", lambda name: None)
    for mode in ("vote", "aggregate"):
        with pytest.raises(ConfigError, match=r"answers.mode: .*pip install 'synth\[verify\]'"):
            check(make(f"answers.mode={mode}"), tmp_path)
    check(make(), tmp_path)
    check(make("answers.mode=aggregate", "answers.kind=text"), tmp_path)


def test_open_text_has_no_label(make: Make, tmp_path: Path) -> None:
    made = run(make("answers.mode=aggregate", "answers.kind=text"), tmp_path)
    rows = pq.read_table(made.dataset / "questions").to_pylist()
    assert {(row["label"], row["agreement"], row["answer_mode"]) for row in rows} == {
        (None, None, "aggregate")
    }
    assert "Answers are open text" in (made.dataset / "README.md").read_text()
