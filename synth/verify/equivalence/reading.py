r"""Reads an answer: which kind it is, and its parts.

In: an answer in plain dress (`notation`). Out: an `Answer`. What is no formula that the rules know and no
plain words either is `Opaque`, which the library may still read.
"""

import re
from collections.abc import Iterator

from synth.verify.equivalence import words
from synth.verify.equivalence.formulas import MAX_DEPTH, Tree, Unread, number, read_formula
from synth.verify.equivalence.kinds import Answer, Choice, Items, Matrix, Opaque, Quantity, Relation, Words
from synth.verify.equivalence.notation import FUNCTIONS
from synth.verify.equivalence.units import SHORT, UNITS, meaning_words

_CHOICE = re.compile(
    r'(?:(?:[Oo]ption|[Cc]hoice)\s*)?(?:"?\s*\(\s*"?\s*([A-J])\s*"?\s*\)\s*"?|"\s*([A-J])\s*"|([A-J])(?:[).:]|$))(.*)',
    re.DOTALL,
)
_PHRASE = re.compile(
    r'"?\s*(?:(?:so|thus|hence|therefore),?\s+)?(?:(?:the\s+)?(?:final\s+)?(?:answers?|solutions?|results?|values?)\s*'
    r"(?:is|are|:|=)\s*:?|approximately|approx\.?|about|roughly|≈)\s*",
    re.IGNORECASE,
)
_OPENING, _CLOSING = "([{⦃⟨⌊⌈", ")]}⦄⟩⌋⌉"
_RELATION = re.compile(r"<=|>=|[=<>≤≥≠∈≈→≡]")
_CONNECTIVE = re.compile(r'\s*"\s*(?:,\s*)?(?:or|and)\s*"\s*|\s*,?\s+(?:or|and)\s+|;')
_ENVIRONMENT = re.compile(
    r"\(?\[?\s*\\begin\s*\{([pbB]?matrix|smallmatrix|array)\}(?:\s*\{[lcr|\s]*\})?(.*)\\end\s*\{\1\}\s*\]?\)?",
    re.DOTALL,
)
_BUILDER = re.compile(r'([A-Za-z](?:\s*∈\s*[ℝℤℕℚℂ])?)\s*(?:\||:|"such that")\s*(.+)', re.DOTALL)
_THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,])")
_DECIMAL = re.compile(r"[-+]?(?:\d+\.\d*|\.\d+|\d+)")
_BASED = re.compile(r"(\d+)_\{?(\d{1,2})\}?")
_RATIO = re.compile(r"(\d[\d.]*)\s*:\s*([1-9][\d.]*)")
_SCIENTIFIC = re.compile(r"([-+]?\d+(?:\.\d+)?)[eE]([-+]?\d{1,4})")
_UNIT = re.compile(
    r'(.*\S(?=\s*"[^"]*"[\s^{}23]*$)|.*?[\d)}])\s*'
    r'("[^"]*"|°\s?[CF](?![a-z])|[¢°]|%|(?:[A-Za-z]+[.\-/]?\s?){1,8})\s*(?:\^\s*\{?\s*([23])\s*\}?)?'
)
_BEFORE_UNIT = re.compile(
    r'(＄|[Rr]s\.?|USD|EUR|"\s*(?:Rs\.?|USD|＄)\s*"|euro|pound|yen|rupee)\s*(?=[-\d.\\(])(.*)', re.DOTALL
)
_LETTERS = re.compile(r"[^\W\d_]{3,}")
_COMMANDS = re.compile(r"\\(?:begin|end)\s*\{[a-z]+\}|\\[A-Za-z]+")
_NAMES = re.compile(r"[^\W\d_]{3,}")
_NO_UNITS = (*FUNCTIONS, "sqrt", "or", "and")
_QUOTED = re.compile(r'"[^"]*"')
_HOUR = re.compile(r'\d\s*"?\s*[ap]\.?\s?m\b', re.IGNORECASE)
_SHORT_WORDS = ("no", "yes", "ℝ", "∅")


def read_answer(dressed: str, formula: bool) -> Answer:
    """The answer; `formula` where its writing shows that letters are variables, not units."""
    return _Reader(formula).whole(_without_phrase(dressed))


def _without_phrase(text: str) -> str:
    match = _PHRASE.match(text)
    return text[match.end() :].strip() if match and match.end() < len(text) else text


def split(text: str, separators: str) -> list[str]:
    """The text cut at separators that stand in no bracket, quotation or environment."""
    parts, depth, start, quoted = [], 0, 0, False
    for place, char in enumerate(text):
        if char == '"':
            quoted = not quoted
        elif quoted:
            continue
        elif char in _OPENING:
            depth += 1
        elif char in _CLOSING:
            depth -= 1
        elif (
            depth == 0
            and char in separators
            and not text.count(r"\begin", 0, place) > text.count(r"\end", 0, place)
        ):
            parts.append(text[start:place])
            start = place + 1
    return [*parts, text[start:]]


def _in_environment(text: str, place: int) -> bool:
    return text.count(r"\begin", 0, place) > text.count(r"\end", 0, place)


def _spans(text: str) -> bool:
    """Whether the first bracket of the text is closed by its last sign."""
    depth = 0
    for place, char in enumerate(text):
        if char in _OPENING:
            depth += 1
        elif char in _CLOSING:
            depth -= 1
            if depth == 0:
                return place == len(text) - 1
    return False


class _Reader:
    """Reads parts of one answer, at most so deep."""

    def __init__(self, formula: bool) -> None:
        self._formula = formula
        self._depth = 0

    def whole(self, text: str) -> Answer:
        """A list without brackets, or a single answer."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            return Opaque(text)
        try:
            if choice := _choice(text):
                return choice
            return self._list(text) or self._single(text)
        finally:
            self._depth -= 1

    def _list(self, text: str) -> Answer | None:
        if _is_word(text):
            return None
        joined = _connected(_THOUSANDS.sub(lambda m: m[0].replace(",", ""), text))
        parts = [part.strip() for part in split(joined, ",")]
        if len(parts) < 2:
            return None
        found = [self._single(part) for part in parts if part]
        if any(isinstance(part, Words) and not words.is_known(part.key) for part in found):
            return _words(text)
        return Items("", "", _shared_name(tuple(_flat(found))))

    def _single(self, text: str) -> Answer:
        text = text.strip()
        if match := _ENVIRONMENT.fullmatch(text):
            return self._matrix(match[2])
        if text[:1] in ("(", "[", "⦃", "⟨") and _spans(text):
            return self._bracketed(text)
        if (parts := split(text, "∪"))[1:]:
            return Items("∪", "∪", tuple(self._single(part) for part in parts))
        return self._relation(text) or self._quantity(text)

    def _matrix(self, text: str) -> Answer:
        rows = [row.strip() for row in text.replace(r"\hline", "").split(r"\\")]
        return Matrix(tuple(tuple(self.whole(cell) for cell in split(row, "&")) for row in rows if row))

    def _bracketed(self, text: str) -> Answer:
        opening, closing, inner = text[0], text[-1], text[1:-1].strip()
        if opening == "⟨":
            opening, closing = "(", ")"
        if opening == "⦃" and (match := _BUILDER.fullmatch(inner)):
            return self.whole(match[2])
        parts = split(inner, ",;")
        if not inner:
            return _words("∅")
        if len(parts) > 1:
            found = [self.whole(part.strip()) for part in parts]
            return Items(opening, closing, tuple(_flat(found) if opening == "⦃" else found))
        if opening == "⦃":
            return Items(opening, closing, tuple(_flat([self.whole(inner)])))
        try:
            return self._expanded(Quantity(read_formula(text)))
        except Unread:
            return self.whole(inner)

    def _relation(self, text: str) -> Answer | None:
        places = [m for m in _RELATION.finditer(text) if _is_outside(text, m.start())]
        if not places:
            return None
        edges = [0, *(edge for m in places for edge in m.span()), len(text)]
        sides = [text[edges[i] : edges[i + 1]].strip() for i in range(0, len(edges), 2)]
        signs = tuple({"<=": "≤", ">=": "≥"}.get(m[0], m[0]) for m in places)
        if not sides[-1] or (not sides[0] and signs[0] not in "≈="):
            return Opaque(text)
        if signs[0] in "≈=∈" and len(signs) == 1 and (not sides[0] or signs[0] == "∈"):
            return self._single(sides[-1])
        found = tuple(self._single(side) for side in sides)
        if any(isinstance(side, Words) for side in found[1:]):
            return self._named_words(found, text)
        return Relation(tuple("=" if sign == "≈" else sign for sign in signs), found)

    def _named_words(self, sides: tuple[Answer, ...], text: str) -> Answer:
        """`Answer = no solution` is its words; any other sentence with a sign in it is a sentence."""
        known = len(sides) == 2 and isinstance(sides[1], Words) and words.is_known(sides[1].key)
        return sides[1] if known else _words(text)

    def _quantity(self, text: str) -> Answer:
        if (named := words.number_word(text)) is not None:
            return Quantity(number(str(named)))
        text = _THOUSANDS.sub(lambda m: m[0].replace(",", ""), text)
        for found in (_plain, _based, _ratio, _with_unit):
            if quantity := found(text, self._formula):
                return self._expanded(quantity)
        try:
            return self._expanded(Quantity(read_formula(text)))
        except Unread:
            pass
        if _LETTERS.search(_COMMANDS.sub(" ", text)) or _is_word(text) or words.is_known(words.key_of(text)):
            return _words(text)
        return Opaque(text)

    def _expanded(self, quantity: Quantity) -> Answer:
        """`1 ± 2` is both of its values."""
        if not _has_sign(quantity.tree):
            return quantity
        both = tuple(quantity._replace(tree=_signed(quantity.tree, sign)) for sign in (1, -1))
        return Items("", "", both)


def _choice(text: str) -> Choice | None:
    """An option by its letter; `A` alone is one, `A = 3` is none."""
    match = _CHOICE.fullmatch(text.strip())
    if not match:
        return None
    rest = match[4].strip(' ".:)')
    in_brackets = bool(match[1] or match[2])
    if match[2] and rest:
        return None
    if in_brackets and rest[:1] in ("*", "+", "-", "/", "^", ",", "∪", "=", "(", "<", ">"):
        return None
    return Choice(match[1] or match[2] or match[3], rest)


def _connected(text: str) -> str:
    """`1 or 2`, `1 and 2`, `1; 2` with commas; `, and` is one separator."""
    if not _CONNECTIVE.search(text):
        return text
    joined = _CONNECTIVE.sub(lambda m: "," if _is_outside(text, m.start()) else m[0], text)
    return re.sub(r",\s*,", ",", joined)


def _is_outside(text: str, place: int) -> bool:
    """Whether a place stands in no bracket."""
    before = text[:place]
    opened = sum(before.count(c) for c in _OPENING) - sum(before.count(c) for c in _CLOSING)
    return opened == 0 and before.count(r"\begin") == before.count(r"\end")


def _flat(parts: list[Answer]) -> Iterator[Answer]:
    """Lists within a list without brackets, such as `±1, ±2`, as one list."""
    for part in parts:
        if isinstance(part, Items) and not part.opening:
            yield from part.parts
        else:
            yield part


def _shared_name(parts: tuple[Answer, ...]) -> tuple[Answer, ...]:
    """`x = 1, 2` names its variable once, and means it for all."""
    first = parts[0]
    if (
        isinstance(first, Relation)
        and first.signs == ("=",)
        and not any(isinstance(p, Relation) for p in parts[1:])
    ):
        return (first.sides[1], *parts[1:])
    return parts


def _is_word(text: str) -> bool:
    return (
        bool(_NAMES.fullmatch(text) or _QUOTED.fullmatch(text) or _HOUR.search(text))
        or text.lower() in _SHORT_WORDS
    )


def _words(text: str) -> Words:
    return Words(words.key_of(text), frozenset(words.NUMBER.findall(text)))


def _plain(text: str, formula: bool) -> Quantity | None:
    """A number as it is mostly written, or in the form of programs: `1.5e-3`."""
    compact = text.replace(" ", "") if text[:1] in "+-" else text
    if _DECIMAL.fullmatch(compact) and len(compact) <= 400:
        tree = number(compact.lstrip("+-") if compact.lstrip("+-")[-1] != "." else compact.lstrip("+-")[:-1])
        tree = Tree("-", parts=(tree,)) if compact[0] == "-" else tree
        return Quantity(tree, decimal=compact.lstrip("+"))
    if match := _SCIENTIFIC.fullmatch(compact):
        power = Tree(
            "^",
            parts=(number("10"), number(match[2].lstrip("+")) if match[2][0] != "-" else _negative(match[2])),
        )
        sign = match[1][0] == "-"
        tree = Tree("*", parts=(number(match[1].lstrip("+-")), power))
        return Quantity(Tree("-", parts=(tree,)) if sign else tree)
    return None


def _negative(text: str) -> Tree:
    return Tree("-", parts=(number(text[1:]),))


def _based(text: str, formula: bool) -> Quantity | None:
    match = _BASED.fullmatch(text)
    return Quantity(number(match[1]), ("base", match[2])) if match else None


def _ratio(text: str, formula: bool) -> Quantity | None:
    match = _RATIO.fullmatch(text)
    if not match or any(side.count(".") > 1 for side in match.groups()) or text.endswith("."):
        return None
    return Quantity(Tree("/", parts=(number(match[1]), number(match[2]))))


def _with_unit(text: str, formula: bool) -> Quantity | None:
    """A formula with a currency before it, or words, a sign or a percent behind it."""
    if match := _BEFORE_UNIT.fullmatch(text):
        inner = _with_unit(match[2], formula)
        unit = meaning_words(match[1].strip('" '))
        return _measured(match[2], unit, 1) if inner is None else inner
    if text.startswith("-") and (inner := _with_unit(text[1:].strip(), formula)) and text[1:2] == "＄":
        return inner._replace(
            tree=Tree("-", parts=(inner.tree,)), decimal=inner.decimal and f"-{inner.decimal}"
        )
    match = _UNIT.fullmatch(text)
    if not match:
        return None
    said = match[2].strip()
    if said.startswith('"'):
        said = said.strip('" ')
    elif said[:1].isalpha() and not _is_plain_unit(said, match[1], formula, text):
        return None
    unit = meaning_words(said.replace("° C", "°c").replace("° F", "°f"))
    unit = ("%",) if unit in (("percent",), ("%",)) else unit
    return _measured(match[1], unit, int(match[3] or 1))


def _is_plain_unit(said: str, value: str, formula: bool, text: str) -> bool:
    """Whether letters behind a number are a unit: in a formula single ones are variables."""
    first = said.split()[0].strip(".")
    if len(first) == 1:
        return not formula and first in SHORT and text[len(value)] == " " and bool(_DECIMAL.fullmatch(value))
    if first in UNITS:
        return True
    return not re.fullmatch(r"[xyzabcnkmπ]{2,3}", said) and first not in _NO_UNITS


def _measured(value: str, unit: tuple[str, ...], power: int) -> Quantity | None:
    if plain := _plain(value.strip(), True):
        return plain._replace(unit=unit, power=power)
    try:
        return Quantity(read_formula(value), unit, power)
    except Unread:
        return None


def _has_sign(tree: Tree) -> bool:
    return tree.kind == "±" or any(map(_has_sign, tree.parts))


def _signed(tree: Tree, sign: int) -> Tree:
    """The tree with every ± taken as this sign, and every ∓ as the other."""
    parts = tuple(_signed(part, sign) for part in tree.parts)
    if tree.kind != "±":
        return tree._replace(parts=parts)
    return parts[0] if tree.value == sign else Tree("-", parts=parts)
