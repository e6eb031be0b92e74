"""Combinations of weak concepts: draws from small and large pools, walks, matching and figures.

As many problems as concepts, each with one concept in turn and four whose frequencies fall as one over the
rank; vectors of 256 stand in groups. `SYNTH_BENCH_CONCEPTS=1000` measures only that size.
"""

import os
import time
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from synth.config import CombinationsConfig
from synth.config_targets import TargetsConfig
from synth.graph.capacity import supports
from synth.graph.cooccurrence import SAMPLERS, Chosen, chances
from synth.graph.draws import OneByOne, of_size, sample
from synth.graph.incidence import Incidence
from synth.graph.matching import by_vector
from synth.graph.overlap import overlap
from synth.graph.pool import Pool, aligned
from synth.graph.weak_walk import Weak, weak_walk
from synth.schemas import TABLES

SIZES = tuple(int(n) for n in os.environ.get("SYNTH_BENCH_CONCEPTS", "1000,20000,200000").split(","))
DRAWS, WHOLE, DIMENSIONS, GROUPS = 500, 5, 256, 200
HEADS = ("what", "concepts", "items", "CPU s", "in a CPU second", "repeats")


class Cost(NamedTuple):
    """One measurement; `repeats` is the share of sets with three concepts in common with another."""

    what: str
    concepts: int
    items: int
    seconds: float
    repeats: str = ""

    def cells(self, _: list["Cost"]) -> tuple[str, ...]:
        """The row of a table."""
        rate = self.items / self.seconds
        return (
            self.what,
            f"{self.concepts:,}",
            f"{self.items:,}",
            f"{self.seconds:,.2f}",
            f"{rate:,.0f}",
            self.repeats,
        )


def zipf_units(concepts: int, seed: int = 0) -> Incidence:
    """Problems of at most five concepts, as arrays: a million of them are no list of Python's."""
    rng = np.random.default_rng(seed)
    ranks = np.minimum((concepts + 1.0) ** rng.random((concepts, 5)), concepts).astype(np.int64)
    ranks[:, 0] = np.arange(concepts) + 1
    ids = pa.array(np.char.mod("prb_%08d", np.arange(concepts)))
    flat = pa.array(np.char.mod("con_%08d", ranks.ravel()))
    starts = np.arange(0, 5 * concepts + 1, 5, dtype=np.int32)
    lists = pa.ListArray.from_arrays(starts, flat)
    none = pa.ListArray.from_arrays(np.zeros(concepts + 1, np.int32), flat[:0])
    columns = {"passage_id": ids, "cluster_id": ids, "topics": none, "key_concepts": lists}
    return Incidence.from_table(pa.table(columns))


def vectors(count: int, seed: int = 0) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Directions in groups, with a mean cosine of some 0.1 and up to 0.3 within a group."""
    rng = np.random.default_rng(seed)
    groups = rng.normal(0, 0.5, (GROUPS, DIMENSIONS)).astype(np.float32)
    return (
        0.3 + groups[rng.integers(0, GROUPS, count)] + rng.normal(size=(count, DIMENSIONS)).astype(np.float32)
    )


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    began = time.process_time()
    return work(), time.process_time() - began


def _of_size(concepts: int) -> list[Cost]:
    units = zipf_units(concepts)
    rows = vectors(len(units.concepts))
    pool, seconds = _timed(lambda: Pool.of(units, aligned(units.concepts, units.concepts, rows)))
    size = len(pool)
    found = [Cost("pool", size, len(units.passages), seconds)]
    for name, mode in (
        ("cooccurrence_similarity", "paper"),
        ("cooccurrence_similarity", "normalised"),
        ("uniform", "normalised"),
    ):
        config = TargetsConfig(mode=mode)
        draw = SAMPLERS[name]
        walks, seconds = _timed(
            lambda draw=draw, config=config: sample(
                OneByOne(lambda rng: draw(rng, pool, config), of_size(5), "x", 0), DRAWS, 0
            )
        )
        sets = [done.walk.concepts for done in walks.kept + walks.failed]
        repeats = overlap(sets, size).overlapping
        label = name if name == "uniform" else f"{name}, {mode}"
        found.append(Cost(label, size, DRAWS, seconds, f"{repeats:.0%}"))
    _, seconds = _timed(lambda: [_whole_sum(Random(item), pool) for item in range(WHOLE)])
    found.append(Cost("normalised, the whole sum for each concept", size, WHOLE, seconds))
    _, seconds = _timed(lambda: supports(units, 5, 3))
    return [*found, Cost("supports", size, 1, seconds)]


def _whole_sum(rng: Random, pool: Pool) -> list[int]:
    """What a set costs without bounds: the chances of all concepts, four times."""
    config, chosen = TargetsConfig(), Chosen.none(pool)
    chosen.add(pool, rng.randrange(len(pool)), config)
    while len(chosen.concepts) < config.size:
        ends = chances(pool, chosen, config).cumsum()
        chosen.add(pool, int(ends.searchsorted(rng.random() * ends[-1])), config)
    return chosen.concepts


def _walks() -> list[Cost]:
    graph = Incidence.from_table(zipf_incidence(5_000, 2_000, 12_000))
    keys = [graph.concepts[n] for n in graph.by_kind["key_concept"].tolist()]
    weak = Weak.of(graph, dict.fromkeys(Random(0).sample(keys, 500), 1))
    rng, config = Random(1), CombinationsConfig()
    _, seconds = _timed(lambda: [weak_walk(rng, weak, config, 2) for _ in range(DRAWS)])
    return [Cost("walk from a weak concept", len(graph.concepts), DRAWS, seconds)]


def _matching(concepts: int, weak: int = 1_000) -> Cost:
    ids = [f"con_{place:07d}" for place in range(concepts)]
    graph = pa.table({"concept_id": ids, "kind": ["key_concept"] * concepts})
    known = aligned(ids, ids, vectors(concepts))
    asked = aligned(ids[:weak], ids[:weak], vectors(weak, 1))
    _, seconds = _timed(lambda: by_vector(ids[:weak], asked, graph, known, 0.8))
    return Cost("nearest in the graph, each weak concept", concepts, weak, seconds)


def _figures_of(sets: int) -> Cost:
    drawn = np.random.default_rng(0).integers(0, 200_000, (sets, 5)).tolist()
    _, seconds = _timed(lambda: overlap(drawn, 200_000))
    return Cost("overlap, each set", 200_000, sets, seconds)


def zipf_incidence(passages: int, topics: int, key_concepts: int, seed: int = 0) -> pa.Table:
    """Passages with 3 topics and 30 key concepts whose frequencies fall as one over their rank."""
    rng = Random(seed)

    def draw(prefix: str, kinds: int, count: int) -> list[str]:
        ranks = {min(kinds, int(kinds ** rng.random())) for _ in range(count)}
        return sorted(f"{prefix}{rank:06d}" for rank in ranks)

    rows = [
        {
            "passage_id": f"psg_{place:07d}",
            "cluster_id": f"doc_{place:07d}",
            "topics": draw("con_t", topics, 3),
            "key_concepts": draw("con_k", key_concepts, 30),
        }
        for place in range(passages)
    ]
    return pa.Table.from_pylist(rows, schema=TABLES["incidence"].schema)


def figures() -> list[Cost]:
    """CPU for draws from pools of several sizes, and for what stands around them."""
    found = [cost for size in SIZES for cost in _of_size(size)]
    return [*found, *_walks(), _matching(max(SIZES)), _figures_of(max(SIZES))]
