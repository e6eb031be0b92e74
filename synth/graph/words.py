"""Random words for many items at a time: in, keys and counters; out, words, and whole numbers below a bound.

A word is a hash of the key of an item and of a counter (SplitMix64), so the words of an item are the same
whatever stands beside it in the array: batch, shard, worker and order change nothing.
"""

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synth.ids import digest

Words = NDArray[np.uint64]
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_STRIDE = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1
_LOW = np.uint64((1 << 32) - 1)
_HALF = np.uint64(32)
WHOLE = 1 << 32


def keys_of(names: Iterable[str]) -> Words:
    """A word for each name, the same on every machine."""
    hashed = b"".join(
        hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest() for name in names
    )
    return np.frombuffer(hashed, "<u8").astype(np.uint64)


def salt(*parts: Any) -> int:
    """A word for a purpose: two purposes share no streams."""
    return int(digest(*parts, size=8), 16)


def mixed(words: Words, salted: int = 0) -> Words:
    """A hash of each word: any change of a bit changes half of the bits."""
    x = words + np.uint64((salted * _STRIDE) & _MASK)
    x = (x ^ (x >> np.uint64(30))) * _FIRST
    x = (x ^ (x >> np.uint64(27))) * _SECOND
    return np.asarray(x ^ (x >> np.uint64(31)))


def below(words: Words, bounds: Words) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """A whole number below each bound from the lower half of each word, and whether it may be used.

    What may not be used has to be drawn anew: so every number is exactly as likely as any other (Lemire).
    Bounds are from 1 to 2**32 - 1.
    """
    product = (words & _LOW) * bounds
    fair = (product & _LOW) >= (np.uint64(WHOLE) - bounds) % bounds
    return (product >> _HALF).astype(np.int64), fair


def upper(words: Words) -> Words:
    """The upper half of each word, as a second word of 32 bits."""
    return np.asarray(words >> _HALF)


def counted(keys: Words, counter: int) -> Words:
    """The word that stands at a place of the stream of each key."""
    return mixed(keys, counter + 1)
