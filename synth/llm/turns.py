"""Who may send next: callers wait in the order in which they came, and one of them is woken at a time.

In: what a caller needs. Out: its turn, when the endpoint's `Admission` lets it. However many wait, an answer
or the one timer looks only at the first of them. Here is the only clock: the event loop's, which no change of
the time of day can move.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable

from synth.llm.admission import Admission
from synth.llm.rate import Need


class Down(Exception):
    """The endpoint did not come back in the time that it was given."""


class Turns:
    """The queue before one endpoint; used on one event loop."""

    def __init__(self, admission: Admission, alarm_s: float, alarm: Callable[[str], None]) -> None:
        self.admission = admission
        self._waiting: deque[tuple[asyncio.Future[float], Need]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._alarm_s = alarm_s
        self._alarm = alarm

    async def take(self, need: Need) -> float:
        """Wait for a turn; returns when it began, by the loop's clock. The request must then be sent.

        Raises:
            Down: the endpoint is given up.
        """
        loop = asyncio.get_running_loop()
        now = loop.time()
        if self._watch is None:
            self._watch = loop.call_later(self._alarm_s, self._look, loop)
        if not self._waiting and self.admission.wait_s(now, need) <= 0:
            self.admission.sent(now, need)
            return now
        turn: asyncio.Future[float] = loop.create_future()
        self._waiting.append((turn, need))
        if len(self._waiting) == 1:
            self.next()
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self.admission.unsent(need, turn.result())
                self.next()
            raise

    def next(self) -> None:
        """Something came back, or time has passed: let go who may go."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if self._waiting and self.admission.breaker.given_up(now):
            self._give_up()
        while self._waiting:
            turn, need = self._waiting[0]
            if not turn.done():
                wait = self.admission.wait_s(now, need)
                if wait > 0:
                    self._come_back(loop, now + wait)
                    return
                self.admission.sent(now, need)
                turn.set_result(now)
            self._waiting.popleft()

    def _come_back(self, loop: asyncio.AbstractEventLoop, at: float) -> None:
        """One timer for all who wait."""
        if self._timer is not None:
            if self._timer.when() <= at + 1e-4:
                return  # it comes sooner, and looks again then
            self._timer.cancel()
            self._timer = None
        if at < math.inf:
            self._timer = loop.call_at(at, self._timed)

    def _timed(self) -> None:
        self._timer = None
        self.next()

    def _give_up(self) -> None:
        while self._waiting:
            turn, _ = self._waiting.popleft()
            if not turn.done():
                turn.set_exception(Down(self.admission.breaker.detail))

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Once in each silence: requests are under way, or wait, and no answer comes."""
        self._watch = None
        admission, now = self.admission, loop.time()
        silent = now - admission.answered_at
        if not admission.calls:
            return  # the next caller winds it up again
        if silent >= self._alarm_s - 1e-3:
            if admission.answered_at != admission.alarmed_at:
                admission.alarmed_at = admission.answered_at
                turned = admission.calls - admission.in_flight
                waits = f" and {turned} that wait" if turned else ""
                self._alarm(
                    f"no answer for {silent:.0f} s, with {admission.in_flight} requests under way{waits}"
                )
            silent = 0.0
        self._watch = loop.call_later(max(0.01, self._alarm_s - silent), self._look, loop)
