"""What a token is: spoken, a bracket or mark, a number, a word. By these a text is compared in several ways.

In: tokens of `normalise`. Out: bits. The kernel says the same of a token (native/rows.c), and knows number
words by their hashes.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from synth.dedup.ngrams import VOCABULARY
from synth.dedup.normalise import BRACKETS
from synth.dedup.quantities import SCALES, SMALL, SPACELESS, TENS, is_number

SPOKEN, BRACKET, NUMBER, WORD = 1, 2, 4, 8
NUMBER_WORDS = (*SMALL, *TENS, *SCALES)


def kinds_of(found: Sequence[str]) -> NDArray[np.uint8]:
    """The kind of each token."""
    if len(_KINDS) > VOCABULARY:
        _KINDS.clear()
    return np.fromiter(map(_KINDS.__getitem__, found), np.uint8, len(found))


class _Kinds(dict[str, int]):
    """The kind of each token that was asked for."""

    def __missing__(self, token: str) -> int:
        number = is_number(token)
        # In scripts without spaces one character is a token, and means as much as a word.
        word = token[0].isalpha() and not number and (len(token) > 1 or token >= SPACELESS)
        found = SPOKEN * token[0].isalnum() | BRACKET * (token in BRACKETS) | NUMBER * number | WORD * word
        self[token] = found
        return found


_KINDS = _Kinds()
