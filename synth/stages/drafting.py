"""Answers by generative self-aggregation: several drafts of each question, and one answer written from them.

In: questions. Out: rows of `answers` and of `candidates`, and rejected rows (RECIPES 4, arXiv 2503.04104).
The last call neither picks nor criticises: it gets the drafts numbered and writes anew, so it may be right
where all drafts are wrong. Where answers can be compared, it is marked whether it says what most drafts say.
A draft that failed is not shown; where fewer than two are left, or not even two fit into the model's context,
the question falls.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from synth.config import RunConfig
from synth.stages.base import Rejected
from synth.stages.calls import Answered, Ask, Services, ask_all
from synth.stages.candidates import STAGE, Candidate, common_fault, read_candidate, variables
from synth.stages.comparing import Comparison, compared, comparer
from synth.verify.final_answer import without_thoughts

Row = dict[str, Any]
# One draft is no choice of drafts.
LEAST = 2
TOO_LONG = "prompt_too_long"


@dataclass(slots=True)
class Work:
    """One question: its drafts, how many of the usable ones were shown, and what was made of them."""

    question: Row
    drafts: list[Candidate]
    shown: int = 0
    made: Candidate | None = None

    @property
    def usable(self) -> list[Candidate]:
        """Drafts that can be shown, in the order of their samples."""
        return [draft for draft in self.drafts if not draft.fallen]

    @property
    def in_view(self) -> list[Candidate]:
        """Drafts that the last call saw."""
        return self.usable[: self.shown]


def aggregated(
    questions: Sequence[Row], config: RunConfig, services: Services
) -> tuple[list[Row], list[Rejected], list[Row]]:
    """Answers that were written from drafts, rejected questions and drafts, and all candidates."""
    count = config.answers.drafts
    total = (count + 1) * len(questions)
    works = _drafted(questions, config, _told(services, 0, total))
    _write(works, config, _told(services, count * len(questions), total))
    answers: list[Row] = []
    rejected: list[Rejected] = []
    candidates: list[Row] = []
    with comparer(config) as engine:
        for work in works:
            everything = [*work.drafts, *([work.made] if work.made else [])]
            comparison = compared(work.drafts, engine), compared(everything, engine)
            found = _result(work, *comparison)
            (rejected if isinstance(found, Rejected) else answers).append(found)  # type: ignore[arg-type]
            rejected += [draft.rejected() for draft in work.drafts if draft.fallen]
            candidates += _rows(work, *comparison)
    return answers, rejected, candidates


def _drafted(questions: Sequence[Row], config: RunConfig, services: Services) -> list[Work]:
    slots = config.prompts
    prompt = services.prompts.get(slots.answer_text if config.answers.kind == "text" else slots.answer)
    asks = [
        Ask(row["question_id"], prompt, variables(row), sample)
        for row in questions
        for sample in range(config.answers.drafts)
    ]
    replies = ask_all(asks, STAGE, "solver", slots.answers_sampling, config, services)
    read = [read_candidate(answered, "draft", config) for answered in replies]
    size = config.answers.drafts
    return [Work(row, read[place * size : (place + 1) * size]) for place, row in enumerate(questions)]


def _write(works: Sequence[Work], config: RunConfig, services: Services) -> None:
    """One answer from the drafts of each; where they are too long together, from all but the last."""
    open_works = [work for work in works if len(work.usable) >= LEAST]
    for work in open_works:
        work.shown = len(work.usable)
    while open_works:
        asked = [(work.question, [draft.response for draft in work.in_view]) for work in open_works]
        replies = write_aggregates(asked, config, services)
        for work, answered in zip(open_works, replies, strict=True):
            work.made = read_candidate(answered, "aggregate", config)
        open_works = [work for work in open_works if work.made and work.made.outcome == TOO_LONG]
        open_works = [work for work in open_works if work.shown > LEAST]
        for work in open_works:
            work.shown -= 1


def write_aggregates(
    asked: Sequence[tuple[Mapping[str, Any], Sequence[str]]], config: RunConfig, services: Services
) -> list[Answered]:
    """One call for each question with its drafts; what they thought before they spoke is left out."""
    prompt = services.prompts.get(config.prompts.aggregate)
    closed = config.answers.kind != "text"
    asks = [
        Ask(
            question["question_id"],
            prompt,
            {
                **variables(question),
                "drafts": [without_thoughts(draft).strip() for draft in drafts],
                "closed": closed,
            },
        )
        for question, drafts in asked
    ]
    return list(ask_all(asks, STAGE, "solver", config.prompts.answers_sampling, config, services))


def _result(work: Work, drafts: Comparison, everything: Comparison) -> Row | Rejected:
    """The aggregate with what the drafts say of it, or why there is none."""
    if work.made is None:
        told = f"{len(work.usable)} of {len(work.drafts)} drafts can be used"
        reason = "too_few_drafts" if work.usable else common_fault(work.drafts, "too_few_drafts")
        return _reject(work, reason, told)
    if work.made.fallen:
        return _reject(work, work.made.outcome, f"aggregate of {work.shown} drafts: {work.made.detail}")
    place, asked = len(work.drafts), len(work.drafts)
    if work.made.final is None or everything.cluster[place] is None:
        return work.made.answer("aggregate", asked)
    mine = next(places for places in everything.found if place in places)
    return work.made.answer(
        "aggregate",
        asked,
        agreement=(len(mine) - 1) / asked,
        cluster_sizes=drafts.sizes,
        differs_from_majority=_differs(drafts, mine),
    )


def _differs(drafts: Comparison, mine: Sequence[int]) -> bool | None:
    """Whether the aggregate is not with the largest cluster of drafts; None where none is the largest."""
    first, second = [*drafts.sizes, 0, 0][:2]
    if first < LEAST or first == second:
        return None
    return drafts.found[0][0] not in mine


def _reject(work: Work, reason: str, detail: str) -> Rejected:
    question = work.question
    row: Row = {
        "question": question["question"],
        "samples": len(work.drafts),
        "final_answers": [draft.final or draft.outcome for draft in work.drafts],
    }
    if work.made is not None:
        row |= {**work.made.answered.columns, "reply": work.made.answered.reply.text}
    return Rejected(question["question_id"], question["combination_id"], reason, detail, None, row)


def _rows(work: Work, drafts: Comparison, everything: Comparison) -> list[Row]:
    shown = {id(draft) for draft in work.in_view}
    rows = [
        draft.row(cluster, id(draft) in shown)
        for draft, cluster in zip(work.drafts, drafts.cluster, strict=True)
    ]
    if work.made is None:
        return rows
    return [*rows, work.made.row(_place(drafts, everything))]


def _place(drafts: Comparison, everything: Comparison) -> int | None:
    """The drafts' cluster that the aggregate stands in."""
    last = len(drafts.cluster)
    mine = next((places for places in everything.found if last in places), [])
    return drafts.cluster[mine[0]] if mine and mine[0] != last else None


def _told(services: Services, before: int, total: int) -> Services:
    report: Callable[[int, int], None] = services.report
    return replace(services, report=lambda done, _: report(before + done, total))
