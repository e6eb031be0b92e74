"""Answers of several samples: who agrees with whom, and whether that is enough for a label.

In: the final answers of one question, None where none was found, and a comparison. Out: clusters of places,
and a vote. Nothing here knows how answers are compared. A failed extraction agrees with nothing, not even
with another one, and counts in the number of which a share is needed; a tie has no winner.
"""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

Same = Callable[[str, str], bool | None]
Why = Literal["agreed", "no_answers", "tie", "below_share", "below_margin"]


class Vote(NamedTuple):
    """The winning cluster's first place, or None; and how it came to that.

    `agreement` is the largest cluster's share of all samples, also of those without an answer.
    """

    winner: int | None
    why: Why
    agreement: float
    sizes: tuple[int, ...]


def clusters(answers: Sequence[str | None], same: Same, form: Callable[[str], str] = str) -> list[list[int]]:
    """The places of answers that agree, in the order of first appearance; those of None are in no cluster.

    `form` is a normal form: answers that share it agree, at the cost of no comparison. Others are compared
    with the first answer of each cluster, and then with its other forms: one that is known to differ from the
    new one keeps it out, as 50 % may be 0.5 and may be 50, and these two are different.
    """
    found: list[list[int]] = []
    forms: list[dict[str, str]] = []
    known: dict[str, int] = {}
    for place, answer in enumerate(answers):
        if answer is None:
            continue
        key = form(answer)
        if key not in known:
            known[key] = _cluster_of(answer, forms, same)
            if known[key] == len(found):
                found.append([])
                forms.append({})
            forms[known[key]][key] = answer
        found[known[key]].append(place)
    return found


def _cluster_of(answer: str, forms: Sequence[dict[str, str]], same: Same) -> int:
    """The number of the first cluster that takes the answer, or of a new one."""
    for number, members in enumerate(forms):
        first, *others = members.values()
        if same(first, answer) is True and all(same(other, answer) is not False for other in others):
            return number
    return len(forms)


def vote(
    answers: Sequence[str | None],
    same: Same,
    minimum_share: float = 0.5,
    minimum_margin: int = 1,
    form: Callable[[str], str] = str,
) -> Vote:
    """The answer that at least `minimum_share` of all samples agree on; its text is `answers[winner]`.

    `minimum_margin` is by how many votes the second must be behind: 1 rejects ties, 2 is stricter.
    """
    return count(clusters(answers, same, form), len(answers), minimum_share, minimum_margin)


def count(
    found: Sequence[Sequence[int]], total: int, minimum_share: float = 0.5, minimum_margin: int = 1
) -> Vote:
    """The vote of `total` samples whose answers are in these clusters."""
    sizes = tuple(sorted(map(len, found), reverse=True))
    agreement = sizes[0] / total if sizes else 0.0
    why = _why(sizes, total, minimum_share, minimum_margin)
    winner = max(found, key=len)[0] if why == "agreed" else None
    return Vote(winner, why, agreement, sizes)


def _why(sizes: Sequence[int], total: int, minimum_share: float, minimum_margin: int) -> Why:
    if not sizes:
        return "no_answers"
    # In whole votes: half of 8 is 4, and no rounding of a share decides.
    if sizes[0] < minimum_share * total - 1e-9:
        return "below_share"
    margin = sizes[0] - (sizes[1] if len(sizes) > 1 else 0)
    if margin == 0:
        return "tie"
    return "agreed" if margin >= minimum_margin else "below_margin"


def decided(
    sizes: Sequence[int], left: int, total: int, minimum_share: float = 0.5, minimum_margin: int = 1
) -> bool:
    """Whether the outcome of a vote is certain while `left` of its `total` samples are still to come.

    Certain that the first wins, whatever comes; or certain that nobody can.
    """
    first, second = [*sorted(sizes, reverse=True), 0, 0][:2]
    needed = minimum_share * total - 1e-9
    if first >= needed and first - second - left >= max(minimum_margin, 1):
        return True
    # Nobody can: the first, with all that come, stays below; or cannot get far enough before the second.
    return first + left < needed or (left + first - second < max(minimum_margin, 1))


def fewest(
    sizes: Sequence[int], left: int, total: int, minimum_share: float = 0.5, minimum_margin: int = 1
) -> int:
    """How many more of the `left` samples it takes at the least until the outcome may be certain."""
    first, *others = [*sorted(sizes, reverse=True), 0]
    for more in range(1, left):
        likely = ([first + more, *others], sizes)  # all agree with the first, or with nothing
        if any(decided(one, left - more, total, minimum_share, minimum_margin) for one in likely):
            return more
    return left
