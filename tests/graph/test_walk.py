from collections import Counter
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from synth.config import CombinationsConfig
from synth.graph.export import to_networkx
from synth.graph.incidence import Incidence, Kind
from synth.graph.reference import edge_step, edge_walk, neighbours
from synth.graph.walk import Walk, step, uniform, walk
from tests.graph.graph_corpus import LINKED, Fixed, Passage, corpora, index

CONFIG = CombinationsConfig()
SEEDS = (1, 2)
# Below this a correct sampler fails once in a hundred thousand runs; the seeds are fixed anyway.
ALPHA = 1e-5


def every_draw(graph: Incidence, node: int, kind: Kind, exclude: list[int]) -> Counter[str]:
    """How many of the equally likely draws of a step end at each concept."""
    ends: Counter[str] = Counter()
    number = limit = 0
    while number <= limit:
        rng = Fixed(number)
        drawn = step(rng, graph, node, kind, exclude)
        if drawn is None:
            break
        assert drawn[1] in graph.postings.of(node)
        assert drawn[1] in graph.postings.of(drawn[0])
        ends[graph.concepts[drawn[0]]] += 1
        number, limit = number + 1, rng.limit - 1
    return ends


@settings(deadline=None)
@given(corpora(), st.data())
def test_a_step_has_exactly_the_shares_of_the_edges(corpus: list[Passage], data: st.DataObject) -> None:
    graph = index(corpus)
    numbers = range(len(graph.concepts))
    node = data.draw(st.sampled_from(numbers))
    exclude = data.draw(st.lists(st.sampled_from(numbers), unique=True, max_size=5))
    kind: Kind = data.draw(st.sampled_from(["topic", "key_concept"]))
    edges = to_networkx(graph)
    expected = {
        other: edge["weight"]
        for other, edge in edges[graph.concepts[node]].items()
        if edges.nodes[other]["kind"] == kind and graph.number(other) not in exclude
    }
    assert every_draw(graph, node, kind, exclude) == expected


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("node", "kind", "exclude"),
    [("t2", "key_concept", ()), ("k1", "key_concept", ("k2", "k6"))],
    ids=["cross", "key concept without two visited"],
)
def test_steps_agree_with_edges(seed: int, node: str, kind: Kind, exclude: tuple[str, ...]) -> None:
    draws = 100_000
    graph, edges = index(LINKED), to_networkx(index(LINKED))
    chances = neighbours(edges, node, kind, exclude)
    start, barred = graph.number(node), [graph.number(concept) for concept in exclude]
    rng = Random(seed)
    found: Counter[str] = Counter()
    for _ in range(draws):
        drawn = step(rng, graph, start, kind, barred)
        assert drawn is not None
        found[graph.concepts[drawn[0]]] += 1
    assert found.keys() == chances.keys()
    expected = [chances[name] * draws for name in chances]
    assert stats.chisquare([found[name] for name in chances], expected).pvalue > ALPHA


@pytest.mark.parametrize("seed", SEEDS)
def test_whole_walks_agree_with_edges(seed: int) -> None:
    graph, edges = index(LINKED), to_networkx(index(LINKED))
    start = graph.number("t1")
    rng, other = Random(seed), Random(seed + 100)
    by_lists: Counter[tuple[str, ...]] = Counter()
    by_edges: Counter[tuple[str, ...]] = Counter()
    for _ in range(8_000):  # about six draws each: 1e5 draws for both seeds
        by_lists[tuple(graph.concepts[c] for c in walk(rng, graph, start, CONFIG).concepts[:4])] += 1
        topics, key_concepts = edge_walk(other, edges, "t1", CONFIG)
        by_edges[tuple([*topics, *key_concepts][:4])] += 1
    assert agree(by_lists, by_edges) > ALPHA


def agree(one: Counter[tuple[str, ...]], two: Counter[tuple[str, ...]]) -> float:
    """Chi-square of two samples; outcomes too rare for it are counted together."""
    common = [key for key in sorted(one | two) if one[key] + two[key] >= 20]
    rows = [[sample[key] for key in common] for sample in (one, two)]
    rare = [sample.total() - sum(row) for sample, row in zip((one, two), rows, strict=True)]
    assert len(common) > 20
    if sum(rare) >= 20:
        rows = [[*row, rest] for row, rest in zip(rows, rare, strict=True)]
    return float(stats.chi2_contingency(rows).pvalue)


def test_chi_square_would_notice_uniform_steps() -> None:
    """The yardstick itself: a sampler without weights must not pass."""
    edges = to_networkx(index(LINKED))
    chances = neighbours(edges, "t1", "key_concept")
    rng = Random(1)
    found = Counter(rng.choices(sorted(chances), k=100_000))
    assert (
        stats.chisquare([found[n] for n in chances], [p * 100_000 for p in chances.values()]).pvalue < ALPHA
    )


def test_counts_of_three_and_one_give_three_quarters_and_one_quarter() -> None:
    graph = index([(("a", "b"), ()), (("a", "b"), ()), (("a", "b"), ()), (("a", "c"), ())])
    assert every_draw(graph, graph.number("a"), "topic", []) == {"b": 3, "c": 1}
    chances = neighbours(to_networkx(graph), "a", "topic")
    assert chances == pytest.approx({"b": 0.75, "c": 0.25}, abs=1e-5)


@settings(deadline=None)
@given(corpora(), st.integers(0, 1000), st.sampled_from([walk, uniform]))
def test_phases_keep_their_lengths_unless_a_dead_end_is_recorded(corpus, seed, sampler) -> None:  # type: ignore[no-untyped-def]
    graph = index(corpus)
    for start in graph.by_kind["topic"].tolist():
        drawn: Walk = sampler(Random(seed), graph, start, CONFIG)
        assert drawn.topics[0] == start
        assert len(set(drawn.concepts)) == len(drawn.concepts)
        assert graph.is_topic[list(drawn.topics)].all()
        assert not graph.is_topic[list(drawn.key_concepts)].any()
        assert len(drawn.topics) <= 3
        assert len(drawn.key_concepts) <= 5
        reached = [s.concept for s in drawn.steps if s.phase != "dead_end"]
        assert reached == list(drawn.concepts)
        if sampler is walk and not drawn.dead_end:
            phases = Counter(s.phase for s in drawn.steps)
            assert phases["start"] == phases["cross"] == 1
            assert phases["topic"] in (1, 2)
            assert phases["key_concept"] in (3, 4)


@settings(deadline=None)
@given(corpora(), st.integers(0, 1000))
def test_each_step_names_a_passage_that_holds_both_of_its_concepts(corpus: list[Passage], seed: int) -> None:
    graph = index(corpus)
    for start in graph.by_kind["topic"].tolist():
        steps = walk(Random(seed), graph, start, CONFIG).steps
        assert steps[0] == ("start", start, None)
        for before, after in pairwise(steps):
            if after.phase == "dead_end":
                assert after[1:] == (before.concept, None)
            else:
                assert graph.passages[after.passage or 0]
                assert {after.passage} <= set(graph.postings.of(before.concept).tolist())
                assert {after.passage} <= set(graph.postings.of(after.concept).tolist())


def test_both_values_of_each_length_come_up() -> None:
    graph = index([(("t1", "t2", "t3", "t4"), tuple(f"k{i}" for i in range(9)))])
    walks = [walk(Random(seed), graph, graph.number("t1"), CONFIG) for seed in range(400)]
    for sizes in (Counter(len(w.topics) for w in walks), Counter(len(w.key_concepts) for w in walks)):
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
    graph = index(corpus)
    one_topic = CombinationsConfig(topic_steps=(1, 1))
    drawn = walk(Random(0), graph, graph.number("t"), one_topic)
    assert [s.phase for s in drawn.steps] == phases
    assert drawn.dead_end


def test_a_concept_in_every_passage_is_no_trap() -> None:
    graph = index([(("t1", "t2"), ("hub", f"k{i}", f"l{i}")) for i in range(50)])
    for seed in range(50):
        drawn = walk(Random(seed), graph, graph.number("t1"), CONFIG)
        assert len(set(drawn.concepts)) == len(drawn.concepts) >= 6 - drawn.dead_end


@pytest.mark.parametrize("seed", SEEDS)
def test_uniform_draws_all_concepts_of_a_kind_alike(seed: int) -> None:
    graph = index(LINKED)
    start = graph.number("t1")
    rng = Random(seed)
    walks = [uniform(rng, graph, start, CONFIG) for _ in range(3_000)]
    for kind, lists in (
        ("topic", [w.topics[1:] for w in walks]),
        ("key_concept", [w.key_concepts for w in walks]),
    ):
        found = Counter(c for drawn in lists for c in drawn)
        assert len(found) == len(graph.by_kind[kind]) - (kind == "topic")  # type: ignore[index]
        # Draws without replacement vary less than the test expects, so it errs on the safe side.
        assert stats.chisquare(list(found.values())).pvalue > ALPHA


def test_uniform_has_the_sizes_of_the_walk() -> None:
    graph = index(LINKED)
    for seed in range(100):
        walked, drawn = (s(Random(seed), graph, graph.number("t2"), CONFIG) for s in (walk, uniform))
        assert len(walked.topics) == len(drawn.topics)
        assert len(walked.key_concepts) == len(drawn.key_concepts)


def test_an_edge_step_without_neighbours_is_none() -> None:
    edges = to_networkx(index(LINKED))
    assert edge_step(Random(0), edges, "t4", "topic") is None
