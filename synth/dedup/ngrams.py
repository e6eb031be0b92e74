"""Runs of tokens as 64-bit numbers: what near-duplicates, copies and contamination are counted in.

A token is hashed with BLAKE2b, so that a number is the same in every process and on every machine; a
run of them is a polynomial of its tokens modulo 2^64. Two different runs among a billion meet by
chance with odds of about 1 in 40, and then one n-gram of a text counts wrongly.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

# Odd, so that multiplying by it modulo 2^64 loses nothing.
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)

# A vocabulary of this many tokens is dropped and begun again, so that noise cannot fill the memory.
VOCABULARY = 2_000_000


class Ngrams:
    """Hashes runs of tokens; remembers the hash of each distinct token."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def runs(self, tokens: Sequence[str], width: int) -> Hashes:
        """The hash of each run of `width` tokens, in order; of the whole text where it is shorter."""
        hashed = np.array([self._hash(token) for token in tokens], np.uint64)
        width = min(width, len(tokens))
        count = len(tokens) - width + 1 if tokens else 0
        combined = np.zeros(count, np.uint64)
        for place in range(width):
            combined = combined * MULTIPLIER + hashed[place : place + count]
        return combined

    def distinct(self, tokens: Sequence[str], width: int) -> Hashes:
        """The runs without repeats, sorted."""
        return np.unique(self.runs(tokens, width))

    def _hash(self, token: str) -> int:
        known = self._known.get(token)
        if known is None:
            if len(self._known) >= VOCABULARY:
                self._known.clear()
            digest = hashlib.blake2b(token.encode("utf-8", "surrogatepass"), digest_size=8).digest()
            known = self._known[token] = int.from_bytes(digest, "little")
        return known
