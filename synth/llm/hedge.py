"""When a call takes so long that a second request for it is worth its price.

In: how long calls took. Out: seconds after which one is a straggler, and whether another may be hedged.
"""

from bisect import bisect_left, insort
from collections import deque

RECENT = 500
ENOUGH = 100  # answers before the slowest fiftieth of them can be told
TIMES = 1.5
SHARE = 0.03


class Hedge:
    """A second request past 1.5 times the 98th percentile, for three calls in a hundred at most."""

    def __init__(self) -> None:
        self._order: deque[float] = deque()
        self._sorted: list[float] = []
        self._calls = self._hedged = 0

    def took(self, seconds: float) -> None:
        """A call was answered."""
        self._calls += 1
        self._order.append(seconds)
        insort(self._sorted, seconds)
        if len(self._order) > RECENT:
            del self._sorted[bisect_left(self._sorted, self._order.popleft())]

    def after_s(self) -> float | None:
        """Seconds after which a call is a straggler; None while too little is known."""
        known = len(self._sorted)
        return TIMES * self._sorted[int(0.98 * known)] if known >= ENOUGH else None

    def may(self) -> bool:
        """Whether one more call may be hedged; it is then counted."""
        if self._hedged + 1 > SHARE * self._calls:
            return False
        self._hedged += 1
        return True
