import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import synth.graph.matching as matching
from synth.graph.grounding import ground
from synth.graph.matching import Match, by_name, by_vector, usable
from synth.graph.references import Finder, Rule
from tests.graph.graph_corpus import LINKED, index, top


def concepts(*rows: tuple[str, str, str]) -> pa.Table:
    return pa.table(
        dict(zip(("concept_id", "kind", "name"), map(list, zip(*rows, strict=True)), strict=True))
    )


GRAPH = concepts(
    ("t2", "topic", "geometry"),
    ("k1", "key_concept", "geometry"),
    ("t1", "topic", "number theory"),
    ("k2", "key_concept", "chord of a circle"),
)
NAMES = {"w1": "1. Geometry:", "w2": "$Number$ theory", "w3": "chords of circles", "w4": "ring theory"}


def test_names_are_compared_in_their_canonical_form_and_key_concepts_go_first() -> None:
    assert by_name(NAMES, GRAPH) == {
        "w1": Match("w1", "k1", "name", 1.0),
        "w2": Match("w2", "t1", "name", 1.0),
    }


def test_names_of_which_nothing_is_left_are_nothing_alike() -> None:
    assert by_name({"w": "(b)"}, concepts(("k", "key_concept", "(a)"))) == {}


def unit(*rows: tuple[float, ...]) -> np.ndarray:
    found = np.array(rows, np.float32)
    return found / np.where((found**2).sum(1) > 0, np.sqrt((found**2).sum(1)), 1)[:, None].astype(np.float32)


def test_the_nearest_is_taken_from_the_threshold_on_and_named_below_it() -> None:
    known = unit((1, 0, 0), (0, 1, 0), (0, 0, 1), (0.6, 0.8, 0))
    weak = unit((0.6, 0.8, 0), (0.8, 0.1, 0.6), (0, 0, 0))
    found = by_vector(["w3", "w4", "w5"], weak, GRAPH, known, 0.9)
    assert found["w3"] == Match("w3", "k2", "embedding", 1.0)
    assert found["w4"][:3] == ("w4", "t2", "none")
    assert found["w4"].score == pytest.approx(0.796, abs=1e-3)
    assert found["w5"] == Match("w5", None, "none", 0.0)
    assert usable(found | by_name(NAMES, GRAPH)) == {"w3": "k2", "w1": "k1", "w2": "t1"}


def test_of_equally_near_ones_the_key_concept_with_the_smallest_id_is_taken() -> None:
    known = unit((1, 0), (1, 0), (1, 0), (2, 0))
    for order in ([0, 1, 2, 3], [3, 2, 1, 0]):
        found = by_vector(["w"], unit((1, 0)), GRAPH.take(order), known[order], 0.5)
        assert found["w"].concept_id == "k1"


def test_a_graph_without_concepts_has_nothing_near() -> None:
    found = by_vector(["w"], unit((1, 0)), GRAPH.slice(0, 0), np.zeros((0, 2), np.float32), 0.5)
    assert found["w"] == Match("w", None, "none", 0.0)


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 3))
def test_the_search_is_exact_whatever_the_order_and_the_blocks(seed: int, block: int) -> None:
    rng = np.random.default_rng(seed)
    weak, known = unit(*rng.normal(size=(5, 3))), unit(*rng.integers(-1, 2, size=(12, 3)))
    ids = [f"c{place:02d}" for place in range(12)]
    graph = concepts(*((name, "topic", name) for name in ids))
    exact = (weak.astype(float) @ known.astype(float).T).round(6)
    wanted = {f"w{row}": ids[int(exact[row].argmax())] for row in range(5)}
    order = rng.permutation(12)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matching, "BLOCK", block)
        found = by_vector(sorted(wanted), weak, graph.take(order), known[order], -1)
    assert {w: match.concept_id for w, match in found.items()} == wanted


def test_references_rest_on_the_concepts_that_were_found() -> None:
    graph = index(LINKED)
    finder = Finder.of(graph, Rule(), 3)
    found = {"w1": "k5", "w2": "k6", "w3": "k5", "w4": "gone"}
    grounded = ground(["w4", "w3", "w2", "w1", "w0"], found, graph, finder)
    assert graph.ids(grounded.concepts) == ["k5", "k6"]
    assert list(grounded.references) == top(graph, grounded.concepts, 2, True, 3)
    assert graph.passages[grounded.references[0][0]] == "p04"


def test_a_set_of_which_the_graph_has_nothing_has_no_reference() -> None:
    graph = index(LINKED)
    assert ground(["w"], {}, graph, Finder.of(graph, Rule(), 0)) == ((), ())
