"""Categories: spellings, budgets to the unit, caps."""

import random

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.errors import ConfigError
from synth.sws.categories import budgets, categories, category_name, supported
from synth.sws.tables import CATEGORIES

# Failed and total of the released 32B record.
RECORD = {
    "Geometry": (571, 3784),
    "Counting and Probability": (480, 3364),
    "Number Theory": (397, 3582),
    "Algebra": (254, 3237),
    "Precalculus": (91, 1210),
    "Intermediate Algebra": (104, 1773),
    "Prealgebra": (8, 217),
}
BUDGETS = {
    "Geometry": 230_867,
    "Counting and Probability": 218_305,
    "Number Theory": 169_567,
    "Algebra": 120_052,
    "Precalculus": 115_062,
    "Intermediate Algebra": 89_743,
    "Prealgebra": 56_404,
}
COUNTS = st.dictionaries(
    st.text("abcdefgh", min_size=1, max_size=3),
    st.tuples(st.integers(0, 60), st.integers(0, 60)).map(lambda two: (two[0], two[0] + two[1])),
    max_size=8,
)


def table(rows: list[tuple[str | None, str, bool]]) -> pa.Table:
    """Rows of (category, problem id, failed)."""
    names = ("category", "problem_id", "is_weakness")
    columns = list(zip(*rows, strict=True))
    kinds = (pa.string(), pa.string(), pa.bool_())
    return pa.table({n: pa.array(c, k) for n, c, k in zip(names, columns, kinds, strict=True)})


def test_budgets_of_the_released_record_to_the_unit() -> None:
    found = budgets(RECORD, 1_000_000)
    assert {name: share.budget for name, share in found.items()} == BUDGETS
    assert sum(BUDGETS.values()) == 1_000_000
    assert float(found["Geometry"].share) == pytest.approx(0.231, abs=5e-4)


@given(COUNTS, st.integers(0, 1000))
def test_budgets_add_up_and_stay_near_their_shares(counts: dict[str, tuple[int, int]], total: int) -> None:
    found = budgets(counts, total)
    given_out = sum(share.budget for share in found.values())
    assert given_out == (total if any(failed for failed, _ in counts.values()) else 0)
    assert all(abs(share.budget - total * share.share) < 1 for share in found.values())
    shuffled = list(counts.items())
    random.Random(0).shuffle(shuffled)
    assert budgets(dict(shuffled), total) == found


@given(
    COUNTS,
    st.integers(0, 1000),
    st.dictionaries(st.text("abcdefgh", min_size=1, max_size=3), st.integers(0, 300)),
)
def test_caps_hold_and_what_is_beyond_them_goes_to_others(
    counts: dict[str, tuple[int, int]], total: int, caps: dict[str, int]
) -> None:
    found = budgets(counts, total, caps)
    failed = [name for name in found if counts[name][0]]
    for name, share in found.items():
        assert share.budget <= caps.get(name, total)
        assert not share.capped or share.budget == caps[name]
    room = sum(caps.get(name, total) for name in failed)
    assert sum(share.budget for share in found.values()) == min(total, room)
    free = [
        (share.share, share.budget) for name, share in found.items() if not share.capped and counts[name][0]
    ]
    assert all(b[1] - a[1] >= -1 for a in free for b in free if b[0] >= a[0])


def test_a_cap_by_hand() -> None:
    counts = {"a": (1, 2), "b": (1, 4), "c": (1, 4)}
    found = {name: (share.budget, share.capped) for name, share in budgets(counts, 100, {"a": 10}).items()}
    assert found == {"a": (10, True), "b": (45, False), "c": (45, False)}
    assert budgets(counts, 100, {"a": 10, "b": 20, "c": 30})["c"].budget == 30


def test_nothing_failed_everything_failed_one_category() -> None:
    assert [s.budget for s in budgets({"a": (0, 5), "b": (0, 0)}, 100).values()] == [0, 0]
    assert [s.budget for s in budgets({"a": (5, 5), "b": (3, 3), "c": (9, 9)}, 100).values()] == [34, 33, 33]
    assert [s.budget for s in budgets({"a": (1, 500)}, 100).values()] == [100]


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("counting_and_probability", "Counting and Probability"),
        ("Counting & Probability", "Counting and Probability"),
        ("  COUNTING and-probability. ", "Counting and Probability"),
        ("Intermediate_Algebra", "Intermediate Algebra"),
        ("the_rest", "The Rest"),
        ("数论", "数论"),
        ("__", None),
        ("", None),
    ],
)
def test_one_spelling(spelling: str, name: str | None) -> None:
    assert category_name(spelling) == name
    assert name is None or category_name(name) == name


@given(st.text(max_size=20))
def test_a_name_is_its_own_spelling(spelling: str) -> None:
    name = category_name(spelling)
    assert name is None or category_name(name) == name


def test_what_a_pool_supports() -> None:
    assert [supported(n) for n in (0, 3, 5, 6, 40)] == [0, 1, 1, 2, 988]
    assert supported(40, shared=4) == 658_008 == supported(40, shared=9)
    assert supported(10, size=3, shared=1) == 15


def test_problems_are_counted_once_and_failed_where_all_their_histories_say_so() -> None:
    rows = [
        ("A", "1", True), ("A", "1", False), ("A", "2", True), ("A", "2", True), ("B", "3", False),
        (None, "4", True),
    ]  # fmt: skip
    found = categories(table(rows), 10, totals={"a": 5}, concepts={"uncategorised": 3})
    assert found.schema.equals(CATEGORIES.schema, check_metadata=True)
    shown = [
        (r["category"], r["problems"], r["failed"], r["rate"], r["budget"], r["capped"])
        for r in found.to_pylist()
    ]
    assert shown == [
        ("A", 5, 1, 0.2, 9, False), ("B", 1, 0, 0.0, 0, False), ("Uncategorised", 1, 1, 1.0, 1, True),
    ]  # fmt: skip


def test_totals_that_do_not_fit_are_told() -> None:
    rows = [("A", "1", True), ("A", "2", False)]
    with pytest.raises(ConfigError, match="no such category; it has A"):
        categories(table(rows), 10, totals={"B": 3})
    with pytest.raises(ConfigError, match="the log has 2 problems"):
        categories(table(rows), 10, totals={"a": 1})
