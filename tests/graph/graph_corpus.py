"""Small corpora for the tests of the graph: passages written as two lists of concepts."""

from collections.abc import Collection, Sequence
from random import Random

import pyarrow as pa
from hypothesis import strategies as st

from synth.graph.incidence import Incidence
from synth.graph.references import Finder, References, Rule
from synth.stages.base import make_table

Passage = tuple[Sequence[str], Sequence[str]]


def incidence_table(corpus: Sequence[Passage], clusters: Sequence[str] | None = None) -> pa.Table:
    rows = [
        {
            "passage_id": f"p{i:02d}",
            "cluster_id": clusters[i] if clusters else f"d{i:02d}",
            "topics": sorted(topics),
            "key_concepts": sorted(key_concepts),
        }
        for i, (topics, key_concepts) in enumerate(corpus)
    ]
    return make_table("incidence", rows)


def index(corpus: Sequence[Passage], clusters: Sequence[str] | None = None) -> Incidence:
    return Incidence.from_table(incidence_table(corpus, clusters))


def top(graph: Incidence, concepts: Collection[int], k: int, different: bool, seed: int) -> References:
    """References of one set."""
    return Finder.of(graph, Rule(k, different), seed).find([concepts])[0]


def some(names: str, most: int) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(names.split()), max_size=most, unique=True)


def corpora(most: int = 8) -> st.SearchStrategy[list[Passage]]:
    """Passages with few names, so that they share many; none is empty."""
    passage = st.tuples(some("t1 t2 t3 t4", 3), some("k1 k2 k3 k4 k5 k6", 5))
    return st.lists(passage.filter(lambda p: bool(p[0] or p[1])), min_size=1, max_size=most)


class Fixed(Random):
    """Answers `randrange` with one number, to go through every draw there is."""

    def __init__(self, number: int) -> None:
        super().__init__(0)
        self.number = number
        self.limit = 0

    def randrange(self, limit: int) -> int:  # type: ignore[override]
        self.limit = limit
        return self.number


# Three linked topics and one apart; unequal counts, so that a wrong weighting shows.
LINKED: list[Passage] = [
    (("t1", "t2"), ("k1", "k2", "k3")),
    (("t1", "t2"), ("k1", "k4")),
    (("t1", "t3"), ("k2", "k3", "k4", "k5")),
    (("t2", "t3"), ("k1", "k2", "k5", "k6")),
    (("t3",), ("k5", "k6")),
    (("t1",), ("k1",)),
    (("t4",), ("k7", "k8")),
]
