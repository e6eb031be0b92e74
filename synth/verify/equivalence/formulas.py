r"""Formulas as trees: a small reader of what answers are made of. Nothing here is evaluated.

In: a formula in plain dress (`notation`). Out: a `Tree`, or `Unread` for whatever is not certain: sums,
integrals, `…`, `1/2x`, words. What is not read here is left to the library.
"""

import re
from fractions import Fraction
from typing import NamedTuple

from synth.verify.equivalence.notation import FUNCTIONS

MAX_TOKENS = 400
MAX_DEPTH = 40
MAX_DIGITS = 400

_TOKEN = re.compile(
    r"(?P<number>\d+(?:\.\d+)?|\.\d+)|\\(?P<command>[a-zA-Z]+)|(?P<letters>[A-Za-zα-ωΓΔΘΛΞΠΣΦΨΩ]+)"
    r"|(?P<sign>[-+*/^_(){}\[\]|!°%'±∓∞⌊⌋⌈⌉])|(?P<space>\s+)|(?P<other>.)",
    re.DOTALL,
)
_CLOSING = {"(": ")", "{": "}", "[": "]", "⌊": "⌋", "⌈": "⌉"}
_PLAIN_FUNCTIONS = FUNCTIONS - {"max", "min", "gcd", "lcm", "det", "deg", "sgn"}
_GREEK_TEXT = """
alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi rho sigma tau
upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Sigma Phi Psi Omega ell hbar
"""
_GREEK = frozenset(_GREEK_TEXT.split())


class Unread(Exception):
    """The text is no formula, or one that is not certain to be read as it was meant."""


class Tree(NamedTuple):
    """A node: a kind, its number or name, its children.

    Kinds: `number`, `name`, `+`, `*`, `/`, `^`, `-`, `±` (with `+1` or `-1` as its sign), `call`, `root`.
    """

    kind: str
    value: Fraction | str | int = ""
    parts: "tuple[Tree, ...]" = ()


class Token(NamedTuple):
    """A piece of a formula, and whether white space stands before it."""

    kind: str
    text: str
    apart: bool


def read_formula(text: str) -> Tree:
    """The formula as a tree.

    Raises:
        Unread: it is none, is longer or deeper than answers are, or may be meant in two ways.
    """
    reader = _Reader(_tokens(text))
    tree = reader.sum()
    if not reader.ended:
        raise Unread(text)
    return tree


def _tokens(text: str) -> list[Token]:
    found: list[Token] = []
    apart = False
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or "other"
        if kind == "space":
            apart = True
            continue
        if kind == "letters":
            found += _letters(match[0], apart)
        else:
            found.append(Token(kind, match[kind], apart))
        apart = False
        if kind == "other" or len(found) > MAX_TOKENS or len(match[0]) > MAX_DIGITS:
            raise Unread(text[:80])
    return found


def _letters(text: str, apart: bool) -> list[Token]:
    """A run of letters: the name of a function, or variables side by side; words are no formula."""
    if text in _PLAIN_FUNCTIONS or text == "sqrt":
        return [Token("command", text, apart)]
    if len(text) > 3 or text.lower() in _WORDS:
        raise Unread(text)
    return [Token("letter", char, apart and place == 0) for place, char in enumerate(text)]


_WORDS_TEXT = """
no or is in of at to by an on if it we and the all for not yes one two six ten am pm dne
"""
_WORDS = frozenset(_WORDS_TEXT.split())


class _Reader:
    """Reads tokens from the left, one level of precedence by a method."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._place = 0
        self._depth = 0
        self._bars = 0

    @property
    def ended(self) -> bool:
        return self._place == len(self._tokens)

    def _sees(self, *signs: str) -> bool:
        return not self.ended and self._tokens[self._place].text in signs

    def _next(self) -> Token:
        if self.ended:
            raise Unread("it ends too early")
        self._place += 1
        return self._tokens[self._place - 1]

    def _expect(self, sign: str) -> None:
        if self._next().text != sign:
            raise Unread(f"no {sign}")

    def sum(self) -> Tree:
        """Terms with signs between them."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise Unread("it is too deep")
        signs = {"+", "-", "±", "∓"}
        terms: list[Tree] = []
        while not terms or self._sees(*signs):
            sign = self._next().text if self._sees(*signs) else "+"
            terms.append(_signed(sign, self._product()))
        self._depth -= 1
        return terms[0] if len(terms) == 1 else Tree("+", parts=tuple(terms))

    def _product(self) -> Tree:
        found = self._factor()
        divided = False
        while not self.ended:
            if self._sees("*", "/"):
                divided = self._next().text == "/"
                right = self._signed_factor()
                found = Tree("/" if divided else "*", parts=(found, right))
            elif self._begins_factor():
                # 1/2x may be half of x or one by 2x: who means it well writes a bracket or a space.
                if divided and not self._tokens[self._place].apart:
                    raise Unread("it is not clear what is divided")
                if self._is_fraction_of_digits(found):
                    found = Tree("+", parts=(found, self._factor()))
                else:
                    found = Tree("*", parts=(found, self._factor()))
            else:
                break
        return found

    def _signed_factor(self) -> Tree:
        if self._sees("-", "+"):
            return _signed(self._next().text, self._signed_factor())
        return self._factor()

    def _begins_factor(self) -> bool:
        token = self._tokens[self._place]
        if token.text == "|":
            return not self._bars
        return token.kind in ("number", "letter", "command") or token.text in ("(", "{", "[", "⌊", "⌈", "∞")

    def _is_fraction_of_digits(self, whole: Tree) -> bool:
        r"""Whether a mixed number is read, such as `5\frac{1}{2}`: a whole one, then a proper fraction."""
        texts = [token.text for token in self._tokens[self._place : self._place + 7]]
        if texts[:2] != ["frac", "{"] or len(texts) < 7 or not self._follows_whole(whole):
            return False
        above, below = texts[2], texts[5]
        digits = above.isdigit() and below.isdigit() and [texts[3], texts[4], texts[6]] == ["}", "{", "}"]
        return digits and int(above) < int(below)

    def _follows_whole(self, whole: Tree) -> bool:
        before = self._tokens[self._place - 1]
        return whole.kind == "number" and before.kind == "number" and before.text.isdigit()

    def _factor(self) -> Tree:
        """A power with what is set behind it: `x^2`, `5!`, `30°`, `50%`."""
        found = self._postfixed(self._atom())
        if self._sees("^"):
            self._next()
            exponent = self._group("{") if self._sees("{") else self._signed_factor()
            found = self._postfixed(Tree("^", parts=(found, exponent)))
        return found

    def _postfixed(self, found: Tree) -> Tree:
        while self._sees("!", "°", "%"):
            sign = self._next().text
            if sign == "!":
                found = Tree("call", "!", (found,))
            else:
                found = Tree("*", parts=(found, Tree("name", sign)))
        if self._sees("'"):
            raise Unread("a derivative")
        return found

    def _group(self, opening: str) -> Tree:
        self._expect(opening)
        found = self.sum()
        self._expect(_CLOSING[opening])
        return found

    def _atom(self) -> Tree:
        token = self._next()
        if token.kind == "number":
            return number(token.text)
        if token.kind == "letter":
            return self._name(token.text)
        if token.kind == "command":
            return self._command(token.text)
        self._place -= 1
        if token.text in ("(", "{", "["):
            return self._group(token.text)
        if token.text in ("⌊", "⌈"):
            return Tree("call", token.text, (self._group(token.text),))
        self._place += 1
        if token.text == "|":
            return self._absolute()
        if token.text == "∞":
            return Tree("name", "∞")
        raise Unread(token.text)

    def _absolute(self) -> Tree:
        if self._bars:
            raise Unread("bars within bars")
        self._bars += 1
        inner = self.sum()
        self._expect("|")
        self._bars -= 1
        return Tree("call", "|", (inner,))

    def _name(self, name: str) -> Tree:
        if self._sees("_"):
            self._next()
            name += "_" + self._subscript()
        return Tree("name", name)

    def _subscript(self) -> str:
        if not self._sees("{"):
            return self._next().text
        self._next()
        texts = []
        while not self._sees("}"):
            texts.append(self._next().text)
        self._next()
        return "".join(texts)

    def _command(self, name: str) -> Tree:
        if name in _GREEK:
            return self._name(name)
        if name in ("frac", "binom"):
            above, below = self._argument(), self._argument()
            return Tree("/", parts=(above, below)) if name == "frac" else Tree("call", name, (above, below))
        if name == "sqrt":
            degree = self._group("[") if self._sees("[") else number("2")
            return Tree("root", parts=(self._argument(), degree))
        if name in _PLAIN_FUNCTIONS:
            return self._function(name)
        raise Unread(name)

    def _argument(self) -> Tree:
        r"""What a command takes: a group, or one sign (`\frac12` is a half)."""
        if self._sees("{"):
            return self._group("{")
        token = self._next()
        if token.kind == "number" and len(token.text) > 1 and token.text.isdigit():
            self._place -= 1
            self._tokens[self._place] = Token("number", token.text[1:], False)
            return number(token.text[0])
        self._place -= 1
        return self._atom()

    def _function(self, name: str) -> Tree:
        base: tuple[Tree, ...] = ()
        power = None
        while self._sees("_", "^"):
            if self._next().text == "_":
                base = (self._argument(),)
            else:
                power = self._argument_of_power()
        if self._sees("(", "{"):
            inner = self._group(self._tokens[self._place].text)
        elif self._sees("|") and not self._bars:
            inner = self._atom()
        else:
            inner = self._bare_argument()
        found = Tree("call", name, (inner, *base))
        if power == _INVERSE:
            if name not in _INVERTED or base:
                raise Unread("an inverse or a reciprocal")
            return Tree("call", f"arc{name}", (inner,))
        return found if power is None else Tree("^", parts=(found, power))

    def _argument_of_power(self) -> Tree:
        if self._sees("-"):
            raise Unread("an inverse or a reciprocal")
        return self._argument()

    def _bare_argument(self) -> Tree:
        r"""`\sin 2x` is the sine of 2x; it ends at a sign, another function or a bracket."""
        if self._sees("-"):
            raise Unread("a sign behind a function")
        found = self._factor()
        while not self.ended and self._begins_factor() and not self._sees("(", "[", "{", "|"):
            if self._tokens[self._place].text in _PLAIN_FUNCTIONS:
                break
            found = Tree("*", parts=(found, self._factor()))
        if self._sees("/", "("):
            raise Unread("it is not clear what the function is taken of")
        return found


_INVERTED = ("sin", "cos", "tan", "cot", "sec", "csc")


def number(text: str) -> Tree:
    """A number as a leaf."""
    return Tree("number", Fraction(text))


_INVERSE = Tree("-", parts=(number("1"),))


def _signed(sign: str, tree: Tree) -> Tree:
    if sign == "+":
        return tree
    if sign == "-":
        return Tree("-", parts=(tree,))
    return Tree("±", 1 if sign == "±" else -1, (tree,))
