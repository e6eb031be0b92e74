import itertools
from collections import Counter
from pathlib import Path

import networkx as nx
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.errors import SchemaError
from synth.graph.export import to_networkx, write_graphml
from synth.graph.incidence import Incidence
from synth.schemas import TABLES
from synth.stages.base import make_table
from tests.graph.graph_corpus import LINKED, Passage, corpora, incidence_table, index


@settings(deadline=None)
@given(corpora())
def test_lists_hold_the_table_both_ways(corpus: list[Passage]) -> None:
    graph = index(corpus)
    assert list(graph.concepts) == sorted({c for lists in corpus for names in lists for c in names})
    for number, (topics, key_concepts) in enumerate(corpus):
        assert graph.ids(graph.topics.of(number)) == sorted(topics)
        assert graph.ids(graph.key_concepts.of(number)) == sorted(key_concepts)
        assert graph.sizes[number] == len(topics) + len(key_concepts)
    for concept, name in enumerate(graph.concepts):
        expected = [i for i, (topics, key_concepts) in enumerate(corpus) if name in {*topics, *key_concepts}]
        assert graph.postings.of(concept).tolist() == expected
        assert graph.number(name) == concept
        assert graph.is_topic[concept] == name.startswith("t")


@settings(deadline=None)
@given(corpora(), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(corpus: list[Passage], rng) -> None:  # type: ignore[no-untyped-def]
    table = incidence_table(corpus)
    places = list(range(len(table)))
    rng.shuffle(places)
    one, other = Incidence.from_table(table), Incidence.from_table(table.take(places))
    assert one.passages == other.passages
    assert one.postings.items.tolist() == other.postings.items.tolist()
    assert one.clusters.tolist() == other.clusters.tolist()


@settings(deadline=None)
@given(corpora())
def test_edges_count_the_passages_of_each_pair(corpus: list[Passage]) -> None:
    counts: Counter[tuple[str, str]] = Counter()
    for topics, key_concepts in corpus:
        counts.update(itertools.combinations(sorted({*topics, *key_concepts}), 2))
    graph = to_networkx(index(corpus))
    assert {tuple(sorted((a, b))): w for a, b, w in graph.edges(data="weight")} == dict(counts)


def test_no_list_is_an_empty_one() -> None:
    rows = [
        {"passage_id": "p", "cluster_id": "d", "topics": None, "key_concepts": ["k"]},
        {"passage_id": "q", "cluster_id": "d", "topics": ["t"], "key_concepts": None},
    ]
    graph = Incidence.from_table(pa.Table.from_pylist(rows, TABLES["incidence"].schema))
    assert [graph.ids(graph.topics.of(n)) for n in (0, 1)] == [[], ["t"]]
    assert [graph.ids(graph.key_concepts.of(n)) for n in (0, 1)] == [["k"], []]


def test_a_name_repeated_in_one_passage_counts_once() -> None:
    row = {"passage_id": "p", "cluster_id": "d", "topics": ["t", "t"], "key_concepts": ["k", "k", "l"]}
    table = make_table("incidence", [row])
    assert dict(to_networkx(Incidence.from_table(table))["t"]) == {"k": {"weight": 1}, "l": {"weight": 1}}


def test_log_weights_are_those_of_the_paper() -> None:
    graph = to_networkx(index([(("a", "b"), ()), (("a", "b"), ())]), log=True)
    assert graph["a"]["b"]["weight"] == pytest.approx(0.693152, abs=1e-6)


def test_part_of_a_graph_keeps_its_counts() -> None:
    whole, graph = to_networkx(index(LINKED)), index(LINKED)
    part = to_networkx(graph, only=[graph.number(name) for name in ("t1", "t2", "k1")])
    assert sorted(part) == ["k1", "t1", "t2"]
    assert all(whole[a][b]["weight"] == w for a, b, w in part.edges(data="weight"))


def test_an_empty_table_is_an_empty_graph() -> None:
    graph = Incidence.from_table(TABLES["incidence"].schema.empty_table())
    assert (graph.concepts, graph.passages, len(graph.clusters)) == ((), (), 0)
    assert len(to_networkx(graph)) == 0


def test_what_is_not_there_is_not_found() -> None:
    graph = index(LINKED)
    assert graph.passage_number("p99") is None
    assert graph.passage_number("p03") == 3
    with pytest.raises(KeyError):
        graph.number("k99")


def test_one_id_of_two_kinds_is_refused() -> None:
    with pytest.raises(SchemaError, match="x is both a topic and a key concept"):
        index([(("x",), ("x",))])


def test_a_passage_that_stands_twice_is_refused() -> None:
    table = incidence_table(LINKED)
    with pytest.raises(SchemaError, match="p00 stands twice"):
        Incidence.from_table(pa.concat_tables([table, table]))


def test_graphml_can_be_read_back(tmp_path: Path) -> None:
    graph = to_networkx(index([(("t",), ("k",))]))
    concepts = pa.table(
        {
            "concept_id": ["t", "k"],
            "name": ["calculus <&> \x00limits", "derivative"],
            "passages": [1, 1],
            "documents": [1, 1],
            "degree": [1, 1],
        }
    )
    write_graphml(graph, concepts, tmp_path / "graph.graphml")
    read = nx.read_graphml(tmp_path / "graph.graphml")
    assert read.nodes["t"]["name"] == "calculus <&>  limits"
    assert read["t"]["k"]["weight"] == 1
    assert "name" not in graph.nodes["t"]
