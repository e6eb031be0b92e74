r"""What math-verify says of two formulas; called only inside a process that may be killed.

In: two answers as they were written. Out: an `Outcome`. Only its reader of LaTeX is used: its reader of plain
expressions passes text to Python's `eval`, and so does sympy with every number, which is read here instead.
Its time-outs are off, as they need a signal in the main thread; the process is killed from
outside.
"""

import re
from functools import cache
from typing import Any

from synth.verify.equivalence.notation import is_balanced
from synth.verify.equivalence.outcome import Outcome

# What answers are made of: used once before forking, as a first use takes a hundred times as long.
_WARM = (
    *(r"\frac{x^2+1}{2}", r"\sqrt{2}\sin x", r"\{1, 2\}", r"(1,2)\cup[3,\infty)", r"x^2+y=3", r"x \leq 5"),
    *(r"\begin{pmatrix}1 & 2\\ 3 & x\end{pmatrix}", r"\log_2 8 + e^{2\pi i}", r"50\%"),
)
_NUMERAL = re.compile(r"[0-9]{1,600}(?:\.[0-9]{0,600})?|\.[0-9]{1,600}")
_NAME = re.compile(r"[A-Za-z][A-Za-z_0-9]{0,40}")
_DELIMITERS = re.compile(r"\$+|\\[()\[\]](?![\w{])")

NOT_READ = Outcome(None, "a formula that could not be read")
NO_SOLUTION = Outcome(None, "equations without solutions")
ONE_WAY = Outcome(None, "the same in one direction only")
EQUAL = Outcome(True, "equal by computer algebra")
DIFFERENT = Outcome(False, "different by computer algebra")


def warm() -> None:
    """Load the library and what it makes at first use."""
    without_eval()
    for text in _WARM:
        _verify(_parsed(text), _parsed(text.replace("2", "3")))


@cache
def without_eval() -> None:
    """Let sympy read numerals and names from text and nothing else, in this process."""
    from math_verify import parser
    from sympy.parsing import sympy_parser

    sympy_parser.parse_expr = _plain
    parser.parse_expr = _plain


def _plain(text: str, *_: object, **__: object) -> Any:
    """The number or the symbol that a text is; sympy reads the names of its own units in this way.

    Raises:
        SyntaxError: it is anything else.
    """
    from sympy import Float, Integer, Symbol

    text = text.strip()
    if _NAME.fullmatch(text):
        return Symbol(text)
    if not _NUMERAL.fullmatch(text):
        raise SyntaxError("no numeral")
    return Integer(int(text)) if text.isdecimal() else Float(text)


def same(gold: str, answer: str) -> Outcome:
    """Whether the library takes the answers for equal, gold first and then the other way round."""
    from sympy.core.random import seed

    seed(0)  # it tries numbers at random; the same pair gets the same ones
    first, second = _parsed(gold), _parsed(answer)
    if not first or not second:
        return NOT_READ
    if not _verify(first, second):
        return DIFFERENT
    if _is_empty(first[0]) or _is_empty(second[0]):
        return NO_SOLUTION
    # It takes `2x + z = 1` for 1 where 1 is gold, and not the other way round.
    return EQUAL if _verify(second, first) else ONE_WAY


def _parsed(text: str) -> list[Any]:
    """The readings of a formula; none where it cannot be read as a whole."""
    from math_verify import LatexExtractionConfig, parse

    without_eval()
    text = _DELIMITERS.sub(" ", text).strip()
    if not text or not is_balanced(text):
        return []
    found = parse(
        f"${text}$",
        extraction_config=[LatexExtractionConfig()],
        fallback_mode="no_fallback",
        parsing_timeout=None,
    )
    return [reading for reading in found if not isinstance(reading, str)]


def _is_empty(reading: Any) -> bool:
    """Whether this is an equation without solutions: the library takes any two of them for equal."""
    from sympy import Eq, solve

    return isinstance(reading, Eq) and not (reading.free_symbols and solve(reading, reading.free_symbols))


def _verify(gold: list[Any], answer: list[Any]) -> bool:
    from math_verify import verify

    # What it fails at is undecided, where it would say that it is different.
    return bool(verify(gold, answer, timeout_seconds=None, allow_set_relation_comp=True, raise_on_error=True))
