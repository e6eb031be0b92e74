"""Which of several near-duplicates stays: a stated order, and no removal without a kept neighbour.

In: ids, the order in which they are preferred, and pairs of near-duplicates. Out: each removed id
with the kept id that it is like. Joining pairs into clusters and keeping one of each
would also remove rows that are like no kept row (22 % of its removals, measured): a row goes only
where a row that stays is like it, and no two rows that stay are a pair.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from synth.dedup.near import Pair


class Kept(NamedTuple):
    """The row that stays, and how alike the removed row is."""

    kept_id: str
    jaccard: float


def choose(ids: Sequence[str], order_key: Callable[[str], Any], pairs: Iterable[Pair]) -> dict[str, Kept]:
    """Removed ids. Pairs name rows by their place in `ids`; smaller order keys stay, then smaller ids.

    Rows of similarity 1 have the same n-grams, so they are like any other row in the same degree and
    share its pairs.
    """
    found = list(pairs)
    group = _same(len(ids), found)
    near: defaultdict[int, dict[int, float]] = defaultdict(dict)
    for left, right, jaccard in found:
        near[group[left]][group[right]] = near[group[right]][group[left]] = jaccard
    kept: dict[int, tuple[int, str]] = {}
    fate: dict[int, Kept] = {}
    removed: dict[str, Kept] = {}
    order = sorted(range(len(ids)), key=lambda place: (order_key(ids[place]), ids[place]))
    for rank, place in enumerate(order):
        mine, row_id = group[place], ids[place]
        if mine in fate:
            removed[row_id] = fate[mine]
        elif rivals := [(-j, kept[other]) for other, j in near[mine].items() if other in kept]:
            unlike, (_, kept_id) = min(rivals)
            removed[row_id] = fate[mine] = Kept(kept_id, -unlike)
        else:
            kept[mine] = (rank, row_id)
            fate[mine] = Kept(row_id, 1.0)
    return removed


def _same(count: int, pairs: Iterable[Pair]) -> list[int]:
    """For each place the first place of those that it equals (similarity 1 passes from pair to pair)."""
    first = list(range(count))

    def root(place: int) -> int:
        while first[place] != place:
            first[place] = place = first[first[place]]
        return place

    for left, right, jaccard in pairs:
        if jaccard == 1.0:
            a, b = sorted((root(left), root(right)))
            first[b] = a
    return [root(place) for place in range(count)]
