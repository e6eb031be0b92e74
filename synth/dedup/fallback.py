"""One text measured by Python alone: what the kernel does, for rows and machines that it is not for.

In: a text. Out: its shingles, its number of tokens, and the hashes of the whole and of its template.
"""

from typing import NamedTuple

from synth.dedup.ngrams import NUMBER, Hashes, Ngrams
from synth.dedup.normalise import tokens


class Row(NamedTuple):
    """What `measuring.Measured` holds of one text, but for its band keys."""

    shingles: Hashes
    tokens: int
    whole: int
    template: int


def measure_row(text: str | None, width: int, ngrams: Ngrams) -> Row:
    """The row of a text; of none where there is no text."""
    found = tokens(text or "")
    whole = template = 0
    for token, value in zip(found, ngrams.values(found), strict=True):
        whole = _then(whole, value)
        template = _then(template, NUMBER if token[0].isdigit() else value)
    return Row(ngrams.distinct(found, width), len(found), whole, template)


def _then(run: int, value: int) -> int:
    return (run * _MULTIPLIER + value) & 0xFFFFFFFFFFFFFFFF


_MULTIPLIER = 0x9E3779B97F4A7C15
