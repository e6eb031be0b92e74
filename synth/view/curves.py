"""A curve of accuracies as a small picture: in, a share at each visit; out, the points of a line."""

import math
from contextlib import suppress
from typing import Any

# A curve of more visits is shown by its last ones.
MOST_VISITS = 200
WIDE, TALL = 100, 30


def curve(accuracies: Any) -> str:
    """The points of a curve in a picture of 100 by 30; a single visit is a level line."""
    return _points([min(1.0, max(0.0, a)) for a in _finite(accuracies)][-MOST_VISITS:])


def line_of(numbers: Any) -> str:
    """The points of a line of any numbers, from the least to the greatest of them."""
    found = _finite(numbers)[-MOST_VISITS:]
    low, high = min(found, default=0.0), max(found, default=0.0)
    if low >= 0 and high <= 1:
        return _points(found)
    span = high - low
    told = 0 < span < math.inf
    return _points([(a - low) / span if told else 0.5 for a in found])


def _finite(numbers: Any) -> list[float]:
    found = []
    for one in numbers or ():
        with suppress(OverflowError):  # a whole number of any length
            found += [float(one)] if one is not None and math.isfinite(one) else []
    return found


def _points(found: list[float]) -> str:
    if not found:
        return ""
    found = found * 2 if len(found) == 1 else found
    step = WIDE / (len(found) - 1)
    return " ".join(f"{i * step:.1f},{TALL - 1 - (TALL - 2) * a:.1f}" for i, a in enumerate(found))
