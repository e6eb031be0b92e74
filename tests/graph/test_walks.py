from collections import Counter
from itertools import pairwise
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from synth.config import CombinationsConfig
from synth.graph import steps
from synth.graph.export import to_networkx
from synth.graph.incidence import Incidence, Kind
from synth.graph.reference import edge_walk, list_walk, neighbours
from synth.graph.samplers import SAMPLERS, graph_walk, uniform, within_passage
from synth.graph.steps import Stepper
from synth.graph.walks import Walks, item_keys
from synth.graph.words import keys_of
from tests.graph.graph_corpus import LINKED, Passage, corpora, index

CONFIG = CombinationsConfig()
SEEDS = (1, 2)
# Below this a correct sampler fails once in a hundred thousand runs; the seeds are fixed anyway.
ALPHA = 1e-5
DRAWS = 100_000


def keys(count: int, seed: int) -> Any:
    return keys_of(f"{seed}:{item}" for item in range(count))


def walks(graph: Incidence, start: str, count: int, seed: int, **options: Any) -> Walks:
    config = CombinationsConfig(**options)
    stepper = Stepper.of(graph, config.temperature, config.hub_cap, config.min_passages)
    starts = np.full(count, graph.number(start))
    return SAMPLERS[config.level3](stepper, starts, keys(count, seed), config)


def reached(
    stepper: Stepper, node: str, kind: Kind, seed: int, barred: tuple[str, ...] = (), draws: int = DRAWS
) -> Counter[str]:
    """Where so many steps from a concept end."""
    graph = stepper.graph
    rows = np.tile(np.array([graph.number(name) for name in barred], np.int64), (draws, 1))
    nodes = np.full(draws, graph.number(node))
    concepts, passages = stepper.step(keys(draws, seed), nodes, kind, rows)
    for concept, passage in {*zip(concepts.tolist(), passages.tolist(), strict=True)}:
        assert passage in graph.shared(graph.number(node), concept)
    return Counter(graph.concepts[concept] for concept in concepts.tolist())


def p_value(found: Counter[str], chances: dict[str, float]) -> float:
    assert found.keys() <= chances.keys()
    expected = [chances[name] * found.total() for name in chances]
    return float(stats.chisquare([found[name] for name in chances], expected).pvalue)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("tries", [0, 1, 64], ids=["edges only", "both", "draws"])
@pytest.mark.parametrize(
    ("node", "kind", "barred"),
    [("t2", "key_concept", ()), ("t1", "topic", ()), ("k1", "key_concept", ("k2", "k6"))],
    ids=["cross", "topic", "key concept without two visited"],
)
def test_steps_agree_with_edges(
    seed: int, tries: int, node: str, kind: Kind, barred: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = index(LINKED)
    monkeypatch.setattr(steps, "TRIES", tries)
    found = reached(Stepper.of(graph), node, kind, seed, barred, DRAWS if tries else 5_000)
    assert p_value(found, neighbours(to_networkx(graph), node, kind, barred)) > ALPHA


@pytest.mark.parametrize("seed", SEEDS)
def test_temperature_two_takes_the_square_root_of_counts(seed: int) -> None:
    graph = index([(("a", "b"), ()), (("a", "b"), ()), (("a", "b"), ()), (("a", "c"), ())])
    for temperature, weight in ((1.0, 3.0), (2.0, 3.0**0.5), (0.5, 9.0)):
        chances = {"b": weight / (weight + 1), "c": 1 / (weight + 1)}
        found = reached(Stepper.of(graph, temperature), "a", "topic", seed)
        assert p_value(found, chances) > ALPHA
        wrong = {"b": weight * 1.1 / (weight * 1.1 + 1), "c": 1 / (weight * 1.1 + 1)}
        assert p_value(found, wrong) < ALPHA


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("temperature", [1.0, 1.0 + 1e-9], ids=["draws", "edges"])
def test_a_hub_weighs_as_if_it_were_in_as_many_passages_as_its_cap(seed: int, temperature: float) -> None:
    # From `a`: the hub shares four passages with it, `c` one and `d` one.
    corpus: list[Passage] = [(("a", "hub"), ())] * 3 + [(("a", "hub", "c"), ()), (("a", "d"), ())]
    graph = index([*corpus, *[(("hub", "e"), ())] * 4])  # the hub is in eight
    for cap, weight in ((0, 4.0), (8, 4.0), (4, 2.0), (2, 1.0)):
        chances = {"hub": weight / (weight + 2), "c": 1 / (weight + 2), "d": 1 / (weight + 2)}
        found = reached(Stepper.of(graph, temperature, cap), "a", "topic", seed, draws=20_000)
        assert p_value(found, chances) > ALPHA


def test_rare_concepts_never_come_where_they_may_not() -> None:
    graph = index(LINKED)
    rare = {name for name in graph.concepts if graph.postings.sizes[graph.number(name)] < 3}
    stepper = Stepper.of(graph, min_passages=3)
    found = reached(stepper, "t1", "key_concept", 1, draws=10_000)
    assert rare & set(to_networkx(graph)["t1"])
    assert not rare & found.keys()
    chances = {n: p for n, p in neighbours(to_networkx(graph), "t1", "key_concept").items() if n not in rare}
    assert p_value(found, {n: p / sum(chances.values()) for n, p in chances.items()}) > ALPHA


def test_unused_concepts_weigh_more_by_their_boost() -> None:
    graph = index([(("a", "b", "c"), ())])
    used = np.array([name == "b" for name in graph.concepts])
    found = reached(Stepper.of(graph, boost=3.0, used=used), "a", "topic", 1)
    assert p_value(found, {"b": 0.25, "c": 0.75}) > ALPHA


def agree(one: Counter[tuple[str, ...]], two: Counter[tuple[str, ...]]) -> float:
    """Chi-square of two samples; outcomes too rare for it are counted together."""
    common = [key for key in sorted(one | two) if one[key] + two[key] >= 20]
    rows = [[sample[key] for key in common] for sample in (one, two)]
    rare = [sample.total() - sum(row) for sample, row in zip((one, two), rows, strict=True)]
    assert len(common) > 20
    if sum(rare) >= 20:
        rows = [[*row, rest] for row, rest in zip(rows, rare, strict=True)]
    return float(stats.chi2_contingency(rows).pvalue)


@pytest.mark.parametrize("seed", SEEDS)
def test_walks_agree_with_lists_and_with_edges(seed: int) -> None:
    graph, edges, count = index(LINKED), to_networkx(index(LINKED)), 15_000
    drawn = walks(graph, "t1", count, seed)
    together = Counter(tuple(graph.concepts[c] for c in drawn[i].concepts[:4]) for i in range(count))
    by_lists: Counter[tuple[str, ...]] = Counter()
    by_edges: Counter[tuple[str, ...]] = Counter()
    rng, start = Random(seed), graph.number("t1")
    for _ in range(count):  # about seven draws each, 1e5 for each seed
        by_lists[tuple(graph.concepts[c] for c in list_walk(rng, graph, start, CONFIG).concepts[:4])] += 1
        topics, key_concepts = edge_walk(rng, edges, "t1", CONFIG)
        by_edges[tuple([*topics, *key_concepts][:4])] += 1
    assert agree(together, by_lists) > ALPHA
    assert agree(together, by_edges) > ALPHA


@settings(deadline=None)
@given(corpora(), st.integers(0, 1000), st.sampled_from(sorted(SAMPLERS)), st.booleans())
def test_phases_keep_their_lengths_unless_a_dead_end_is_recorded(
    corpus: list[Passage], seed: int, sampler: str, revisits: bool
) -> None:
    graph = index(corpus)
    for start in graph.by_kind["topic"].tolist():
        drawn = walks(graph, graph.concepts[start], 1, seed, level3=sampler, revisits=revisits)[0]
        assert drawn.topics[0] == start
        assert len(set(drawn.concepts)) == len(drawn.concepts)
        assert graph.is_topic[list(drawn.topics)].all()
        assert not graph.is_topic[list(drawn.key_concepts)].any()
        assert len(drawn.topics) <= 3
        assert len(drawn.key_concepts) <= 5
        came = [s.concept for s in drawn.steps if s.phase != "dead_end"]
        assert [*dict.fromkeys(came)] == list(drawn.concepts)
        assert revisits or len(came) == len(drawn.concepts)
        if sampler == "graph_walk" and not drawn.dead_end:
            phases = Counter(s.phase for s in drawn.steps)
            assert phases["start"] == phases["cross"] == 1
            assert phases["topic"] in (1, 2)
            assert phases["key_concept"] in (3, 4)


@settings(deadline=None)
@given(corpora(), st.integers(0, 1000), st.sampled_from([1.0, 2.0]))
def test_each_step_names_a_passage_that_holds_both_of_its_concepts(
    corpus: list[Passage], seed: int, temperature: float
) -> None:
    graph = index(corpus)
    for start in graph.by_kind["topic"].tolist():
        drawn = walks(graph, graph.concepts[start], 1, seed, temperature=temperature)[0].steps
        assert drawn[0] == ("start", start, None)
        for before, after in pairwise(drawn):
            if after.phase == "dead_end":
                assert after[1:] == (before.concept, None)
            else:
                assert after.passage in graph.shared(before.concept, after.concept)


def test_both_values_of_each_length_come_up() -> None:
    graph = index([(("t1", "t2", "t3", "t4"), tuple(f"k{i}" for i in range(9)))])
    drawn = [w for i in range(400) for w in [walks(graph, "t1", 1, i)[0]]]
    for sizes in (Counter(len(w.topics) for w in drawn), Counter(len(w.key_concepts) for w in drawn)):
        assert len(sizes) == 2
        assert stats.binomtest(sizes.most_common()[0][1], 400).pvalue > ALPHA


@pytest.mark.parametrize(
    ("corpus", "phases"),
    [
        ([(("t",), ("k",))], ["start", "dead_end", "cross", "dead_end"]),
        ([(("t",), ())], ["start", "dead_end", "dead_end"]),
        ([(("t", "u"), ()), (("u",), ())], ["start", "topic", "dead_end"]),
    ],
    ids=["isolated topic with one key concept", "topic alone", "topics without key concepts"],
)
def test_dead_ends_end_their_phase(corpus: list[Passage], phases: list[str]) -> None:
    drawn = walks(index(corpus), "t", 1, 0, topic_steps=(1, 1))[0]
    assert [s.phase for s in drawn.steps] == phases
    assert drawn.dead_end


def test_a_concept_in_every_passage_is_no_trap() -> None:
    graph = index([(("t1", "t2"), ("hub", f"k{i}", f"l{i}")) for i in range(50)])
    drawn = walks(graph, "t1", 50, 1)
    for row in range(50):
        assert len(set(drawn[row].concepts)) == len(drawn[row].concepts) >= 6 - drawn[row].dead_end


@settings(deadline=None)
@given(corpora(), st.sampled_from(sorted(SAMPLERS)), st.sampled_from([1.0, 2.0]), st.randoms())
def test_a_walk_is_the_same_whatever_is_drawn_beside_it(corpus, sampler, temperature, rng) -> None:  # type: ignore[no-untyped-def]
    graph = index(corpus)
    starts = np.repeat(graph.by_kind["topic"], 3)
    streams, stepper = keys(len(starts), 5), Stepper.of(graph, temperature)
    every = SAMPLERS[sampler](stepper, starts, streams, CONFIG)
    rows = np.array(sorted(rng.sample(range(len(starts)), len(starts) // 2), reverse=True), np.int64)
    some = SAMPLERS[sampler](stepper, starts[rows], streams[rows], CONFIG)
    assert [some[i] for i in range(len(rows))] == [every[int(row)] for row in rows]


@pytest.mark.parametrize("seed", SEEDS)
def test_uniform_draws_all_concepts_of_a_kind_alike(seed: int) -> None:
    graph = index(LINKED)
    every = walks(graph, "t1", 3_000, seed, level3="uniform")
    drawn = [every[i] for i in range(3_000)]
    for kind, lists in (
        ("topic", [w.topics[1:] for w in drawn]),
        ("key_concept", [w.key_concepts for w in drawn]),
    ):
        found = Counter(c for concepts in lists for c in concepts)
        assert len(found) == len(graph.by_kind[kind]) - (kind == "topic")  # type: ignore[index]
        # Draws without replacement vary less than the test expects, so it errs on the safe side.
        assert stats.chisquare(list(found.values())).pvalue > ALPHA


def test_uniform_has_the_sizes_of_the_walk() -> None:
    graph = index(LINKED)
    both = [
        sampler(Stepper.of(graph), np.full(100, graph.number("t2")), keys(100, 1), CONFIG)
        for sampler in (graph_walk, uniform)
    ]
    assert (both[0].concepts >= 0).tolist() == (both[1].concepts >= 0).tolist()


@pytest.mark.parametrize("seed", SEEDS)
def test_within_a_passage_all_concepts_are_of_one_and_all_alike(seed: int) -> None:
    graph = index(LINKED)
    stepper = Stepper.of(graph)
    drawn = within_passage(stepper, np.full(6_000, graph.number("t1")), keys(6_000, seed), CONFIG)
    sources, firsts = Counter[int](), Counter[str]()
    for row in range(6_000):
        walk = drawn[row]
        passages = {step.passage for step in walk.steps[1:] if step.phase != "dead_end"}
        passage = passages.pop()
        assert not passages
        assert passage is not None
        held = {*graph.topics.of(passage).tolist(), *graph.key_concepts.of(passage).tolist()}
        assert held >= set(walk.concepts)
        sources[passage] += 1
        if passage == 0:
            firsts[graph.concepts[walk.key_concepts[0]]] += 1
    assert sorted(sources) == graph.postings.of(graph.number("t1")).tolist()
    assert stats.chisquare(list(sources.values())).pvalue > ALPHA
    assert p_value(firsts, dict.fromkeys(("k1", "k2", "k3"), 1 / 3)) > ALPHA


def test_streams_of_items_differ() -> None:
    graph = index(LINKED)
    starts = graph.by_kind["topic"]
    every = [
        item_keys(graph, starts, sampler, seed, epoch, attempt)
        for sampler in SAMPLERS for seed in (0, 1) for epoch in (0, 1) for attempt in (0, 1)
    ]  # fmt: skip
    assert len(np.unique(np.concatenate(every))) == len(every) * len(starts)
