"""Rows for training out of rollouts: right ones, pairs, prompts. Golden cases, and what holds for any table."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.errors import ConfigError
from synth.rollouts.pairs import Match, pairs
from synth.rollouts.prompts import DROPPED, prompts, rebalanced
from synth.rollouts.supervised import Choice, supervised
from synth.rollouts.tables import PAIRS, PROMPTS, schema_of
from tests.rollouts.tables import of, row, shuffled, table, tables

BY_ID = "rollout_id"


def kinds(rollouts: pa.Table) -> list[str]:
    return [text[-1] for text in rollouts["response"].to_pylist()]


@settings(deadline=None)
@given(tables(), st.randoms(use_true_random=False))
def test_all_right_responses_and_no_other(rollouts: pa.Table, random: object) -> None:
    kept = supervised(rollouts)
    wanted = [r for r in rollouts.to_pylist() if r["correct"] and not r["truncated"]]
    assert kept[BY_ID].to_pylist() == sorted(r[BY_ID] for r in wanted)


@settings(deadline=None)
@given(tables(), st.integers(1, 4), st.sampled_from(["shortest", "seeded"]), st.data())
def test_a_few_of_each_problem_whatever_the_order(
    rollouts: pa.Table, most: int, choose: Choice, data: st.DataObject
) -> None:
    kept = supervised(rollouts, per_problem=most, choose=choose, seed=3)
    order = data.draw(st.permutations(range(rollouts.num_rows)))
    assert supervised(shuffled(rollouts, list(order)), per_problem=most, choose=choose, seed=3).equals(kept)
    everything = supervised(rollouts)
    for problem in set(rollouts["problem_id"].to_pylist()):
        of_all, of_kept = (
            [r["tokens"] for r in t.to_pylist() if r["problem_id"] == problem] for t in (everything, kept)
        )
        assert len(of_kept) == min(most, len(of_all))
        if choose == "shortest":
            assert sorted(of_kept) == sorted(of_all)[:most]


def test_another_seed_draws_others() -> None:
    rollouts = table("r" * 40)
    drawn = {tuple(supervised(rollouts, per_problem=3, seed=seed)[BY_ID].to_pylist()) for seed in range(5)}
    assert len(drawn) > 1


@settings(deadline=None)
@given(tables(), st.integers(0, 4), st.sampled_from(["length", "seeded"]), st.booleans(), st.data())
def test_pairs_are_right_against_wrong_of_one_problem(
    rollouts: pa.Table, most: int, match: Match, truncated: bool, data: st.DataObject
) -> None:
    found = pairs(rollouts, per_problem=most, match=match, truncated=truncated, seed=5)
    order = data.draw(st.permutations(range(rollouts.num_rows)))
    again = shuffled(rollouts, list(order))
    assert pairs(again, per_problem=most, match=match, truncated=truncated, seed=5).equals(found)
    rows = {r[BY_ID]: r for r in rollouts.to_pylist()}
    used = found["chosen_id"].to_pylist() + found["rejected_id"].to_pylist()
    assert len(set(used)) == len(used)
    for pair in found.to_pylist():
        chosen, rejected = rows[pair["chosen_id"]], rows[pair["rejected_id"]]
        assert chosen["problem_id"] == rejected["problem_id"] == pair["problem_id"]
        assert (chosen["correct"], chosen["truncated"]) == (True, False)
        assert rejected["correct"] is not True
        assert rejected["truncated"] or rejected["correct"] is False
        assert truncated or not rejected["truncated"]
        assert (pair["chosen"], pair["rejected"]) == (chosen["response"], rejected["response"])
        assert (pair["chosen_length"], pair["rejected_length"]) == (chosen["tokens"], rejected["tokens"])
    for problem in set(rollouts["problem_id"].to_pylist()):
        said = [r["response"][-1] for r in rollouts.to_pylist() if r["problem_id"] == problem]
        bad = said.count("w") + truncated * (said.count("t") + said.count("u"))
        can = min(said.count("r"), bad)
        assert found["problem_id"].to_pylist().count(problem) == (min(can, most) if most else can)


def test_the_partner_is_the_nearest_in_length() -> None:
    lengths = {"r": [100, 1000], "w": [90, 105, 400, 990, 2000]}
    rows = [
        row("a", place + 10 * (kind == "w"), kind, tokens=size)
        for kind, sizes in lengths.items()
        for place, size in enumerate(sizes)
    ]
    found = pairs(of(rows), per_problem=0).to_pylist()
    assert {(p["chosen_length"], p["rejected_length"]) for p in found} == {(100, 105), (1000, 990)}


def test_of_two_equally_near_the_shorter_and_of_equals_the_first() -> None:
    rows = [
        row("a", 0, "r", tokens=50),
        *(row("a", n, "w", tokens=t) for n, t in ((1, 60), (2, 40), (3, 40))),
    ]
    assert pairs(of(rows))["rejected_id"].to_pylist() == ["r_a_m_2"]


def test_pairs_golden() -> None:
    """Guards the seeded draw: who changes it changes every dataset that was made with it."""
    found = pairs(table("rrww", "rw", "ww", "rrr"), per_problem=2, match="seeded", seed=1)
    assert found.schema.equals(schema_of(PAIRS))
    assert [(p["chosen"], p["rejected"]) for p in found.to_pylist()] == GOLDEN_PAIRS


GOLDEN_PAIRS = [("a 1 r", "a 3 w"), ("a 0 r", "a 2 w"), ("b 0 r", "b 1 w")]


@settings(deadline=None)
@given(tables(), st.integers(0, 3))
def test_rebalanced_groups_are_one_to_one(rollouts: pa.Table, seed: int) -> None:
    kept = rebalanced(rollouts, seed=seed)
    for problem in set(rollouts["problem_id"].to_pylist()):
        had, got = (
            [r["response"][-1] for r in t.to_pylist() if r["problem_id"] == problem] for t in (rollouts, kept)
        )
        assert got.count("r") == got.count("w") == min(had.count("r"), had.count("w"))
        assert len(got) == 2 * got.count("r")


def test_every_dropped_problem_has_its_reason() -> None:
    rows = table("??t", "www", "rrw", "rw", "rww").to_pylist()
    for place, tokens in enumerate((1, 100)):
        rows[-5 + place]["tokens"] = tokens  # the problem d
    found = prompts(of(rows), max_pass_rate=0.5, max_length_cv=0.5)
    dropped = dict(zip(*(found.dropped[n].to_pylist() for n in ("problem_id", "reason")), strict=True))
    assert dropped == {"a": "undecided", "b": "never_right", "c": "too_easy", "d": "uneven_length"}
    assert set(dropped.values()) == set(DROPPED)
    assert found.kept["problem_id"].to_pylist() == ["e"]
    assert found.kept["reason"].to_pylist() == [None]
    assert kinds(found.rollouts) == ["r", "w"]
    assert found.kept.schema.equals(schema_of(PROMPTS))


@settings(deadline=None)
@given(tables(), st.floats(0, 1), st.floats(0, 2))
def test_each_problem_is_kept_or_dropped(rollouts: pa.Table, cap: float, spread: float) -> None:
    found = prompts(rollouts, max_pass_rate=cap, max_length_cv=spread)
    kept, dropped = (t["problem_id"].to_pylist() for t in (found.kept, found.dropped))
    assert sorted(kept + dropped) == sorted(set(rollouts["problem_id"].to_pylist()))
    assert all(0 < r["pass_rate"] <= cap and r["length_cv"] <= spread for r in found.kept.to_pylist())
    assert set(found.rollouts["problem_id"].to_pylist()) <= set(kept)


def test_prompts_are_of_one_student() -> None:
    rows = of(
        [row("a", n, k, model=m) for m in ("m1", "m2") for n, k in enumerate("rw" if m == "m1" else "ww")]
    )
    with pytest.raises(ConfigError, match="several models"):
        prompts(rows)
    assert prompts(rows, model="m1").kept["problem_id"].to_pylist() == ["a"]
    assert prompts(rows, model="m2").dropped["reason"].to_pylist() == ["never_right"]
