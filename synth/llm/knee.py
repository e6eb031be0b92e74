"""How many requests a server works on at one time, where it lets the others queue and refuses none.

In: what came back, and when. Out: a limit at the knee: with fewer, less gets done; with more, they only wait.
Latency alone does not show it, since a GPU that works on more at a time is slower for each and still gains.
So it is the work done in a second that is compared, before and after a step.
"""

import math

from synth.llm.aimd import Aimd

FIRST = 32
UP, DOWN = 1.25, 0.8
WORTH = 0.5  # a step up by a tenth must bring at least half of a tenth more
KEPT = 0.1  # of the work in a second: what a step down may lose at most, above the noise of one window
LEAST_ANSWERS = 96  # of a window: with latencies as they are, a rate is then known to some four per cent
ROUGH_ANSWERS = 32  # enough to see a doubling
CALM, CALMEST = 8, 64  # windows between two steps; doubled while steps bring nothing
ROOM = 1.12  # above the knee as it was seen: too few cost work, too many only time
LONG = 3  # times the usual tokens
SLOW = 1.25  # times the quickest: only then can there be a queue worth shortening


class Knee(Aimd):
    """Climbs to where more at one time brings no more work done, and looks again now and then."""

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self.limit = float(min(FIRST, most))
        self._climbing = True
        self._before: tuple[float, float] | None = None  # limit and work in a second before the step
        self._calm, self._windows, self._next_down = CALM, 0, False
        self._quickest = math.inf
        self._steady: float | None = None
        self._typical: float | None = None
        self._from: float | None = None
        self._since: float | None = None
        self._count = self._idle = 0
        self._work = self._latency = 0.0

    def answered(self, now: float, latency_s: float, in_flight: int, tokens: int) -> None:
        """One more for the window."""
        old = self.round_trip_s
        self.round_trip_s = latency_s if old is None else old + (latency_s - old) / 16
        if self._from is None:
            self._from = now  # what was sent before the step is on its way for one round trip more
        if now - self._from < self.round_trip_s:
            return
        if self._since is None:
            self._since = now
            return
        self._count += 1
        self._work += self._worth(tokens or 1)
        self._latency += latency_s
        self._idle += in_flight + 2 < math.floor(self.limit)
        enough = max(ROUGH_ANSWERS, self.limit / 2) if self._climbing else max(LEAST_ANSWERS, self.limit)
        if self._count >= enough and now > self._since:
            self._judge(self._work / (now - self._since), self._latency / self._count)

    def _worth(self, tokens: int) -> float:
        """The work in a reply; of a very long one only a part, since one reply must not decide."""
        known = tokens if self._typical is None else self._typical
        self._typical = known + (min(tokens, LONG * known) - known) / 64
        return float(min(tokens, LONG * known))

    def _begin(self, limit: float) -> None:
        """A new window, after a step or without one."""
        if limit:
            self.limit, self._from = min(self.most, max(1.0, limit)), None
        self._since = None
        self._count = self._idle = 0
        self._work = self._latency = 0.0

    def _judge(self, work: float, latency_s: float) -> None:
        """A window is full: what does it say of the step before it, and is it time for the next?"""
        if self._idle > self._count // 4:  # too few calls to fill the limit: it shows nothing
            self._begin(0.0)
            return
        self._quickest = min(self._quickest, latency_s)
        if self._before is not None:
            self._after_step(work)
        elif self._climbing:
            self._step(work, 2.0)
        else:
            self._rest(work, latency_s)

    def _step(self, work: float, times: float) -> None:
        if times > 1 and self.limit >= self.most:
            self._climbing = False
            self._begin(0.0)
            return
        self._before = (self.limit, work)
        self._begin(self.limit * times)

    def _after_step(self, work: float) -> None:
        assert self._before is not None
        (limit, before), self._before = self._before, None
        gain, times = work / before, self.limit / limit
        if self._climbing and times < 1:
            self._fall(limit, work, gain)
        elif times < 1:
            self._settle(self.limit if gain > 1 - KEPT else limit, gain > 1 - KEPT)
        elif gain >= 1 + WORTH * (times - 1):
            self._climbing = True
            self._step(work, times)
        elif self._climbing and limit <= FIRST:
            self._begin(limit)  # too many from the first: down again, by halves
            self._step(before, 0.5)
        elif self._climbing and times > 1.5:
            # So much more work as it brought, so many more places it had use for.
            self._settle(limit * max(1.0, gain) * ROOM, True)
        elif times > 1 and gain > 1 + KEPT / 2:
            self._settle(limit * gain, True)  # so much more was worth something, and no more than that
        else:
            self._settle(limit, False)

    def _fall(self, limit: float, work: float, gain: float) -> None:
        if gain > 1 - KEPT and self.limit >= 2:
            self._step(work, 0.5)
        else:
            # With so few it did only so much of the work, so the whole of it needs so many.
            self._settle(min(limit, ROOM * self.limit / gain), True)

    def _settle(self, limit: float, moved: bool) -> None:
        self._climbing = False
        self._calm = CALM if moved else min(CALMEST, 2 * self._calm)
        self._windows, self._steady = 0, None
        self._begin(limit)

    def _rest(self, work: float, latency_s: float) -> None:
        """Windows without a step; their mean is what the next step is measured by."""
        self._windows += 1
        known = work if self._steady is None else self._steady
        self._steady = known + (work - known) / min(self._windows, 8)
        if self._windows < self._calm:
            self._begin(0.0)
            return
        down = self._next_down and latency_s > SLOW * self._quickest
        self._next_down = not self._next_down
        self._step(self._steady, DOWN if down else UP)
