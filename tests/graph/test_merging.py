from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.config import GraphConfig
from synth.graph.merging import Concept, Merge, agree, merges, spelling, wording
from synth.graph.names import canonical
from synth.stages.graph import build_graph
from tests.stages.concept_tables import graph_inputs, key_concept, topic


def concepts(*names: str, kind: str = "key_concept") -> list[Concept]:
    """The first are found the most."""
    return [Concept(f"{kind}:{name}", kind, name, 100 - place) for place, name in enumerate(names)]


def found(*merged: Merge) -> dict[str, str]:
    return {merge.merged_name: merge.name for merge in merged}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("eigenvalue", "eigen-values"), ("identity", "identities"),
        ("box plot", "boxplots"), ("ｆｉｅｌｄ", "fields"), ("group", "Group."),
    ],
)  # fmt: skip
def test_plurals_hyphens_and_unicode_forms_are_one_spelling(one: str, other: str) -> None:
    assert spelling(one) == spelling(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("basis", "base"), ("mass", "mas"), ("https", "http"), ("statistics", "statistic"), ("theorem 1", "theorem 2"), ("limit function", "function limit"), ("C", "C#")],
)  # fmt: skip
def test_other_words_are_other_spellings(one: str, other: str) -> None:
    assert spelling(one) != spelling(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x < y", "x > y"), ("A ∪ B", "A ∩ B"), ("1.5", "15"), ("2.1", "21"), ("3/4", "34"), ("C++", "C"), ("C++", "C#"),
        ("C*-algebra", "C-algebra"), ("+1 matrix", "-1 matrix"), ("-1 matrix", "1 matrix"), ("e^x", "ex"), ("x-y", "xy"),
        ("n-1", "n1"), ("n!", "n"), ("f'", "f"), ("p(a|b)", "p(a,b)"), ("1 5", "15"), ("A* search", "A search"), ("A*", "A"),
    ],
)  # fmt: skip
def test_signs_tell_concepts_apart(one: str, other: str) -> None:
    assert merges(concepts(canonical(one), canonical(other)), None, 0.9, 8) == []
    alike = np.array([[1, 0], [1, 0]], np.float32)
    assert merges(concepts(one, other), alike, 0.9, 8) == [] or one == "1 5"


@pytest.mark.parametrize(
    ("one", "other"),
    [("well-ordered set", "well ordered sets"), ("p-values", "p value"), ("2-norm", "2 norm"), ("Cauchy–Schwarz", "Cauchy-Schwarz"), ("a_1", "a1")],
)  # fmt: skip
def test_hyphens_between_words_join_them(one: str, other: str) -> None:
    assert spelling(one) == spelling(other)


def test_the_rarer_name_is_taken_for_the_more_frequent() -> None:
    assert found(*merges(concepts("ring", "rings", "field"), None, 0.9, 8)) == {"rings": "ring"}
    turned = [concept._replace(passages=-concept.passages) for concept in concepts("ring", "rings")]
    assert found(*merges(turned, None, 0.9, 8)) == {"ring": "rings"}


def test_kinds_stay_apart() -> None:
    assert merges([*concepts("ring"), *concepts("rings", kind="topic")], None, 0.9, 8) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("rule of the derivatives", "derivative rules"), ("Cramer's rule", "Cramer rule"),
        ("factorisation of matrices", "factorization of matrices"), ("test for primes", "prime test"),
    ],
)  # fmt: skip
def test_the_same_words_in_another_order_or_form_are_one_wording(one: str, other: str) -> None:
    assert wording(one) == wording(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("metric space", "metric"), ("unweighted graph", "weighted graph"), ("linear algebra", "algebra"),
        ("limit function", "function limit"), ("simple group", "group"), ("linear functional", "linear function"),
    ],
)  # fmt: skip
def test_a_wider_name_or_an_opposite_is_another_wording(one: str, other: str) -> None:
    """All of these were near each other among the names of real documents."""
    assert wording(one) != wording(other)


def test_near_names_need_the_same_words() -> None:
    assert agree("Fibonacci numbers", "Fibonacci sequence")
    assert not agree("chain rule", "product law")
    assert not agree("theorem 1", "theorem 2")
    vectors = np.array([[1, 0], [0.995, 0.0998], [1, 0]], np.float32)
    named = concepts("derivative rule", "rule of derivatives", "slope")
    (merge,) = merges(named, vectors, 0.99, 8)
    assert (merge.merged_name, merge.name, merge.how) == ("rule of derivatives", "derivative rule", "similar")
    assert merge.score == pytest.approx(0.995, abs=1e-3)
    assert merges(named, vectors, 0.999, 8) == []


def test_no_chain_leads_from_one_meaning_to_another() -> None:
    """Each name is near the next one only: a chain would make one concept of all."""
    angles = np.arange(6) * 0.2
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    named = concepts(*(f"set {letter}" for letter in "abcdef"))
    asked: list[tuple[str, str]] = []

    def confirm(pairs: Sequence[tuple[str, str]]) -> list[bool]:
        asked.extend(pairs)
        return [True] * len(pairs)

    merged = merges(named, vectors, np.cos(0.25), 8, confirm)
    assert found(*merged) == {"set b": "set a", "set d": "set c", "set f": "set e"}
    assert {merge.how for merge in merged} == {"model"}
    assert not {merge.merged_id for merge in merged} & {merge.concept_id for merge in merged}
    assert asked == [(f"set {b}", f"set {a}") for a, b in pairwise("abcdef")]


def test_a_model_joins_what_it_takes_for_one_and_nothing_else() -> None:
    vectors = np.array([[1, 0], [0.999, 0.04], [0.998, 0.06], [0.997, 0.07]], np.float32)
    named = concepts("Fibonacci numbers", "Fibonacci sequence", "Fibonacci heap", "heap of Fibonacci")
    near = vectors / np.linalg.norm(vectors, axis=1)[:, None]
    said = merges(named, near, 0.9, 8, lambda pairs: ["sequence" in one for one, _ in pairs])
    assert {(m.merged_name, m.name, m.how) for m in said} == {
        ("Fibonacci sequence", "Fibonacci numbers", "model"),
        ("heap of Fibonacci", "Fibonacci heap", "similar"),
    }
    assert [m.merged_name for m in merges(named, near, 0.9, 8)] == ["heap of Fibonacci"]


def test_a_concept_takes_in_no_more_names_than_the_cap() -> None:
    named = concepts(*(("x" + " " * n + "ray" + "s" * (n % 2)) if n else "xray" for n in range(6)))
    assert len(merges(named, None, 0.9, 3)) < 5
    leaders = [merge.name for merge in merges(named, None, 0.9, 3)]
    assert all(leaders.count(name) <= 2 for name in leaders)


@given(
    st.lists(st.sampled_from(["ring", "rings", "field", "fields", "Rings", "group"]), unique=True),
    st.randoms(),
)
def test_the_order_of_concepts_does_not_matter(names: list[str], rng) -> None:  # type: ignore[no-untyped-def]
    one = concepts(*names)
    other = rng.sample(one, len(one))
    assert merges(one, None, 0.9, 8) == merges(other, None, 0.9, 8)


def test_a_merged_graph_counts_passages_once_and_can_be_undone() -> None:
    inputs = graph_inputs(
        {"a/1": {"sets": ["ring", "rings"]}, "a/2": {"set": ["rings"]}, "b/1": {"sets": ["ring"]}}
    )
    notes: list[str] = []
    output = build_graph(*inputs, GraphConfig(merge="spelling"), say=notes.append)
    output.check_balance("graph")
    rows = {row["concept_id"]: row for row in output.tables["concepts"].to_pylist()}
    assert set(rows) == {topic("sets"), key_concept("ring")}
    assert (rows[key_concept("ring")]["passages"], rows[key_concept("ring")]["name"]) == (3, "ring")
    assert rows[key_concept("ring")]["surfaces"] == [
        "ring of a/1",
        "ring of b/1",
        "rings of a/1",
        "rings of a/2",
    ]
    undone = {row["merged_id"]: row["concept_id"] for row in output.tables["merges"].to_pylist()}
    assert undone == {topic("set"): topic("sets"), key_concept("rings"): key_concept("ring")}
    assert notes == ["2 names were taken for others: 4 concepts became 2."]
    assert {row["concept_id"] for row in inputs[0].to_pylist()} == rows.keys() | undone.keys()


def test_nothing_is_merged_unless_asked() -> None:
    output = build_graph(*graph_inputs({"a/1": {"sets": ["ring", "rings"]}}), GraphConfig())
    assert output.tables["merges"].num_rows == 0
    assert output.tables["concepts"].num_rows == 3
