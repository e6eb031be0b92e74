"""The client's side of a broker: `answer` as a desk gives it, by a process that outlives this one.

In: jobs of one entry. Out: their replies, or the same faults. As many jobs are handed over as the gate can
take soon and no more, because the broker finishes what it has. Where the broker ends, another is started and
asked for what is still open; what the first one had journaled by then is found there.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any, cast

from synth.errors import EndpointError, SynthError
from synth.llm import rendezvous
from synth.llm.admission import State
from synth.llm.counts import Flow
from synth.llm.crew import Job
from synth.llm.endpoint import Endpoint
from synth.llm.frames import (
    PROTOCOL,
    Frames,
    Malformed,
    Tree,
    fault_heard,
    job_said,
    listed,
    numbered,
    reply_heard,
)
from synth.llm.journal import Journal
from synth.llm.limits import Tally
from synth.llm.usage import Ledger
from synth.llm.wire import FALLEN, UNTOLD, Form, Reply

TRIES = 3
GREETINGS = 8  # brokers that are just leaving when they are met
HELLO_S = 60.0
CLOSE_S = 2.0


class Lost(Exception):
    """The connection to the broker ended before the answer."""


class Link(Frames):
    """One connection to a broker, on the client's loop: questions by number."""

    def __init__(self, alarm: Callable[[str], None]) -> None:
        super().__init__()
        self.pid = 0
        self.welcomed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.gone = asyncio.Event()
        self._alarm = alarm
        self._open: dict[int, asyncio.Future[Any]] = {}
        self._last = 0

    def got(self, said: Tree) -> None:
        """A frame came."""
        op = said["op"]
        if op == "replies" or op == "told":
            for item in listed(said):
                self._settle(numbered(item), item)
        elif op == "faults":
            for item in listed(said):
                self._settle(numbered(item), fault_heard(item[1:]))
        elif op == "welcome" and type(said.get("pid")) is int and not self.welcomed.done():
            self.pid = said["pid"]
            self.welcomed.set_result(None)
        elif op == "refused" and not self.welcomed.done():
            self.welcomed.set_exception(fault_heard(said.get("fault")))
        elif op == "alarm" and type(said.get("said")) is str:
            self._alarm(said["said"])
        else:
            raise Malformed("an unknown operation")

    def lost(self, why: str) -> None:
        """The broker is gone: all that is open is told so."""
        self.gone.set()
        for waiting in [self.welcomed, *self._open.values()]:
            if not waiting.done():
                waiting.set_exception(Lost(why))
                waiting.exception()  # seen, should nobody wait for it
        self._open.clear()

    async def ask(self, op: str, item: Callable[[int], Any]) -> Any:
        """What is said of an item under its number; who stops waiting takes it back."""
        if self.transport is None:
            raise Lost("closed")
        self._last += 1
        number = self._last
        told = self._open[number] = asyncio.get_running_loop().create_future()
        self.say_soon(op, item(number))
        try:
            return await told
        except asyncio.CancelledError:
            self.say_soon("cancel", number)
            raise
        finally:
            self._open.pop(number, None)

    def _settle(self, number: int, come: Any) -> None:
        waiting = self._open.get(number)
        if waiting is None or waiting.done():
            return  # it was taken back meanwhile
        if isinstance(come, SynthError):
            waiting.set_exception(come)
        else:
            waiting.set_result(come)


class Remote:
    """The broker of one entry, as its client sees it; used on the client's loop."""

    def __init__(
        self, endpoint: Endpoint, journal: Journal, ledger: Ledger, alarm: Callable[[str], None], most: int
    ) -> None:
        self.unconfirmed = 0  # handed over, perhaps paid, and asked for again
        self._endpoint = endpoint
        self._journal = journal
        self._ledger = ledger
        self._alarm = alarm
        self._link: Link | None = None
        self._turn = asyncio.Lock()
        self._room = asyncio.Semaphore(most)
        self._flow = Flow()
        self._under_way = 0

    async def answer(self, job: Job) -> Reply:
        """A reply that is durable, or the fault of the endpoint or the journal.

        Raises:
            EndpointError: also where brokers end again and again.
        """
        async with self._room, self._flying():
            said, again = await self._asked(lambda link: link.ask("jobs", lambda n: job_said(job, n)), 1)
        try:
            reply, sent = reply_heard(said, job.key, self._endpoint.model)
        except Malformed as fault:
            raise self._fault(f"said what is not understood ({fault})") from None
        return self._counted(job.request.stage, reply, sent, again)

    async def form(self) -> Form:
        """The form of replies, found out once for all clients."""
        said, _ = await self._asked(lambda link: link.ask("asks", lambda n: [n, "form"]))
        return cast(Form, said[1])

    async def state(self) -> State | None:
        """How the endpoint is doing, as all its clients together see it; None before the first call."""
        if self._link is None:
            return None
        said, _ = await self._asked(lambda link: link.ask("asks", lambda n: [n, "state"]))
        told = {name: said[1][name] for name in State._fields}
        told["counts"]["unconfirmed"] += self.unconfirmed
        return State(**told)

    def here(self, now: float) -> State | None:
        """What this client has under way; None before the first call."""
        if self._link is None:
            return None
        limit = self._endpoint.config.max_in_flight  # those beyond it wait at the gate
        return State(min(self._under_way, limit), limit, self._flow.per_s(now), False, {})

    async def close(self) -> None:
        """Take back what has not left yet, and hang up."""
        if self._link is not None:
            self._link.flush()
            self._link.close()
            try:
                await asyncio.wait_for(self._link.gone.wait(), CLOSE_S)
            except TimeoutError:
                return

    @asynccontextmanager
    async def _flying(self) -> AsyncIterator[None]:
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1

    async def _asked(self, ask: Callable[[Link], Awaitable[Any]], counted: int = 0) -> tuple[Any, bool]:
        """What a broker says, and whether it was the first that was asked."""
        for tries in range(TRIES):
            link = await self._linked()
            try:
                return await ask(link), tries > 0
            except Lost:
                self.unconfirmed += counted
        raise self._fault(f"ended {TRIES} times while it worked")

    async def _linked(self) -> Link:
        if self._link is None or self._link.transport is None:
            async with self._turn:
                if self._link is None or self._link.transport is None:
                    self._link = await self._met()
        return self._link

    async def _met(self) -> Link:
        """A broker that has said welcome; one that is just leaving hangs up, and another is met."""
        place = rendezvous.place_of(self._endpoint.config)
        for _ in range(GREETINGS):
            connected = await asyncio.to_thread(rendezvous.reach, place, self._endpoint.config.api_key_env)
            try:
                return await self._greeted(connected)
            except (Lost, OSError):
                continue
        raise self._fault("ends as soon as it is met")

    async def _greeted(self, connected: socket.socket) -> Link:
        loop = asyncio.get_running_loop()
        _, link = await loop.create_unix_connection(partial(Link, self._alarm), sock=connected)
        try:
            link.say(self._hello())
            async with asyncio.timeout(HELLO_S):
                await link.welcomed
        except TimeoutError:
            raise self._fault(f"does not answer within {HELLO_S:g} s") from None
        finally:
            if link.welcomed.cancelled() or not link.welcomed.done() or link.welcomed.exception():
                link.close()
        return link

    def _hello(self) -> dict[str, Any]:
        endpoint = self._endpoint
        wait = endpoint.backoff
        return {
            "op": "hello",
            "protocol": PROTOCOL,
            "entry": endpoint.name,
            "config": endpoint.config.model_dump(mode="json"),
            "journal": str(self._journal.folder.absolute()),
            "key": endpoint.key(),
            "backoff": [wait.base_s, wait.cap_s],
        }

    def _fault(self, said: str) -> EndpointError:
        log = rendezvous.place_of(self._endpoint.config).log
        return EndpointError(
            f"models.{self._endpoint.name}: the broker {said}; see {log}, or set broker = false."
        )

    def _counted(self, stage: str, reply: Reply, sent: Tally, again: bool) -> Reply:
        """As the desk counts; what another broker finds in the journal was made for this client."""
        if reply.reused and again:
            reply = replace(reply, reused=False)
        if reply.made:
            self._flow.add(asyncio.get_running_loop().time(), reply.completion_tokens or 0)
        self._ledger.add(
            stage,
            self._endpoint.name,
            made=reply.made,
            reused=reply.reused,
            failed=reply.reason in FALLEN,
            requests=sent.requests,
            unconfirmed=sent.unconfirmed + again,
            tokens=reply.tokens if reply.made else UNTOLD,
        )
        return reply
