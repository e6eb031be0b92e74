"""One call with all its tries, each at a time when the endpoint can take it.

In: a request. Out: its answer for good, or that there is none. What kind of failure it was decides what
follows: being told to wait spends patience, a failure spends a try, a request that is wrong is not repeated.
A slot is held while a request is on its way and not between tries, so a call that waits holds up nobody.
"""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from synth.llm import wire
from synth.llm.admission import NOTHING, Admission
from synth.llm.hedge import Hedge
from synth.llm.limits import AGAIN, LEAST_WAIT_S, Answered, Backoff, GaveUp, Tally, is_quota
from synth.llm.rate import Guess, Need
from synth.llm.transport import HttpReply, NoAnswer, Transport
from synth.llm.turns import Turns
from synth.llm.wire import UNTOLD, Tokens

PUSHED_BACK = (429, 503)
ALARM_S = 120.0


class _Tried(NamedTuple):
    """What one try brought: an answer or none, its body parsed, and a wait that was asked for."""

    outcome: HttpReply | NoAnswer
    said: dict[str, Any] | None = None
    told_s: float | None = None
    tokens: Tokens = UNTOLD


@dataclass(slots=True)
class _Call:
    body: dict[str, Any]
    chars: int
    tally: Tally = field(default_factory=Tally)
    spent: int = 0
    waited_s: float = 0.0
    first_at: float | None = None


class Limiter:
    """Turns and tries of one entry, shared by every caller; used on one event loop."""

    def __init__(
        self,
        transport: Transport,
        admission: Admission,
        *,
        tries: int,
        patience_s: float,
        backoff: Backoff,
        deadline_s: float | None = None,
        hedge: bool = False,
        alarm: Callable[[str], None] = lambda _: None,
        alarm_s: float = ALARM_S,
        wall: Callable[[], float] = time.time,
        jitter: random.Random | None = None,
    ) -> None:
        self.admission = admission
        self._transport = transport
        self._turns = Turns(admission, alarm_s, alarm)
        self._tries = tries
        self._patience_s = patience_s
        self._deadline_s = deadline_s
        self._backoff = backoff
        self._hedge = Hedge() if hedge else None
        self._guess = Guess()
        self._wall = wall
        self._jitter = jitter or random.Random()  # decides when, never what

    async def call(self, body: dict[str, Any], tally: Tally | None = None) -> Answered:
        """Send a request until it is answered for good, or its tries, its patience or its time are spent.

        What is sent is counted in `tally`, so that it is known also of a call that ends without an answer.
        Being told to wait (429, or any answer with Retry-After) spends no try but patience: all such waits of
        one call may last as long as all its tries could.

        Raises:
            GaveUp: the last try brought no answer at all.
            Down: the endpoint as a whole did not come back.
        """
        with self.admission.calling(asyncio.get_running_loop().time()):
            return await self._tried_out(_Call(body, _chars(body), tally or Tally()))

    async def _tried_out(self, call: _Call) -> Answered:
        while True:
            tried = await self._try(call)
            outcome = tried.outcome
            if isinstance(outcome, HttpReply) and (tried.said is not None or not _again(outcome)):
                return Answered(outcome, call.tally.requests, tried.said, tried.tokens)
            wait = self._wait_s(call, tried)
            if wait is None:
                if isinstance(outcome, HttpReply):
                    return Answered(outcome, call.tally.requests)
                raise GaveUp(f"{outcome} ({call.tally.requests} requests)")
            self.admission.counts.retried += 1
            self.admission.counts.waited_s += wait
            await asyncio.sleep(wait)

    def _wait_s(self, call: _Call, tried: _Tried) -> float | None:
        """Seconds until the next try, or None where there is none."""
        if tried.told_s is not None:
            # Never nothing, so that a call that is always turned away runs out of patience.
            wait = max(tried.told_s, LEAST_WAIT_S)
            # Pauses of all calls pass before a turn is given: so the clock counts, and not the waits.
            call.waited_s = max(call.waited_s, self._since(call)) + wait
        else:
            call.spent += self._spends(tried.outcome)
            wait = self._backoff.wait_s(max(1, call.spent), self._jitter.random())
        late = self._deadline_s is not None and self._since(call) + wait > self._deadline_s
        return None if call.spent >= self._tries or call.waited_s > self._patience_s or late else wait

    def _spends(self, outcome: HttpReply | NoAnswer) -> bool:
        """Whether a failure counts against its call: not where no connection at all can be had."""
        down = self.admission.breaker.down_since is not None
        return not (down and isinstance(outcome, NoAnswer) and not outcome.sent)

    async def _try(self, call: _Call) -> _Tried:
        """One request in its turn; what became of it is told to the endpoint's state."""
        # Nothing is guessed for an endpoint that limits no tokens.
        need = self._need(call) if self.admission.rate.meters else NOTHING
        began = await self._turns.take(need)
        if call.first_at is None:
            call.first_at = began
        call.tally.requests += 1
        try:
            outcome = await self._sent(call, began)
        except BaseException:
            call.tally.unconfirmed += 1
            self.admission.dropped(began)
            self._turns.next()
            raise
        tried = self._told(call, need, began, outcome)
        self._turns.next()
        return tried

    async def _sent(self, call: _Call, began: float) -> HttpReply | NoAnswer:
        try:
            if self._deadline_s is None:
                return await self._hedged(call)
            async with asyncio.timeout(max(0.0, self._deadline_s - self._since(call))):
                return await self._hedged(call)
        except NoAnswer as silence:
            return silence
        except TimeoutError:
            return NoAnswer(f"no answer within the {self._deadline_s:g} s of the call")

    async def _hedged(self, call: _Call) -> HttpReply:
        after_s = self._hedge.after_s() if self._hedge is not None else None
        if after_s is None:
            return await self._transport.send(call.body)
        first = asyncio.ensure_future(self._transport.send(call.body))
        racing = {first}
        try:
            await asyncio.wait(racing, timeout=after_s)
            if not first.done() and self._hedge is not None and self._hedge.may():
                call.tally.requests += 1
                self.admission.hedged(1)
                racing.add(asyncio.ensure_future(self._second(call)))
                done, _ = await asyncio.wait(racing, return_when=asyncio.FIRST_COMPLETED)
                # A second request that failed proves nothing against the first.
                first = done.pop() if all(task.exception() is None for task in done) else first
            return await first
        finally:
            if len(racing) > 1:
                self.admission.hedged(-1)
            for task in racing:
                lost = task is not first and not task.done()
                self.admission.counts.unconfirmed += lost
                call.tally.unconfirmed += lost
                task.cancel()

    async def _second(self, call: _Call) -> HttpReply:
        """The same request once more; its place in the gate is that of the first."""
        reply = await self._transport.send(call.body)
        if reply.status != 200:
            raise NoAnswer("the second request was refused")
        return reply

    def _told(self, call: _Call, need: Need, began: float, outcome: HttpReply | NoAnswer) -> _Tried:
        now, endpoint = asyncio.get_running_loop().time(), self.admission
        if isinstance(outcome, NoAnswer):
            call.tally.unconfirmed += outcome.sent
            endpoint.failed(now, began, id(call), str(outcome), outcome.sent, outcome.sent)
            return _Tried(outcome)
        if outcome.status in PUSHED_BACK and not is_quota(outcome):
            told_s = endpoint.refused(now, began, need, outcome.headers, self._wall())
            if told_s is None and outcome.status == 429:
                told_s = self._backoff.wait_s(1, 0.5 + self._jitter.random() / 2)
            return _Tried(outcome, None, told_s)
        said = wire.answer_of(call.body, outcome.body) if outcome.status == 200 else None
        if said is not None:
            tokens = wire.usage_of(said)
            used = Need(tokens.prompt or 0, tokens.completion or 0)
            self._guess.learn(call.chars, used)
            if self._hedge is not None:
                self._hedge.took(now - began)
            endpoint.answered(now, began, need, used, outcome.headers, self._wall())
            return _Tried(outcome, said, None, tokens)
        if _again(outcome):
            endpoint.failed(now, began, id(call), f"HTTP {outcome.status}", True, False)
            return _Tried(outcome, None, endpoint.told_s(outcome.headers, self._wall()))
        endpoint.rejected(now, began, need)
        return _Tried(outcome)

    def _need(self, call: _Call) -> Need:
        most = call.body.get("max_completion_tokens") or call.body.get("max_tokens")
        return self._guess.need(call.chars, most if isinstance(most, int) else 0)

    def _since(self, call: _Call) -> float:
        """Seconds since a call was first sent."""
        return asyncio.get_running_loop().time() - (call.first_at or 0.0)


def _again(reply: HttpReply) -> bool:
    """Whether to ask once more; a success without what was asked for (a proxy's page) is none."""
    return reply.status == 200 or (reply.status in AGAIN and not is_quota(reply))


def _chars(body: dict[str, Any]) -> int:
    """Characters that the endpoint will count tokens of."""
    texts = body.get("input") or [message.get("content") for message in body.get("messages", ())]
    return sum(len(text) for text in texts if isinstance(text, str))
