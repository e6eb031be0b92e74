"""Runs of tokens as 64-bit numbers: what near-duplicates, copies and contamination are counted in.

A token is hashed with BLAKE2b, so that a number is the same in every process and on every machine; a
run of them is a polynomial of its tokens modulo 2^64. Two different runs among a billion meet by
chance with odds of about 1 in 40, and then one n-gram of a text counts wrongly.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from synth.numbers import uniques

Hashes = NDArray[np.uint64]

# Odd, so that multiplying by it modulo 2^64 loses nothing.
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)

# Stands for any number in a template: a text whose numbers are masked.
NUMBER = 0xA5A3564E27F8865B

# With this many tokens known the next text begins anew, so that noise cannot fill the memory.
VOCABULARY = 2_000_000


class _Known(dict[str, int]):
    """The hash of each token that was asked for; looking up a known one costs no Python code."""

    def __missing__(self, token: str) -> int:
        digest = hashlib.blake2b(token.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        known = self[token] = int.from_bytes(digest, "little")
        return known


class Ngrams:
    """Hashes runs of tokens; remembers the hash of each distinct token, up to so many."""

    def __init__(self, vocabulary: int = VOCABULARY) -> None:
        self._known = _Known()
        self._vocabulary = vocabulary

    def values(self, tokens: Sequence[str]) -> list[int]:
        """The hash of each token, in order."""
        if len(self._known) >= self._vocabulary:
            self._known.clear()
        return [self._known[token] for token in tokens]

    def runs(self, tokens: Sequence[str], width: int) -> Hashes:
        """The hash of each run of `width` tokens, in order; of the whole text where it is shorter."""
        if len(self._known) >= self._vocabulary:
            self._known.clear()
        hashed = np.fromiter(map(self._known.__getitem__, tokens), np.uint64, len(tokens))
        width = min(width, len(tokens))
        count = len(tokens) - width + 1 if tokens else 0
        combined = np.zeros(count, np.uint64)
        for place in range(width):
            combined = combined * MULTIPLIER + hashed[place : place + count]
        return combined

    def distinct(self, tokens: Sequence[str], width: int) -> Hashes:
        """The runs without repeats, sorted."""
        return uniques(self.runs(tokens, width))
