"""Texts with near-duplicates among them, and the two ways of measuring."""

import os
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import combinations

import numpy as np
import pytest
from hypothesis import strategies as st

from synth.dedup import kernel
from synth.dedup.measuring import Measured, Measurer, Numbers, Scheme

VOCABULARY = [f"w{chr(97 + i)}{chr(97 + j)}" for i in range(12) for j in range(12)]
SCHEME = Scheme(3, 128, 25, 5)

PIECES = [
    r"\frac", r"\dfrac", r"\tfrac12", r"\frac{1}{2}", r"\frac{\frac{a}{2}}{3}", r"\frac 1 2", "{", "}", "{x}", "{ 12 }", "{,}",
    r"\text", r"\mathrm", r"\begin", r"\end", "align*", r"\left", r"\circ", r"^{\circ}", r"^ { \circ }", r"\circa", r"\cdot", r"\notin",
    r"\foo", "\\", r"\\", r"\,", r"\ ", r"\pi", r"\operatorname{lcm}", "1", "12", "1,234", "12,345,678", "1,23", "0.5", ".5", "5.", "3-5",
    "a", "ab", "abc", "don't", "ab'cd'ef", "well-known", "f'(x)", "5!", "ab!", "x²", "a_b", " ", "  ", "\n", "\t", ".", ",", "!", "-", "---",
    "'", "*", "**", "* ", r"**\(", r"\)**", "}**", "<=", ">=", "!=", "<", "=", "(", ")", "$", "`", "~", "|", "&", "#", "%", "^", "_", "²", "³", "⁻", "½", "¼", "°",
    "é", "É", "ß", "İ", "字", "か", "が", "ｶﾞ", "한", "\u0301", "\u200b", "’", "–", "“", "…", "①", "٣", "Σς", "ﬁ", "👍", "𝑥", "𝟙", "´",
    "\x00", "\x1c", "\x85", "\u2028", "\u00a0", "⁄", "∣", "ก", "नि",
    r"\-", "{}", "a{}b", "&lt;", "&#97;", "&#x41;", "&amp", ";", "&nosuch;", "&#0;", "\x1f", "\x07", "\x7f", "\x9b", "\u034f", "\ufe0f",
    "\U000e0100", "\u3164", "\u115f", "\uffa0", "\u17b4", "\u180b", "\u2800", "²\x00³", "<\x00=",
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES), max_size=14).map("".join) | st.text(max_size=20)

needs_kernel = pytest.mark.skipif(kernel.kernel() is None, reason="the kernel was not built")


@contextmanager
def without_kernel() -> Iterator[None]:
    before = os.environ.get(kernel.VARIABLE)
    os.environ[kernel.VARIABLE] = "off"
    try:
        yield
    finally:
        os.environ.pop(kernel.VARIABLE)
        if before is not None:
            os.environ[kernel.VARIABLE] = before


def edited(seed: int, count: int, length: int = 40) -> list[str]:
    """Texts of which most are copies of an earlier one with a few words changed."""
    rng = random.Random(seed)
    texts: list[str] = []
    for _ in range(count):
        copied = texts and rng.random() < 0.7
        words = rng.choice(texts).split() if copied else rng.choices(VOCABULARY, k=length)
        for _ in range(rng.randrange(3)):
            words[rng.randrange(len(words))] = rng.choice(VOCABULARY)
        texts.append(" ".join(words))
    return texts


def measured(texts: Sequence[str | None], scheme: Scheme = SCHEME) -> Measured:
    return Measurer(scheme).measure(texts)


def in_order(found: Measured) -> Numbers:
    return np.arange(len(found.tokens), dtype=np.int64)


def exact_pairs(found: Measured, threshold: float) -> dict[tuple[int, int], float]:
    """All pairs of at least this similarity, by looking at every pair."""
    sets = [frozenset(found.shingles(place).tolist()) for place in range(len(found.tokens))]
    pairs = {}
    for a, b in combinations(range(len(sets)), 2):
        if sets[a] and sets[b]:
            alike = len(sets[a] & sets[b]) / len(sets[a] | sets[b])
            if alike >= threshold:
                pairs[a, b] = alike
    return pairs


def same(one: Sequence[object], other: Sequence[object]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
