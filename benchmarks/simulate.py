"""A server and a loop whose time is made up: an hour of calls in seconds, and the same each time.

The limiter that runs here is the real one, on an event loop whose clock jumps to the next thing that happens.
"""

import asyncio
import math
import selectors
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple

from synth.llm.admission import Admission
from synth.llm.aimd import Aimd, Fixed
from synth.llm.breaker import FAILURES, Breaker
from synth.llm.knee import Knee
from synth.llm.limiter import Limiter
from synth.llm.limits import Answered, Backoff, GaveUp
from synth.llm.rate import Rate
from synth.llm.told import Kind
from synth.llm.transport import HttpReply, NoAnswer

CONTROLS = {"fixed": Fixed, "aimd": Aimd, "queue": Knee}
GOOD = '{"choices": [{"message": {"content": "a"}}], "usage": {"prompt_tokens": 10, "completion_tokens": %d}}'


class _Jump(selectors.SelectSelector):
    """Waits for nothing: time is moved on instead."""

    loop: "VirtualLoop"

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("nothing will ever happen again: a call was forgotten")
        self.loop.now += max(0.0, timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in made-up time, from 1,000 s on."""

    def __init__(self) -> None:
        self.now = 1000.0
        selector = _Jump()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        """Made-up seconds."""
        return self.now


def run(work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """What a coroutine returns, in made-up time."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(work())
    finally:
        loop.close()


@dataclass
class Server:
    """Slots, a queue, a limit by second, strays, an outage; all of it may be changed while it serves."""

    slots: int = 1_000_000
    queue: int = 1_000_000
    latency_s: float = 1.0
    sigma: float = 0.4
    refusal_s: float = 0.004  # until a refusal is back
    retry_after_s: float | None = None
    per_s: float | None = None
    burst: float = 1.0  # requests that may come at once
    window_s: float | None = None  # so many in each of these, not a bucket
    headers: bool = False
    stray: float = 0.0
    down: bool = False
    hang: float = 0.0  # share of calls that take ten times as long
    seed: int = 1
    requests: int = 0
    refused: int = 0
    answered: int = 0
    most: int = 0
    latencies: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = Random(self.seed)
        self._running = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._level, self._at = math.inf, -math.inf
        self._window = -1

    async def send(self, body: dict[str, Any]) -> HttpReply:
        """One request."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        self.requests += 1
        if self.down:
            await asyncio.sleep(0.001)
            raise NoAnswer("connection refused", sent=False)
        wait = self._limited(began)
        full = self._running >= self.slots and len(self._waiting) >= self.queue
        if wait > 0 or full or self._random.random() < self.stray:
            self.refused += 1
            await asyncio.sleep(self.refusal_s * (0.5 + self._random.random()))
            told = self.retry_after_s if self.retry_after_s is not None or not self.headers else wait
            said = {"retry-after": str(math.ceil(told))} if told is not None else {}
            return HttpReply(429, {**said, **self._headers(loop.time())}, "{}")
        return await self._work(loop, began)

    async def _work(self, loop: asyncio.AbstractEventLoop, began: float) -> HttpReply:
        tail = math.exp(self.sigma * self._random.gauss(0, 1)) * (
            10 if self._random.random() < self.hang else 1
        )
        if self._running >= self.slots:
            turn: asyncio.Future[None] = loop.create_future()
            self._waiting.append(turn)
            await turn
        self._running += 1
        self.most = max(self.most, self._running + len(self._waiting))
        try:
            await asyncio.sleep(self.latency_s * tail)
        finally:
            self._running -= 1
            while self._waiting and self._running < self.slots:
                turn = self._waiting.popleft()
                if not turn.done():
                    turn.set_result(None)
                    break
        if self.down:
            raise NoAnswer("connection lost")
        self.answered += 1
        self.latencies.append(loop.time() - began)
        return HttpReply(200, self._headers(loop.time()), GOOD % (100 * tail))

    def _fill(self, now: float) -> None:
        assert self.per_s is not None
        if self.window_s is not None:
            window = int(now // self.window_s)
            if window != self._window:
                self._window, self._level = window, self.per_s * self.window_s
        else:
            self._level = min(self.burst, self._level + (now - self._at) * self.per_s)
        self._at = now

    def _limited(self, now: float) -> float:
        if self.per_s is None:
            return 0.0
        self._fill(now)
        if self._level >= 1:
            self._level -= 1
            return 0.0
        return self._reset_s(now) if self.window_s else (1 - self._level) / self.per_s

    def _reset_s(self, now: float) -> float:
        if self.window_s:
            return self.window_s - now % self.window_s
        return (self.burst - self._level) / (self.per_s or 1)

    def _headers(self, now: float) -> dict[str, str]:
        if not self.headers or self.per_s is None:
            return {}
        self._fill(now)
        return {
            "x-ratelimit-limit-requests": str(round(self.per_s * 60)),
            "x-ratelimit-remaining-requests": str(int(self._level)),
            "x-ratelimit-reset-requests": f"{self._reset_s(now):.3f}s",
        }

    async def models(self) -> HttpReply:
        """None are listed."""
        return HttpReply(404)

    async def close(self) -> None:
        """Nothing is open."""


class Outcome(NamedTuple):
    """A simulated run: seconds of it, rows that ended well or not, and its two sides."""

    seconds: float
    done: int
    lost: int
    server: Server
    limiter: Limiter

    @property
    def refused(self) -> float:
        """Share of the requests."""
        return self.server.refused / self.server.requests


def limiter_for(server: Server, most: int, control: str = "aimd", **more: Any) -> Limiter:
    """The real limiter before a simulated server."""
    backoff = more.pop("backoff", Backoff())
    per_minute: dict[Kind, float | None] = more.pop("per_minute", {})
    jitter = Random(server.seed)
    breaker = Breaker(backoff.wait_s, more.pop("outage_s", 300.0), 6, min(FAILURES, most + 1), jitter)
    admission = Admission(CONTROLS[control](most), Rate(per_minute), breaker, 1800.0)
    settings = {"tries": 6, "patience_s": 1800.0, "backoff": backoff, "wall": lambda: 1.7e9, **more}
    return Limiter(server, admission, jitter=jitter, **settings)


def play(
    server: Server,
    rows: int,
    most: int,
    control: str = "aimd",
    events: tuple[tuple[float, Callable[[Server], None]], ...] = (),
    **more: Any,
) -> Outcome:
    """Ask for so many rows, as the client's workers would; `events` change the server at their seconds."""

    async def go() -> Outcome:
        loop = asyncio.get_running_loop()
        limiter, began, lost = limiter_for(server, most, control, **more), loop.time(), 0
        todo = iter(range(rows))
        for at, change in events:
            loop.call_later(at, change, server)

        async def work() -> int:
            done = 0
            for row in todo:
                try:
                    answer: Answered = await limiter.call({"messages": [{"content": f"row {row} " * 10}]})
                    done += answer.reply.status == 200
                except GaveUp:
                    pass
            return done

        workers = [work() for _ in range(min(rows, most * 5 // 4 + 1))]
        done = sum(await asyncio.gather(*workers))
        lost = rows - done
        return Outcome(loop.time() - began, done, lost, server, limiter)

    outcome: Outcome = run(go)
    return outcome
