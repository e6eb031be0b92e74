"""Equations and inequalities: what they assign, which interval they mean, whether two say the same."""

from collections.abc import Callable
from fractions import Fraction

from synth.verify.equivalence.formulas import Tree
from synth.verify.equivalence.kinds import Answer, Items, Quantity, Relation, Words
from synth.verify.equivalence.numbers import same_formula
from synth.verify.equivalence.outcome import DIFFERENT, EQUAL, UNREAD, Outcome, all_of
from synth.verify.equivalence.values import NoValue, at_point, names_of

Compare = Callable[[Answer, Answer], Outcome]
_NAME_WORDS = 4
_INFINITY = Tree("name", "∞")
_TURNED = {"<": ">", ">": "<", "≤": "≥", "≥": "≤", "=": "=", "≠": "≠", "≡": "≡"}


def assigned(answer: Answer) -> tuple[str, Answer] | None:
    """The name and the value of `x = 3`, `f(x) = x^2`, `(x, y) = (1, 2)`; None for any other answer.

    `2 * 3 = 6` names nothing, and is its last side.
    """
    if not isinstance(answer, Relation) or set(answer.signs) != {"="}:
        return None
    first = answer.sides[0]
    if isinstance(first, Quantity) and not names_of(first.tree):
        return "", answer.sides[-1]
    name = _name_of(answer.sides[0])
    return None if name is None else (name, answer.sides[-1])


def _name_of(side: Answer) -> str | None:
    if isinstance(side, Words):
        return side.key if side.key.count(" ") < _NAME_WORDS else None
    if isinstance(side, Items):
        names = [_name_of(part) for part in side.parts]
        return None if None in names else ",".join(map(str, names))
    if not isinstance(side, Quantity) or side.unit:
        return None
    tree = side.tree
    if tree.kind == "name" and tree.value != "∞":
        return str(tree.value)
    # f(x), which is read as a product; an equation such as xy = 90 has no bracket, and is none of these.
    if tree.kind == "*" and all(part.kind == "name" for part in tree.parts):
        first, second = (str(part.value) for part in tree.parts)
        return f"{first}({second})" if first in "fghFGHyPQNTpqrsuvw" and second in "xtnyzuθ" else None
    return None


def as_interval(answer: Answer) -> tuple[str, Items] | None:
    """The variable of `2 < x ≤ 5` and its interval; None where it is no bound on one variable."""
    if not isinstance(answer, Relation) or not set(answer.signs) <= {"<", ">", "≤", "≥", "≠"}:
        return None
    signs, sides = answer.signs, answer.sides
    if len(sides) == 2:
        if (name := _variable(sides[0])) and not _variable(sides[1]):
            return name, _half(signs[0], sides[1])
        if (name := _variable(sides[1])) and not _variable(sides[0]):
            return name, _half(_TURNED[signs[0]], sides[0])
    if len(sides) == 3 and (name := _variable(sides[1])):
        if set(signs) <= {">", "≥"}:
            sides, signs = sides[::-1], tuple(_TURNED[sign] for sign in reversed(signs))
        if set(signs) <= {"<", "≤"}:
            return name, Items(
                "[" if signs[0] == "≤" else "(", "]" if signs[1] == "≤" else ")", (sides[0], sides[2])
            )
    return None


def _half(sign: str, bound: Answer) -> Items:
    if sign == "≠":
        return Items("∪", "∪", (_half("<", bound), _half(">", bound)))
    if sign in "<≤":
        return Items("(", "]" if sign == "≤" else ")", (Quantity(Tree("-", parts=(_INFINITY,))), bound))
    return Items("[" if sign == "≥" else "(", ")", (bound, Quantity(_INFINITY)))


def _variable(side: Answer) -> str | None:
    """The name of a side that is one; π and e are numbers."""
    if isinstance(side, Quantity) and not side.unit and side.tree.kind == "name" and names_of(side.tree):
        return str(side.tree.value)
    return None


def same_relation(gold: Relation, answer: Relation, compare: Compare) -> Outcome:
    """Two relations: side by side, turned round, or as equations whose differences are proportional."""
    if len(gold.sides) == len(answer.sides):
        turned = Relation(tuple(_TURNED.get(s, s) for s in reversed(answer.signs)), answer.sides[::-1])
        for other in (answer, turned):
            if gold.signs == other.signs:
                pairs = zip(gold.sides, other.sides, strict=True)
                if all_of([compare(a, b) for a, b in pairs]).equal:
                    return EQUAL
    if gold.signs == answer.signs == ("=",):
        return _same_equation(gold, answer)
    if _names(gold) and _names(answer) and not _names(gold) & _names(answer):
        return DIFFERENT
    return UNREAD


def _same_equation(gold: Relation, answer: Relation) -> Outcome:
    first, second = _difference(gold), _difference(answer)
    if first is None or second is None:
        return UNREAD
    if names_of(first) != names_of(second):
        return DIFFERENT if assigned(gold) and assigned(answer) else UNREAD
    # Where one is a multiple of the other: by the same number at all points.
    for factor in _factors(first, second):
        if same_formula(first, Tree("*", parts=(factor, second))).equal:
            return EQUAL
    return UNREAD


def _factors(first: Tree, second: Tree) -> list[Tree]:
    """Numbers by which the second may have been multiplied, from the value of both at one point."""
    point = {name: 0.37 + 0.61 * place for place, name in enumerate(sorted(names_of(first)))}
    try:
        found = at_point(first, point) / at_point(second, point)
    except (NoValue, ZeroDivisionError):
        return []
    if abs(found.imag) > 1e-12:
        return []
    return [Tree("number", Fraction(found.real).limit_denominator(10_000))]


def _difference(relation: Relation) -> Tree | None:
    left, right = relation.sides
    if not isinstance(left, Quantity) or not isinstance(right, Quantity) or left.unit or right.unit:
        return None
    return Tree("+", parts=(left.tree, Tree("-", parts=(right.tree,))))


def _names(relation: Relation) -> frozenset[str]:
    found: frozenset[str] = frozenset()
    for side in relation.sides:
        if isinstance(side, Quantity):
            found |= names_of(side.tree)
    return found
