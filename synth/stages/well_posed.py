"""Questions in, for each whether it has one answer: restated first, then said in one word.

A majority of answers is no proof that a question has one: solvers agree on contradictory questions too. So
the checker restates what is given and sought before it says the outcome; all but `well_posed` rejects, and
so does silence.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from synth.config import RunConfig
from synth.prompts.replies import Unparseable, WellPosedness
from synth.stages.calls import Answered, Ask, Services, ask_all
from synth.text import one_line
from synth.verify.judging import Decision

Row = dict[str, Any]
GOOD = "well_posed"


@dataclass(frozen=True, slots=True)
class Checked:
    """What the checker found: the decision, columns of `judged`, and the row as it is kept where it fell."""

    decision: Decision
    columns: Mapping[str, Any]
    row: Mapping[str, Any] | None = None


def check_questions(questions: Sequence[Row], config: RunConfig, services: Services) -> Iterator[Checked]:
    """One call for each question; what was found, in their order."""
    prompt = services.prompts.get(config.prompts.well_posed)
    asks = [
        Ask(row["question_id"], prompt, {"question": row["question"], "language": row["language"]})
        for row in questions
    ]
    sampling = config.prompts.judging_sampling
    for answered in ask_all(asks, "judge", "checker", sampling, config, services):
        yield _read(answered)


def _read(answered: Answered) -> Checked:
    of = answered.columns
    if fault := answered.fault():
        return _fallen(answered, *fault)
    try:
        found = cast(WellPosedness, answered.parse_one())
    except Unparseable as unread:
        return _fallen(answered, "unparseable", str(unread))
    said = found.model_dump()
    if found.outcome is None:
        return _fallen(answered, "no_verdict", "the check states no outcome", said)
    if found.outcome != GOOD:
        return _fallen(answered, found.outcome, one_line(found.assessment), said)
    columns = {
        "well_posed": found.outcome,
        "givens": found.givens,
        "sought": found.sought,
        "checker": of["model"],
        "check_call_id": of["call_id"],
        "check_prompt_id": of["prompt_id"],
        "check_prompt_sha": of["prompt_sha"],
    }
    return Checked(Decision(None, ""), columns)


def _fallen(answered: Answered, reason: str, detail: str, said: Row | None = None) -> Checked:
    row = {**answered.columns, **(said or {}), "reply": answered.reply.text}
    return Checked(Decision(reason, f"check: {detail}"), {}, row)
