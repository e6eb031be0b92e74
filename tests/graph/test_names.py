import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.graph.names import canonical, clean, is_grounded, stems


@pytest.mark.parametrize(
    "surface",
    [
        "Chain Rule",
        "1.2. chain rule",
        "- chain  rule:",
        "**Chain rule**",
        "chain rule (for derivatives)",
        "ｃhain rule",
    ],
)
def test_spellings_of_one_concept_are_joined(surface: str) -> None:
    assert canonical(surface) == "chain rule"


@pytest.mark.parametrize(
    ("one", "other"), [("c", "c++"), ("p-value", "value"), ("2-norm", "norm"), ("1d array", "2d array")]
)
def test_different_concepts_stay_apart(one: str, other: str) -> None:
    assert canonical(one) != canonical(other)


@given(st.text())
def test_canonical_is_idempotent_up_to_numbering(surface: str) -> None:
    once = canonical(surface)
    assert canonical(f"  {once}  ") in (once, canonical(once))
    assert clean(surface) == " ".join(clean(surface).split())


def test_grounded_names_occur_in_the_passage() -> None:
    words = stems(["The derivatives of a product are found by the product rule."])
    assert is_grounded("product rule", words)
    assert is_grounded("derivative", words)
    assert not is_grounded("chain rule", words)
    assert not is_grounded("", words)
