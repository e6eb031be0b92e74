"""The golden file, the rules' policy, and that the order of two answers makes no difference."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.verify.equivalence.decide import MAX_CHARS, by_rules, form_of
from synth.verify.equivalence.engine import Equivalence
from synth.verify.equivalence.outcome import Outcome

GOLDEN = Path(__file__).parents[1] / "golden" / "equivalence.jsonl"
CASES: list[dict[str, Any]] = [json.loads(line) for line in GOLDEN.read_text().splitlines()]
NAMED = {"fractions", "decimals", "intervals", "sets and lists", "units", "no solution", "several answers"}

pytest.importorskip("math_verify")


@pytest.fixture(scope="module")
def engine() -> Iterator[Equivalence]:
    with Equivalence(seconds=20) as found:
        yield found


def name(case: dict[str, Any]) -> str:
    return f"{case['source']}: {case['gold']} - {case['answer']}"


@pytest.mark.parametrize("case", CASES, ids=name)
def test_golden(case: dict[str, Any], engine: Equivalence) -> None:
    outcome = engine.same(case["gold"], case["answer"])
    assert outcome.equal is case["equal"], outcome.reason
    assert engine.same(case["answer"], case["gold"]).equal is case["equal"]
    assert outcome.reason


def test_the_golden_file_has_what_it_should() -> None:
    assert len(CASES) >= 300
    assert {case["source"] for case in CASES} >= NAMED
    assert len({(case["gold"], case["answer"]) for case in CASES}) == len(CASES)
    assert {case["equal"] for case in CASES} == {True, False, None}


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        ("", "5"),
        ("5", " "),
        ("", ""),
        ("$ $", "$$"),
        ("9" * (MAX_CHARS + 1), "8"),
        ("18 apples", "18 oranges"),
    ],
)
def test_what_nobody_can_say_is_undecided(gold: str, answer: str, engine: Equivalence) -> None:
    outcome = engine.same(gold, answer)
    assert outcome.equal is None and outcome.reason


def test_long_answers_that_are_the_same_text_are_the_same() -> None:
    assert by_rules("9" * 100_000, "9" * 100_000 + "\n").equal is True


def test_outcomes_come_in_the_order_of_pairs(engine: Equivalence) -> None:
    pairs = [(r"\sum_{k=1}^{4} k", "10"), ("1", "2"), (r"\sum_{k=1}^{4} k", "11"), ("3", "3.0")]
    assert [outcome.equal for outcome in engine.outcomes(pairs)] == [True, False, False, True]
    assert list(engine.outcomes([])) == []


def test_one_direction_alone_is_not_enough(engine: Equivalence) -> None:
    # The library itself takes `2x + z = 1` for 1 where 1 is gold.
    from synth.verify.equivalence import library

    assert library.same("1", "2x+z=1") == library.ONE_WAY
    assert library.same(r"x^2+1=0", r"x^2+2=0").equal is not True


def test_the_reader_that_evaluates_is_never_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from synth.verify.equivalence import library

    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("text was evaluated")

    library.warm()  # what the library makes of its own code when it is loaded is not ours
    monkeypatch.setattr("builtins.eval", forbidden)
    assert library.same("2x+1.5", "1.5+x 2").equal is True
    for text in (
        rf"\text{{open('{tmp_path}/made','w')}}",
        f"open('{tmp_path}/made','w')",
        r"\mathrm{exit()}",
    ):
        library.same(text, "5")
    assert not list(tmp_path.iterdir())


@given(
    st.text(alphabet=r"\frac{}()[],;=<>^_+-*/.0123456789xyπ∞±%°$ or\text", max_size=40), st.text(max_size=20)
)
def test_rules_never_fail_and_are_symmetric(gold: str, answer: str) -> None:
    outcome = by_rules(gold, answer)
    assert isinstance(outcome, Outcome)
    assert by_rules(answer, gold).equal is outcome.equal
    assert by_rules(gold, gold).equal is (True if gold.strip() else None)
    assert form_of(gold) == form_of(f" {gold} ")


@settings(deadline=None)
@given(st.integers(-(10**9), 10**9), st.integers(1, 10**6), st.integers(1, 50))
def test_fractions_are_exact(above: int, below: int, factor: int) -> None:
    fraction, larger = rf"\frac{{{above}}}{{{below}}}", f"{above * factor}/{below * factor}"
    assert by_rules(fraction, larger).equal is True
    assert by_rules(fraction, f"{above * factor + 1}/{below * factor}").equal is False
