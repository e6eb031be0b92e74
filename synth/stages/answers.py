"""Screened or judged questions in, answers out, in one of three modes: `single`, `vote` or `aggregate`.

`single` takes one response as it is. `vote` keeps what enough of several agree on (`voting`),
`aggregate` has a new answer written from several drafts (`drafting`). Answers that are code are run against
tests instead (`coding`).
"""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from synth.config import RunConfig
from synth.stages.base import Output, Rejected, make_table
from synth.stages.calls import Ask, Services, ask_all
from synth.stages.candidates import STAGE, Candidate, read_candidate, variables
from synth.stages.coding import coded
from synth.stages.drafting import aggregated
from synth.stages.voting import voted

Row = dict[str, Any]


def answer_questions(
    screened: pa.Table, questions: pa.Table, config: RunConfig, services: Services
) -> Output:
    """At most one answer for each question; the others are rejected, and so is each response that failed."""
    ids = screened["question_id"]
    rows = questions.filter(pc.is_in(questions["question_id"], ids.combine_chunks())).to_pylist()
    candidates: list[Row] = []
    if config.answers.kind == "code":
        answers, rejected, candidates = coded(rows, config, services)
    elif config.answers.mode == "single":
        answers, rejected = _single(rows, config, services)
    else:
        several = voted if config.answers.mode == "vote" else aggregated
        answers, rejected, candidates = several(rows, config, services)
    made = {"answers": answers, "candidates": candidates}
    return Output(
        tables={name: make_table(name, written) for name, written in made.items()},
        inputs=frozenset(ids.to_pylist()),
        parents=frozenset(row["question_id"] for row in answers),
        rejected=rejected,
    )


def _single(
    questions: Sequence[Row], config: RunConfig, services: Services
) -> tuple[list[Row], list[Rejected]]:
    """One call per question; what cannot be used rejects it, with the response."""
    slots = config.prompts
    prompt = services.prompts.get(slots.answer_text if config.answers.kind == "text" else slots.answer)
    asks = [Ask(row["question_id"], prompt, variables(row)) for row in questions]
    replies = ask_all(asks, STAGE, "solver", slots.answers_sampling, config, services)
    read = [read_candidate(answered, "sample", config) for answered in replies]
    answers = [one.answer("single", 1) for one in read if not one.fallen]
    return answers, [_rejected(one) for one in read if one.fallen]


def _rejected(candidate: Candidate) -> Rejected:
    """The only response to a question: the question falls with it."""
    return candidate.rejected()._replace(row_id=candidate.answered.ask.row_id)
