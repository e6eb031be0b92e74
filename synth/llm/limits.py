"""How often an endpoint is asked at one time, and again after a failure.

One `Limiter` per entry, shared by every caller. A slot is held while a request is on its way, not while
waiting for the next try, so that a call that was told to wait holds up nobody.
"""

import asyncio
import random
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from synth.llm import wire
from synth.llm.gate import Gate
from synth.llm.transport import HttpReply, NoAnswer, Transport

# The same request may be answered the next time. All others are final: 400, 401, 403, 404, 422 and so on.
AGAIN = frozenset({408, 409, 425, 429}) | frozenset(range(500, 600))


LEAST_WAIT_S = 0.01


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waiting between tries: full jitter, up to `base_s` doubled each time, never above `cap_s`."""

    base_s: float = 0.5
    cap_s: float = 30.0

    def wait_s(self, tries: int, draw: float) -> float:
        """Seconds before the next try, after `tries` failed ones; `draw` is in [0, 1)."""
        return draw * float(min(self.cap_s, self.base_s * 2 ** min(tries, 30)))


@dataclass(frozen=True, slots=True)
class Answered:
    """The last answer to a call, of whatever status, after so many requests.

    `said` is the body of a success, parsed, where it holds what was asked for.
    """

    reply: HttpReply
    requests: int
    said: dict[str, Any] | None = None


class GaveUp(Exception):
    """No answer, after the last try."""


def retry_after_s(reply: HttpReply, now: float) -> float | None:
    """Seconds that the endpoint asks to wait, in any of the ways it may say so."""
    text = reply.headers.get("retry-after-ms")
    try:
        if text is not None:
            return max(0.0, float(text) / 1000)
        text = reply.headers.get("retry-after")
        if text is None:
            return None
        if text.strip().replace(".", "", 1).isdigit():
            return float(text)
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, OverflowError):
        return None


def is_quota(reply: HttpReply) -> bool:
    """Whether a 429 is about money, which waiting does not bring."""
    return reply.status == 429 and "insufficient_quota" in reply.body


class Limiter:
    """Gate and tries of one entry."""

    def __init__(
        self, transport: Transport, in_flight: int, tries: int, patience_s: float, backoff: Backoff
    ) -> None:
        self._transport = transport
        self._gate = Gate(in_flight)
        self._tries = tries
        self._patience_s = patience_s
        self._backoff = backoff
        self._jitter = random.Random()  # decides when, never what

    async def call(self, body: dict[str, Any]) -> Answered:
        """Send a request until it is answered for good or the tries are spent.

        Being told to wait (429, or any answer with Retry-After) spends no try but patience: all such waits of
        one call may last as long as all its tries could.

        Raises:
            GaveUp: the last try brought no answer at all.
        """
        spent, requests, waited = 0, 0, 0.0
        while True:
            requests += 1
            outcome = await self._once(body)
            if isinstance(outcome, HttpReply):
                said = wire.answer_of(body, outcome.body) if outcome.status == 200 else None
                if said is not None or not _again(outcome):
                    return Answered(outcome, requests, said)
            asked = self._asked_to_wait(outcome, requests)
            spent += asked is None
            wait = self._backoff.wait_s(spent, self._jitter.random()) if asked is None else asked
            waited += 0.0 if asked is None else wait
            if spent >= self._tries or waited > self._patience_s:
                if isinstance(outcome, HttpReply):
                    return Answered(outcome, requests)
                raise GaveUp(f"{outcome} ({requests} requests)")
            await asyncio.sleep(wait)

    async def _once(self, body: dict[str, Any]) -> HttpReply | NoAnswer:
        async with self._gate:
            try:
                return await self._transport.send(body)
            except NoAnswer as silence:
                return silence

    def _asked_to_wait(self, outcome: HttpReply | NoAnswer, requests: int) -> float | None:
        if isinstance(outcome, NoAnswer):
            return None
        told = retry_after_s(outcome, time.time())
        if told is None and outcome.status == 429:
            told = self._backoff.wait_s(requests, 0.5 + self._jitter.random() / 2)
        # Never nothing, so that a call that is always turned away runs out of patience.
        return None if told is None else max(told, LEAST_WAIT_S)


def _again(reply: HttpReply) -> bool:
    """Whether to ask once more; a success without what was asked for (a proxy's page) is none."""
    return reply.status == 200 or (reply.status in AGAIN and not is_quota(reply))
