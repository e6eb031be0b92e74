"""Whether a request may leave for an endpoint now: its limits, its rate, its health.

In: the time, what a request needs and what became of it. Out: seconds until the next may leave. All callers
of an endpoint share one; it reads no clock, waits for nothing and knows no event loop, so that whoever owns
the endpoint (a client, a process between many clients) can own it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from synth.llm import told
from synth.llm.aimd import PUSH_BACK, Fixed
from synth.llm.breaker import Breaker
from synth.llm.counts import Counts, Flow
from synth.llm.rate import Need, Pace, Rate

# With so few under way it is not their number that is too much, but how fast they follow each other.
FEW = 8
NOTHING = Need()
LEARN_EVERY_S = 0.02


class State(NamedTuple):
    """How an endpoint is doing, for people."""

    in_flight: int
    limit: int
    tokens_per_s: float
    down: bool
    counts: dict[str, float]


class Admission:
    """The state of one endpoint, shared by all who ask it."""

    def __init__(self, control: Fixed, rate: Rate, breaker: Breaker, patience_s: float) -> None:
        self.control = control
        self.rate = rate
        self.breaker = breaker
        self.pace = Pace()
        self.counts = Counts()
        self.in_flight = 0
        self.calls = 0  # under way, in their queue or between two tries
        self.answered_at = 0.0
        self.alarmed_at = -1.0
        self._flow = Flow()
        self._patience_s = patience_s
        self._learnt_at = 0.0
        self._used_up = False

    @contextmanager
    def calling(self, now: float) -> Iterator[None]:
        """One call, from its first try to its last: silence is counted as long as there is any."""
        if self.calls == 0:
            self.answered_at = now
        self.calls += 1
        try:
            yield
        finally:
            self.calls -= 1

    def wait_s(self, now: float, need: Need) -> float:
        """Seconds until a request may leave: 0 for now, infinity for when something has come back."""
        wait = self.breaker.wait_s(now)
        if not wait and not self.pace.room(self.in_flight, self.control.round_trip_s):
            wait = self.control.wait_s(now, self.in_flight)
        if wait:
            return wait
        wait = self.pace.wait_s(now)
        return max(wait, self.rate.wait_s(now, need))

    def sent(self, now: float, need: Need) -> None:
        """A request leaves."""
        self.in_flight += 1
        self.counts.requests += 1
        self.control.sent(now)
        self.pace.take(now)
        self.rate.take(now, need)
        if self.breaker.sent(now):
            self.control.restart(now, self.in_flight)

    def hedged(self, more: int) -> None:
        """A second request for one call leaves (1), or is settled (-1): those who wait make room for it."""
        self.in_flight += more
        if more > 0:
            self.counts.hedged += 1
            self.counts.requests += 1

    def unsent(self, need: Need, began: float) -> None:
        """A request that was let through never left."""
        self.in_flight -= 1
        self.counts.requests -= 1
        self.rate.correct(began, need, NOTHING)
        self.breaker.lost(began)

    def rejected(self, now: float, began: float, need: Need) -> None:
        """The endpoint is well, and says that this one request is wrong."""
        self.in_flight -= 1
        self.answered_at = now
        self.rate.correct(now, need, NOTHING)
        if self.breaker.answered(began):
            self.control.restart(now, self.in_flight)

    def answered(
        self, now: float, began: float, need: Need, used: Need, headers: Mapping[str, str], wall: float
    ) -> None:
        """An answer for good came; `used` are the tokens that it says it took."""
        self.in_flight -= 1
        self.counts.answered += 1
        self.answered_at = now
        tokens = int(used.output_tokens)
        self._flow.add(now, tokens)
        self.control.answered(now, now - began, self.in_flight, tokens)
        self.pace.answered(began, self.in_flight)
        if self.breaker.answered(began):
            self.control.restart(now, self.in_flight)
        if used != NOTHING:
            self.rate.correct(now, need, used)
        self._learn(now, headers, wall)

    def refused(
        self, now: float, began: float, need: Need, headers: Mapping[str, str], wall: float
    ) -> float | None:
        """A request was pushed back (429, 503): nothing was used. Returns the seconds it was told to wait."""
        self.in_flight -= 1
        self.counts.refused += 1
        self.rate.correct(now, need, NOTHING)
        seconds = told.retry_after_s(headers, wall)
        if self._learn(now, headers, wall):
            return seconds  # a limit by time, which is kept from now on: fewer at one time would not help
        self.breaker.refused(began, now - began)
        if self._is_for_all(now, began, seconds) and (seconds or 0.0) <= self._patience_s:
            self.counts.pauses += 1
            self.breaker.pause(now, began, seconds)
        return seconds

    def _is_for_all(self, now: float, began: float, told_s: float | None) -> bool:
        """One refusal among many answers is about one call; what is the rule holds for all of them."""
        if self.pace.room(self.in_flight, self.control.round_trip_s):
            self.pace.refused(now, began, self.in_flight)
            if self.pace.per_s is None:
                self.control.found(self.in_flight)
            return self.pace.share >= PUSH_BACK or self.in_flight == 0
        the_rule = self.control.refused(now, self.in_flight)
        if self.in_flight < FEW and the_rule:
            self.pace.refused(now, began, self.in_flight)
        alone = self.in_flight == 0 and self.control.share >= PUSH_BACK / 2
        return alone or (the_rule and told_s is not None)

    def failed(self, now: float, began: float, call: int, detail: str, sent: bool, paid: bool) -> None:
        """No answer, or that the server is broken; `paid` where the work may have been done."""
        self.in_flight -= 1
        self.counts.failed += 1
        self.counts.unconfirmed += paid
        self.breaker.failed(now, began, call, detail, sent)

    def dropped(self, began: float) -> None:
        """A request that was sent is waited for no more."""
        self.in_flight -= 1
        self.counts.unconfirmed += 1
        self.breaker.lost(began)

    def told_s(self, headers: Mapping[str, str], wall: float) -> float | None:
        """Seconds that any answer asks to wait."""
        return told.retry_after_s(headers, wall)

    def state(self, now: float) -> State:
        """How the endpoint is doing."""
        down = self.breaker.down_since is not None
        limit = int(self.control.limit)
        return State(self.in_flight, limit, self._flow.per_s(now), down, self.counts.as_dict())

    def _learn(self, now: float, headers: Mapping[str, str], wall: float) -> bool:
        """Take over what the headers tell; says whether a limit of them is used up."""
        if now - self._learnt_at < LEARN_EVERY_S:
            return self._used_up
        limits = told.limits(headers, wall)
        if limits:
            self._learnt_at = now
            self.rate.learn(now, limits, self.in_flight)
            self._used_up = any(limit.left is not None and limit.left < 1 for limit in limits.values())
        return self._used_up
