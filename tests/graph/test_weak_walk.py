from collections import Counter
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from synth.config import CombinationsConfig
from synth.graph.export import to_networkx
from synth.graph.reference import list_walk, neighbours
from synth.graph.weak_walk import Weak, weak_walk, weights
from tests.graph.graph_corpus import LINKED, Passage, corpora, index

CONFIG = CombinationsConfig()
ALPHA = 1e-5


@settings(deadline=None)
@given(corpora(), st.integers(0, 1000), st.integers(1, 4), st.data())
def test_walks_start_weak_and_keep_to_passages(
    corpus: list[Passage], seed: int, min_weak: int, data: st.DataObject
) -> None:
    graph = index(corpus)
    ids = data.draw(st.lists(st.sampled_from(graph.concepts), min_size=1, unique=True))
    weak = Weak.of(graph, dict.fromkeys(ids, 1))
    drawn = weak_walk(Random(seed), weak, CONFIG, min_weak)
    reached = [s.concept for s in drawn.steps if s.phase != "dead_end"]
    assert graph.concepts[reached[0]] in ids
    assert len(set(reached)) == len(reached)
    assert set(reached) == set(drawn.concepts)
    assert weak.count(drawn) == len({graph.concepts[c] for c in reached} & set(ids))
    assert (len(drawn.topics), len(drawn.key_concepts)) <= (3, 5)
    for before, after in pairwise(drawn.steps):
        if after.phase == "dead_end":
            assert after[1:] == (before.concept, None)
        else:
            assert after.passage in graph.postings.of(before.concept)
            assert after.passage in graph.postings.of(after.concept)


@settings(deadline=None)
@given(corpora(), st.integers(0, 1000), st.data())
def test_a_step_leaves_the_weak_only_where_no_weak_neighbour_is_left(
    corpus: list[Passage], seed: int, data: st.DataObject
) -> None:
    graph, edges = index(corpus), to_networkx(index(corpus))
    ids = data.draw(st.lists(st.sampled_from(graph.concepts), min_size=1, unique=True))
    drawn = weak_walk(Random(seed), Weak.of(graph, dict.fromkeys(ids, 1)), CONFIG, 3)
    seen = [graph.concepts[drawn.steps[0].concept]]
    for before, after in pairwise(drawn.steps):
        if after.phase == "dead_end":
            continue
        node, name = graph.concepts[before.concept], graph.concepts[after.concept]
        kind = edges.nodes[name]["kind"]
        weak_left = set(neighbours(edges, node, kind, seen)) & set(ids)
        if len(set(seen) & set(ids)) < 3 and weak_left:
            assert name in weak_left
        seen.append(name)


def test_sets_are_as_large_as_those_of_the_walk() -> None:
    corpus: list[Passage] = [(tuple("abcdef"), tuple(f"k{i}" for i in range(12)))]
    graph = index(corpus)
    for start in ("a", "k3"):
        weak = Weak.of(graph, {start: 1})
        sizes = Counter(
            (len(w.topics), len(w.key_concepts))
            for w in (weak_walk(Random(seed), weak, CONFIG, 1) for seed in range(200))
        )
        assert sizes.keys() == {(2, 4), (2, 5), (3, 4), (3, 5)}


def test_phases_of_a_walk_from_a_key_concept() -> None:
    graph = index([(tuple("abcdef"), tuple(f"k{i}" for i in range(12)))])
    config = CombinationsConfig(topic_steps=(2, 2), key_concept_steps=(3, 3))
    drawn = weak_walk(Random(1), Weak.of(graph, {"k3": 2}), config, 1)
    assert [s.phase for s in drawn.steps] == ["start", "up", "topic", "topic", "cross", *["key_concept"] * 2]


def test_a_weak_topic_and_nothing_to_steer_by_is_the_walk_of_synthllm() -> None:
    graph = index(LINKED)
    weak = Weak.of(graph, {"t1": 5})
    for seed in range(50):
        rng = Random(seed)
        rng.randrange(5)  # the draw of the start
        assert weak_walk(Random(seed), weak, CONFIG, 1) == list_walk(rng, graph, graph.number("t1"), CONFIG)


@pytest.mark.parametrize("seed", [1, 2])
def test_starts_come_by_weight_and_steps_up_by_passages_in_common(seed: int) -> None:
    graph, edges = index(LINKED), to_networkx(index(LINKED))
    weak = Weak.of(graph, {"k1": 6, "k5": 3, "k7": 1})
    rng = Random(seed)
    starts: Counter[str] = Counter()
    ups: Counter[str] = Counter()
    for _ in range(10_000):
        first, second = weak_walk(rng, weak, CONFIG, 1).steps[:2]
        starts[graph.concepts[first.concept]] += 1
        if graph.concepts[first.concept] == "k1":
            ups[graph.concepts[second.concept]] += 1
    assert stats.chisquare([starts[k] for k in ("k1", "k5", "k7")], [6_000, 3_000, 1_000]).pvalue > ALPHA
    chances = neighbours(edges, "k1", "topic")
    assert (
        stats.chisquare([ups[t] for t in chances], [p * ups.total() for p in chances.values()]).pvalue > ALPHA
    )


@pytest.mark.parametrize("seed", [1, 2])
def test_steered_steps_keep_the_shares_of_the_weak(seed: int) -> None:
    """From a topic without other topics to k1 (3 passages), k2 (2) and k3 (1); k4 is not weak."""
    corpus: list[Passage] = [
        (("t",), ("k1", "k2", "k3", "k4")),
        (("t",), ("k1", "k2", "k4")),
        (("t",), ("k1", "k4")),
    ]
    weak = Weak.of(index(corpus), {"t": 1, "k1": 1, "k2": 1, "k3": 1})
    rng = Random(seed)
    walks = [weak_walk(rng, weak, CONFIG, 2).steps for _ in range(9_000)]
    crossed = Counter(
        weak.graph.concepts[step.concept]
        for steps in walks
        for step in steps
        if step.phase == "cross" and weak.graph.concepts[steps[0].concept] == "t"
    )
    shares = [crossed.total() * part / 6 for part in (3, 2, 1)]
    assert crossed.total() > 2_000
    assert stats.chisquare([crossed[k] for k in ("k1", "k2", "k3")], shares).pvalue > ALPHA


def test_a_walk_without_topics_goes_on_among_key_concepts() -> None:
    graph = index([((), ("k1", "k2", "k3")), ((), ("k3", "k4"))])
    drawn = weak_walk(Random(1), Weak.of(graph, {"k1": 1}), CONFIG, 1)
    assert [s.phase for s in drawn.steps][:3] == ["start", "dead_end", "cross"]
    assert drawn.topics == ()
    assert drawn.dead_end


def test_no_weak_concept_is_no_walk() -> None:
    assert weak_walk(Random(1), Weak.of(index(LINKED), {}), CONFIG, 1).concepts == ()


def test_weights_are_summed_where_two_weak_concepts_are_one_in_the_graph() -> None:
    frequency = {"w1": 2, "w2": 3, "w3": 4, "w4": 5}
    assert weights(frequency, {"w2": "k1", "w1": "k1", "w3": "t1", "w9": "t2"}) == {"k1": 5, "t1": 4}


def test_a_concept_that_the_graph_lacks_is_refused() -> None:
    with pytest.raises(KeyError, match="gone"):
        Weak.of(index(LINKED), {"gone": 1})
