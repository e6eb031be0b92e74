"""When an endpoint as a whole is not to be asked: told to wait, or down.

In: the time and what became of requests. Out: seconds until the next may leave. Both kinds of silence end in
the same way: one request goes first, and the others follow when it is answered, or when it has not been
refused for so long that it will not be. No clock is read here.
"""

import math
import random
from collections.abc import Callable

# Of different calls, without one answer between: one bad row must not be able to shut the endpoint.
FAILURES = 8
LONGEST_S = 5.0  # one request in so long costs nobody anything, and finds out soon
QUICK_S = 0.1
PROBED_S = 1.0


class Breaker:
    """Shut while the endpoint asked for quiet or is down; then ajar for one request, then open."""

    def __init__(
        self,
        wait_s: Callable[[int, float], float],
        outage_s: float,
        first_probes: int,
        failures: int = FAILURES,
        jitter: random.Random | None = None,
    ) -> None:
        self.down_since: float | None = None
        self.detail = ""
        self._wait_s = wait_s
        self._outage_s = outage_s
        self._first_probes = first_probes
        self._failures = failures
        self._there = False
        self._failed: set[int] = set()
        self._until = self._paused_at = -math.inf
        self._ajar = False
        self._probe_at: float | None = None
        self._refusal_s = QUICK_S
        self._in_vain = 0
        self._jitter = jitter or random.Random()  # decides when, never what

    def wait_s(self, now: float) -> float:
        """Seconds until a request may leave; infinity while another one is trying."""
        if now < self._until:
            return self._until - now
        if not self._ajar or self._probe_at is None:
            return 0.0
        if self.down_since is not None:
            return math.inf
        return max(0.0, self._probe_at + self._patience_s() - now)

    def sent(self, now: float) -> bool:
        """A request leaves; says whether it ends a pause, since the one before was not refused."""
        if not self._ajar:
            return False
        if self._probe_at is None:
            self._probe_at = now
            return False
        self._in_vain = 0
        self._open()
        return True

    def answered(self, began: float) -> bool:
        """An answer came to a request of then; says whether that opens the endpoint again."""
        self._there = True
        self._failed.clear()
        probed = self._probe_at is not None and began >= self._probe_at
        if not self._ajar or not (probed or self.down_since is not None):
            return False  # an answer to what was asked before the pause does not end it
        self.down_since, self._in_vain = None, 0
        self._open()
        return True

    def refused(self, began: float, took_s: float) -> None:
        """A request was pushed back: the endpoint is there, whatever else."""
        self._over(began)
        self._there = True
        self._refusal_s += (took_s - self._refusal_s) / 8
        self._failed.clear()
        self.down_since = None

    def pause(self, now: float, began: float, told_s: float | None) -> None:
        """Ask nothing for as long as told, or for longer each time in vain; then one request first.

        `began` is when the request left that is the reason: of those that were on their way already when the
        pause began, each is no further one in vain.
        """
        if began <= self._paused_at:
            self._until = max(self._until, now + (told_s or 0.0))
            return
        self._paused_at = now
        self._in_vain += 1
        jitter = 0.5 + self._jitter.random() / 2
        seconds = min(LONGEST_S, self._wait_s(self._in_vain, jitter)) if told_s is None else told_s
        self._until = max(self._until, now + seconds)
        self._ajar, self._probe_at = True, None

    def failed(self, now: float, began: float, call: int, detail: str, sent: bool) -> None:
        """A request brought no answer, or none but that the server is broken, or was not even `sent`."""
        self._over(began)
        self._there = self._there or sent
        self._failed.add(call)
        self.detail = detail
        if self.down_since is None and len(self._failed) >= self._failures:
            self.down_since, self._in_vain = now, 0
        if self.down_since is not None:
            self.pause(now, began, None)

    def given_up(self, now: float) -> bool:
        """Whether the endpoint has been down for so long that the run should stop."""
        if self.down_since is None:
            return False
        if not self._there and self._in_vain > self._first_probes:
            return True
        return now - self.down_since > self._outage_s

    def lost(self, began: float) -> None:
        """The caller of a request went away."""
        self._over(began)

    def _over(self, began: float) -> None:
        """If it was the one that goes first, another one has to."""
        if self._probe_at is not None and began >= self._probe_at:
            self._probe_at = None

    def _open(self) -> None:
        self._ajar, self._probe_at = False, None
        self._until = -math.inf

    def _patience_s(self) -> float:
        """So long after it left, a request that was to be refused would have been."""
        return min(PROBED_S, max(QUICK_S, 4 * self._refusal_s))
