"""The quantities of a text, and whether two texts have the same: what a paraphrase does not change.

In: tokens of `normalise`. Out: its numbers, in digits and in English words, as a set; the numbers and signs
of its formulas with how often each stands there. A word problem may repeat a number in other words, so there
sets are compared; a formula is copied as it stands, and two formulas of the same few digits are common, so
there counts are compared, too.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

_SMALL = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
seventeen eighteen nineteen
"""
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
SMALL = {name: value for value, name in enumerate(_SMALL.split())}
TENS = {name: 10 * value for value, name in enumerate(_TENS.split(), 2)}
HUNDRED = 100
SCALES = {"hundred": HUNDRED, "thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000}
# `one` is mostly no number (`this one`), and paraphrases add and drop it; `1` counts.
NO_QUANTITY = "one"
NAMED = {
    "half": "0.5", "halves": "0.5", "quarter": "0.25", "once": "1", "single": "1", "twice": "2",
    "double": "2", "couple": "2", "pair": "2", "thrice": "3", "triple": "3", "dozen": "12",
}  # fmt: skip
# Signs that prose has as well, and letters that are words there: they make no formula.
_PROSE = frozenset("()[]!'-,&%$/#") | {"a", "i"}
# From here on scripts put no spaces between words, so that one sign is no symbol of a formula.
SPACELESS = "\u0e00"


class Quantities(NamedTuple):
    """The numbers of a text, and with their counts those and the signs of its formulas, if it has any."""

    numbers: frozenset[str]
    marks: Counter[str]
    has_formula: bool


def is_number(token: str) -> bool:
    """Whether a token is a number, in digits or words."""
    return token[0].isdigit() or token in SMALL or token in TENS or token in SCALES


def quantities(found: Sequence[str]) -> Quantities:
    """What a text counts and measures."""
    marks = Counter(token for token in found if _is_mark(token))
    formula = any(not token[0].isdigit() for token in marks)
    return Quantities(frozenset(_numbers(found)), marks, formula)


def in_order(found: Sequence[str]) -> tuple[str, ...]:
    """The numbers of a text, each once, as they are first mentioned."""
    return tuple(dict.fromkeys(_numbers(found)))


def formulas_alike(left: Quantities, right: Quantities) -> float:
    """The share of numbers and signs that both have, by their counts; 1 where neither text has a formula."""
    if not (left.has_formula or right.has_formula):
        return 1.0
    shared = (left.marks & right.marks).total()
    return shared / (left.marks.total() + right.marks.total() - shared)


def _is_mark(token: str) -> bool:
    if token in _PROSE:
        return False
    return token[0].isdigit() or not token[0].isalnum() or (len(token) == 1 and token < SPACELESS)


def _numbers(found: Sequence[str]) -> list[str]:
    """Numbers in digits without idle noughts, numbers in words, and words such as `twice`."""
    numbers: list[str] = []
    place = 0
    while place < len(found):
        token = found[place]
        if token in SMALL or token in TENS:
            value, after = _in_words(found, place)
            if found[place:after] != [NO_QUANTITY]:
                numbers.append(str(value))
            place = after
            continue
        if token[0].isdigit():
            numbers.append(_plain(token))
        elif token in NAMED:
            numbers.append(NAMED[token])
        elif token in SCALES:
            numbers.append(str(SCALES[token]))
        place += 1
    return numbers


def _in_words(found: Sequence[str], place: int) -> tuple[int, int]:
    """The number that begins here, and the place after it: `two hundred thirty five`."""
    total = value = 0
    last = ""
    while place < len(found) and _goes_on(last, found[place]):
        last = found[place]
        if last not in SCALES:
            value += TENS.get(last, 0) + SMALL.get(last, 0)
        elif SCALES[last] == HUNDRED:
            value *= HUNDRED
        else:
            total, value = total + value * SCALES[last], 0
        place += 1
    return total + value, place


def _goes_on(last: str, word: str) -> bool:
    """Whether a word belongs to the number that the last one belongs to."""
    if word in SCALES:
        return True
    if last in SMALL or (last in TENS and not 0 < SMALL.get(word, 0) < 10):
        return False
    return word in SMALL or word in TENS


def _plain(token: str) -> str:
    if token.count(".") == 1:
        token = token.rstrip("0").rstrip(".")
    token = token.lstrip("0")
    return token if token and token[0] != "." else f"0{token}"
