"""How many requests and tokens may leave in a minute: virtual clocks, told, learned or felt.

In: the time, what a call needs, and what answers say. Out: seconds until the call may leave. A `Meter` keeps
the one moment from which on the next unit is free (GCRA), so a call reserves its turn and waits once, however
many wait. A `Pace` is for endpoints that refuse without saying how much they allow. No clock is read here.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

from synth.llm.told import Kind, Limit

MARGIN = 0.98  # of what is allowed: their clock is not ours, and requests on their way bunch up
BURST_S = 1.0
TOLD_BURST_S = 0.1  # what is left is told, so nothing has to be kept for a start
PERIODS_S = (1.0, 60.0, 3600.0, 86_400.0)
# Limits by the hour or day are budgets: they are used as they come, and waited for when they are gone.
LONGEST_PACED_S = 60.0
SURE = 10


class Need(NamedTuple):
    """What one call takes of each limit."""

    input_tokens: float = 0.0
    output_tokens: float = 0.0

    def of(self, kind: Kind) -> float:
        """How much of this limit."""
        if kind == "requests":
            return 1.0
        if kind == "tokens":
            return self.input_tokens + self.output_tokens
        return self.input_tokens if kind == "input_tokens" else self.output_tokens


class Meter:
    """One limit as a virtual clock: `free_at` is when all that was taken has been paid for in time."""

    def __init__(self, per_s: float, burst_s: float = BURST_S) -> None:
        self.per_s = per_s
        self.burst_s = burst_s
        self.free_at = -math.inf

    def wait_s(self, now: float, count: float) -> float:
        """Seconds until so much may be taken; more than a whole burst goes when the clock is clear."""
        allowed_s = max(0.0, self.burst_s - count / self.per_s)
        return max(0.0, self.free_at - allowed_s - now)

    def take(self, now: float, count: float) -> None:
        """Use so much; less than nothing gives back what was reserved and not used."""
        self.free_at = max(self.free_at, now) + count / self.per_s

    def owe(self, now: float, count: float) -> None:
        """At least so much was taken already."""
        self.free_at = max(self.free_at, now + count / self.per_s)


class Rate:
    """All limits of one endpoint: those that were configured, and those that it tells."""

    def __init__(self, per_minute: Mapping[Kind, float | None]) -> None:
        self._told = {kind: most / 60 for kind, most in per_minute.items() if most}
        self.meters = {kind: Meter(per_s) for kind, per_s in self._told.items()}
        self._closed_until = -math.inf
        self._periods: dict[Kind, tuple[float, int]] = {}

    def wait_s(self, now: float, need: Need) -> float:
        """Seconds until a call with this need may leave."""
        wait = self._closed_until - now
        for kind, meter in self.meters.items():
            wait = max(wait, meter.wait_s(now, need.of(kind)))
        return max(0.0, wait)

    def take(self, now: float, need: Need) -> None:
        """A call leaves."""
        for kind, meter in self.meters.items():
            meter.take(now, need.of(kind))

    def correct(self, now: float, need: Need, used: Need) -> None:
        """A call came back: what it really used takes the place of what was thought."""
        for kind, meter in self.meters.items():
            if kind != "requests":
                meter.take(now, used.of(kind) - need.of(kind))

    def learn(self, now: float, told: Mapping[Kind, Limit], sent_since: int = 0) -> None:
        """Take over what an answer tells; `sent_since` requests have left since its own did."""
        for kind, limit in told.items():
            if limit.left == 0 and limit.reset_s and limit.most:
                self._close(now, limit)
            if limit.most is None or limit.most <= 0:
                continue
            period_s = self._period(kind, limit)
            if period_s <= LONGEST_PACED_S:
                self._learn(now, kind, limit, period_s, sent_since)

    def _period(self, kind: Kind, limit: Limit) -> float:
        """A minute, until another period was seen so often in a row that it is no accident."""
        seen = period_of(limit)
        last, times = self._periods.get(kind, (seen, 0))
        times = times + 1 if seen == last else 1
        self._periods[kind] = seen, times
        return seen if times >= SURE else 60.0

    def _learn(self, now: float, kind: Kind, limit: Limit, period_s: float, sent_since: int) -> None:
        per_s = MARGIN * (limit.most or 0.0) / period_s
        own = self._told.get(kind)
        if own is not None:
            per_s = min(per_s, own)
        meter = self.meters.setdefault(kind, Meter(per_s, TOLD_BURST_S))
        meter.per_s = per_s
        if limit.left is None or limit.reset_s is None or _refills(limit, period_s):
            return
        # A window that closes at once: what we would send until then must fit into what is left of it.
        ahead = per_s * limit.reset_s - (limit.left - (sent_since if kind == "requests" else 0))
        if ahead > 0:
            meter.owe(now, min(ahead, per_s * limit.reset_s))

    def _close(self, now: float, limit: Limit) -> None:
        """Nothing is left. A bucket has the next unit long before it is full; a window opens all at once."""
        period_s = period_of(limit)
        unit_s = period_s / (limit.most or 1.0) if _refills(limit, period_s) else limit.reset_s or 0.0
        self._closed_until = max(self._closed_until, now + unit_s)


def period_of(limit: Limit) -> float:
    """The period of a limit in seconds: a minute, unless how it fills up again shows another."""
    for period_s in PERIODS_S:
        if period_s != 60.0 and _refills(limit, period_s) and not _refills(limit, 60.0):
            return period_s
    return 60.0


def _refills(limit: Limit, period_s: float) -> bool:
    """Whether what is missing comes back evenly, as from a bucket, and not all at once."""
    if not limit.most or limit.left is None or limit.reset_s is None:
        return False
    missing_s = (limit.most - limit.left) * period_s / limit.most
    # Counts are whole numbers, and times often whole seconds.
    return abs(missing_s - limit.reset_s) <= 0.05 * limit.reset_s + 2 * period_s / limit.most


class Guess:
    """How many tokens a call will take, from its characters and from what the calls before it took."""

    def __init__(self) -> None:
        self._chars_per_token = 3.0  # rather too many tokens than too few, until an answer says
        self._output: float | None = None

    def need(self, chars: int, most_output: int) -> Need:
        """Before the call."""
        output = min(most_output, 512) if self._output is None else min(most_output, self._output)
        return Need(chars / self._chars_per_token, output)

    def learn(self, chars: int, used: Need) -> None:
        """After it."""
        if used.input_tokens and chars:
            self._chars_per_token += (chars / used.input_tokens - self._chars_per_token) / 32
        if used.output_tokens:
            old = used.output_tokens if self._output is None else self._output
            self._output = old + (used.output_tokens - old) / 32


class Pace:
    """Even gaps between requests, for an endpoint that allows few and only refuses what is too much.

    It is searched for upwards from what was taken at first; once it was met, it creeps up, so that it is
    refused seldom. Where requests are refused at any pace, it is their number that counts, and there is none.
    """

    CUT, DEEP_CUT = 0.97, 0.8
    # Growth with each answer: near a known edge so little that even two strays in a hundred hold nothing
    # down, much before one is known, and more again below it or when nothing was refused for so long.
    CREEP, SEARCH, BACK = 0.0012, 0.08, 0.01
    CALM = 200
    WEIGHT = 0.05
    WRONG = 3  # refusals, each with more under way than was ever carried: so it is their number after all

    def __init__(self) -> None:
        self.per_s: float | None = None
        self._accepted = 0
        self._refused_at = -math.inf
        self._top = 0.0
        self._wrong = False
        self._carried = self._against = 0
        self._first_at: float | None = None
        self._best = 0.0
        self.share = 0.0
        self._next_at = -math.inf

    def room(self, in_flight: int, round_trip_s: float | None) -> bool:
        """Whether so few are under way as belong to this pace, so that only the pace is to be kept."""
        return self.per_s is not None and in_flight < 2 + 2 * self.per_s * (round_trip_s or 0.0)

    def wait_s(self, now: float) -> float:
        """Seconds until the next request."""
        return max(0.0, self._next_at - now) if self.per_s is not None else 0.0

    def take(self, now: float) -> None:
        """A request leaves."""
        self._first_at = now if self._first_at is None else self._first_at
        if self.per_s is not None:
            self.share *= 1 - self.WEIGHT
            self._next_at = max(now, self._next_at) + 1 / self.per_s

    def answered(self, began: float, others: int) -> None:
        """A request of then was answered, so there was room for it."""
        self._carried = max(self._carried, others + 1)
        if began <= self._refused_at:
            return
        self._accepted += 1
        if self.per_s is not None:
            calm = self._accepted > self.CALM
            below = calm or self.per_s < 0.93 * self._top
            self.per_s *= 1 + (self.SEARCH if not self._top else self.BACK if below else self.CREEP)

    def refused(self, now: float, began: float, others: int) -> None:
        """A request of then came back refused, with so few others under way."""
        if self._wrong or began <= self._refused_at:
            return  # it was on its way already when the pace was last set
        if self.per_s is None:
            # What was taken so far, as if it had been in a second at least.
            self.per_s = max(1.0, others + self._accepted / max(1.0, now - (self._first_at or now)))
        else:
            self._slow_down(self.per_s, now - self._refused_at, others)
        self._refused_at, self._accepted = now, 0

    def _slow_down(self, per_s: float, since: float, others: int) -> None:
        seen = MARGIN * self._accepted / since if since >= 0.5 and self._accepted > 2 else 0.0
        if seen:
            self._top = per_s
            self.per_s = min(self.CUT * per_s, max(0.5 * per_s, seen))
        else:
            self.per_s = self.DEEP_CUT * per_s
        self.share += self.WEIGHT
        self._against = max(0, self._against + (1 if others >= max(2, self._carried) else -1))
        self._best = max(self._best, seen)
        if self._against >= self.WRONG or self.per_s < self._best / 3:
            self.per_s, self._wrong = None, True
