"""Choices in the stages answers and difficulty: the options that a question shows are known where it is voted on."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from synth.config import RunConfig
from synth.llm.client import Client
from synth.llm.fake import FakeModel
from synth.llm.journal import Journal
from synth.prompts.library import PromptLibrary
from synth.settings import build
from synth.stages.answers import answer_questions
from synth.stages.base import Output
from synth.stages.calls import Services
from synth.stages.difficulty import FIRST_SAMPLE, try_questions
from tests.stages.test_judge import question, tables

pytest.importorskip("math_verify")

ASKED = "What is the sum of 5 and 7?\n(A) 10\n(B) 12\n(C) 14\n(D) none of these"
Body = dict[str, Any]


def settings(**more: Any) -> RunConfig:
    entry = {"base_url": "fake:", "model": "one", "max_tries": 1}
    roles = {"generator": "one", "student": "one"}
    rule = {"kind": "choice", "mode": "vote", "early_stop": False, **more}
    return build({"models": {"one": entry}, "roles": roles, "answers": rule, "difficulty": {"keep": "all"}})


def work(folder: Path, config: RunConfig, said: list[str], stage: Callable[[Services], Output]) -> Output:
    def say(body: Body) -> str:
        return f"So it is \\boxed{{{said[body['seed'] % FIRST_SAMPLE]}}}."

    with (
        Journal(folder / "calls") as journal,
        Client(config.endpoints(), journal, fake=FakeModel(say)) as client,
    ):
        return stage(Services(client, PromptLibrary(), folder))


def voted(folder: Path, said: list[str], asked: str = ASKED, **more: Any) -> Output:
    config = settings(samples=len(said), **more)
    rows = tables([question(0, asked)])
    made = work(folder, config, said, lambda given: answer_questions(*rows, config, given))
    made.check_balance("answers")
    return made


def test_letter_and_text_of_an_option_are_one_answer(tmp_path: Path) -> None:
    made = voted(tmp_path, ["b", "(B)", "B. 12", "12", r"\text{B}", "C", "14", "A"])
    (row,) = made.tables["answers"].to_pylist()
    assert (row["agreement"], row["cluster_sizes"]) == (5 / 8, [5, 2, 1])
    clusters = {one["sample"]: one["cluster"] for one in made.tables["candidates"].to_pylist()}
    assert clusters == {0: 0, 1: 0, 2: 0, 3: 0, 4: 0, 5: 1, 6: 1, 7: 2}


def test_without_options_in_the_question_a_value_is_no_choice(tmp_path: Path) -> None:
    made = voted(tmp_path, ["b", "(B)", "12", "12", "B", "12"], "What is the sum of 5 and 7?")
    (row,) = made.tables["answers"].to_pylist()
    assert (row["agreement"], row["cluster_sizes"]) == (3 / 6, [3])


def test_what_names_no_option_agrees_with_nothing_and_counts(tmp_path: Path) -> None:
    """A letter with the text of another option, an option that is not there, a value that is none of them."""
    made = voted(tmp_path, ["B. 14", "B. 14", "B. 14", "E", "E", "13", "B", "B"], minimum_share=0.25)
    (row,) = made.tables["answers"].to_pylist()
    assert (row["final_answer"], row["agreement"], row["cluster_sizes"]) == ("B", 2 / 8, [2])
    nobody = voted(tmp_path / "other", ["E", "E", "E", "13", "B. 14", "B", "C", "A"])
    assert nobody.tables["answers"].num_rows == 0
    assert {row.reason for row in nobody.rejected} == {"no_agreement"}


def test_drafts_know_the_options_too(tmp_path: Path) -> None:
    config = settings(mode="aggregate", drafts=4)
    said = ["b", "12", "B. 12", "C"]
    rows = tables([question(0, ASKED)])

    def say(body: Body) -> str:
        whole = "<draft" in str(body["messages"][-1]["content"])
        return f"So it is \\boxed{{{'(B)' if whole else said[body['seed']]}}}."

    with (
        Journal(tmp_path / "calls") as journal,
        Client(config.endpoints(), journal, fake=FakeModel(say)) as client,
    ):
        made = answer_questions(*rows, config, Services(client, PromptLibrary(), tmp_path))
    (row,) = made.tables["answers"].to_pylist()
    assert (row["agreement"], row["differs_from_majority"]) == (3 / 4, False)


def test_attempts_are_compared_in_the_same_way(tmp_path: Path) -> None:
    config = settings()
    asked = {"question_id": "q_0", "question": ASKED, "language": "en"}
    answers = pa.table({"question_id": ["q_0"], "final_answer": ["(B)"], "agreement": [1.0]})
    said = ["b", "12", "B. 12", "C", "14", "B. 14", "E", r"\frac{24}{2}"]
    made = work(
        tmp_path,
        config,
        said,
        lambda given: try_questions(answers, pa.Table.from_pylist([asked]), config, given),
    )
    rows = sorted(made.tables["rollouts"].to_pylist(), key=lambda row: row["sample"])
    assert [row["correct"] for row in rows] == [True, True, True, False, False, None, False, True]
