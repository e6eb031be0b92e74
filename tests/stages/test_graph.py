from random import Random

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.config import GraphConfig
from synth.errors import SchemaError
from synth.schemas import TABLES
from synth.stages.base import make_table, rejected_table
from synth.stages.graph import build_graph
from tests.stages.concept_tables import (
    extractions_table,
    graph_inputs,
    key_concept,
    mention,
    passages_table,
    topic,
)

FOUND = {
    "a/1": {"algebra": ["group", "ring"], "numbers": ["prime"]},
    "a/2": {"algebra": ["group"]},
    "b/1": {"numbers": ["prime", "group"]},
}
KEEP_ALL = GraphConfig()
found_in_passages = st.dictionaries(
    st.sampled_from(["a/1", "a/2", "b/1", "c/1"]),
    st.dictionaries(
        st.sampled_from(["s", "t", "u"]),
        st.lists(st.sampled_from("klmno"), unique=True, max_size=4),
        max_size=3,
    ),
)


def nodes(output) -> dict[str, dict[str, object]]:  # type: ignore[no-untyped-def]
    return {row["concept_id"]: row for row in output.tables["concepts"].to_pylist()}


def test_nodes_count_passages_documents_and_neighbours() -> None:
    output = build_graph(*graph_inputs(FOUND), KEEP_ALL)
    output.check_balance("graph")
    found = nodes(output)
    assert len(found) == 5
    assert found[key_concept("group")] == {
        "concept_id": key_concept("group"),
        "kind": "key_concept",
        "name": "group",
        "surfaces": ["group of a/1", "group of a/2", "group of b/1"],
        "passages": 3,
        "documents": 2,
        "degree": 4,
    }
    algebra = found[topic("algebra")]
    assert (algebra["passages"], algebra["documents"], algebra["degree"]) == (2, 1, 4)
    assert output.parents == output.inputs


def test_incidence_lists_each_concept_once() -> None:
    rows = build_graph(*graph_inputs(FOUND), KEEP_ALL).tables["incidence"].to_pylist()
    assert [row["passage_id"] for row in rows] == ["a/1", "a/2", "b/1"]
    assert rows[0]["topics"] == sorted([topic("algebra"), topic("numbers")])
    assert rows[0]["key_concepts"] == sorted(map(key_concept, ["group", "ring", "prime"]))
    assert rows[1]["cluster_id"] == "doc_a"


def test_a_name_may_be_a_topic_and_a_key_concept() -> None:
    output = build_graph(*graph_inputs({"a/1": {"group": ["group"]}}), KEEP_ALL)
    assert {row["kind"] for row in nodes(output).values()} == {"topic", "key_concept"}
    assert {row["degree"] for row in nodes(output).values()} == {1}


def test_rare_concepts_are_pruned_and_accounted_for() -> None:
    output = build_graph(*graph_inputs(FOUND), GraphConfig(min_passages=2))
    output.check_balance("graph")
    assert key_concept("ring") not in nodes(output)
    assert len(nodes(output)) == 4
    [rejected] = rejected_table("graph", output.rejected).to_pylist()
    assert (rejected["reason"], rejected["source"]) == ("pruned", "a/1")
    assert "found in 1 passage, fewer than 2" in rejected["detail"]
    assert nodes(output)[key_concept("group")]["degree"] == 3


def test_a_passage_with_nothing_left_has_no_incidence_row() -> None:
    output = build_graph(*graph_inputs({**FOUND, "c/1": {"topology": ["knot"]}}), GraphConfig(min_passages=2))
    output.check_balance("graph")
    assert "c/1" not in output.tables["incidence"]["passage_id"].to_pylist()
    assert len(output.rejected) == 3


@settings(deadline=None)
@given(found_in_passages, st.integers(1, 3), st.integers(0, 99))
def test_rows_add_up_in_any_order(found, fewest, seed) -> None:  # type: ignore[no-untyped-def]
    config = GraphConfig(min_passages=fewest)
    tables = graph_inputs(found)
    output = build_graph(*tables, config)
    output.check_balance("graph")
    for row in nodes(output).values():
        holders = [
            r
            for r in output.tables["incidence"].to_pylist()
            if row["concept_id"] in r["topics"] + r["key_concepts"]
        ]
        together = {c for r in holders for c in r["topics"] + r["key_concepts"]}
        assert row["passages"] == len(holders) >= fewest
        assert row["degree"] == len(together) - 1
    again = build_graph(*(shuffled(table, seed) for table in tables), config)
    assert again.tables == output.tables
    assert sorted(again.rejected, key=str) == sorted(output.rejected, key=str)


def shuffled(table: pa.Table, seed: int) -> pa.Table:
    places = list(range(len(table)))
    Random(seed).shuffle(places)
    return table.take(pa.array(places, pa.int64()))


def test_no_mentions_make_an_empty_graph() -> None:
    output = build_graph(
        *(TABLES[t].schema.empty_table() for t in ("mentions", "extractions", "passages")), KEEP_ALL
    )
    output.check_balance("graph")
    assert output.inputs == frozenset()
    assert {name: len(table) for name, table in output.tables.items()} == {
        "concepts": 0,
        "incidence": 0,
        "merges": 0,
    }


@pytest.mark.parametrize(
    ("read", "extracted"), [(["a/1"], []), ([], ["a/1"])], ids=["not extracted", "not read"]
)
def test_a_mention_without_its_passage_is_refused(read: list[str], extracted: list[str]) -> None:
    mentions = make_table("mentions", [mention("a/1", "topic", "algebra")])
    with pytest.raises(SchemaError, match="passage a/1, which is not among"):
        build_graph(mentions, extractions_table(extracted), passages_table(read), KEEP_ALL)
