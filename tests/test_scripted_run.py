"""A whole run whose solver and student are scripted to disagree, to be unreadable and to be wrong.

What is expected is written down beside each script, by hand: label or reason, pairs, prompts. Nothing of it
is worked out by the code under test.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq
import pytest

import synth
from synth import runs
from synth.export import Options, export
from synth.ids import digest
from synth.llm.client import Client
from synth.llm.fake import FakeModel, FakeReply, write
from synth.report import funnel, read_stats
from synth.settings import load
from synth.stages.difficulty import FIRST_SAMPLE
from tests import corpus

pytest.importorskip("math_verify")

NONE, CUT, FAULTY = "none", "cut", "faulty"


class Plan(NamedTuple):
    """Eight responses of the solver, eight of the student, and what has to come of them."""

    solver: tuple[str, ...]
    student: tuple[str, ...]
    label: str | None
    reason: str | None
    agreement: float | None = None
    rate: float | None = None
    is_prompt: bool = False


SEVENS = ("7", "7.0", r"\frac{14}{2}", "14/2", "7", "7", "7", "7")
PLANS = (
    # Four of eight right, in other forms: kept, one pair, and a prompt.
    Plan(SEVENS, ("7", "8", "7.0", "9", "14/2", "8", "7", NONE), "7", None, 1.0, 4 / 8, True),
    # Five of eight agree; of the student's, four are cut short: two of four, and no more.
    Plan(("1/2",) * 3 + ("0.5",) * 2 + ("3", "4", NONE), (CUT,) * 4 + ("0.5", "1/2", "3", "4"), "1/2",
         None, 5 / 8, 2 / 4, True),
    # Six of eight right: in the band, and too easy to reinforce.
    Plan(("11",) * 8, ("11",) * 6 + ("12", "13"), "11", None, 1.0, 6 / 8, False),
    Plan(("21",) * 8, ("21",) * 7 + ("22",), None, "too_easy"),
    Plan(("31",) * 8, ("31",) + ("32",) * 7, None, "too_hard"),
    # All solvers agree and the student never: hard. A bare half agrees and the student never: suspect.
    Plan(("41",) * 8, ("42",) * 8, None, "hard"),
    Plan(("51",) * 4 + ("52", "53", "54", NONE), ("59",) * 8, None, "suspect"),
    Plan(("61",) * 8, (NONE,) * 8, None, "unanswered"),
    # The solvers: a tie, too few, none to be read, and those that object.
    Plan(("71",) * 4 + ("72",) * 4, (), None, "vote_tied"),
    Plan(("81",) * 3 + ("82",) * 2 + ("83",) * 2 + ("84",), (), None, "no_agreement"),
    Plan(("91",) * 3 + (NONE,) * 5, (), None, "no_agreement"),
    Plan((NONE,) * 8, (), None, "no_final_answer"),
    Plan((FAULTY,) * 5 + ("95",) * 3, (), None, "inconsistent"),
)  # fmt: skip


def plan_of(question: str) -> Plan:
    return PLANS[int(digest("plan", question.strip()), 16) % len(PLANS)]


def said(answer: str) -> str | FakeReply:
    if answer == NONE:
        return "I cannot find it."
    if answer == FAULTY:
        return "The givens contradict each other.\n<outcome>inconsistent</outcome>"
    if answer == CUT:
        return FakeReply("Let us see, step by step", finish_reason="length")
    return f"So it is. \\boxed{{{answer}}}"


def script(body: dict[str, Any]) -> str | FakeReply:
    """Solver and student as planned for the question; everybody else as the fake model always is."""
    last, sample = body["messages"][-1]["content"], body.get("seed") or 0
    if found := re.fullmatch(r"\s*<problem>(.*)</problem>\s*", last, re.DOTALL):
        return said(plan_of(found[1]).student[sample - FIRST_SAMPLE])
    if "<outcome>" in body["messages"][0]["content"]:
        (question,) = re.findall(r"<question>(.*?)</question>", last, re.DOTALL)
        return said(plan_of(question).solver[sample])
    return write(body, digest("scripted", body, size=16))


class Ran(NamedTuple):
    folder: Path
    rows: dict[str, dict[str, Any]]
    plans: dict[str, Plan]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    root = tmp_path_factory.mktemp("scripted")
    documents = str(corpus.write(root / "documents"))
    entry = 'models.small={base_url="fake:", model="small"}'
    settings = [entry, 'roles.student="small"', 'roles.judge=["fake"]', "judge.well_posed=false"]
    settings += ["answers.mode=vote", "answers.early_stop=false", "combinations.epochs=2"]
    config = load("synthllm-recommended", [documents], "fake", overrides=settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "Client", partial(Client, fake=FakeModel(script)))
        result = synth.run(config, name="r", runs=root / "runs")
    questions = synth.load(result.folder, "questions").to_dict("records")
    asked = set(synth.load(result.folder, "judged")["question_id"])
    plans = {q["question_id"]: plan_of(q["question"]) for q in questions if q["question_id"] in asked}
    rows = {row["id"]: row for row in pq.read_table(result.dataset / "questions").to_pylist()}
    yield Ran(result.folder, rows, plans)


def test_every_plan_came_up(ran: Ran) -> None:
    assert {PLANS.index(plan) for plan in ran.plans.values()} == set(range(len(PLANS)))


def test_labels_are_exactly_those_expected(ran: Ran) -> None:
    expected = {name: plan for name, plan in ran.plans.items() if plan.label is not None}
    assert ran.rows.keys() == expected.keys()
    for name, plan in expected.items():
        row = ran.rows[name]
        assert row["label"] == plan.label
        assert (row["agreement"], row["pass_rate"]) == (plan.agreement, plan.rate)
        assert row["verdict"] in ("perfect", "acceptable")


def test_every_other_question_fell_for_its_reason(ran: Ran) -> None:
    fallen = {row["row_id"]: row["reason"] for row in synth.load(ran.folder, "rejected").to_dict("records")}
    expected = {name: plan.reason for name, plan in ran.plans.items() if plan.reason}
    assert {name: fallen.get(name) for name in expected} == expected
    assert not fallen.keys() & ran.rows.keys()


def lines(ran: Ran, form: str, out: Path, options: Options | None = None) -> list[dict[str, Any]]:
    export(ran.folder, form, out, options=options)
    return [json.loads(line) for line in out.read_text().splitlines()]


def test_pairs_are_one_right_and_one_wrong_response_of_each_kept_question(ran: Ran, tmp_path: Path) -> None:
    found = lines(ran, "dpo", tmp_path / "pairs.jsonl", Options(per_problem=1))
    by_text = {row["question"]: name for name, row in ran.rows.items()}
    pairs = Counter(by_text[pair["prompt"][-1]["content"]] for pair in found)
    assert pairs == Counter(dict.fromkeys(ran.rows, 1))
    right = {"7": {"7", "7.0", "14/2"}, "1/2": {"0.5", "1/2"}, "11": {"11"}}
    for pair in found:
        label = ran.rows[by_text[pair["prompt"][-1]["content"]]]["label"]
        (chosen,), (rejected,) = (
            re.findall(r"\\boxed\{(.*)\}$", pair[side][-1]["content"]) or [NONE]
            for side in ("chosen", "rejected")
        )
        assert chosen in right[label]
        assert rejected not in right[label]


def test_prompts_are_those_that_are_solved_at_most_half_of_the_time(ran: Ran, tmp_path: Path) -> None:
    found = lines(ran, "rl", tmp_path / "prompts.jsonl")
    expected = {
        ran.rows[name]["question"]: ran.plans[name].label for name in ran.rows if ran.plans[name].is_prompt
    }
    asked = {
        row["prompt"][-1]["content"].split("\n")[0]: row["reward_model"]["ground_truth"] for row in found
    }
    assert {text.split("\n")[0]: label for text, label in expected.items()} == asked


def test_funnel_and_cost_per_kept_row_are_on_the_card(ran: Ran) -> None:
    card = (ran.folder / "dataset" / "README.md").read_text()
    steps = {row.stage: row for row in funnel(ran.folder)}
    assert steps["answers"].inputs == len(ran.plans)
    assert steps["difficulty"].parents == len(ran.rows) == steps["dataset"].outputs
    for stage in ("judge", "answers", "difficulty"):
        assert f"| {stage} | {steps[stage].inputs} | {steps[stage].parents} |" in card
    assert "### What a row cost" in card
    cost = {row["stage"]: row for row in read_stats(ran.folder)["cost"]}
    assert cost["answers"]["calls"] == 8 * len(ran.plans)
    assert cost["difficulty"]["calls"] == 8 * steps["difficulty"].inputs
