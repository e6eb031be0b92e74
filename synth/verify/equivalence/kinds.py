"""The kinds of answer: what reading makes of a text, and comparing takes apart."""

from typing import NamedTuple, TypeAlias

from synth.verify.equivalence.formulas import Tree


class Quantity(NamedTuple):
    """A formula with its unit: words in singular, `%`, `°`, a currency, or nothing."""

    tree: Tree
    unit: tuple[str, ...] = ()
    power: int = 1
    decimal: str = ""  # as it is written, where it is nothing but a decimal number


class Items(NamedTuple):
    """Several answers: a tuple or an interval `(`, `[`, a set `⦃`, a list without brackets, a union `∪`."""

    opening: str
    closing: str
    parts: "tuple[Answer, ...]"


class Relation(NamedTuple):
    """Sides with a sign between each two: `2 < x ≤ 5` has three sides."""

    signs: tuple[str, ...]
    sides: "tuple[Answer, ...]"


class Matrix(NamedTuple):
    """Rows of answers."""

    rows: "tuple[tuple[Answer, ...], ...]"


class Choice(NamedTuple):
    """One of the offered options, and its text where that is repeated."""

    letter: str
    text: str


class Words(NamedTuple):
    """A text: its key, and the numbers in it."""

    key: str
    numbers: frozenset[str]


class Opaque(NamedTuple):
    """A formula that the rules do not read."""

    text: str


Answer: TypeAlias = Quantity | Items | Relation | Matrix | Choice | Words | Opaque
