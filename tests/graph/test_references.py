import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.graph import ranking, references
from synth.graph.incidence import Incidence
from synth.graph.references import Finder, Rule, tie_order
from tests.graph.graph_corpus import Passage, corpora, index, top

names_of_clusters = st.lists(st.sampled_from(["a", "b", "c"]), min_size=30, max_size=30)


def brute_force(graph: Incidence, concepts: set[int], rule: Rule, seed: int) -> list[tuple[int, float]]:
    """The rule as it is written: all passages in order, the best that may be taken, then the next."""
    order, ranked = tie_order(graph, seed), []
    for passage in range(len(graph.passages)):
        found = {*graph.topics.of(passage).tolist(), *graph.key_concepts.of(passage).tolist()}
        shared, union = len(concepts & found), len(concepts | found)
        if shared:
            score = shared if rule.containment else 0
            ranked.append((-score, -shared / union, -shared, int(order[passage]), passage, concepts & found))
    best: list[tuple[int, float]] = []
    covered: set[int] = set()
    for _, similarity, _, _, passage, held in sorted(ranked):
        copy = rule.different_clusters and graph.clusters[passage] in {graph.clusters[p] for p, _ in best}
        if len(best) < rule.most and not copy and not (rule.covers_new and held <= covered):
            best.append((passage, -similarity))
            covered |= held
    return best


@pytest.mark.parametrize("dense", [1, 3, 512], ids=["no rows of bits", "some", "all"])
@settings(deadline=None)
@given(corpora(most=30), names_of_clusters, st.data())
def test_references_equal_brute_force(
    dense: int, corpus: list[Passage], clusters: list[str], data: st.DataObject
) -> None:
    graph = index(corpus, clusters)
    flags = (data.draw(st.booleans()) for _ in range(3))
    rule, seed = Rule(data.draw(st.integers(1, 4)), *flags), data.draw(st.integers(0, 9))
    one_set = st.sets(st.sampled_from(range(len(graph.concepts))), max_size=8)
    sets = data.draw(st.lists(one_set, min_size=1, max_size=5))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranking, "DENSE", dense)
        patch.setattr(references, "READ", data.draw(st.sampled_from([1, 1 << 17])))
        patch.setattr(references, "LEAST", data.draw(st.sampled_from([1, 32])))
        patch.setattr(references, "SETS", data.draw(st.sampled_from([2, 4096])))
        found = Finder.of(graph, rule, seed).find(sets)
    assert found == [brute_force(graph, concepts, rule, seed) for concepts in sets]
    if rule.different_clusters:
        assert all(len({graph.clusters[p] for p, _ in one}) == len(one) for one in found)


def test_many_copies_of_the_best_passage_leave_room_for_another_cluster() -> None:
    corpus: list[Passage] = [(("t",), ("k1", "k2"))] * 50 + [(("t",), ("k1", "k3", "k4"))]
    graph = index(corpus, ["copies"] * 50 + ["other"])
    concepts = [graph.number(name) for name in ("t", "k1", "k2")]
    found = top(graph, concepts, 2, True, 0)
    assert [score for _, score in found] == [1.0, 2 / 5]
    assert found[1][0] == 50
    assert [score for _, score in top(graph, concepts, 2, False, 0)] == [1.0, 1.0]


def test_the_seed_decides_ties_and_nothing_else() -> None:
    graph = index([(("t",), ("k",))] * 20)
    concepts = [graph.number("t")]
    firsts = {top(graph, concepts, 1, True, seed)[0] for seed in range(20)}
    assert len(firsts) > 5
    assert {score for _, score in firsts} == {0.5}


def test_the_larger_overlap_wins_a_tie() -> None:
    graph = index([(("t",), ()), (("t", "u"), ("a", "b", "c", "d"))])
    concepts = [graph.number(name) for name in ("t", "u")]
    for seed in range(10):
        assert top(graph, concepts, 1, True, seed) == [(0, 0.5)]
    three = [graph.number(name) for name in ("t", "u", "a")]
    assert top(graph, three, 2, True, 0) == [(1, 0.5), (0, pytest.approx(1 / 3))]
    tied = index([(("t",), ()), (("t", "u"), ("a", "b"))])
    for seed in range(10):
        best = top(tied, [tied.number("t"), tied.number("u")], 1, True, seed)
        assert best == [(1, 0.5)]


def test_no_concepts_have_no_references() -> None:
    graph = index([(("t",), ("k",))])
    assert top(graph, [], 2, True, 0) == []


def test_tie_order_is_an_order_of_all_passages() -> None:
    graph = index([(("t",), ())] * 40)
    assert len(set(tie_order(graph, 3).tolist())) == 40
    assert len(tie_order(index([]), 3)) == 0
    assert not np.array_equal(tie_order(graph, 3), tie_order(graph, 4))


def test_a_set_that_no_word_has_bits_for_is_refused() -> None:
    graph = index([(("t",), tuple(f"k{i:02d}" for i in range(70)))])
    with pytest.raises(ValueError, match="70 concepts in a set"):
        top(graph, range(70), 2, True, 0)
