"""Whole runs whose answers are code, and whose answers are open text: what is published, and what is exported."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq
import pytest

import synth
from synth.check import check
from synth.config import RunConfig
from synth.errors import ConfigError, StoreError
from synth.export import export
from synth.export.sources import run_rollouts
from synth.pipeline import made_from, road, stages_before
from synth.prompts.library import PromptLibrary
from synth.report import read_stats
from synth.settings import load
from synth.verify.by_kind import codes
from synth.verify.code.sandbox import Sandbox
from tests import corpus

FEW = (
    "documents.sample=2",
    "combinations.epochs=1",
    "combinations.max_level3=2",
    "combinations.level2_sets=1",
)
CODE = ("code.enabled=true", "answers.kind=code", "answers.mode=vote", "answers.samples=5")
STUDENT = ("roles.student=fake", "difficulty.attempts=3", "difficulty.keep=all")
Make = Callable[..., RunConfig]


class Made(NamedTuple):
    folder: Path
    dataset: Path

    def table(self, name: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = synth.load(self.folder, name).to_dict("records")
        return rows


def settled(root: Path, *settings: str, name: str = "r") -> Made:
    documents = str(corpus.write(root / "documents"))
    config = load("programming", [documents], "fake", overrides=[*FEW, *settings])
    result = synth.run(config, name=name, runs=root / "runs")
    return Made(result.folder, result.dataset)


@pytest.fixture(scope="module")
def box() -> Sandbox:
    made = Sandbox()
    try:
        made.require()
    except ConfigError as fault:
        pytest.skip(str(fault))
    return made


@pytest.fixture(scope="module")
def coded(box: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A finished run by vote on code, with a student: to be read only."""
    return settled(tmp_path_factory.mktemp("coded"), *CODE, *STUDENT)


def questions(made: Made) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(made.dataset / "questions").to_pylist()
    return rows


def test_every_answer_passes_its_label(coded: Made, box: Sandbox) -> None:
    rows = questions(coded)
    assert len(rows) > 3
    verdicts = codes([row["answer"] for row in rows], [row["label"] for row in rows], box, 2)
    assert all(verdict.correct for verdict in verdicts)
    assert all(row["agreement"] >= 0.5 and row["answer_mode"] == "vote" for row in rows)


def test_every_sample_is_accounted_for(coded: Made) -> None:
    candidates, fallen = coded.table("candidates"), coded.table("rejected")
    asked = {row["question_id"] for row in candidates}
    assert len(candidates) == 5 * len(asked)
    failed = {row["candidate_id"] for row in candidates if row["outcome"] != "answered"}
    assert failed == {row["row_id"] for row in fallen if row["row_id"].startswith("cnd_")}
    assert {row["outcome"] for row in candidates} == {"answered", "failed_tests", "unparseable"}
    stats = read_stats(coded.folder)["answering"]
    assert stats["responses"] == len(candidates)
    card = (coded.dataset / "README.md").read_text()
    assert "`label` holds tests that more than half of all solutions pass" in card
    assert f"| all | {stats['agreement']['all']['kept']} |" in card


def test_attempts_were_run_against_the_labels(coded: Made, box: Sandbox) -> None:
    rollouts = run_rollouts(coded.folder).to_pylist()
    assert len(rollouts) == 3 * len(questions(coded))
    again = codes([row["response"] for row in rollouts], [row["label"] for row in rollouts], box, 2)
    assert [row["correct"] for row in rollouts] == [verdict.correct for verdict in again]
    assert {row["correct"] for row in rollouts} == {True, False}


def test_equal_bytes_however_it_is_cut(coded: Made, tmp_path: Path) -> None:
    other = settled(tmp_path, *CODE, *STUDENT, "part_rows=2", "tasks=3", name="other")

    def contents(folder: Path) -> dict[str, bytes]:
        return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}

    assert contents(other.dataset) == contents(coded.dataset)


def test_tests_are_no_label_for_a_rule_that_compares(coded: Made, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="tests of code, which a rule that compares cannot use"):
        export(coded.folder, "rl", tmp_path / "rl.jsonl")
    assert not (tmp_path / "rl.jsonl").exists()


def test_open_text_has_no_label_and_no_prompts_for_rewards(tmp_path: Path) -> None:
    made = settled(tmp_path, "answers.kind=text", "answers.mode=aggregate")
    rows = questions(made)
    assert rows
    assert {(row["label"], row["agreement"]) for row in rows} == {(None, None)}
    with pytest.raises(StoreError, match=f"no label: {len(rows)}"):
        export(made.folder, "rl", tmp_path / "rl.jsonl")
    assert not (tmp_path / "rl.jsonl").exists()
    export(made.folder, "sft", tmp_path / "sft.jsonl")
    assert len((tmp_path / "sft.jsonl").read_text().splitlines()) == len(rows)


@pytest.fixture
def make(documents: Path) -> Make:
    return lambda *settings: load("programming", [str(documents)], "fake", overrides=[*FEW, *settings])


def test_what_bounds_code_is_in_the_fingerprints_where_code_is_run(make: Make) -> None:
    def prints(*settings: str) -> dict[str, Any]:
        config = make(*settings)
        return {
            stage.name: made_from(
                stage, config, PromptLibrary(), lambda entry: entry, dict.fromkeys(stages_before(stage), "")
            )
            for stage in road(config)
            if stage.name in ("answers", "difficulty")
        }

    before = prints(*CODE, "roles.student=fake")
    for setting in ("code.seconds=3", "code.memory_mb=300", "code.isolation=limits"):
        after = prints(*CODE, "roles.student=fake", setting)
        assert {name for name in before if before[name] != after[name]} == {"answers", "difficulty"}
        assert prints("roles.student=fake", setting) == prints("roles.student=fake")
    assert prints(*CODE, "answers.early_stop=false") == prints(*CODE)
    kinds = [prints("roles.student=fake", f"answers.kind={kind}") for kind in ("math", "choice")]
    assert all(kinds[0][name] != kinds[1][name] for name in ("answers", "difficulty"))


def test_code_is_refused_until_it_is_allowed(make: Make, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        check(make("answers.kind=code"), tmp_path)
    (told,) = caught.value.faults
    assert told.startswith("answers.kind: answers of the kind `code` are run to be checked")
