import networkx as nx
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.graph import statistics as module
from synth.graph.export import to_networkx
from synth.graph.statistics import coverage, gini, neighbour_counts, statistics, top_mass
from synth.schemas import TABLES
from tests.graph.graph_corpus import LINKED, Passage, corpora, incidence_table, index


def concepts_table(corpus: list[Passage]) -> pa.Table:
    graph = index(corpus)
    topics, key_concepts = neighbour_counts(graph)
    return pa.table({"passages": graph.postings.sizes, "degree": topics + key_concepts})


@settings(deadline=None)
@given(corpora(), st.integers(1, 60))
def test_neighbours_are_those_of_the_edges_in_blocks_of_any_size(corpus: list[Passage], pairs: int) -> None:
    graph = index(corpus)
    edges = to_networkx(graph)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK_PAIRS", pairs)
        topics, key_concepts = neighbour_counts(graph)
    for number, name in enumerate(graph.concepts):
        kinds = [edges.nodes[other]["kind"] for other in edges[name]]
        assert (topics[number], key_concepts[number]) == (kinds.count("topic"), kinds.count("key_concept"))


@settings(deadline=None)
@given(corpora())
def test_statistics_equal_those_of_networkx(corpus: list[Passage]) -> None:
    found = statistics(concepts_table(corpus), incidence_table(corpus))
    graph = to_networkx(index(corpus))
    assert sum(found["edges"].values()) == graph.number_of_edges()
    assert found["topics"] + found["key_concepts"] == len(graph)
    assert found["largest_component_share"] == max(map(len, nx.connected_components(graph))) / len(graph)
    alone = [
        node
        for node, kind in graph.nodes(data="kind")
        if kind == "topic" and not any(graph.nodes[other]["kind"] == "topic" for other in graph[node])
    ]
    assert found["isolated_topics"] == len(alone)


def test_statistics_of_a_known_graph() -> None:
    found = statistics(concepts_table(LINKED), incidence_table(LINKED))
    assert (found["topics"], found["key_concepts"], found["passages"]) == (4, 8, 7)
    assert found["edges"]["topic_topic"] == 3
    assert found["isolated_topics"] == 1
    assert found["largest_component_share"] == 9 / 12
    assert found["singleton_share"] == 3 / 12
    assert found["degree"]["min"] == 2.0


def test_statistics_of_an_empty_graph() -> None:
    empty = (TABLES[name].schema.empty_table() for name in ("concepts", "incidence"))
    found = statistics(*empty)
    assert found["topics"] == found["isolated_topics"] == 0
    assert found["gini"] == found["singleton_share"] == found["largest_component_share"] == 0.0


def test_the_most_used_hundredth() -> None:
    assert top_mass(np.array([1] * 199 + [201])) == pytest.approx(202 / 400)
    assert top_mass(np.array([5, 3])) == 5 / 8
    assert top_mass(np.array([])) == 0.0


def test_topics_are_listed_with_the_questions_that_name_them() -> None:
    columns = {"kind": ["topic", "key_concept", "topic", "topic"], "name": ["t3", "k1", "t1", "t2"]}
    concepts = pa.table({**columns, "passages": [1, 9, 4, 3], "documents": [1, 2, 4, 3]})
    rows = coverage(concepts, {"t1": 3, "k1": 9}, most=2)
    assert rows == [
        {"name": "t1", "passages": 4, "documents": 4, "questions": 3},
        {"name": "t2", "passages": 3, "documents": 3, "questions": 0},
    ]


@pytest.mark.parametrize(
    ("counts", "expected"), [([3, 3, 3], 0.0), ([0, 0, 0, 4], 0.75), ([1, 3], 0.25), ([], 0.0)]
)
def test_gini(counts: list[int], expected: float) -> None:
    assert gini(np.array(counts)) == pytest.approx(expected)
