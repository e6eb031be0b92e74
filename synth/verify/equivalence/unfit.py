r"""What the library is not asked: pairs that it cannot read, or would only ponder until it is killed.

In: two answers that the rules did not decide. Out: why they stay undecided, or that they differ; None where
the library is to be asked.
"""

import re

from synth.verify.equivalence.notation import is_formula, plain_dress
from synth.verify.equivalence.outcome import Outcome

# What the library is asked about is shorter and flatter than what the rules take.
MAX_CHARS = 600
MAX_DEPTH = 30

_LONG = Outcome(None, f"formulas of more than {MAX_CHARS:,} characters")
_DEEP = Outcome(None, "formulas nested too deeply")
_DOTS = Outcome(None, "a formula that goes on with dots")
_MATRIX = Outcome(None, "matrices in one of the two formulas only")
_NO_FORMULA = Outcome(None, "neither formulas nor words that are known")
_VARIABLES = Outcome(False, "formulas of other variables")

_SERIES = re.compile(r"\\(?:sum|prod)(?![a-z])")
_INDEX = re.compile(r"_\s*\{?\s*([A-Za-z])\s*=")
_BOUND = re.compile(r"\\(?:int|iint|oint|lim|bigcup|max|min)(?![a-z])")
_COMMAND = re.compile(r'\\[A-Za-z]+|"[^"]*"')
_LETTER = re.compile(r"[A-Za-zα-ω]")
# Numbers, differentials, and what is added to an integral.
_NO_VARIABLES = frozenset("eidcCπ")


def unfit(gold: str, answer: str) -> Outcome | None:
    """Why the library is not asked about a pair."""
    if max(len(gold), len(answer)) > MAX_CHARS:
        return _LONG
    if max(_depth(gold), _depth(answer)) > MAX_DEPTH:
        return _DEEP
    if not all(is_formula(text) or _is_plain(text) for text in (gold, answer)):
        return _NO_FORMULA
    first, second = plain_dress(gold), plain_dress(answer)
    if "..." in first or "..." in second:
        return _DOTS
    if (r"\begin" in first) != (r"\begin" in second):
        return _MATRIX
    return _VARIABLES if _of_other_variables(first, second) else None


def _of_other_variables(gold: str, answer: str) -> bool:
    """A series in x is no number, and no series in t; its index may have any name."""
    if not (_SERIES.search(gold) or _SERIES.search(answer)) or _BOUND.search(gold + answer):
        return False
    ours, theirs = _variables(gold), _variables(answer)
    return bool(ours or theirs) and not ours & theirs


def _variables(text: str) -> frozenset[str]:
    letters = set(_LETTER.findall(_COMMAND.sub(" ", text)))
    return frozenset(letters - set(_INDEX.findall(text)) - _NO_VARIABLES)


def _is_plain(text: str) -> bool:
    """A formula without marks, such as `2(x+1)/3`, as far as none of it is a word."""
    return text.isascii() and not any(word.isalpha() and len(word) > 4 for word in text.split())


def _depth(text: str) -> int:
    depth = deepest = 0
    for char in text:
        if char in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif char in ")]}":
            depth -= 1
    return deepest
