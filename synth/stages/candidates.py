"""One response among several to one question: how it is read, and what is kept of it.

In: replies of solvers. Out: candidates, each with its final answer, with what it says of the question instead
of one, or with the reason why it is none. They go into the table `candidates` whatever becomes of them.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from synth.config import RunConfig
from synth.ids import content_id
from synth.prompts.replies import Unparseable
from synth.stages.base import Rejected
from synth.stages.calls import Answered
from synth.verify.final_answer import final_answer, without_thoughts
from synth.verify.judging import Outcome

Row = dict[str, Any]
Part = Literal["sample", "draft", "aggregate"]
STAGE = "answers"
ANSWERED = "answered"
# What a solver may say of a question instead of answering it; each is a reason for rejecting it.
FAULTY: tuple[str, ...] = tuple(outcome for outcome in get_args(Outcome) if outcome != "well_posed")
# At the very end, where a final answer would stand: mentioned on the way it counts for nothing.
_OUTCOME = re.compile(rf"<outcome>\s*({'|'.join(FAULTY)})\s*</outcome>[\s.*`]*\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A response; `outcome` is `answered`, one of `FAULTY`, or the reason why it cannot be used."""

    answered: Answered
    part: Part
    response: str
    final: str | None
    outcome: str
    detail: str = ""

    @property
    def fallen(self) -> bool:
        """Whether it can neither be kept nor counted."""
        return self.outcome != ANSWERED and self.outcome not in FAULTY

    def rejected(self) -> Rejected:
        """The rejected row of this one response."""
        ask = self.answered.ask
        return self.answered.reject(_id("cnd", self), ask.row_id, self.outcome, self.detail)

    def row(self, cluster: int | None = None, shown: bool | None = None) -> Row:
        """The row of `candidates`."""
        ask, reply = self.answered.ask, self.answered.reply
        named = {"candidate_id": _id("cnd", self), "question_id": ask.row_id, "sample": ask.sample}
        said = {"response": self.response, "final_answer": self.final, "outcome": self.outcome}
        counted = {"cluster": cluster, "shown": shown, "tokens": reply.completion_tokens}
        return {**named, "part": self.part, **said, **counted, **self.answered.columns}

    def answer(self, mode: str, samples: int, **figures: Any) -> Row:
        """The row of `answers` where this response is the one that is kept."""
        ask = self.answered.ask
        columns = {"answer": self.response, "final_answer": self.final, "mode": mode, "samples": samples}
        none: Row = {"agreement": None, "cluster_sizes": [], "differs_from_majority": None}
        named = {"answer_id": _id("a", self), "question_id": ask.row_id, "sample": ask.sample}
        return {**named, **columns, **none, **figures, **self.answered.columns}


def _id(kind: str, candidate: Candidate) -> str:
    ask, reply = candidate.answered.ask, candidate.answered.reply
    part = () if candidate.part == "sample" else (candidate.part, reply.call_id)
    return content_id(kind, ask.row_id, ask.prompt.sha, reply.model, ask.sample, *part)


def read_candidate(answered: Answered, part: Part, config: RunConfig) -> Candidate:
    """What one reply is worth; open text needs no final answer, and has none."""
    said = answered.reply.text.strip()
    if fault := answered.fault():
        return Candidate(answered, part, said, None, *fault)
    try:
        response, final = _response(answered)
    except Unparseable as unread:
        return Candidate(answered, part, said, None, "unparseable", str(unread))
    if len(response) > config.answers.max_chars:
        detail = f"{len(response)} characters, more than {config.answers.max_chars}"
        return Candidate(answered, part, response, None, "too_long", detail)
    if config.answers.mode == "vote" and (found := _OUTCOME.search(without_thoughts(response))):
        return Candidate(answered, part, response, None, found[1].lower())
    if config.answers.kind == "text":
        return Candidate(answered, part, response, None, ANSWERED)
    if not final:
        return Candidate(answered, part, response, None, "no_final_answer", "no boxed or stated answer")
    return Candidate(answered, part, response, final, ANSWERED)


def _response(answered: Answered) -> tuple[str, str | None]:
    """Response and final answer; two fields are put together in the form that free text has."""
    if answered.ask.prompt.front.reply is None:
        response = answered.reply.text.strip()
        return response, final_answer(response)
    reply = answered.parse_one()
    solution, final = (str(getattr(reply, name)).strip() for name in ("solution", "final_answer"))
    return f"{solution}\n\n\\boxed{{{final}}}", final


def variables(question: Mapping[str, Any]) -> Row:
    """What every prompt of a solver is filled with."""
    language = f"the language of the question ({question['language']})"
    return {"question": question["question"], "language": language}


def common_fault(candidates: Sequence[Candidate], otherwise: str) -> str:
    """The reason for which all of them fell, where there is one."""
    reasons = {one.outcome for one in candidates}
    return reasons.pop() if len(reasons) == 1 else otherwise
