"""The rules as one function: two texts in, an outcome out, at a cost that is bounded by their length."""

import re
from functools import lru_cache

from synth.verify.equivalence.kinds import Answer, Opaque
from synth.verify.equivalence.notation import is_formula, normal_form, plain_dress
from synth.verify.equivalence.outcome import SAME_TEXT, Outcome
from synth.verify.equivalence.reading import read_answer
from synth.verify.equivalence.rules import compare

# An answer is short. What is longer is compared as text, and read by nobody.
MAX_CHARS = 2_000
_KEPT = 4_096
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+")

EMPTY = Outcome(None, "there is no answer")
TOO_LONG = Outcome(None, f"an answer of more than {MAX_CHARS:,} characters")


@lru_cache(_KEPT)
def form_of(text: str) -> str:
    """The normal form: answers that share it are the same."""
    return normal_form(plain_dress(text))


@lru_cache(_KEPT)
def read(text: str) -> Answer:
    """The answer as the rules read it; opaque where they do not."""
    try:
        return read_answer(plain_dress(text), is_formula(text))
    except RecursionError:
        return Opaque(text)


def by_rules(gold: str, answer: str) -> Outcome:
    """What the rules say; undecided where the library has to be asked, or where nobody can say."""
    if gold.strip() == answer.strip():
        return SAME_TEXT if gold.strip() else EMPTY
    if not gold.strip() or not answer.strip():
        return EMPTY
    if max(len(gold), len(answer)) > MAX_CHARS:
        return TOO_LONG
    if (form := form_of(gold)) == form_of(answer):
        return SAME_TEXT if form else EMPTY
    found = compare(read(gold), read(answer))
    if found.equal is False and (lists := _as_lists(gold, answer)):
        return compare(*map(read, lists))
    return found


def _as_lists(gold: str, answer: str) -> tuple[str, str] | None:
    """Both with `100,200` read as two numbers instead of one; None where there is no such number."""
    lists = tuple(
        text.replace(",", ", ") if _THOUSANDS.fullmatch(text.strip(" $")) else text for text in (gold, answer)
    )
    return None if lists == (gold, answer) else (lists[0], lists[1])
