"""Compares two answers that were read: by kind, then by parts.

In: a gold answer and another. Out: an `Outcome`; undecided is left to the library. The policy on units,
percent, order and brackets stands in docs/decisions/0019-equivalence.md.
"""

from fractions import Fraction

from synth.verify.equivalence import words
from synth.verify.equivalence.formulas import Tree
from synth.verify.equivalence.kinds import Answer, Choice, Items, Matrix, Opaque, Quantity, Relation, Words
from synth.verify.equivalence.numbers import same_formula
from synth.verify.equivalence.outcome import DIFFERENT, EQUAL, UNREAD, Outcome, all_of
from synth.verify.equivalence.relations import as_interval, assigned, same_relation
from synth.verify.equivalence.units import unit_of

MAX_PARTS = 64
OTHER_WORDS = Outcome(None, "sentences in other words")
OTHER_UNITS = Outcome(None, "units that cannot be compared")
NO_OPTIONS = Outcome(None, "an option against a value, without the options")
_SHAPES = (Items, Relation, Matrix)


def compare(gold: Answer, answer: Answer) -> Outcome:
    """Whether two answers are the same; the order of the two makes no difference."""
    if gold == answer and not isinstance(gold, Opaque):
        return EQUAL
    if isinstance(gold, Choice) or isinstance(answer, Choice):
        return _choices(gold, answer)
    if isinstance(gold, Words) or isinstance(answer, Words):
        return _texts(gold, answer)
    if isinstance(gold, Opaque) or isinstance(answer, Opaque):
        return UNREAD
    if isinstance(gold, Quantity) and isinstance(answer, Quantity):
        return _quantities(gold, answer)
    if isinstance(gold, Matrix) or isinstance(answer, Matrix):
        return _matrices(gold, answer)
    if isinstance(gold, Relation) or isinstance(answer, Relation):
        return _relations(gold, answer)
    return _items(gold, answer)


def _quantities(gold: Quantity, answer: Quantity) -> Outcome:
    ours, theirs = (gold.unit, gold.power), (answer.unit, answer.power)
    plain = same_formula(gold.tree, answer.tree, gold.decimal, answer.decimal)
    if ours == theirs:
        return plain
    if not gold.unit or not answer.unit:
        bare, marked = (gold, answer) if not gold.unit else (answer, gold)
        if plain.equal is False and marked.unit in (("%",), ("°",)):
            # 50 % is 0.5 as well as 50, and 180° is π as well as 180.
            measured = Tree("*", parts=(marked.tree, Tree("name", marked.unit[0])))
            return same_formula(bare.tree, measured)
        return plain
    return _converted(gold, answer, plain)


def _converted(gold: Quantity, answer: Quantity, plain: Outcome) -> Outcome:
    ours, theirs = unit_of(gold.unit, gold.power), unit_of(answer.unit, answer.power)
    if ours and theirs:
        if ours.kind != theirs.kind:
            return DIFFERENT
        return same_formula(_times(gold.tree, ours.factor), _times(answer.tree, theirs.factor))
    if plain.equal is False:
        return plain if gold.unit[:1] != ("base",) else UNREAD
    # 18 eggs are 18 duck eggs; whether 18 eggs are 18 shells, nobody here can say.
    first, second = set(gold.unit), set(answer.unit)
    return plain if gold.power == answer.power and (first <= second or second <= first) else OTHER_UNITS


def _times(tree: Tree, factor: Fraction) -> Tree:
    return Tree("*", parts=(tree, Tree("number", factor)))


def _choices(gold: Answer, answer: Answer) -> Outcome:
    if isinstance(gold, Choice) and isinstance(answer, Choice):
        return EQUAL if gold.letter == answer.letter else DIFFERENT
    choice, other = (gold, answer) if isinstance(gold, Choice) else (answer, gold)
    assert isinstance(choice, Choice)
    if isinstance(other, Words) and choice.text:
        return EQUAL if words.key_of(choice.text) == other.key else DIFFERENT
    return NO_OPTIONS if not choice.text else UNREAD


def _texts(gold: Answer, answer: Answer) -> Outcome:
    if isinstance(gold, Words) and isinstance(answer, Words):
        if gold.key == answer.key:
            return EQUAL
        if gold.numbers != answer.numbers or not (gold.numbers or _is_long(gold) or _is_long(answer)):
            return DIFFERENT
        return OTHER_WORDS
    text, other = (gold, answer) if isinstance(gold, Words) else (answer, gold)
    assert isinstance(text, Words)
    if isinstance(other, Opaque):
        return OTHER_WORDS if not words.is_known(text.key) else DIFFERENT
    if isinstance(other, Items) and _is_everything(other):
        return EQUAL if text.key == "all real numbers" else DIFFERENT
    if isinstance(other, Quantity) and text.key in ("∞", "-∞"):
        return compare(Quantity(_INFINITE[text.key]), other)
    if words.is_known(text.key) or not text.numbers:
        return DIFFERENT
    return OTHER_WORDS


def _is_long(text: Words) -> bool:
    """A sentence may say the same in other words; a name or `increasing` does not."""
    return text.key.count(" ") >= 3


_INFINITE = {"∞": Tree("name", "∞"), "-∞": Tree("-", parts=(Tree("name", "∞"),))}


def _is_everything(items: Items) -> bool:
    ends = [part.tree for part in items.parts if isinstance(part, Quantity)]
    return (items.opening, items.closing) == ("(", ")") and ends == [_INFINITE["-∞"], _INFINITE["∞"]]


def _matrices(gold: Answer, answer: Answer) -> Outcome:
    if isinstance(gold, Matrix) and isinstance(answer, Matrix):
        if [len(row) for row in gold.rows] != [len(row) for row in answer.rows]:
            return DIFFERENT
        return all_of([_each(a, b) for a, b in zip(gold.rows, answer.rows, strict=True)])
    matrix, other = (gold, answer) if isinstance(gold, Matrix) else (answer, gold)
    assert isinstance(matrix, Matrix)
    if isinstance(other, Items) and other.opening == "(" and all(len(row) == 1 for row in matrix.rows):
        return _each(tuple(row[0] for row in matrix.rows), other.parts)
    return DIFFERENT if isinstance(other, Quantity) and len(matrix.rows) > 1 else UNREAD


def _relations(gold: Answer, answer: Answer) -> Outcome:
    first, second = as_interval(gold), as_interval(answer)
    if isinstance(gold, Relation) and isinstance(answer, Relation):
        if (a := assigned(gold)) and (b := assigned(answer)) and a[0] == b[0]:
            return compare(a[1], b[1])
        if first and second and first[0] == second[0]:
            return _items(first[1], second[1])
        return same_relation(gold, answer, compare)
    relation, other = (gold, answer) if isinstance(gold, Relation) else (answer, gold)
    assert isinstance(relation, Relation)
    interval = first if relation is gold else second
    if interval and isinstance(other, Items) and other.opening:
        return _items(interval[1], other)
    if named := assigned(relation):
        return compare(named[1], other) if relation is gold else compare(other, named[1])
    # What is no bound and no assignment, such as `2x + y = 3`, has no value that it could share.
    return DIFFERENT if isinstance(other, Quantity) or not interval else UNREAD


def _items(gold: Answer, answer: Answer) -> Outcome:
    if not isinstance(gold, Items) or not isinstance(answer, Items):
        return _one_of(gold, answer)
    gold, answer = _as_union(gold, answer), _as_union(answer, gold)
    ours, theirs = gold.opening, answer.opening
    if max(len(gold.parts), len(answer.parts)) > MAX_PARTS:
        return UNREAD
    if {ours, theirs} <= {"", "⦃"} or ours == theirs == "∪":
        return _in_any_order(gold.parts, answer.parts)
    if "" in (ours, theirs) and "∪" not in (ours, theirs):
        named = _without_names(gold.parts), _without_names(answer.parts)
        return _each(*named)
    if (ours, gold.closing) == (theirs, answer.closing):
        return _each(gold.parts, answer.parts)
    if len(gold.parts) != len(answer.parts):
        return DIFFERENT
    if {ours, theirs} <= {"(", "["}:
        # With two parts it is an interval, where it matters whether its ends belong to it.
        return DIFFERENT if len(gold.parts) == 2 else _each(gold.parts, answer.parts)
    return DIFFERENT if _each(gold.parts, answer.parts).equal is False else UNREAD


def _as_union(items: Items, other: Items) -> Items:
    """`x < 1 or x > 3` as a union of intervals, where the other is one."""
    if items.opening or other.opening != "∪":
        return items
    intervals = [as_interval(part) for part in items.parts]
    if not all(intervals):
        return items
    return Items("∪", "∪", tuple(interval[1] for interval in intervals if interval))


def _one_of(gold: Answer, answer: Answer) -> Outcome:
    """A set or tuple of one is that one; of several it is none of them."""
    items, other = (gold, answer) if isinstance(gold, Items) else (answer, gold)
    assert isinstance(items, Items)
    if len(items.parts) == 1:
        return compare(items.parts[0], other)
    if items.opening == "⦃" or not items.opening:
        first = compare(items.parts[0], other)
        if first.equal and all(compare(items.parts[0], part).equal for part in items.parts[1:]):
            return EQUAL
    return DIFFERENT if isinstance(other, Quantity) else UNREAD


def _without_names(parts: tuple[Answer, ...]) -> tuple[Answer, ...]:
    """`x = 1, y = 2` as its values in order."""
    named = [assigned(part) for part in parts]
    return tuple(found[1] if found else part for found, part in zip(named, parts, strict=True))


def _each(gold: tuple[Answer, ...], answer: tuple[Answer, ...]) -> Outcome:
    if len(gold) != len(answer):
        return DIFFERENT
    return all_of([compare(a, b) for a, b in zip(gold, answer, strict=True)])


def _in_any_order(gold: tuple[Answer, ...], answer: tuple[Answer, ...]) -> Outcome:
    """Each has its partner; names count only where both sides give them."""
    named = [part for part in gold if assigned(part)], [part for part in answer if assigned(part)]
    if bool(named[0]) != bool(named[1]):
        if len({found[0] for part in named[0] + named[1] if (found := assigned(part))}) > 1:
            return _each(_without_names(gold), _without_names(answer))
        gold, answer = _without_names(gold), _without_names(answer)
    gold, answer = _distinct(gold), _distinct(answer)
    if len(gold) != len(answer):
        return DIFFERENT
    left = list(answer)
    undecided = False
    for part in gold:
        seen = [compare(part, other).equal for other in left]
        if True in seen:
            left.pop(seen.index(True))
        elif None in seen:
            undecided = True
        else:
            return DIFFERENT
    return UNREAD if undecided else EQUAL


def _distinct(parts: tuple[Answer, ...]) -> tuple[Answer, ...]:
    return tuple(dict.fromkeys(parts))
