"""The rules of judging as tables, and agreement worked out by hand."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.config import JudgeConfig
from synth.errors import ConfigError
from synth.settings import build
from synth.verify.agreement import kappa, observed
from synth.verify.judging import (
    CRITERIA,
    DECISIVE,
    VERDICTS,
    Rule,
    Verdict,
    decide,
    lowest,
    settled,
    verdict_of,
)

SAID: tuple[Verdict | None, ...] = (*VERDICTS, None)
SHORT: dict[str, Verdict] = {"p": "perfect", "a": "acceptable", "b": "bad"}
LOW = "judged_too_low"


@pytest.mark.parametrize(
    ("marks", "verdict"),  # format, accuracy, difficulty, coverage, solvability
    [
        ("ppppp", "perfect"),
        ("apppp", "perfect"),
        ("ppapp", "perfect"),
        ("pppap", "perfect"),
        ("apapp", "acceptable"),
        ("papap", "acceptable"),
        ("ppppa", "acceptable"),
        ("aaaaa", "acceptable"),
        ("bpppp", "bad"),
        ("ppbpp", "bad"),
        ("aaaab", "bad"),
    ],
)
def test_a_verdict_follows_from_the_marks(marks: str, verdict: str) -> None:
    assert verdict_of({name: SHORT[mark] for name, mark in zip(CRITERIA, marks, strict=True)}) == verdict


def test_the_rule_of_marks_over_all_243_cases() -> None:
    for marks in product(VERDICTS, repeat=5):
        of = dict(zip(CRITERIA, marks, strict=True))
        perfect = all(of[name] == "perfect" for name in DECISIVE) and marks.count("perfect") >= 4
        expected = "bad" if "bad" in marks else "perfect" if perfect else "acceptable"
        assert verdict_of(of) == expected


# First judge down, second judge across: perfect, acceptable, bad, none.
TRUTH = {
    "asymmetric": """
        kept kept judged_bad no_verdict
        judged_too_low judged_too_low judged_bad no_verdict
        judged_bad judged_bad judged_bad judged_bad
        no_verdict no_verdict judged_bad no_verdict""",
    "minimum": """
        kept judged_too_low judged_bad no_verdict
        kept judged_too_low judged_bad no_verdict
        judged_bad judged_bad judged_bad judged_bad
        no_verdict no_verdict judged_bad no_verdict""",
    "paper": """
        kept kept judged_bad no_verdict
        kept judged_too_low judged_bad no_verdict
        judged_bad judged_bad judged_bad judged_bad
        no_verdict no_verdict judged_bad no_verdict""",
}


@pytest.mark.parametrize("rule", TRUTH)
def test_the_truth_table_of_two_judges(rule: str) -> None:
    config = JudgeConfig.model_validate({"rule": rule, "minimum": ("acceptable", "perfect")})
    expected = TRUTH[rule].split()
    found = [decide([[one], [other]], config.keeping(2)) for one, other in product(SAID, repeat=2)]
    assert [decision.reason or "kept" for decision in found] == expected


def test_one_judge_has_to_say_perfect() -> None:
    rule = JudgeConfig().keeping(1)
    assert [decide([[said]], rule).reason for said in SAID] == [None, LOW, "judged_bad", "no_verdict"]


@pytest.mark.parametrize(("least", "kept"), [(0, True), (2, True), (3, False)])
def test_perfects_are_counted_over_judges_and_passes(least: int, kept: bool) -> None:
    heard: list[list[Verdict | None]] = [["perfect", "acceptable"], ["acceptable", "perfect"]]
    assert decide(heard, Rule(None, least)).kept == kept


@pytest.mark.parametrize(
    ("passes", "said", "reason"),
    [
        ("pp", "perfect", None),
        ("aa", "acceptable", LOW),
        ("pa", "tie", "verdict_tied"),
        ("ap", "tie", "verdict_tied"),
        ("pb", "tie", "judged_bad"),
        ("ppa", "tie", "verdict_tied"),
        ("p-", None, "no_verdict"),
    ],
)
def test_a_verdict_that_changes_with_the_pass_is_a_tie(
    passes: str, said: str | None, reason: str | None
) -> None:
    heard = [SHORT.get(letter) for letter in passes]
    assert settled(heard) == said
    assert decide([heard], JudgeConfig().keeping(1)).reason == reason
    # A tie of the second judge is no verdict that could reach `acceptable` either.
    both = decide([["perfect"] * len(passes), heard], JudgeConfig().keeping(2))
    assert both.reason == (None if passes == "aa" else reason)


@given(st.lists(st.lists(st.sampled_from(SAID), min_size=1, max_size=3), min_size=1, max_size=3))
def test_bad_and_silence_are_never_kept(heard: list[list[Verdict | None]]) -> None:
    said = [verdict for passes in heard for verdict in passes]
    for config in (JudgeConfig(), JudgeConfig(rule="paper", perfects=0)):
        if {"bad", None} & set(said):
            assert not decide(heard, config.keeping(len(heard))).kept


def test_the_lowest_of_some_verdicts() -> None:
    assert lowest(["perfect", "acceptable", "perfect"]) == "acceptable"
    assert lowest(["bad", "perfect"]) == "bad"


@pytest.mark.parametrize(
    ("judge", "fault"),
    [
        ({"rule": "minimum"}, r"judge\.minimum has 0 entries for 2 judges"),
        ({"rule": "paper", "perfects": 5, "passes": 2}, r"judge\.perfects asks for 5"),
        ({"rule": "minimum", "minimum": ["bad", "perfect"]}, r"judge\.minimum\.0"),
    ],
)
def test_a_rule_that_does_not_fit_the_judges_is_a_fault(judge: dict[str, object], fault: str) -> None:
    with pytest.raises(ConfigError, match=fault):
        build({"roles": {"generator": "fake", "judge": ["fake", "embedded"]}, "judge": judge})


def test_one_of_each_is_said_as_one() -> None:
    said = str(JudgeConfig(rule="paper", perfects=2).fault_for(1))
    assert "but 1 judge in 1 pass gives 1 verdict;" in said


def pairs(counts: dict[str, int]) -> list[tuple[str, str]]:
    return [(two[0], two[1]) for two, count in counts.items() for _ in range(count)]


@pytest.mark.parametrize(
    ("counts", "agreement", "expected"),
    [
        ({"yy": 20, "yn": 5, "ny": 10, "nn": 15}, 0.7, 0.4),  # (0.7 - 0.5) / (1 - 0.5)
        ({"yy": 45, "yn": 15, "ny": 25, "nn": 15}, 0.6, 0.1304),  # (0.60 - 0.54) / (1 - 0.54)
        ({"pp": 5, "aa": 3, "bb": 2}, 1.0, 1.0),
        ({"yn": 5, "ny": 5}, 0.0, -1.0),
        ({"yy": 1, "yn": 1, "ny": 1, "nn": 1}, 0.5, 0.0),
        ({"yy": 9}, 1.0, None),
        ({"yn": 9}, 0.0, 0.0),
        ({}, None, None),
    ],
)
def test_kappa_by_hand(counts: dict[str, int], agreement: float | None, expected: float | None) -> None:
    assert observed(pairs(counts)) == agreement
    assert kappa(pairs(counts)) == (None if expected is None else pytest.approx(expected, abs=5e-5))


@given(st.lists(st.tuples(st.sampled_from("pab"), st.sampled_from("pab")), max_size=30))
def test_kappa_does_not_care_who_comes_first(given_pairs: list[tuple[str, str]]) -> None:
    one, other = kappa(given_pairs), kappa([(b, a) for a, b in given_pairs])
    assert one == (None if other is None else pytest.approx(other))
    assert one is None or -1 <= one <= 1 + 1e-9
