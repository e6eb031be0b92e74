"""Corpora whose concepts fall off as one over their rank: in, sizes and a seed; out, the lists of passages.

It imports numpy only, so that peers can make the same corpus in environments of their own.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
PASSAGES, TOPICS, KEY_CONCEPTS = 520_000, 32_000, 200_000
FEWEST, MOST, MOST_TOPICS = 25, 60, 5
CHUNK = 20_000


class Corpus(NamedTuple):
    """For topics and key concepts alike: the number in each passage, and all of them end to end, ascending."""

    topics: int
    key_concepts: int
    topic_sizes: Array
    topic_items: Array
    key_sizes: Array
    key_items: Array


def corpus(passages: int = PASSAGES, scale: float | None = None, seed: int = 0) -> Corpus:
    """Passages of 25 to 60 concepts, 1 to 5 of them topics; `scale` of vocabularies follows the passages."""
    scale = passages / PASSAGES if scale is None else scale
    topics, key_concepts = max(16, round(TOPICS * scale)), max(200, round(KEY_CONCEPTS * scale))
    rng = np.random.default_rng(seed)
    found: list[tuple[Array, ...]] = []
    for first in range(0, passages, CHUNK):
        rows = min(CHUNK, passages - first)
        sizes = rng.integers(FEWEST, MOST + 1, rows)
        mine = rng.integers(1, MOST_TOPICS + 1, rows)
        found.append((*_draw(rng, topics, mine, 16), *_draw(rng, key_concepts, sizes - mine, 120)))
    parts = [_used(*map(np.concatenate, zip(*found, strict=True)))]
    return parts[0]


def _draw(rng: np.random.Generator, kinds: int, counts: Array, width: int) -> tuple[Array, Array]:
    """The first different ranks of each row, as many as it is to have, ascending."""
    ranks = np.minimum((kinds ** rng.random((len(counts), width))).astype(np.int32), kinds) - 1
    order = np.argsort(ranks, axis=1, kind="stable")
    ordered = np.take_along_axis(ranks, order, 1)
    is_first = np.ones(ranks.shape, bool)
    is_first[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    keep = np.empty_like(is_first)
    np.put_along_axis(keep, order, is_first, 1)
    keep &= keep.cumsum(1) <= counts[:, None]
    kept = np.sort(np.where(keep, ranks, kinds), axis=1)
    return keep.sum(1), kept[kept < kinds]


def _used(topic_sizes: Array, topic_items: Array, key_sizes: Array, key_items: Array) -> Corpus:
    """Ranks that nobody drew are left out, so that each concept has a passage."""
    named = []
    for items in (topic_items, key_items):
        is_used = np.bincount(items) > 0
        named.append((int(is_used.sum()), (is_used.cumsum() - 1)[items].astype(np.int32)))
    (topics, topic_items), (key_concepts, key_items) = named
    return Corpus(topics, key_concepts, topic_sizes, topic_items, key_sizes, key_items)
