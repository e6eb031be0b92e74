"""Whole runs with judges and without: what changes, what must not, and what is told of it."""

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import synth
from synth.changes import outdated
from synth.check import check
from synth.config import RunConfig
from synth.errors import ConfigError, StoreError
from synth.forecast import forecast
from synth.lineage import lineage
from synth.pipeline import made_from, road, stages_before
from synth.prompts.library import PromptLibrary
from synth.report import funnel, manifests, read_stats
from synth.road import stages_of
from synth.run_report import read
from synth.runs import Run, default_name
from synth.settings import load
from synth.standing import standing
from synth.verify.agreement import kappa
from tests import corpus

ENTRY = 'models.other={base_url="fake:", model="other"}'
JUDGES = (ENTRY, 'roles.judge=["fake", "other"]', "judge.passes=2")
# The road as it was before there were judges.
PLAIN = ("documents", "concepts", "graph", "combinations", "questions", "screen", "answers", "dataset")
Make = Callable[..., RunConfig]


FEW = ("combinations.epochs=1", "combinations.max_level3=12", "combinations.level2_sets=2")


@pytest.fixture
def make(documents: Path) -> Make:
    return lambda *settings: load(
        "synthllm-recommended", [str(documents)], "fake", overrides=[*FEW, *settings]
    )


class Judged(NamedTuple):
    config: RunConfig
    folder: Path
    dataset: Path


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Judged:
    """A finished run with two judges: to be read, never to be changed."""
    root = tmp_path_factory.mktemp("judged")
    documents = str(corpus.write(root / "documents"))
    config = load("synthllm-recommended", [documents], "fake", overrides=[*FEW, *JUDGES])
    result = synth.run(config, name="r", runs=root / "runs")
    return Judged(config, result.folder, result.dataset)


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def prints(config: RunConfig) -> dict[str, Any]:
    return {
        stage.name: made_from(
            stage, config, PromptLibrary(), lambda entry: entry, dict.fromkeys(stages_before(stage), "")
        )
        for stage in road(config)
    }


def test_without_judges_nothing_is_as_if_there_were_some(make: Make) -> None:
    plain = make()
    assert stages_of(plain) == PLAIN
    found = prints(plain)
    assert [name for name, made in found.items() if "judge" in json.dumps(made)] == []
    assert "well_posed" not in json.dumps(found)
    assert set(found["answers"]["before"]) == {"questions", "screen"}
    # Settings of what is not there are none.
    other = make("judge.passes=3", "judge.rule=paper", "prompts.judge=judge.v9", "roles.checker=fake")
    assert prints(other) == found
    assert default_name(other) == default_name(plain)
    # And with judges, only what comes after them is another.
    judged = prints(make(*JUDGES))
    assert [name for name in judged if judged[name] != found.get(name)] == ["judge", "answers", "dataset"]


def test_what_counts_for_the_stage_of_the_judges(make: Make) -> None:
    def judge(*settings: str) -> Any:
        return prints(make(*JUDGES, *settings))["judge"]

    base = judge()
    assert base["models"] == {"judge": "fake", "judge 2": "other", "checker": "fake"}
    assert set(base["prompts"]) == {"judge.v1", "well_posed.v1"}
    assert base["settings"]["seed"] == 0
    assert set(base["before"]) == {"questions", "screen"}
    assert set(judge("judge.references=true")["before"]) == {"documents", "questions", "screen"}
    assert "checker" not in judge("judge.well_posed=false")["models"]
    assert judge("roles.checker=other")["models"]["checker"] == "other"
    swapped = judge('roles.judge=["other", "fake"]')
    assert swapped["models"]["judge"] == "other"
    for setting in (
        "judge.passes=1",
        "judge.rule=paper",
        "seed=1",
        "prompts.judging_sampling.temperature=1.0",
    ):
        assert judge(setting) != base, setting


def test_a_judged_run(judged: Judged) -> None:
    found = manifests(judged.folder)
    assert tuple(found) == stages_of(judged.config) == (*PLAIN[:6], "judge", *PLAIN[6:])
    assert found["judge"].inputs == found["screen"].outputs["screened"]
    assert found["answers"].inputs == found["judge"].outputs["judged"]
    assert {"judged_bad", "judged_too_low"} <= set(found["judge"].reasons)
    assert (judged.folder / "07_judge").is_dir()
    rows = pq.read_table(judged.dataset / "questions").to_pylist()
    kept = synth.load(judged.folder, "judged").set_index("question_id")
    assert {row["verdict"] for row in rows} == {"perfect", "acceptable"}
    assert {row["well_posed"] for row in rows} == {"well_posed"}
    assert all(row["verdict"] == kept.loc[row["id"], "verdict"] for row in rows)
    texts = synth.load(judged.folder, "questions").set_index("question_id")["question"]
    assert all(row["question"] == texts[row["id"]] for row in rows)
    assert [s.state for s in standing(judged.folder).stages] == ["finished"] * len(found)


def test_figures_are_those_of_every_verdict(judged: Judged) -> None:
    fallen = pq.read_table(judged.dataset / "rejected").to_pylist()
    said = [json.loads(row["row"])["verdicts"] for row in fallen if row["stage"] == "judge"]
    said += [list(verdicts) for verdicts in synth.load(judged.folder, "judged")["verdicts"]]
    stats = read_stats(judged.folder)["judging"]
    for place, judge in enumerate(("judge", "judge 2")):
        counted = Counter(verdicts[place] for verdicts in said)
        expected = {name: counted[name] for name in ("perfect", "acceptable", "bad", "tie", "none")}
        assert stats["judges"][judge]["verdicts"] == expected
        assert sum(stats["judges"][judge]["shares"].values()) == pytest.approx(1, abs=1e-3)
    (pair,) = stats["pairs"]
    assert pair["questions"] == len(said) == manifests(judged.folder)["judge"].inputs
    assert pair["kappa"] == round(kappa([(a, b) for a, b in said]) or 0, 4)
    assert 0 < pair["kappa"] < pair["agreement"] < 1
    reasons = manifests(judged.folder)["judge"].reasons
    dropped = {name: stats["well_posed"].get(name, 0) for name in ("inconsistent", "under_determined")}
    assert dropped == {name: reasons.get(name, 0) for name in dropped}
    card = (judged.dataset / "README.md").read_text()
    assert f"Cohen's kappa {pair['kappa']:.2f}" in card
    assert "| judge 2 | fake@" in card
    assert "No judge" not in card
    assert "\n| judge | " in card.partition("## Funnel")[2]


def test_without_judges_columns_are_null_and_the_card_says_so(make: Make) -> None:
    result = synth.run(make(), name="r")
    rows = pq.read_table(result.dataset / "questions").to_pylist()
    assert {(row["verdict"], row["well_posed"]) for row in rows} == {(None, None)}
    card = (result.dataset / "README.md").read_text()
    assert "No judge and no student took part: `verdict`, `well_posed`" in card
    assert "## Verdicts" not in card
    assert read_stats(result.folder)["judging"] is None
    assert not (result.folder / "07_judge").exists()
    with pytest.raises(StoreError, match="judge"):
        synth.load(result.folder, "judged")


def test_judges_come_and_go_without_a_call_made_twice(make: Make) -> None:
    plain, judged = make(), make(*JUDGES)
    first = synth.run(plain, name="r")
    before = contents(first.dataset)
    assert outdated(first.folder) is None
    with Run.open(judged, first.folder.parent, "r"):
        pass
    assert outdated(first.folder) == "the stage judge was added"
    second = synth.run(judged, name="r")
    made = read(second.folder)["tries"][-1]["calls_by_stage"]
    assert set(made) == {"judge", "answers"}
    assert made["answers"]["made"] == 0  # the questions that stayed were answered before
    then = contents(second.dataset)
    with Run.open(plain, first.folder.parent, "r"):
        pass
    assert outdated(first.folder) == "the stage judge is left out now"
    third = synth.run(plain, name="r")
    assert [row.stage for row in third.funnel] == list(PLAIN)
    assert contents(third.dataset) == before
    fourth = synth.run(judged, name="r")
    assert contents(fourth.dataset) == then
    assert [t["calls"]["made"] for t in read(fourth.folder)["tries"][-2:]] == [0, 0]


def test_rows_do_not_depend_on_parts_or_names(judged: Judged, make: Make, tmp_path: Path) -> None:
    cut = synth.run(make(*JUDGES, "part_rows=5", "tasks=3"), runs=tmp_path / "cut", name="other")
    assert contents(cut.dataset) == contents(judged.dataset)
    assert len(manifests(cut.folder)["judge"].parts) > 2


def test_bad_replies_of_a_judge_cost_their_own_questions(make: Make) -> None:
    faulty = 'models.other={base_url="fake:?broken_json=0.1&empty=0.05&refusal=0.05", model="other"}'
    result = synth.run(make(*JUDGES, faulty), name="r")
    judge = manifests(result.folder)["judge"]
    assert {"unparseable", "empty_reply", "refused"} <= set(judge.reasons)
    assert judge.parents > judge.inputs / 4
    silent = read_stats(result.folder)["judging"]["silent"]
    assert set(silent) == {"judge 2"}


def test_the_forecast_bounds_what_judges_are_asked(judged: Judged, make: Make) -> None:
    expected = {stage.stage: stage for stage in forecast(judged.config).stages}["judge"]
    used = read(judged.folder)["tries"][0]["calls_by_stage"]["judge"]
    rows = {row.stage: row for row in funnel(judged.folder)}["judge"]
    # What is equal for both judges is asked once only where both are one model; these are two.
    assert 4 * rows.inputs < used["made"] <= 5 * rows.inputs
    assert used["made"] <= (expected.calls or 0) == 5 * (expected.rows or 0)
    assert used["prompt_tokens"] <= 1.5 * (expected.prompt_tokens or 0)
    assert "judge" not in {stage.stage for stage in forecast(make()).stages}


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        (("roles.checker=fake",), "roles.checker: without roles.judge"),
        ((*JUDGES, ENTRY, 'models.real={base_url="http://127.0.0.1:9/v1", model="m"}',
          'roles.judge=["real", "real"]'), "roles.judge: real is named twice"),
        ((*JUDGES, "prompts.judge=answer.v1"), "prompts.judge: prompt answer.v1 replies with free text"),
        ((*JUDGES, "prompts.well_posed=nothing.v1"), "prompts.well_posed: There is no prompt"),
        ((*JUDGES, 'models.other={base_url="ftp://x", model="m"}'), "models.other: base_url"),
    ],
    ids=["checker alone", "twice", "wrong prompt", "no prompt", "no address"],
)  # fmt: skip
def test_what_is_wrong_with_judges_is_told(
    make: Make, tmp_path: Path, settings: tuple[str, ...], fault: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        check(make(*settings), tmp_path)
    assert [told for told in caught.value.faults if fault in told]


def test_a_judge_needs_an_entry(make: Make) -> None:
    with pytest.raises(ConfigError, match=r"roles.judge: there is no model entry 'nobody'"):
        make('models.other={base_url="fake:", model="m"}', 'roles.judge="nobody"')


def test_model_option_and_judges(documents: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "mine.toml"
    recipe.write_text(
        '[models.big]\nbase_url = "http://127.0.0.1:9/v1"\nmodel = "b"\n'
        '[roles]\ngenerator = "big"\njudge = ["big", "embedded"]\nchecker = "big"\n'
    )
    fake = load(str(recipe), [str(documents)], "fake")
    assert (fake.roles.judge, fake.roles.checker) == (("fake", "fake"), "fake")
    assert set(fake.in_use()) == {"fake"}
    other = load(str(recipe), [str(documents)], "some-model", overrides=["documents.sample=1"])
    assert (other.roles.generator, other.roles.judge) == ("some-model", ("big", "embedded"))
    one = load(str(recipe), overrides=['roles.judge="big"'])
    assert one.roles.players("judge") == {"judge": "big"}


def test_the_way_back_shows_what_judges_said(judged: Judged) -> None:
    from flows.cli import app

    row = pq.read_table(judged.dataset / "questions").to_pylist()[0]
    found = lineage(judged.folder, row["id"])
    calls = [call["stage"] for call in found.calls]
    assert calls.count("judge") == 5  # two judges, two passes, one check
    assert found.rows["judged"]["verdict"] == row["verdict"]
    shown = (
        CliRunner(env={"COLUMNS": "200"})
        .invoke(app, ["explain", str(judged.folder), row["id"], "--full"])
        .output
    )
    for expected in ("what the judges said", "judge 2, pass 2: ", "solvability perfect", "sought: "):
        assert expected in shown
    fallen = pq.read_table(judged.dataset / "rejected").to_pylist()
    bad = next(row for row in fallen if row["reason"] == "judged_bad")
    assert [call["stage"] for call in lineage(judged.folder, bad["row_id"]).calls].count("judge") == 4
    shown = (
        CliRunner(env={"COLUMNS": "200"}).invoke(app, ["explain", str(judged.folder), bad["row_id"]]).output
    )
    assert "rejected by stage judge: judged_bad" in shown
    assert "judge 2, pass 1: " in shown
    assert re.search(r"judge( 2)?, pass \d: bad", shown)


def test_words_of_judges_are_held_back_with_the_text(make: Make) -> None:
    result = synth.run(make(*JUDGES, "dataset.include_text=false"), name="r")
    fallen = pq.read_table(result.dataset / "rejected").to_pylist()
    rows = [json.loads(row["row"]) for row in fallen if row["stage"] == "judge"]
    assert rows
    for row in rows:
        assert "question" not in row
        assert len(row["verdicts"]) == 2
        assert all("assessment" not in one and one["verdict"] for one in row["judgements"])
        assert not {"reply", "givens", "sought", "assessment"} & set(row.get("check", {}))
