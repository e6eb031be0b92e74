"""From failed problems to combinations with documents behind them, as a stage calls the functions."""

import numpy as np
import pytest

from synth.config import CombinationsConfig
from synth.config_targets import TargetsConfig
from synth.graph.capacity import supports
from synth.graph.cooccurrence import SAMPLERS
from synth.graph.draws import OneByOne, Sampled, of_size, sample
from synth.graph.grounding import ground
from synth.graph.matching import by_name, by_vector, usable
from synth.graph.overlap import overlap
from synth.graph.pool import Pool, aligned, units_of
from synth.graph.references import Finder, Rule
from synth.graph.weak_walk import Weak, enough, weak_walk, weights
from tests.graph.graph_corpus import LINKED, index, top
from tests.graph.test_matching import concepts

SEED = 4
# Problem -> weak concepts; w9 is nowhere in the documents.
FAILED = {"p1": ["w1", "w2", "w3"], "p2": ["w1", "w4"], "p3": ["w2", "w5"], "p4": ["w9"]}
NAMES = {"w1": "K1", "w2": "k2", "w3": "k3 (of a kind)", "w4": "near k5", "w5": "t1", "w9": "origami"}
GRAPH = concepts(
    *((f"k{n}", "key_concept", f"k{n}") for n in range(1, 9)),
    *((f"t{n}", "topic", f"t{n}") for n in range(1, 5)),
)


def found() -> dict[str, str]:
    named = by_name(NAMES, GRAPH)
    left = sorted(NAMES.keys() - named.keys())
    assert left == ["w4", "w9"]
    known = np.eye(13, dtype=np.float32)[:12]
    asked = np.eye(13, dtype=np.float32)[[4, 12]]  # like k5; like nothing
    return usable(named | by_vector(left, asked, GRAPH, known, 0.8))


def from_problems(budget: int) -> tuple[Pool, Sampled]:
    config = TargetsConfig(size=3, most_from_one=2)
    units = units_of(FAILED)
    pool = Pool.of(units, aligned(units.concepts, units.concepts, np.eye(6) + 0.2))
    asked = min(budget, supports(units, config.size, config.most_from_one).supports)
    draw = SAMPLERS[config.sampler]
    sampler = OneByOne(lambda rng: draw(rng, pool, config), of_size(config.size), "algebra", SEED)
    return pool, sample(sampler, asked, config.retries)


def test_no_more_is_drawn_than_the_failed_problems_bear() -> None:
    pool, drawn = from_problems(1_000)
    sets = [tuple(pool.units.ids(kept.walk.concepts)) for kept in drawn.kept]
    assert len(sets) + len(drawn.failed) == 19  # 20 sets of 3 of 6, less the whole list of p1
    assert ("w1", "w2", "w3") not in sets
    assert len(set(sets)) == len(sets) > 9
    assert overlap([kept.walk.concepts for kept in drawn.kept], len(pool)).distinct == 1


def test_sets_have_references_where_the_documents_have_their_concepts() -> None:
    pool, drawn = from_problems(1_000)
    graph = index(LINKED)
    finder = Finder.of(graph, Rule(), SEED)
    for kept in drawn.kept:
        weak = pool.units.ids(kept.walk.concepts)
        grounded = ground(weak, found(), graph, finder)
        assert graph.ids(grounded.concepts) == sorted(found()[w] for w in weak if w != "w9")
        assert grounded.references
    assert ground(["w9"], found(), graph, finder).references == ()


@pytest.mark.parametrize("min_weak", [1, 3])
def test_walks_from_weak_concepts_have_passages_and_lead_back_to_problems(min_weak: int) -> None:
    graph, config = index(LINKED), CombinationsConfig()
    frequency = {weak: sum(weak in listed for listed in FAILED.values()) for weak in NAMES}
    weak = Weak.of(graph, weights(frequency, found()))
    fits = enough(weak, config, min_weak)
    sampler = OneByOne(lambda rng: weak_walk(rng, weak, config, min_weak), fits, "algebra", SEED)
    drawn = sample(sampler, 8, 5)
    assert drawn.kept
    back = {concept: name for name, concept in found().items()}
    for kept in drawn.kept:
        assert weak.count(kept.walk) >= min_weak
        assert len(kept.walk.concepts) >= config.min_concepts
        start = back[graph.concepts[kept.walk.steps[0].concept]]
        assert any(start in listed for listed in FAILED.values())
        assert top(graph, kept.walk.concepts, 2, True, SEED)
