"""Verdicts on a batch of responses whose answers are options or code; mathematics is a matter of `verdicts`.

In: responses, gold cells and questions as text. Out: the added columns. Of code the gold cell holds the
tests, and `extracted` is the block that was run.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

from synth.verify.code.blocks import code_of, suite_of
from synth.verify.code.check import check
from synth.verify.code.sandbox import Sandbox
from synth.verify.final_answer import Mode, find_answer
from synth.verify.kinds import Answers, Engine, letter_of

NO_ANSWER = "no final answer in the response"
NO_GOLD = "no gold answer"
NO_CODE = "no code in the response"
# An answer that is nothing but its option has no marker.
_BARE_CHARS = 200

Cell = str | None


class Verdict(NamedTuple):
    """The added columns of one row."""

    extracted: str | None
    evidence: str | None
    correct: bool | None
    reason: str


def choices(
    responses: Iterable[Cell], golds: Iterable[Cell], questions: Iterable[Cell], mode: Mode, engine: Engine
) -> list[Verdict]:
    """Verdicts on options; where a question shows them, also by their texts."""
    rows = zip(responses, golds, questions, strict=True)
    return [_choice(response, gold, question or "", mode, engine) for response, gold, question in rows]


def codes(responses: Sequence[Cell], golds: Sequence[Cell], sandbox: Sandbox, workers: int) -> list[Verdict]:
    """Verdicts on code, so many at a time."""
    with ThreadPoolExecutor(workers, thread_name_prefix="code") as threads:
        return list(threads.map(partial(_code, sandbox), responses, golds))


def _choice(response: Cell, gold: Cell, question: str, mode: Mode, engine: Engine) -> Verdict:
    found = find_answer(response, mode) if response else None
    bare = (response or "").strip()
    if found is None and len(bare) <= _BARE_CHARS and letter_of(bare):
        extracted, evidence = bare, "option"
    elif found is None:
        return Verdict(None, None, None, NO_ANSWER if gold else NO_GOLD)
    else:
        extracted, evidence = found
    if not (gold or "").strip():
        return Verdict(extracted, evidence, None, NO_GOLD)
    outcome = Answers("choice", engine, question).same(str(gold), extracted)
    return Verdict(extracted, evidence, outcome.equal, outcome.reason)


def _code(sandbox: Sandbox, response: Cell, gold: Cell) -> Verdict:
    code = code_of(response) if response else None
    if code is None:
        return Verdict(None, None, None, NO_CODE)
    found = check(code, suite_of(gold or ""), sandbox)
    reason = f"{found.outcome}: {found.detail}" if found.detail else found.outcome
    return Verdict(code, "block", found.passed, reason)
