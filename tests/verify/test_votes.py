import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.verify.equivalence.decide import by_rules, form_of
from synth.verify.votes import Vote, clusters, decided, fewest, vote

SMALL = st.lists(st.sampled_from(["a", "b", "c", None]), max_size=9)


def equal(first: str, second: str) -> bool:
    return first == second


def same(first: str, second: str) -> bool | None:
    return by_rules(first, second).equal


def test_forms_of_a_half_are_one_cluster() -> None:
    answers = ["1/2", "3", "0.5", None, r"\frac12", "3.0", r"\dfrac{1}{2}"]
    assert clusters(answers, same, form_of) == [[0, 2, 4, 6], [1, 5]]


def test_equal_forms_cost_no_comparison() -> None:
    compared = []

    def counted(first: str, second: str) -> bool | None:
        compared.append((first, second))
        return same(first, second)

    clusters(["$7$", "7", " 7.", "8", "8", "7"], counted, form_of)
    assert compared == [("$7$", "8")]


def test_a_cluster_holds_nothing_that_is_known_to_differ() -> None:
    # 50 % is taken for either of the two, as a gold answer may leave the sign out.
    assert clusters(["50%", "0.5", "50"], same, form_of) == [[0, 1], [2]]


def test_an_undecided_comparison_joins_nothing() -> None:
    assert clusters(["x", "y"], lambda a, b: None) == [[0], [1]]


@given(SMALL)
def test_clusters_hold_each_answer_once_and_no_failure(answers: list[str | None]) -> None:
    found = clusters(answers, equal)
    assert sorted(itertools.chain(*found)) == [p for p, a in enumerate(answers) if a is not None]
    assert [group[0] for group in found] == sorted(group[0] for group in found)


@pytest.mark.parametrize(
    ("answers", "share", "margin", "winner", "why"),
    [
        ("aaaaaaaa", 0.5, 1, 0, "agreed"),
        ("baaaab--", 0.5, 1, 1, "agreed"),  # 4 of 8, failures counted
        ("aaaa----", 0.5, 1, 0, "agreed"),
        ("aaab----", 0.5, 1, None, "below_share"),
        ("----aaa-", 0.5, 1, None, "below_share"),
        ("aaaabbbb", 0.5, 1, None, "tie"),
        ("aabb", 0.25, 1, None, "tie"),
        ("abcdefgh", 0.1, 1, None, "tie"),
        ("aaabbc", 0.5, 2, None, "below_margin"),
        ("aaaabb", 0.5, 2, 0, "agreed"),
        ("a", 0.5, 2, None, "below_margin"),
        ("--------", 0.1, 1, None, "no_answers"),
        ("", 0.5, 1, None, "no_answers"),
        ("aaab", 0.76, 1, None, "below_share"),
        ("aaab", 0.75, 1, 0, "agreed"),
    ],
)
def test_votes(answers: str, share: float, margin: int, winner: int | None, why: str) -> None:
    samples = [None if a == "-" else a for a in answers]
    found = vote(samples, equal, share, margin)
    assert (found.winner, found.why) == (winner, why)


def test_four_failures_of_eight_never_are_the_label() -> None:
    for others in itertools.product("ab", repeat=4):
        found = vote([None, *others, None, None, None], equal)
        assert found.winner is None or len(set(others)) == 1
    assert vote([None] * 4 + ["None"] * 3 + [None], equal).winner is None


def test_a_vote_says_how_it_was_reached() -> None:
    assert vote(["a", "b", "a", None], equal) == Vote(0, "agreed", 0.5, (2, 1))


@settings(deadline=None)
@given(SMALL, st.sampled_from([0.25, 0.5, 0.6, 1.0]), st.integers(1, 2))
def test_what_is_decided_early_stays_so(answers: list[str | None], share: float, margin: int) -> None:
    for done in range(len(answers) + 1):
        sizes = [len(group) for group in clusters(answers[:done], equal)]
        if not decided(sizes, len(answers) - done, len(answers), share, margin):
            continue
        now = clusters(answers[:done], equal)
        for rest in itertools.product(["a", "b", "c", None], repeat=min(len(answers) - done, 3)):
            if len(rest) == len(answers) - done:
                winner = vote([*answers[:done], *rest], equal, share, margin).winner
                assert winner is None or winner == max(now, key=len)[0]


def test_a_vote_is_decided_as_soon_as_it_can_be() -> None:
    assert decided([4], 3, 8)
    assert not decided([4], 4, 8)  # the other four may agree on something else
    assert not decided([3], 5, 8)
    assert decided([5, 1], 2, 8)
    assert decided([1, 1, 1, 1, 1], 2, 8)  # none can reach four
    assert not decided([], 8, 8)
    assert not decided([4, 3], 1, 8)
    assert decided([], 0, 8)


@pytest.mark.parametrize(
    ("sizes", "left", "total", "share", "margin", "more"),
    [
        ([], 8, 8, 0.5, 1, 5),
        ([], 8, 8, 0.5, 2, 5),  # five apart from the three that are left
        ([4], 4, 8, 0.5, 1, 1),
        ([4, 1], 3, 8, 0.5, 1, 1),
        ([3, 2], 3, 8, 0.5, 1, 2),  # another two for the first, or two for nobody
        ([1, 1, 1, 1, 1], 3, 8, 0.5, 1, 1),  # one that differs again: none can reach four
        ([], 1, 1, 0.5, 1, 1),
        ([], 8, 8, 1.0, 1, 1),  # one without an answer
    ],
)
def test_the_fewest_that_could_decide(
    sizes: list[int], left: int, total: int, share: float, margin: int, more: int
) -> None:
    assert fewest(sizes, left, total, share, margin) == more


@settings(deadline=None)
@given(SMALL, st.sampled_from([0.25, 0.5, 0.6, 1.0]), st.integers(1, 2))
def test_fewer_than_the_fewest_decide_nothing(answers: list[str | None], share: float, margin: int) -> None:
    total = len(answers) + 3
    sizes = [len(group) for group in clusters(answers, equal)]
    if decided(sizes, 3, total, share, margin):
        return
    for more in range(1, fewest(sizes, 3, total, share, margin)):
        for rest in itertools.product(["a", "b", "c", "d", None], repeat=more):
            grown = [len(group) for group in clusters([*answers, *rest], equal)]
            assert not decided(grown, 3 - more, total, share, margin)
