"""Rows cut to the shares of their categories (METHOD 3.9): in, accepted rows and budgets; out, who stays.

Without a target: the largest number of rows of which each category has its share. A category without any row
has no share, else there would be none of the others. With a target: that many rows by the shares, and what a
category lacks goes to the others.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from synth.sws.categories import budgets as shared_out

Row = dict[str, Any]


def balanced(rows: Sequence[Row], budgets: pa.Table, target: int) -> tuple[frozenset[str], dict[str, int]]:
    """Ids of the rows that stay, and how many each category has.

    Of a category those stay that come first by combination, then by question: ids are hashes, so that is a
    draw that depends on content only.
    """
    weights = dict(zip(budgets["category"].to_pylist(), budgets["budget"].to_pylist(), strict=True))
    there = Counter(row["category"] for row in rows)
    due = _due({name: weights[name] for name in sorted(there)}, there, target)
    left, kept = dict(due), set()
    for row in sorted(rows, key=lambda row: (row["combination_id"], row["id"])):
        if left[row["category"]]:
            left[row["category"]] -= 1
            kept.add(row["id"])
    return frozenset(kept), due


def _due(weights: Mapping[str, int], there: Mapping[str, int], target: int) -> dict[str, int]:
    if target:
        return _placed(weights, min(target, sum(there.values())), there)
    whole = sum(weights.values())
    # Beyond this a category would have to give one row more than it has, whatever the rounding.
    most = min(((there[n] + 1) * whole // weights[n] for n in weights if weights[n]), default=0)
    most = min(most, sum(there.values()))
    while most and not _fits(placed := _placed(weights, most), there):
        most -= 1
    return placed if most else dict.fromkeys(weights, 0)


def _fits(placed: Mapping[str, int], there: Mapping[str, int]) -> bool:
    return all(count <= there[name] for name, count in placed.items())


def _placed(weights: Mapping[str, int], rows: int, caps: Mapping[str, int] | None = None) -> dict[str, int]:
    whole = sum(weights.values())
    given = shared_out({name: (weight, whole) for name, weight in weights.items()}, rows, caps)
    return {name: share.budget for name, share in given.items()}
