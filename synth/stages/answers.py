"""Screened questions in, worked answers out: mode `single`, one response each (METHOD 2.7)."""

from typing import Any

import pyarrow as pa

from synth.config import AnswersConfig, RunConfig
from synth.ids import content_id
from synth.prompts.replies import Unparseable
from synth.stages.base import Output, Rejected, make_table
from synth.stages.calls import Answered, Ask, Services, ask_all
from synth.verify.final_answer import final_answer

Row = dict[str, Any]


def answer_questions(
    screened: pa.Table, questions: pa.Table, config: RunConfig, services: Services
) -> Output:
    """One call per question; without a final answer the question is rejected, with the response."""
    texts = {row["question_id"]: row for row in questions.to_pylist()}
    ids = screened["question_id"].to_pylist()
    prompt = services.prompts.get(config.prompts.answer)
    asks = [
        Ask(row_id, prompt, {"question": texts[row_id]["question"], "language": _language(texts[row_id])})
        for row_id in ids
    ]
    answers: list[Row] = []
    rejected: list[Rejected] = []
    for answered in ask_all(asks, "answers", "solver", config.prompts.answers_sampling, config, services):
        row = read_answer(answered, config.answers)
        if isinstance(row, Rejected):
            rejected.append(row)
        else:
            answers.append(row)
    return Output(
        tables={"answers": make_table("answers", answers)},
        inputs=frozenset(ids),
        parents=frozenset(row["question_id"] for row in answers),
        rejected=rejected,
    )


def read_answer(answered: Answered, config: AnswersConfig) -> Row | Rejected:
    """The answer of one reply, or why there is none."""
    question_id = answered.ask.row_id
    if fault := answered.fault():
        return answered.reject(question_id, question_id, *fault)
    try:
        response, final = _response(answered)
    except Unparseable as fault:
        return answered.reject(question_id, question_id, "unparseable", str(fault))
    if len(response) > config.max_chars:
        detail = f"{len(response)} characters, more than {config.max_chars}"
        return answered.reject(question_id, question_id, "too_long", detail)
    if not final:
        return answered.reject(question_id, question_id, "no_final_answer", "no boxed or stated answer")
    prompt, sample = answered.ask.prompt, answered.ask.sample
    answer_id = content_id("a", question_id, prompt.sha, answered.reply.model, sample)
    texts = {"answer": response, "final_answer": final}
    return {"answer_id": answer_id, "question_id": question_id, "sample": sample, **texts, **answered.columns}


def _response(answered: Answered) -> tuple[str, str | None]:
    """Response and final answer; two fields are put together in the form that free text has."""
    if answered.ask.prompt.front.reply is None:
        response = answered.reply.text.strip()
        return response, final_answer(response)
    reply = answered.parse_one()
    solution, final = (str(getattr(reply, name)).strip() for name in ("solution", "final_answer"))
    return f"{solution}\n\n\\boxed{{{final}}}", final


def _language(question: Row) -> str:
    return f"the language of the question ({question['language']})"
