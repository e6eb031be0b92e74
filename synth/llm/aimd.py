"""How many requests may be under way: fixed, or found out from what is refused.

In: the time and what became of each request. Out: whether one more may leave. Where nothing is refused, all
places are open after `RAMP_S`, so that a limit that is right costs nothing. What is refused comes back within
milliseconds, long before the first answer: so it is silence, not success, that lets a start go on.
No clock is read and nothing waits here.
"""

import math

RAMP_S = 0.15
START = 4
HOLD_S = 0.05  # a start that met a refusal stands still so long: either more come, or it was a stray
LEAST_WAIT_S = 0.002

CUT = 0.8
PUSH_BACK = 0.1  # of recent requests; a stray refusal must not slow down everyone
WEIGHT = 0.02  # of one request in that share: six refusals in a row cut, one in fifty never does
EASY, NEAR, FAR = 0.05, 0.02, 0.25  # growth in one round trip: below the edge, close to it, beyond it
PROBE_ANSWERS, PROBE_S = 300, 30.0  # at the edge one place more is tried after so many answers or seconds


class Fixed:
    """So many at one time, whatever comes back."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.limit = float(most)
        self.share = 0.0
        self.round_trip_s: float | None = None

    def wait_s(self, now: float, in_flight: int) -> float:
        """Seconds until one more may leave: 0, or infinity where only an answer can open a place."""
        return 0.0 if in_flight < self.most else math.inf

    def restart(self, now: float, in_flight: int) -> None:
        """Open up again after a pause."""

    def found(self, in_flight: int) -> None:
        """So many were carried when it turned out that it is their number that counts."""

    def sent(self, now: float) -> None:
        """A request left."""
        self.share *= 1 - WEIGHT

    def answered(self, now: float, latency_s: float, in_flight: int, tokens: int) -> None:
        """An answer came; `in_flight` are those still under way without it."""

    def refused(self, now: float, in_flight: int) -> bool:
        """A request was pushed back (429, 503); says whether that is the rule by now."""
        self.share = min(2 * PUSH_BACK, self.share + WEIGHT)
        return self.share >= PUSH_BACK


class Aimd(Fixed):
    """Additive growth, multiplicative cut, between one and `most`.

    `edge` is where it was refused last. Below it the way back is quick; at it one place more is tried now and
    then, and given back at once; well beyond it, the endpoint must have grown, and growth is quick again.
    """

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self.edge: float | None = None
        self._cut_at = -math.inf
        self._sent_since = 0
        self._open = float(min(START, most))
        self._opened_at: float | None = None
        self._ramp = most / RAMP_S

    def wait_s(self, now: float, in_flight: int) -> float:
        """Also the seconds until a start or a restart has come so far."""
        if in_flight + 1 > max(1.0, self.limit):
            return math.inf
        if self._open >= self.limit:
            return 0.0
        if self._opened_at is None:
            self._opened_at = now
        self._open += max(0.0, now - self._opened_at) * self._ramp
        self._opened_at = max(now, self._opened_at)
        if in_flight + 1 <= self._open:
            return 0.0
        held = self._opened_at - now
        return max(LEAST_WAIT_S, held + (in_flight + 1 - self._open) / self._ramp)

    def restart(self, now: float, in_flight: int) -> None:
        """Open up bit by bit."""
        self._open, self._opened_at = in_flight + 1.0, now

    def answered(self, now: float, latency_s: float, in_flight: int, tokens: int) -> None:
        """Growth."""
        old = self.round_trip_s
        self.round_trip_s = latency_s if old is None else old + (latency_s - old) / 16
        if in_flight + 2 > self.limit and self.limit < self.most:  # no growth that nobody uses
            places = math.floor(self.limit)
            self.limit = min(self.most, self.limit + self._growth(self.round_trip_s))
            if math.floor(self.limit) > places:
                self._sent_since = 0

    def sent(self, now: float) -> None:
        """One more."""
        super().sent(now)
        self._sent_since += 1

    def refused(self, now: float, in_flight: int) -> bool:
        """At the known edge the place is given back; anywhere else it takes more than a stray to cut."""
        the_rule = super().refused(now, in_flight)
        really = max(1.0, float(in_flight))
        if self._is_edge():
            self.edge = self.limit = min(self.limit, really)
        elif the_rule:
            self._cut(now, really)
        if self._open < self.limit:
            self._open, self._opened_at = float(max(START, in_flight)), now + HOLD_S
        return the_rule

    def found(self, in_flight: int) -> None:
        """That is the edge."""
        self.edge = self.limit = min(float(self.most), max(1.0, float(in_flight)))

    def _is_edge(self) -> bool:
        """Whether it was the place opened last that was refused, where a refusal was to be expected."""
        near = self.edge is not None and self.limit >= 0.95 * self.edge
        return near and self._sent_since <= max(3, self.limit / 100)

    def _cut(self, now: float, really: float) -> None:
        """Once in a round trip by a fifth; in between it follows what is really under way."""
        self.edge = really
        self.limit = min(self.limit, really)
        first = self._cut_at == -math.inf
        if first or (self.round_trip_s is not None and now - self._cut_at >= self.round_trip_s):
            self.limit = max(1.0, CUT * self.limit)
            self._cut_at = now
            self.share = PUSH_BACK / 2  # what was refused until now is dealt with

    def _growth(self, round_trip_s: float) -> float:
        """Places to add for one answer; `limit` answers make a round trip."""
        edge = self.edge or self.most
        if self.limit < 0.95 * edge - 1:
            return max(1.0, EASY * edge) / self.limit
        if math.floor(self.limit) < math.floor(edge):
            return max(0.5, NEAR * edge) / self.limit
        if self.limit < max(1.02 * edge, edge + 1.5):
            return max(1 / PROBE_ANSWERS, round_trip_s / (PROBE_S * self.limit))
        return FAR
