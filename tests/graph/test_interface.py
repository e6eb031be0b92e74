"""Every sampler behind one interface: keyed by item, counted, and on one and the same graph."""

from collections.abc import Callable
from random import Random

import numpy as np
import pytest

from synth.config import CombinationsConfig
from synth.config_targets import TargetsConfig
from synth.graph import epochs as module
from synth.graph.cooccurrence import SAMPLERS as AIMED
from synth.graph.draws import OneByOne, Sampler, Sets, draw_round, of_size, said_of, sample
from synth.graph.epochs import FromTopics, epochs, start_order
from synth.graph.incidence import Incidence
from synth.graph.pool import Pool, aligned
from synth.graph.samplers import SAMPLERS
from synth.graph.statistics import gini
from synth.graph.steps import Stepper
from synth.graph.weak_walk import Weak, enough, weak_walk
from tests.graph.graph_corpus import LINKED, index

GRAPH = index(LINKED)
SEED = 3


def from_topics(name: str) -> Sampler:
    config = CombinationsConfig(level3=name)
    return FromTopics(Stepper.of(GRAPH), np.repeat(start_order(GRAPH, SEED), 3), config, SEED, 0)


def aimed(name: str, mode: str) -> Sampler:
    config = TargetsConfig(mode=mode, size=4, most_from_one=0)
    vectors = np.random.default_rng(0).normal(size=(len(GRAPH.concepts), 4))
    pool = Pool.of(GRAPH, aligned(GRAPH.concepts, GRAPH.concepts, vectors))
    return OneByOne(lambda rng: AIMED[name](rng, pool, config), of_size(4), "algebra", SEED)


def from_weak(least: int) -> Sampler:
    weak, config = Weak.of(GRAPH, {"k1": 2, "k5": 1, "t3": 1}), CombinationsConfig()
    return OneByOne(
        lambda rng: weak_walk(rng, weak, config, least), enough(weak, config, least), "algebra", SEED
    )


EVERY: dict[str, Callable[[], Sampler]] = {
    **{name: lambda name=name: from_topics(name) for name in SAMPLERS},  # type: ignore[misc]
    "cooccurrence_similarity, paper": lambda: aimed("cooccurrence_similarity", "paper"),
    "cooccurrence_similarity, normalised": lambda: aimed("cooccurrence_similarity", "normalised"),
    "uniform, aimed": lambda: aimed("uniform", "paper"),
    "weak walk": lambda: from_weak(1),
    "weak walk, steered": lambda: from_weak(2),
}


@pytest.mark.parametrize("name", EVERY)
def test_an_item_draws_by_its_own_key_whatever_is_asked_beside_it(name: str) -> None:
    sampler = EVERY[name]()
    items = np.arange(12)
    for attempt in (0, 1):
        together = sampler.draw(items, attempt)
        order = Random(1).sample(range(12), 12)
        for item in order:
            assert sampler.draw(np.array([item]), attempt)[0] == together[item]
    fresh = EVERY[name]().draw(items, 1)
    assert [fresh[item] for item in range(12)] == [together[item] for item in range(12)]


@pytest.mark.parametrize("name", EVERY)
def test_sets_are_distinct_and_every_draw_is_counted(name: str) -> None:
    drawn = draw_round(EVERY[name](), np.arange(12), Sets(), retries=3)
    sets = [frozenset(drawn.walks[row].concepts) for row in range(12)]
    kept = [sets[row] for row in drawn.kept.tolist()]
    assert kept
    assert len(set(kept)) == len(kept) == drawn.tries["kept"]
    for row, reason in enumerate(drawn.reasons):
        assert (reason == "") == (row in drawn.kept)
        if reason == "repeated":
            assert sets[row] in kept
    assert drawn.tries.total() >= 12
    said = said_of(drawn.tries)
    assert said.startswith(f"{len(kept)} new sets in {drawn.tries.total()} draws")
    assert f"{drawn.tries['dead_end']} dead ends" in said


@pytest.mark.parametrize("name", EVERY)
def test_one_item_after_the_other_gives_the_first_of_more(name: str) -> None:
    many, few = sample(EVERY[name](), 12, 2), sample(EVERY[name](), 7, 2)
    assert few.kept == [kept for kept in many.kept if kept.item < 7]
    assert few.failed == [failed for failed in many.failed if failed.item < 7]
    assert len(many.kept) + len(many.failed) == 12


def wide() -> Incidence:
    """A hub topic with many rare key concepts around it, so that walks leave most of them unused."""
    rng = Random(0)
    common = [f"k{i:03d}" for i in range(8)]
    return index(
        [((f"t{i % 25:02d}", "hub"), (*rng.sample(common, 5), f"r{i:03d}", f"s{i:03d}")) for i in range(99)]
    )


def used_by(graph: Incidence, config: CombinationsConfig) -> tuple[int, float, list[bytes]]:
    """How many concepts the sets use, how unevenly, and the sets in order."""
    kept = [epoch.walks.sets()[epoch.kept] for epoch in epochs(graph, config, SEED)]
    counts = np.bincount(np.concatenate(kept)[np.concatenate(kept) >= 0], minlength=len(graph.concepts))
    return int((counts > 0).sum()), gini(counts), [row.tobytes() for rows in kept for row in rows]


def test_a_boost_reaches_concepts_that_no_set_has_within_an_epoch_and_over_all() -> None:
    graph = wide()
    for epochs_ in (2, 5):
        plain = used_by(graph, CombinationsConfig(epochs=epochs_))
        boosted = used_by(graph, CombinationsConfig(epochs=epochs_, coverage_boost=50))
        assert boosted[0] > 1.15 * plain[0]
        assert boosted[1] < plain[1]
        assert boosted[2] == used_by(graph, CombinationsConfig(epochs=epochs_, coverage_boost=50))[2]


def test_rounds_know_what_earlier_rounds_of_the_same_epoch_used(monkeypatch: pytest.MonkeyPatch) -> None:
    graph, config = wide(), CombinationsConfig(epochs=1, coverage_boost=50)
    monkeypatch.setattr(module, "LEAST", 5)
    found = list(epochs(graph, config, SEED))
    assert [len(one.starts) for one in found] == [5] * 5 + [1]
    assert [one.epoch for one in found] == [0] * 6
    starts = np.concatenate([one.starts for one in found])
    assert starts.tolist() == start_order(graph, SEED).tolist()
    in_rounds = used_by(graph, config)[0]
    monkeypatch.setattr(module, "LEAST", 1000)
    assert in_rounds > used_by(graph, config)[0]
