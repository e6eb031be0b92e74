import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.graph.incidence import Incidence
from synth.graph.references import tie_order, top_references
from synth.ids import digest
from tests.graph.graph_corpus import Passage, corpora, index

names_of_clusters = st.lists(st.sampled_from(["a", "b", "c"]), min_size=30, max_size=30)


def brute_force(
    graph: Incidence, concepts: set[int], k: int, different: bool, seed: int
) -> list[tuple[int, float]]:
    ranked = []
    for passage in range(len(graph.passages)):
        found = {*graph.topics.of(passage).tolist(), *graph.key_concepts.of(passage).tolist()}
        shared, union = len(concepts & found), len(concepts | found)
        if shared:
            tie = digest(seed, "references", graph.passages[passage])
            ranked.append((-shared / union, -shared, tie, passage))
    best: list[tuple[int, float]] = []
    for score, _, _, passage in sorted(ranked):
        clusters = {graph.clusters[p] for p, _ in best}
        if len(best) < k and not (different and graph.clusters[passage] in clusters):
            best.append((passage, -score))
    return best


@settings(deadline=None)
@given(corpora(most=30), names_of_clusters, st.integers(1, 4), st.booleans(), st.integers(0, 9), st.data())
def test_references_equal_brute_force(
    corpus: list[Passage], clusters: list[str], k: int, different: bool, seed: int, data: st.DataObject
) -> None:
    graph = index(corpus, clusters)
    concepts = data.draw(st.sets(st.sampled_from(range(len(graph.concepts))), min_size=1, max_size=8))
    found = top_references(graph, concepts, k, different, tie_order(graph, seed))
    assert found == brute_force(graph, concepts, k, different, seed)
    if different:
        assert len({graph.clusters[passage] for passage, _ in found}) == len(found)


def test_many_copies_of_the_best_passage_leave_room_for_another_cluster() -> None:
    corpus: list[Passage] = [(("t",), ("k1", "k2"))] * 50 + [(("t",), ("k1", "k3", "k4"))]
    graph = index(corpus, ["copies"] * 50 + ["other"])
    concepts = [graph.number(name) for name in ("t", "k1", "k2")]
    order = tie_order(graph, 0)
    found = top_references(graph, concepts, 2, True, order)
    assert [score for _, score in found] == [1.0, 2 / 5]
    assert found[1][0] == 50
    assert [score for _, score in top_references(graph, concepts, 2, False, order)] == [1.0, 1.0]


def test_the_seed_decides_ties_and_nothing_else() -> None:
    graph = index([(("t",), ("k",))] * 20)
    concepts = [graph.number("t")]
    firsts = {top_references(graph, concepts, 1, True, tie_order(graph, seed))[0] for seed in range(20)}
    assert len(firsts) > 5
    assert {score for _, score in firsts} == {0.5}


def test_the_larger_overlap_wins_a_tie() -> None:
    graph = index([(("t",), ()), (("t", "u"), ("a", "b", "c", "d"))])
    concepts = [graph.number(name) for name in ("t", "u")]
    for seed in range(10):
        assert top_references(graph, concepts, 1, True, tie_order(graph, seed)) == [(0, 0.5)]
    three = [graph.number(name) for name in ("t", "u", "a")]
    assert top_references(graph, three, 2, True, tie_order(graph, 0)) == [(1, 0.5), (0, pytest.approx(1 / 3))]
    tied = index([(("t",), ()), (("t", "u"), ("a", "b"))])
    for seed in range(10):
        best = top_references(tied, [tied.number("t"), tied.number("u")], 1, True, tie_order(tied, seed))
        assert best == [(1, 0.5)]


def test_no_concepts_have_no_references() -> None:
    graph = index([(("t",), ("k",))])
    assert top_references(graph, [], 2, True, tie_order(graph, 0)) == []


def test_tie_order_is_an_order_of_all_passages() -> None:
    graph = index([(("t",), ())] * 40)
    assert sorted(tie_order(graph, 3).tolist()) == list(range(40))
    assert len(tie_order(index([]), 3)) == 0
    assert not np.array_equal(tie_order(graph, 3), tie_order(graph, 4))
