"""Rows cut to the shares of their categories: in, accepted rows and budgets; out, who stays.

Without a target: the largest number of rows of which each category has its share, if that costs no more rows
than it may. If it costs more, so many are left out as may be, one by one where there are most for the budget:
rows were paid for, and one poor category must not decide over all. A category with rows keeps one at least.
With a target: that many rows by the shares, and what a category lacks goes to the others.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction
from heapq import heapify, heappop, heapreplace
from typing import Any

import pyarrow as pa

from synth.sws.categories import budgets as shared_out

Row = dict[str, Any]
Counts = dict[str, int]


def balanced(
    rows: Sequence[Row], budgets: pa.Table, target: int, most_left_out: float
) -> tuple[frozenset[str], Counts]:
    """Ids of the rows that stay, and how many each category has.

    Of a category those stay that come first by combination, then by question: ids are hashes, so that is a
    draw that depends on content only. `most_left_out` is a share of the rows; a target goes before it.
    """
    weights = dict(zip(budgets["category"].to_pylist(), budgets["budget"].to_pylist(), strict=True))
    there = Counter(row["category"] for row in rows)
    due = _due({name: weights[name] for name in sorted(there)}, there, target, most_left_out)
    left, kept = dict(due), set()
    for row in sorted(rows, key=lambda row: (row["combination_id"], row["id"])):
        if left[row["category"]]:
            left[row["category"]] -= 1
            kept.add(row["id"])
    return frozenset(kept), due


def _due(weights: Counts, there: Mapping[str, int], target: int, most_left_out: float) -> Counts:
    if target:
        return _placed(weights, min(target, sum(there.values())), there)
    exact = _exact(weights, there)
    rows = sum(there.values())
    may_go = int(Fraction(str(most_left_out)) * rows)
    return exact if rows - sum(exact.values()) <= may_go else _fewer(weights, there, may_go)


def _exact(weights: Counts, there: Mapping[str, int]) -> Counts:
    """The most rows by the shares; one of a category whose share is less than a row."""
    whole = sum(weights.values())
    # Beyond this a category would have to give one row more than it has, whatever the rounding.
    most = min(((there[n] + 1) * whole // weights[n] for n in weights if weights[n]), default=0)
    most = min(most, sum(there.values()))
    while most and not _fits(placed := _placed(weights, most), there):
        most -= 1
    return {name: max(1, placed[name] if most else 0) for name in weights}


def _fewer(weights: Counts, there: Mapping[str, int], may_go: int) -> Counts:
    """Less `may_go` rows, each of the category that then has the most rows for its budget."""
    due = {name: there[name] for name in weights}
    full = [(-Fraction(due[name], weights[name]), name) for name in due if weights[name]]
    heapify(full)
    while may_go and full:
        name = full[0][1]
        if due[name] == 1:
            heappop(full)
            continue
        due[name] -= 1
        may_go -= 1
        heapreplace(full, (-Fraction(due[name], weights[name]), name))
    return due


def _fits(placed: Mapping[str, int], there: Mapping[str, int]) -> bool:
    return all(count <= there[name] for name, count in placed.items())


def _placed(weights: Mapping[str, int], rows: int, caps: Mapping[str, int] | None = None) -> Counts:
    whole = sum(weights.values())
    given = shared_out({name: (weight, whole) for name, weight in weights.items()}, rows, caps)
    return {name: share.budget for name, share in given.items()}
