"""The one way to any model: journal first, then the endpoint, each call once.

In: requests for an entry of `models`. Out: replies in their order, each durable in the journal before anyone
sees it. One event loop in a background thread serves every caller, so that an endpoint's limit holds for all
of them together, and equal requests under way at one time are one call.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from functools import partial
from types import TracebackType
from typing import Any, Self
from weakref import WeakSet

from synth.config import ModelConfig
from synth.errors import BudgetReached, ConfigError, SynthError, Waiting
from synth.llm import batches, probe, wire
from synth.llm.admission import State
from synth.llm.batched import Batched
from synth.llm.budget import Budget
from synth.llm.crew import Crew, Job
from synth.llm.desk import Desk
from synth.llm.endpoint import Endpoint
from synth.llm.fake import FakeModel
from synth.llm.journal import Journal
from synth.llm.limits import Answered, Backoff
from synth.llm.prices import Prices
from synth.llm.pulse import Pulse, pulse_of
from synth.llm.remote import Remote
from synth.llm.rendezvous import is_brokered
from synth.llm.usage import Account, Ledger, Usage
from synth.llm.wire import Form, Reply, Request, Tokens

__all__ = ["Client", "Form", "Reply", "Request"]

CLOSE_SECONDS = 30.0
# Taken ahead at least, so that the next requests are there before the caller has seen the last replies.
AHEAD = 64


Replies = Iterator[tuple[int, Reply]]
_NO_MORE: tuple[int, Request | None] = (0, None)


class Client:
    """Calls to the entries of `models`; safe to use from many threads, and to be closed once.

    `budget`, where it is set, is asked before each call; `on_alarm` hears sentences about endpoints in
    trouble, on the client's own thread.
    """

    def __init__(
        self,
        models: Mapping[str, ModelConfig],
        journal: Journal,
        *,
        fake: FakeModel | None = None,
        backoff: Backoff | None = None,
        on_alarm: Callable[[str], None] = lambda _: None,
        prices: Prices | None = None,
    ) -> None:
        wait = backoff or Backoff()
        self.on_alarm = on_alarm
        self.budget: Budget | None = None
        self.prices = prices or Prices({})
        self._endpoints = {
            name: Endpoint(name, config, wait, fake, alarm=lambda said: self.on_alarm(said))
            for name, config in models.items()
        }
        self._journal = journal
        self._ledger = Ledger()
        self._desk = Desk(journal, self._ledger)
        self._desk.on_taken = self._taken
        self._batched = {
            name: Batched(endpoint, journal, self._desk, self._run, lambda: self.budget)
            for name, endpoint in self._endpoints.items()
            # What was submitted is collected even where no more shall be.
            if endpoint.config.batch != "off" or (journal.folder / batches.FOLDER).is_dir()
        }
        self._remotes = {
            name: Remote(
                endpoint, journal, self._ledger, lambda said: self.on_alarm(said), _workers(endpoint)
            )
            for name, endpoint in self._endpoints.items()
            if is_brokered(endpoint.config)
        }
        # Until their last worker ends, also those whose caller has gone.
        self._crews: WeakSet[Crew] = WeakSet()
        self._lock = threading.Lock()
        self._asking: WeakSet[Future[Any]] = WeakSet()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def calls_made(self) -> int:
        """Calls that an endpoint answered now."""
        return self._ledger.total("made")

    @property
    def calls_reused(self) -> int:
        """Calls whose answer was there already, in the journal or from an equal call under way."""
        return self._ledger.total("reused")

    @property
    def usage(self) -> dict[str, Usage]:
        """Calls and tokens so far, by stage."""
        return self._ledger.by_stage()

    @property
    def bill(self) -> dict[Account, Usage]:
        """Calls and tokens so far, by stage and entry."""
        return self._ledger.bill()

    def pulse(self, stage: str | None = None) -> Pulse:
        """How the calls are going now, of all stages or of one; safe and cheap from any thread."""
        return pulse_of(self._ledger.bill(), self.prices, self.states().values(), stage)

    def states(self) -> dict[str, State]:
        """What this client has under way at each endpoint that it asked; safe and cheap from any thread."""
        now = self._loop.time() if self._loop is not None else 0.0
        asked = {name: self._remotes.get(name, one) for name, one in tuple(self._endpoints.items())}
        found = {n: a.here(now) if isinstance(a, Remote) else a.state(now) for n, a in asked.items()}
        return {name: state for name, state in found.items() if state is not None}

    def now(self) -> float:
        """Seconds by the clock of the client's loop, which no change of the time of day can move."""
        return self._running_loop().time()

    def identity(self, entry: str) -> str:
        """Who is asked: part of every call's key, never with credentials."""
        return self._endpoint(entry).identity

    def model(self, entry: str) -> str:
        """Who answers, as the column `model` says it: address or weights, and the model's name."""
        return self._endpoint(entry).model

    def form(self, entry: str) -> Form:
        """The best form of reply that an entry can be asked for; probed once where it is to be found out.

        Raises:
            EndpointError: the endpoint refuses even a plain request.
        """
        endpoint = self._endpoint(entry)
        with endpoint.lock:
            if endpoint.form is None:
                remote = self._remotes.get(entry) if endpoint.config.structured == "auto" else None
                asked = partial(self._probe, endpoint)
                endpoint.form = (
                    self._run(self._remote_form(endpoint, remote))
                    if remote
                    else probe.form_of(endpoint, self._journal, asked)
                )
            return endpoint.form

    def state(self, entry: str) -> State | None:
        """How an endpoint is doing, with a broker for all its clients; None before the first call."""
        endpoint, remote = self._endpoint(entry), self._remotes.get(entry)
        if self._loop is None:
            return None
        return self._run(remote.state()) if remote else endpoint.state(self._loop.time())

    def check(self, entry: str) -> str | None:
        """What is wrong with an entry, in one sentence, or None; costs nothing."""
        fault = probe.fault_of(self._endpoint(entry), self._run)
        batched = self._batched.get(entry)
        return fault or (batched.fault() if batched else None)

    def complete(
        self, entry: str, requests: Sequence[Request], on_reply: Callable[[Reply], None] | None = None
    ) -> list[Reply]:
        """Replies in the order of the requests; `on_reply` sees each on this thread, as it comes.

        Raises:
            Waiting: some are under way in batches.
            EndpointError: the endpoint as a whole is out of reach or refuses; what was answered is journaled.
            StoreError: the journal cannot be written.
        """
        replies: list[Reply | None] = [None] * len(requests)
        for place, reply in self.stream(entry, requests):
            replies[place] = reply
            if on_reply is not None:
                on_reply(reply)
        return [reply for reply in replies if reply is not None]

    def stream(self, entry: str, requests: Iterable[Request]) -> Replies:
        """Places and replies as they come; for any number of requests, since few are taken ahead.

        `requests` is read on this thread, at most some two and a half times `max_in_flight` beyond what was
        answered; all of it at once where they travel in batches. Who stops early stops the calls, but for
        those under way.

        Raises:
            Waiting: some are under way in batches.
            EndpointError: the endpoint as a whole is out of reach or refuses; what was answered is journaled.
            StoreError: the journal cannot be written.
        """
        endpoint = self._endpoint(entry)
        if (batched := self._batched.get(entry)) is not None:
            requests = list(requests)
            batched.collect([(_key(endpoint, request), request) for request in requests])
        crew = Crew(self._running_loop(), partial(self._answer, endpoint), _workers(endpoint))
        self._crews.add(crew)
        try:
            yield from self._asked(crew, endpoint, enumerate(requests))
        finally:
            crew.stop()  # a caller that was interrupted wants no more; what flies is still journaled

    def wait_for_batches(self) -> bool:
        """Wait until no batch is under way; False where the time of this command is over before."""
        return all(batched.wait() for batched in self._batched.values())

    def waiting(self) -> Waiting | None:
        """What is under way in batches."""
        found = [waiting for batched in self._batched.values() if (waiting := batched.waiting())]
        calls, many = sum(one.calls for one in found), sum(one.batches for one in found)
        return Waiting(calls, many) if found else None

    def close(self) -> None:
        """Stop what is under way, let go of connections, end the embedded model."""
        with self._lock:
            loop, self._loop = self._loop, None
        for batched in self._batched.values():
            batched.stop()
        for asking in list(self._asking):
            asking.cancel()
        if loop is None or self._thread is None:
            return
        winding = asyncio.run_coroutine_threadsafe(self._wind_up(), loop)
        # The embedded model first ends the piece of prompt it is at; past that, its thread dies with us.
        if not wait([winding], CLOSE_SECONDS).done:
            return
        loop.call_soon_threadsafe(loop.stop)
        self._thread.join(CLOSE_SECONDS)
        loop.close()
        winding.result()

    def _endpoint(self, entry: str) -> Endpoint:
        if entry not in self._endpoints:
            known = ", ".join(sorted(self._endpoints)) or "none"
            raise ConfigError(f"models.{entry}: there is no such entry (entries: {known}).")
        return self._endpoints[entry]

    def _asked(self, crew: Crew, endpoint: Endpoint, todo: Iterator[tuple[int, Request]]) -> Replies:
        """Keep so many jobs with the crew, and hand on what comes; what is journaled needs no job."""
        most, out, more = 2 * _workers(endpoint) + AHEAD, 0, True
        while more or out:
            jobs: list[Job] = []
            while more and out + len(jobs) < most:
                place, request = next(todo, _NO_MORE)
                if request is None:
                    more = False
                    break
                job = Job(place, request, _key(endpoint, request))
                reply = self._desk.journaled(endpoint, request, job.key)
                if reply is None:
                    jobs.append(job)
                    continue
                out += _add(crew, jobs)  # the caller may take its time with a reply
                jobs = []
                yield place, reply
            out += _add(crew, jobs)
            # Filled up again when a quarter is through, so that the threads seldom wake each other.
            while out and (out > most * 3 // 4 or not more):
                come = crew.come.get()
                if isinstance(come, BaseException):
                    raise come
                out -= len(come)
                yield from come

    async def _answer(self, endpoint: Endpoint, job: Job) -> Reply:
        """A reply, if the budget has room for its call."""
        remote = self._remotes.get(endpoint.name)
        if self.budget is None:
            return await (remote.answer(job) if remote else self._desk.answer(endpoint, job))
        try:
            hold = await self.budget.admit(endpoint.name, endpoint.config, job.request)
        except BudgetReached:
            # While it waited, an equal call may have been answered.
            known = self._desk.journaled(endpoint, job.request, job.key)
            if known is None:
                raise
            return known
        tokens: Tokens | None = None
        try:
            reply = await (remote.answer(job) if remote else self._desk.answer(endpoint, job))
            tokens = reply.tokens if reply.made else None
            return reply
        finally:
            self.budget.settle(hold, tokens)

    def _taken(self, endpoint: Endpoint, tokens: Tokens) -> None:
        """A call came back in a batch."""
        if self.budget is not None:
            self.budget.paid(endpoint.name, tokens, batch=True)

    async def _remote_form(self, endpoint: Endpoint, remote: Remote) -> Form:
        """As the broker finds it; where it may be found out only now, the budget must have room for that."""
        if self.budget is None or probe.key_of(endpoint) in self._journal:
            return await remote.form()
        hold = await self.budget.admit(endpoint.name, endpoint.config, probe.PLAIN)
        paid: Tokens | None = None
        try:
            form = await remote.form()
            paid = wire.UNTOLD
            return form
        finally:
            self.budget.settle(hold, paid)

    def _probe(self, endpoint: Endpoint, work: Coroutine[Any, Any, Answered]) -> Answered:
        """The answer to a probe, which is paid like any call."""
        answered: Answered = self._run(self._probed(endpoint, work))
        return answered

    async def _probed(self, endpoint: Endpoint, work: Coroutine[Any, Any, Answered]) -> Answered:
        tokens: Tokens | None = None
        try:
            hold = self.budget and await self.budget.admit(endpoint.name, endpoint.config, probe.PLAIN)
        except SynthError:
            work.close()
            raise
        try:
            answer = await work
            tokens = wire.usage_of(answer.said) if answer.said is not None else None
            self._ledger.add(
                probe.PLAIN.stage,
                endpoint.name,
                made=tokens is not None,
                requests=answer.requests,
                tokens=tokens or wire.UNTOLD,
            )
            return answer
        finally:
            if self.budget and hold:
                self.budget.settle(hold, tokens)

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """The result of a coroutine, on the client's loop."""
        asking = asyncio.run_coroutine_threadsafe(work, self._running_loop())
        self._asking.add(asking)
        return asking.result()

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._loop.run_forever, name="model-calls", daemon=True
                )
                self._thread.start()
            return self._loop

    async def _wind_up(self) -> None:
        for crew in list(self._crews):
            await crew.cancel()
        for remote in self._remotes.values():
            await remote.close()
        for endpoint in self._endpoints.values():
            if "transport" in vars(endpoint):  # made, because it was used
                await endpoint.transport.close()
        for batched in self._batched.values():
            await batched.close()


def _key(endpoint: Endpoint, request: Request) -> str:
    return wire.call_key(endpoint.identity, endpoint.config, request)


def _workers(endpoint: Endpoint) -> int:
    """A few more than the gate lets through, so that it never waits for a worker that waits itself."""
    return endpoint.config.max_in_flight * 5 // 4 + 1


def _add(crew: Crew, jobs: list[Job]) -> int:
    if jobs:
        crew.add(jobs)
    return len(jobs)
