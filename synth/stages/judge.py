"""Screened questions in, those worth answering out, with what every judge said (SwS, quality).

Each judge sees a question, its concepts and its level, once in each pass, and marks it; `verify.judging`
decides. What is kept goes to the checker, who restates it and says whether it has one answer. Concepts have
no order, so each judge sees them in another order in each pass, drawn for the question, the judge and the
pass. Departs from SwS in that a verdict has to follow from its own marks: where it does not, there is none.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc

from synth.config import RunConfig
from synth.errors import Waiting
from synth.ids import stream
from synth.prompts.library import Prompt
from synth.prompts.replies import Judgement, Unparseable
from synth.stages.base import Output, Rejected, make_table
from synth.stages.calls import Answered, Ask, Services, ask_all
from synth.stages.orders import harmless_title
from synth.stages.well_posed import Checked, check_questions
from synth.store import PASSING
from synth.verify.judging import CRITERIA, Decision, Verdict, decide, lowest, settled, verdict_of

Row = dict[str, Any]
STAGE = "judge"
# Draws that may repeat an order which an earlier pass has shown, before it is shown again.
TRIES = 20


@dataclass(frozen=True, slots=True)
class Heard:
    """One reply of one judge: what goes into tables, its verdict, or the reason why there is none."""

    said: Row
    verdict: Verdict | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """A question before its judges: `heard` has a list for each judge, with one reply for each pass."""

    question: Row
    heard: list[list[Heard]] = field(default_factory=list)

    @property
    def verdicts(self) -> list[list[Verdict | None]]:
        """Verdicts by judge and pass."""
        return [[one.verdict for one in passes] for passes in self.heard]

    @property
    def judgements(self) -> list[Row]:
        """What was said, in the order of judges and passes."""
        return [one.said for passes in self.heard for one in passes]


def judge_questions(
    screened: pa.Table, questions: pa.Table, passages: pa.Table | None, config: RunConfig, services: Services
) -> Output:
    """The questions that the judges keep and the checker finds well-posed; each other one is rejected."""
    ids = screened["question_id"]
    rows = questions.filter(pc.is_in(questions["question_id"], ids.combine_chunks())).to_pylist()
    cases = [Case(row) for row in rows]
    hear(cases, _texts(rows, passages), config, services)
    rule = config.judge.keeping(len(config.roles.judge))
    decided = [(case, _decision(case, decide(case.verdicts, rule))) for case in cases]
    kept = [case for case, decision in decided if decision.kept]
    checked = _checked(kept, len(cases), config, services)
    fallen = [_reject(case, decision) for case, decision in decided if not decision.kept]
    fallen += [_reject(c, found.decision, found) for c, found in checked if not found.decision.kept]
    judged = [_judged(c, found, config, services) for c, found in checked if found.decision.kept]
    return Output(
        tables={"judged": make_table("judged", judged)},
        inputs=frozenset(ids.to_pylist()),
        parents=frozenset(row["question_id"] for row in judged),
        rejected=fallen,
    )


def hear(cases: Sequence[Case], texts: Mapping[str, Row], config: RunConfig, services: Services) -> None:
    """Ask every judge of every question, in every pass, and put down what was said."""
    prompt = services.prompts.get(config.prompts.judge)
    judges = config.roles.players("judge")
    calls = len(cases) * config.judge.passes
    total = calls * len(judges) + (len(cases) if config.judge.well_posed else 0)
    waiting: Waiting | None = None
    for place, (judge, entry) in enumerate(judges.items()):
        shown = [orders(case.question, judge, config) for case in cases]
        asks = [
            _ask(case.question, order, number, texts, prompt)
            for case, passes in zip(cases, shown, strict=True)
            for number, order in enumerate(passes)
        ]
        told = replace(services, report=_shifted(services.report, place * calls, total))
        sampling = config.prompts.judging_sampling
        answers = ask_all(asks, STAGE, "judge", sampling, config, told, entry)
        try:
            for case, passes in zip(cases, shown, strict=True):
                case.heard.append([_heard(next(answers), judge, order) for order in passes])
        except Waiting as fault:  # the batches of the other judges are submitted all the same
            waiting = fault
    if waiting is not None:
        raise waiting


def orders(question: Row, judge: str, config: RunConfig) -> list[list[str]]:
    """The concepts of a question as a judge sees them in each pass: in another order, if there is one."""
    shown: list[list[str]] = []
    for number in range(config.judge.passes):
        draw = stream(config.seed, STAGE, f"{question['question_id']} {judge} {number}")
        order = sorted(question["concepts"])
        for _ in range(TRIES):
            draw.shuffle(order)
            if order not in shown:
                break
        shown.append(list(order))
    return shown


def _ask(question: Row, order: list[str], number: int, texts: Mapping[str, Row], prompt: Prompt) -> Ask:
    references = [
        {"title": harmless_title(row["title"], row["source"]), "text": row["text"]}
        for name in question["references"]
        if (row := texts.get(name))
    ]
    variables = {
        "question": question["question"],
        "concepts": order,
        "level": question["difficulty"],
        "outline": question.get("outline") or "",
        "references": references,
        "language": question["language"],
    }
    return Ask(question["question_id"], prompt, variables, number)


def _heard(answered: Answered, judge: str, order: list[str]) -> Heard:
    """One reply, read strictly: no verdict unless it is said, and follows from the marks beside it."""
    of = answered.columns
    said: Row = {"judge": judge, "pass": answered.ask.sample, "order": order}
    said |= {"model": of["model"], "call_id": of["call_id"]}
    if fault := answered.fault():
        return _silent(said, answered, *fault)
    try:
        found = cast(Judgement, answered.parse_one())
    except Unparseable as unread:
        return _silent(said, answered, "unparseable", str(unread))
    said |= found.model_dump()
    follows = verdict_of({name: said[name] for name in CRITERIA})
    if found.verdict is None:
        return _silent(said, answered, "no_verdict", "the reply states no verdict")
    if found.verdict != follows:
        told = f"says {found.verdict}, but its marks make it {follows}"
        return _silent(said, answered, "contradictory_verdict", told)
    return Heard(said, found.verdict)


def _silent(said: Row, answered: Answered, reason: str, detail: str) -> Heard:
    stated = {"stated": said["verdict"]} if said.get("verdict") else {}
    kept = {
        **said,
        **stated,
        "verdict": None,
        "reason": reason,
        "detail": detail,
        "reply": answered.reply.text,
    }
    return Heard(kept, None, reason)


def _decision(case: Case, decision: Decision) -> Decision:
    """Where a verdict is missing, the reason is why; what may pass by itself is named before all else."""
    if decision.reason != "no_verdict":
        return decision
    missing = [one for passes in case.heard for one in passes if one.verdict is None]
    why = next((one for one in missing if one.reason == PASSING), missing[0])
    return Decision(why.reason, f"{why.said['judge']}: {why.said['detail']}")


def _checked(
    kept: Sequence[Case], judged: int, config: RunConfig, services: Services
) -> list[tuple[Case, Checked]]:
    """What the checker found of each; nothing, where nobody checks."""
    if not config.judge.well_posed:
        return [(case, Checked(Decision(None, ""), {})) for case in kept]
    before = judged * config.judge.passes * len(config.roles.judge)
    told = replace(services, report=_shifted(services.report, before, before + len(kept)))
    return list(zip(kept, check_questions([case.question for case in kept], config, told), strict=True))


def _judged(case: Case, checked: Checked, config: RunConfig, services: Services) -> Row:
    prompt = services.prompts.get(config.prompts.judge)
    verdicts = [verdict for passes in case.verdicts for verdict in passes if verdict]
    return {
        "question_id": case.question["question_id"],
        "verdict": lowest(verdicts),
        "verdicts": [settled(passes) for passes in case.verdicts],
        "rule": config.judge.rule,
        "judgements": case.judgements,
        "prompt_id": prompt.name,
        "prompt_sha": prompt.sha,
        **checked.columns,
    }


def _reject(case: Case, decision: Decision, checked: Checked | None = None) -> Rejected:
    question = case.question
    row = {
        "question": question["question"],
        "verdicts": [settled(passes) for passes in case.verdicts],
        "judgements": case.judgements,
        **({"check": checked.row} if checked else {}),
    }
    return Rejected(
        question["question_id"], question["combination_id"], str(decision.reason), decision.detail, None, row
    )


def _texts(rows: Sequence[Row], passages: pa.Table | None) -> dict[str, Row]:
    """The passages that stood in the questions' prompts, where judges are shown them."""
    if passages is None:
        return {}
    wanted = pa.array(sorted({name for row in rows for name in row["references"]}), pa.string())
    found = passages.filter(pc.is_in(passages["passage_id"], wanted)).to_pylist()
    return {row["passage_id"]: row for row in found}


def _shifted(report: Callable[[int, int], None], before: int, total: int) -> Callable[[int, int], None]:
    return lambda done, _: report(before + done, total)
