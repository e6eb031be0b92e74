"""A curve of accuracies as a small picture: in, a share at each visit; out, the points of a line."""

import math
from typing import Any

# A curve of more visits is shown by its last ones.
MOST_VISITS = 200
WIDE, TALL = 100, 30


def curve(accuracies: Any) -> str:
    """The points of a curve in a picture of 100 by 30; a single visit is a level line."""
    found = [min(1.0, max(0.0, float(a))) for a in accuracies or () if a is not None and math.isfinite(a)]
    found = found[-MOST_VISITS:]
    if not found:
        return ""
    found = found * 2 if len(found) == 1 else found
    step = WIDE / (len(found) - 1)
    return " ".join(f"{i * step:.1f},{TALL - 1 - (TALL - 2) * a:.1f}" for i, a in enumerate(found))
