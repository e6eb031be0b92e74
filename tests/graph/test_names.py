import time

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
        "# chain rule #",
        "'chain rule'!",
        "chain rule(s)",
    ],
)
def test_spellings_of_one_concept_are_joined(surface: str) -> None:
    assert canonical(surface) == "chain rule"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("c", "c++"), ("p-value", "value"), ("2-norm", "norm"), ("1d array", "2d array"),
        ("C#", "C"), ("C#", "C++"), ("n!", "n"), ("f'", "f"), ("A*", "A"), ("-1 matrix", "1 matrix"), (".5", "5"),
        ("p(a|b)", "p(a,b)"), ("SO(3)", "SO(2)"), ("O(n)", "O"),
    ],
)  # fmt: skip
def test_different_concepts_stay_apart(one: str, other: str) -> None:
    assert canonical(one) != canonical(other)


def test_quotes_and_stars_around_a_name_are_none_of_its_signs() -> None:
    assert [canonical(name) for name in ("*A*", "'x'", "`C#`", "# C#", "(x)")] == ["a", "x", "c#", "c#", ""]


def test_a_name_with_very_many_blanks_takes_no_longer_than_its_length() -> None:
    """A model that loops: it took ten seconds for one name."""
    began = time.process_time()
    for filler in (" ", " (", "() ", "$", "-", "\\text ", "#"):
        canonical("normal" + filler * 40_000 + "subgroup")
    assert clean("normal" + " " * 40_000 + "subgroup") == "normal subgroup"
    # Not a speed: the square of the length would take twenty times as much.
    assert time.process_time() - began < 5


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
