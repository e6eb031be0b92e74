"""What documents and models may bring about: each case has its outcome, a count or a reason."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from synth.config import CombinationsConfig, GraphConfig
from synth.graph.edges import write_edges
from synth.graph.export import to_networkx, write_graphml
from synth.graph.incidence import Incidence
from synth.graph.merging import agree, wording
from synth.graph.names import canonical
from synth.graph.picture import draw
from synth.stages.base import Output
from synth.stages.combinations import sample_combinations
from synth.stages.graph import build_graph
from tests.stages.concept_tables import graph_inputs

LEVEL3 = CombinationsConfig(level1="off", level2="off", epochs=2)


def made(found: Any, config: CombinationsConfig = LEVEL3) -> tuple[Output, Output]:
    mentions, extractions, passages = graph_inputs(found)
    graph = build_graph(mentions, extractions, passages, GraphConfig())
    graph.check_balance("graph")
    tables = graph.tables["concepts"], graph.tables["incidence"]
    sets = sample_combinations(passages, *tables, mentions, config, 0)
    sets.check_balance("combinations")
    return graph, sets


def outcome(found: Any) -> tuple[int, Counter[str]]:
    """How many sets there are, and why others are not."""
    sets = made(found)[1]
    return sets.tables["combinations"].num_rows, Counter(row.reason for row in sets.rejected)


RICH = {"t": ["a", "b", "c", "d"], "u": ["a", "e", "f"]}


@pytest.mark.parametrize(
    ("found", "sets", "reasons"),
    [
        ({}, 0, {}),
        ({"a/1": {}}, 0, {}),
        ({"a/1": {"t": []}}, 0, {"dead_end": 1}),
        ({"a/1": {"t": ["k"]}, "b/1": {"u": ["l"]}}, 0, {"dead_end": 2}),
        ({"a/1": RICH, "b/1": {"alone": ["k"]}}, 4, {"dead_end": 1}),
    ],
    ids=["nothing", "a passage without concepts", "one concept", "isolated topics", "one isolated topic"],
)
def test_poor_graphs_give_counts_and_reasons(found: Any, sets: int, reasons: dict[str, int]) -> None:
    assert outcome(found) == (sets, reasons)


@pytest.mark.parametrize("sampler", ["graph_walk", "uniform", "within_passage"])
def test_a_concept_in_every_passage_is_used_and_does_not_stop_walks(sampler: str) -> None:
    found = {f"d{i}/1": {"hub": ["all", f"k{i}", f"l{i}", f"m{i}"], f"t{i}": ["all"]} for i in range(30)}
    sets = made(found, LEVEL3.model_copy(update={"level3": sampler}))[1].tables["combinations"].to_pylist()
    assert len(sets) >= 30  # within a passage there is one of each
    assert all(len(row["references"]) == 2 for row in sets)
    assert len({tuple(row["names"]) for row in sets}) == len(sets)


def test_a_name_of_100_000_characters_is_a_name() -> None:
    long = "x" * 100_000
    graph, sets = made({"a/1": RICH | {long: ["a", "b"]}})
    assert long in graph.tables["concepts"]["name"].to_pylist()
    assert any(long in row["names"] for row in sets.tables["combinations"].to_pylist())


def test_a_long_name_is_drawn_written_compared_and_read_back(tmp_path: Path) -> None:
    long = "word " * 20_000
    graph, _ = made({"a/1": RICH | {long: ["a", "b"]}})
    tables = graph.tables["concepts"], graph.tables["incidence"]
    draw(*tables, tmp_path / "graph.png")
    index = Incidence.from_table(tables[1])
    write_graphml(to_networkx(index), tables[0], tmp_path / "graph.graphml")
    assert long.strip() in (tmp_path / "graph.graphml").read_text()
    assert write_edges(index, tmp_path / "edges")
    assert agree(long, long + "more")
    assert wording(long) == wording("the " + long)


def test_names_that_differ_by_unicode_form_only_are_one() -> None:
    forms = ("Poincaré", "Poincare\u0301", "ＰＯＩＮＣＡＲÉ", "  poincaré ")
    assert len(set(map(canonical, forms))) == 1


def test_a_topic_may_be_a_key_concept_as_well() -> None:
    graph, sets = made({"a/1": {"ring": ["ring", "field", "group", "unit"], "maps": ["kernel"]}})
    kinds = [row["kind"] for row in graph.tables["concepts"].to_pylist() if row["name"] == "ring"]
    assert sorted(kinds) == ["key_concept", "topic"]
    assert sets.tables["combinations"].num_rows
