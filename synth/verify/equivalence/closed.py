r"""Which kind of closed answer a text is, or that it is none: prose, a sentence with a formula, an open list.

In: an answer, or a label. Out: one word, or None. It is read by the rules alone, so this costs microseconds
and loads no library. Who trains by a rule that checks answers needs closed labels.
"""

import re
from collections.abc import Iterable
from typing import Literal

from synth.verify.equivalence import words
from synth.verify.equivalence.decide import MAX_CHARS, read
from synth.verify.equivalence.formulas import Tree
from synth.verify.equivalence.kinds import Answer, Choice, Items, Matrix, Opaque, Quantity, Relation, Words

Kind = Literal[
    "integer", "rational", "expression", "relation", "interval", "tuple", "set", "matrix", "choice", "word"
]
# A name may have two words, a time a few parts, and what is counted a few words: `Saint Petersburg`,
# `4:30 p.m.`, `3 more red balls`.
WORDS_ALONE = 2
PARTS_ALONE = 4
WORDS_OF_UNIT = 4

_COMMAND = re.compile(r"\\[A-Za-z]+")
_WORD = re.compile(r"[^\W\d_]{2,}")
_FORMAL = re.compile(r"[=<>≤≥≠^_\\{}+*/|]")
_DOTS = re.compile(r"\.\.\.|…|\\[lc]?dots(?![a-z])")
_OPEN_END = re.compile(r"[=<>≤≥≠+*/^_,]\s*$")
_NUMBERS = ("number", "-", "/")


def kind_of(answer: str) -> Kind | None:
    """The kind of a closed answer; None for what is none, is empty, or is longer than answers are."""
    if not answer.strip() or len(answer) > MAX_CHARS or _DOTS.search(answer):
        return None
    return _kind(read(answer))


def _kind(answer: Answer) -> Kind | None:
    match answer:
        case Quantity(tree, unit):
            return _number(tree) if len(unit) <= WORDS_OF_UNIT else None
        case Items():
            return _several(answer)
        case Relation(_, sides):
            return "relation" if _all(sides) else None
        case Matrix(rows):
            return "matrix" if _all(cell for row in rows for cell in row) else None
        case Choice(_, text):
            return "choice" if not text or kind_of(text) else None
        case Words(key):
            return "word" if words.is_known(key) or _is_name(key) else None
        case Opaque(text):
            return "expression" if _is_formula(text) else None


def _number(tree: Tree) -> Kind:
    if tree.kind == "number":
        return "integer" if getattr(tree.value, "denominator", 1) == 1 else "rational"
    if tree.kind == "-" and len(tree.parts) == 1:
        return _number(tree.parts[0])
    return "rational" if _is_made_of_numbers(tree) else "expression"


def _is_made_of_numbers(tree: Tree) -> bool:
    return tree.kind in _NUMBERS and all(map(_is_made_of_numbers, tree.parts))


def _several(items: Items) -> Kind | None:
    if not _all(items.parts):
        return None
    if items.opening == "∪" or (len(items.parts) == 2 and _has_ends(items)):
        return "interval"
    return "set" if items.opening in ("", "⦃") else "tuple"


def _has_ends(items: Items) -> bool:
    """Whether a pair is an interval for certain: `(1, 2)` may be a point as well."""
    brackets = items.opening + items.closing
    return brackets in ("[]", "[)", "(]") or (brackets == "()" and "∞" in repr(items.parts))


def _all(parts: Iterable[Answer]) -> bool:
    return all(_kind(part) for part in parts)


def _is_name(key: str) -> bool:
    """A name, a day, a time: few words, and no formula among them."""
    if not key or len(key.split()) > PARTS_ALONE or _FORMAL.search(key):
        return False
    return len(_WORD.findall(key)) <= WORDS_ALONE


def _is_formula(text: str) -> bool:
    """What the rules do not read and the library may: no sentence, nothing torn, nothing that goes on."""
    if _OPEN_END.search(text) or text.count(r"\begin") != text.count(r"\end"):
        return False
    return len(_WORD.findall(_COMMAND.sub(" ", text.replace("{array}", "")))) <= WORDS_OF_UNIT
