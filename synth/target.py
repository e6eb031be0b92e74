"""How many combinations are asked for a number of rows, and what came of it: numbers only.

In: how many rows earlier waves gave, and how many each combination can give at most. Out: how many
combinations the next wave takes. Combinations stand in the order of their ids, which are hashes, so any
first part of them is a fair sample of all.
"""

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from synth.store import Manifest

# Variance of the rows of a combination over their mean: 1 where questions stand or fall each by itself, up
# to the questions of a call where they do so together.
SPREAD = 2.0
# A wave may go beyond the target where that costs less than so many rows, or such a share of all.
FEW_ROWS, FEW_SHARE = 5.0, 0.01
# What few rows say of many combinations is trusted so far only.
LEAST_AIM, MOST_GROWTH = 1 / 3, 8

Stop = Literal["reached", "exhausted", "candidates"]


class Walked(NamedTuple):
    """A wave that is done: it asked the first `limit` combinations, and `accepted` rows came of them."""

    limit: int
    accepted: int


def next_limit(walked: Sequence[Walked], rows: int, most: Sequence[int], limit: int) -> int | None:
    """How many combinations the next wave asks; None where there is no next.

    `rows` are wanted (0: all), `limit` combinations may be asked, and `most` holds for each combination how
    many rows it and all before it can give.

    The first wave is the largest that cannot give too many rows, whatever the yield; no later one is smaller
    than that. Where the yield is not known well enough to end with little surplus, a wave aims below the
    target, else a little above.
    """
    done = walked[-1] if walked else Walked(0, 0)
    if walked and (not rows or done.accepted >= rows or done.limit >= limit):
        return None
    if not rows:
        return limit
    missing = rows - done.accepted
    before = most[done.limit - 1] if done.limit else 0
    safe = max(bisect_right(most, before + missing), done.limit + 1)
    if walked:
        aimed = done.limit + math.ceil(_aim(missing, rows, *_lately(walked)))
        safe = max(safe, min(aimed, MOST_GROWTH * done.limit))
    return min(limit, safe)


def _aim(missing: int, rows: int, asked: int, accepted: int) -> float:
    """How many more combinations are asked, given what came of those asked lately."""
    accepted = max(accepted, 1)
    # What the next rows vary by themselves, and what the yield is not known by.
    error = math.sqrt(SPREAD * missing * (1 + missing / accepted))
    if error <= max(FEW_ROWS, FEW_SHARE * rows):
        aim = missing + error
    else:
        aim = max(missing - error, missing * LEAST_AIM)
    return aim * asked / accepted


def _lately(walked: Sequence[Walked]) -> tuple[int, int]:
    """Combinations and rows of the later half: the more is there, the more is a duplicate of it."""
    last = walked[-1]
    half = max((one for one in walked if 2 * one.limit <= last.limit), default=Walked(0, 0))
    return last.limit - half.limit, last.accepted - half.accepted


class Outcome(NamedTuple):
    """What came of a target.

    `rows` were wanted (0: all), `accepted` passed, `kept` are published; `candidates` combinations were asked
    of `combinations`; `ceiling` is the setting. `rows_each` is the yield: accepted rows per combination.
    """

    rows: int
    accepted: int
    kept: int
    candidates: int
    combinations: int
    ceiling: int
    rows_each: float
    stop: Stop

    @property
    def is_missed(self) -> bool:
        """Whether fewer rows came than were wanted."""
        return bool(self.rows and self.kept < self.rows)


def outcome(manifests: Mapping[str, Manifest]) -> Outcome | None:
    """What came of the target of a run, from its manifests; None without a target, or before its end."""
    made = manifests.get("dataset")
    if made is None or "target.rows" not in made.made_from["settings"]:
        return None
    rows, ceiling = (made.made_from["settings"][f"target.{name}"] for name in ("rows", "candidates"))
    used, combinations = manifests["questions"].inputs, manifests["combinations"].outputs["combinations"]
    stop: Stop = "exhausted" if used >= combinations else "candidates"
    return Outcome(
        rows=rows,
        accepted=made.inputs,
        kept=made.outputs["dataset"],
        candidates=used,
        combinations=combinations,
        ceiling=ceiling,
        rows_each=round(made.inputs / used, 4) if used else 0.0,
        stop="reached" if rows and made.inputs >= rows else stop,
    )


def sentence(found: Outcome | Mapping[str, Any]) -> str:
    """What came of a target, for a person."""
    told = found if isinstance(found, Outcome) else Outcome(**found)
    asked = f"{told.candidates:,} of {told.combinations:,} combinations ({told.rows_each:.2g} rows each)"
    if not told.rows:
        return f"Target: all rows, {told.kept:,} from {asked}."
    ends = {
        "reached": "reached",
        "exhausted": "not reached, as no combination is left; more documents or more epochs give more",
        "candidates": f"not reached, as target.candidates ends it at {told.ceiling:,}; raise it to go on",
    }
    return f"Target: {told.kept:,} of {told.rows:,} rows, from {asked}: {ends[told.stop]}."
