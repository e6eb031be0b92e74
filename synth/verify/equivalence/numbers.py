"""Whether two formulas are the same: exactly where they are rational, else by their values at chosen points.

In: trees. Out: true, false, or undecided. Formulas of variables that agree to eleven digits at all points are
the same (symbolic or numeric). They are different where they differ at positive numbers and at
whole ones, as `n` may stand for either. In all other cases the library is asked.
"""

import math
from collections.abc import Iterator
from fractions import Fraction

from synth.verify.equivalence.formulas import Tree
from synth.verify.equivalence.outcome import DIFFERENT, EQUAL, UNREAD, Outcome
from synth.verify.equivalence.values import NoValue, TooLarge, at_point, exact, names_of

# A decimal stands for what it is the rounding of, if it has so many significant digits: 0.333333 is a third.
ROUNDED_DIGITS = 6
MAX_NAMES = 8
_FLOAT_CHARS = 16
_CLOSE = 1e-11
_APART = 1e-7
NO_VALUE = Outcome(None, "a division by zero")
TOO_LARGE = Outcome(None, "a number too large to be worked out")
# How many of the real points are positive, and the letters that mostly stand for whole numbers.
_POSITIVE = 3
_WHOLE = frozenset("nkm")
_ROOTS = tuple(math.sqrt(n) for n in (2, 3, 5, 7, 11, 13, 17, 19))


def same_formula(gold: Tree, answer: Tree, gold_decimal: str = "", decimal: str = "") -> Outcome:
    """Whether two formulas are worth the same; `decimal` is how a plain number was written."""
    if gold == answer:
        return EQUAL
    if _holds(gold, "∞") or _holds(answer, "∞"):
        return DIFFERENT
    try:
        first, second = exact(gold), exact(answer)
    except TooLarge:
        return TOO_LARGE
    except NoValue:
        return NO_VALUE
    if first is not None and second is not None:
        if first == second or is_rounding(decimal, first) or is_rounding(gold_decimal, second):
            return EQUAL
        if _is_float_noise(first, second, gold_decimal, decimal):
            return EQUAL
        return DIFFERENT
    return _by_points(gold, answer, gold_decimal, decimal)


def is_rounding(decimal: str, value: Fraction | float) -> bool:
    """Whether a number, as it was written, is this value rounded or cut to its own digits."""
    digits = decimal.lstrip("-0.").replace(".", "")
    places = len(decimal.partition(".")[2])
    if len(digits) < ROUNDED_DIGITS or not places:
        return False
    return abs(Fraction(decimal) - Fraction(value)) < Fraction(1, 10**places)


def _is_float_noise(first: Fraction, second: Fraction, *written: str) -> bool:
    """Whether one number is the other with what a computer's floats add: 0.1 as 0.10000000000000001."""
    long = any("." in text and len(text) >= _FLOAT_CHARS for text in written)
    return long and abs(first - second) <= Fraction(1, 10**14) * max(abs(first), abs(second))


def _by_points(gold: Tree, answer: Tree, gold_decimal: str, decimal: str) -> Outcome:
    gold, answer = _constant_of_integration(gold, answer)
    names = sorted(names_of(gold) | names_of(answer))
    if len(names) > MAX_NAMES:
        return UNREAD
    if not names:
        return _constants(gold, answer, gold_decimal, decimal)
    if _calls_log(gold) != _calls_log(answer):
        return UNREAD
    reals = [_agree(gold, answer, point) for point in _points(names)]
    whole = [_agree(gold, answer, point) for point in _whole_points(names)]
    if all([*reals, *whole]) or (all(whole) and set(names) <= _WHOLE):
        return EQUAL
    return DIFFERENT if False in reals[:_POSITIVE] and False in whole else UNREAD


def _constant_of_integration(gold: Tree, answer: Tree) -> tuple[Tree, Tree]:
    """Some write c and others C for a number that may be any: where each side has one of them, it is one."""
    ours, theirs = names_of(gold), names_of(answer)
    for name, other in (("c", "C"), ("C", "c")):
        if name in ours and other not in ours and other in theirs and name not in theirs:
            return gold, _renamed(answer, other, name)
    return gold, answer


def _renamed(tree: Tree, old: str, new: str) -> Tree:
    if tree.kind == "name" and tree.value == old:
        return tree._replace(value=new)
    return tree._replace(parts=tuple(_renamed(part, old, new) for part in tree.parts))


def _constants(gold: Tree, answer: Tree, gold_decimal: str, decimal: str) -> Outcome:
    try:
        first, second = at_point(gold, {}), at_point(answer, {})
    except NoValue:
        return UNREAD
    for written, other in ((decimal, first), (gold_decimal, second)):
        if written and not other.imag and is_rounding(written, other.real):
            return EQUAL
    # Near to each other is not equal: the library works with as many digits as it takes.
    scale = max(abs(first), abs(second))
    if abs(first - second) > _APART * scale:
        return UNREAD if _calls_log(gold) != _calls_log(answer) else DIFFERENT
    return UNREAD if abs(first - second) > 1e-13 * scale or scale > 1e6 else EQUAL


def _points(names: list[str]) -> Iterator[dict[str, float]]:
    """Positive numbers, then others. Each variable has one of its own."""
    roots = dict(zip(names, _ROOTS, strict=False))
    for factor, step in ((0.83, 0.0), (1.37, 0.11), (2.71, 0.05)):
        yield {name: factor * root + step for name, root in roots.items()}
    yield {name: -0.59 * root for name, root in roots.items()}
    yield {name: (0.71 if place % 2 else -0.47) * root for place, (name, root) in enumerate(roots.items())}


def _whole_points(names: list[str]) -> Iterator[dict[str, float]]:
    """Whole numbers: odd and even ones, and with each rest by three and by four."""
    for first in (3, 5, 8, 13, 22):
        yield {name: float(first + 2 * place) for place, name in enumerate(names)}


def _agree(gold: Tree, answer: Tree, point: dict[str, float]) -> bool | None:
    """Whether both have the same value here; None where it is not certain, or one has none."""
    try:
        first, second = at_point(gold, point), at_point(answer, point)
    except NoValue:
        return None
    apart, scale = abs(first - second), max(abs(first), abs(second), 1e-12)
    if apart <= _CLOSE * scale:
        return True
    return False if apart > _APART * scale else None


def _holds(tree: Tree, name: str) -> bool:
    return tree.value == name or any(_holds(part, name) for part in tree.parts)


def _calls_log(tree: Tree) -> bool:
    """Whether a logarithm without a base is taken, which some mean to base ten and some to base e."""
    return (tree.value == "log" and len(tree.parts) == 1) or any(map(_calls_log, tree.parts))
