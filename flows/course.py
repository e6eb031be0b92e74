"""How a stage with calls is coming along, in words: for bars, logs and the Prefect UI.

In: what a run's client says of itself (`Pulse`), and how much of the stage is done. Out: facts in a few
words, and once a hundred calls are answered what the rest of the stage will take. The end is reckoned from
calls that were made now: answers that were there already come a thousand times as fast.
"""

import time
from collections import deque
from collections.abc import Callable, Mapping
from decimal import Decimal

from synth.llm.prices import money
from synth.llm.pulse import Pulse
from synth.text import counted

# The pace is that of the last half minute, or of the last few calls where they are slower.
PACE_SECONDS = 30.0
PACE_CALLS = 20
SURE_SECONDS = 1.0
SAMPLE_SECONDS = 0.2
OUTLOOK_CALLS = 100

Clock = Callable[[], float]


class Course:
    """The course of one stage; `pulse` is asked anew for each fact, from any thread."""

    def __init__(
        self, stage: str, pulse: Callable[[str], Pulse], currency: str, clock: Clock = time.monotonic
    ) -> None:
        self.stage = stage
        self._pulse, self._currency, self._clock = pulse, currency, clock
        self._began = self._look_at = clock()
        self._seen: deque[tuple[float, int]] = deque()
        self._told = False

    def facts(self, done: int, total: int) -> list[str]:
        """In flight, tokens in a second, money, time; nothing but the time where no call was made."""
        pulse = self._pulse(self.stage)
        self._sample(pulse.made)
        if not (pulse.made or pulse.reused or pulse.failed):
            return [self._time(None)]
        found = [f"{pulse.in_flight:,} in flight", f"{pulse.tokens_per_s:,.0f} tok/s", self._cost(pulse)]
        if pulse.unconfirmed:
            found.append(f"{pulse.unconfirmed:,} unconfirmed")
        if pulse.down:
            found.append("endpoint down")
        return [*found, self._time(self._ends_in_s(total - done))]

    def summary(self) -> list[str]:
        """What a finished stage cost, and how long it took."""
        pulse = self._pulse(self.stage)
        called = pulse.made or pulse.reused or pulse.failed
        made = [f"{pulse.made:,} calls made", self._cost(pulse)] if called else []
        return [*made, duration(self._clock() - self._began)]

    def outlook(self, done: int, total: int, left: Mapping[str, Decimal]) -> str | None:
        """Once, when a hundred calls are answered: what the rest takes; `left` is what ceilings leave."""
        now = self._clock()
        if self._told or now < self._look_at:
            return None
        self._look_at = now + SAMPLE_SECONDS  # a million answers that were there already are told one by one
        pulse = self._pulse(self.stage)
        self._sample(pulse.made)
        seconds, rest = self._ends_in_s(total - done), total - done
        if pulse.made < OUTLOOK_CALLS or rest <= 0 or seconds is None:
            return None
        self._told = True
        tokens = pulse.tokens * rest // pulse.made
        cost = None if pulse.cost is None else pulse.cost * rest / pulse.made
        priced = [] if cost is None else [money(cost, self._currency)]
        takes = ", ".join([f"{tokens:,} tokens", *priced, f"{duration(seconds)} min"])
        needed = {"calls": Decimal(rest), "tokens": Decimal(tokens), "money": cost}
        needed["seconds"] = Decimal(round(seconds))
        said = f"{self.stage}: {counted(rest, 'call')} to go; as they went so far, {takes}"
        return f"{said}{_ceilings(needed, left)}."

    def _cost(self, pulse: Pulse) -> str:
        return "cost unknown" if pulse.cost is None else money(pulse.cost, self._currency)

    def _time(self, ends_in_s: float | None) -> str:
        passed = self._clock() - self._began
        return (
            duration(passed) if ends_in_s is None else f"{duration(passed)} of {duration(passed + ends_in_s)}"
        )

    def _sample(self, made: int) -> None:
        now, seen = self._clock(), self._seen
        if seen and now - seen[-1][0] < SAMPLE_SECONDS:
            return
        seen.append((now, made))
        while len(seen) > 2 and now - seen[1][0] > PACE_SECONDS and made - seen[1][1] >= PACE_CALLS:
            seen.popleft()
        while len(seen) > 1 and seen[0][1] == seen[1][1] == 0:
            seen.popleft()  # before the first call: answers that were there already say nothing of the pace

    def _ends_in_s(self, rest: int) -> float | None:
        if not self._seen:
            return None
        (began, before), (last, made) = self._seen[0], self._seen[-1]
        if made <= before or last - began < SURE_SECONDS:
            return None
        return max(0, rest) * (last - began) / (made - before)


def duration(seconds: float) -> str:
    """`1:23`, `2:01:23` for hours."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def fitted(facts: list[str], width: int) -> str:
    """Facts on one line; those in front give way where it is too narrow, as money and time matter most."""
    while len(facts) > 1 and len(", ".join(facts)) > width:
        facts = facts[1:]
    return ", ".join(facts)


def _ceilings(needed: Mapping[str, Decimal | None], left: Mapping[str, Decimal]) -> str:
    if not left:
        return ""
    short = [name for name, most in left.items() if (need := needed[name]) is not None and need > most]
    if short:
        named = ", ".join(f"budget.{name}" for name in short)
        return f"; {named} will be reached before its end"
    return "; no ceiling of the budget will be reached before its end"
