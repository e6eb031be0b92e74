r"""What math-verify says of two formulas; called only inside a process that may be killed.

In: two answers as they were written. Out: an `Outcome`. Only its reader of LaTeX is used: its reader of plain
expressions passes text to Python's `eval`. Its time-outs are off, as they need a signal in the main thread
(METHOD 6.6); the process is killed from outside.
"""

import logging
import re
from typing import Any

from synth.verify.equivalence.notation import is_balanced
from synth.verify.equivalence.outcome import Outcome

# Of what answers are made of: loaded and used once before forking, as a first use takes a hundred times as long.
_WARM = (r"\frac{x^2+1}{2}", r"\sqrt{2}\sin x", r"\{1, 2\}", r"(1,2)\cup[3,\infty)", r"x^2+y=3",
         r"\begin{pmatrix}1 & 2\\ 3 & x\end{pmatrix}", r"\log_2 8 + e^{2\pi i}", r"x \leq 5", r"50\%")  # fmt: skip
_DELIMITERS = re.compile(r"\$+|\\[()\[\]](?![\w{])")

NOT_READ = Outcome(None, "a formula that could not be read")
ONE_WAY = Outcome(None, "the same in one direction only")
EQUAL = Outcome(True, "equal by computer algebra")
DIFFERENT = Outcome(False, "different by computer algebra")


def warm() -> None:
    """Load the library and what it makes at first use."""
    logging.disable(logging.CRITICAL)
    for text in _WARM:
        _verify(_parsed(text), _parsed(text.replace("2", "3")))


def same(gold: str, answer: str) -> Outcome:
    """Whether the library takes the answers for equal, gold first and then the other way round."""
    first, second = _parsed(gold), _parsed(answer)
    if not first or not second:
        return NOT_READ
    if not _verify(first, second):
        return DIFFERENT
    # It takes `2x + z = 1` for 1 where 1 is gold, and not the other way round.
    return EQUAL if _verify(second, first) else ONE_WAY


def _parsed(text: str) -> list[Any]:
    """The readings of a formula; none where it cannot be read as a whole."""
    from math_verify import LatexExtractionConfig, parse

    text = _DELIMITERS.sub(" ", text).strip()
    if not text or not is_balanced(text):
        return []
    found = parse(
        f"${text}$", extraction_config=[LatexExtractionConfig()], fallback_mode="no_fallback", parsing_timeout=None
    )
    return [reading for reading in found if not isinstance(reading, str)]


def _verify(gold: list[Any], answer: list[Any]) -> bool:
    from math_verify import verify

    return bool(verify(gold, answer, timeout_seconds=None, allow_set_relation_comp=True))
