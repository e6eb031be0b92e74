"""The one way to any model: journal first, then the endpoint, each call once.

In: requests for an entry of `models`. Out: replies in their order, each durable in the journal before anyone
sees it. One event loop in a background thread serves every caller, so that an endpoint's limit holds for all
of them together, and equal requests under way at one time are one call.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import wait
from dataclasses import replace
from types import TracebackType
from typing import Any, Self
from weakref import WeakSet

from synth.config import ModelConfig
from synth.errors import ConfigError, SynthError
from synth.llm import probe, wire
from synth.llm.batch import Batch, Job
from synth.llm.endpoint import Endpoint
from synth.llm.fake import FakeModel
from synth.llm.journal import Journal
from synth.llm.limits import AGAIN, Answered, Backoff, GaveUp
from synth.llm.notation import loads
from synth.llm.usage import Ledger, Usage
from synth.llm.wire import Form, Reply, Request

__all__ = ["Client", "Form", "Reply", "Request"]

CLOSE_SECONDS = 30.0
# Taken ahead at least, so that the next requests are there before the caller has seen the last replies.
AHEAD = 64


Replies = Iterator[tuple[int, Reply]]
_NO_MORE: tuple[int, Request | None] = (0, None)


class Client:
    """Calls to the entries of `models`; safe to use from many threads, and to be closed once."""

    def __init__(
        self,
        models: Mapping[str, ModelConfig],
        journal: Journal,
        *,
        fake: FakeModel | None = None,
        backoff: Backoff | None = None,
        on_alarm: Callable[[str], None] = lambda _: None,
    ) -> None:
        wait = backoff or Backoff()
        self._endpoints = {
            name: Endpoint(name, config, wait, fake, alarm=on_alarm) for name, config in models.items()
        }
        self._journal = journal
        self._ledger = Ledger()
        self._flying: dict[str, asyncio.Future[Reply]] = {}
        # Until their last worker ends, also those whose caller has gone.
        self._batches: WeakSet[Batch] = WeakSet()
        self._lock = threading.Lock()
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
                endpoint.form = probe.form_of(endpoint, self._journal, self._run)
            return endpoint.form

    def check(self, entry: str) -> str | None:
        """What is wrong with an entry, in one sentence, or None; costs nothing."""
        return probe.fault_of(self._endpoint(entry), self._run)

    def complete(
        self, entry: str, requests: Sequence[Request], on_reply: Callable[[Reply], None] | None = None
    ) -> list[Reply]:
        """Replies in the order of the requests; `on_reply` sees each on this thread, as it comes.

        Raises:
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
        answered. Who stops early stops the calls, but for those under way.

        Raises:
            EndpointError: the endpoint as a whole is out of reach or refuses; what was answered is journaled.
            StoreError: the journal cannot be written.
        """
        endpoint = self._endpoint(entry)
        batch = Batch(self._running_loop(), lambda job: self._sure(endpoint, job), _workers(endpoint))
        self._batches.add(batch)
        try:
            yield from self._asked(batch, endpoint, enumerate(requests))
        finally:
            batch.stop()  # a caller that was interrupted wants no more; what flies is still journaled

    def close(self) -> None:
        """Stop what is under way, let go of connections, end the embedded model."""
        with self._lock:
            loop, self._loop = self._loop, None
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

    def _asked(self, batch: Batch, endpoint: Endpoint, todo: Iterator[tuple[int, Request]]) -> Replies:
        """Keep so many jobs with the batch, and hand on what comes; what is journaled needs no job."""
        most, out, more = 2 * _workers(endpoint) + AHEAD, 0, True
        while more or out:
            jobs: list[Job] = []
            while more and out + len(jobs) < most:
                place, request = next(todo, _NO_MORE)
                if request is None:
                    more = False
                    break
                job = Job(place, request, wire.call_key(endpoint.identity, endpoint.config, request))
                reply = self._journaled(endpoint, request, job.key)
                if reply is None:
                    jobs.append(job)
                    continue
                out += _add(batch, jobs)  # the caller may take its time with a reply
                jobs = []
                yield place, reply
            out += _add(batch, jobs)
            # Filled up again when a quarter is through, so that the threads seldom wake each other.
            while out and (out > most * 3 // 4 or not more):
                come = batch.come.get()
                if isinstance(come, BaseException):
                    raise come
                out -= len(come)
                yield from come

    async def _sure(self, endpoint: Endpoint, job: Job) -> Reply:
        """A reply, or the fault of the endpoint or the journal; any other fault costs this row only."""
        try:
            return await self._one(endpoint, job)
        except SynthError:
            raise
        except Exception as fault:  # noqa: BLE001 - a package's or ours; its neighbours are sound
            said = wire.error_text(endpoint.scrub(str(fault)))
            detail = f"unexpected {type(fault).__name__}: {said}"
            # Where every row of an endpoint fails so, it is no accident of rows, and the run stops.
            return self._fallen(endpoint, job, "call_failed", detail, endpoint.failed(detail))

    async def _one(self, endpoint: Endpoint, job: Job) -> Reply:
        """One reply: journaled meanwhile, under way already, or asked for now."""
        reply = self._journaled(endpoint, job.request, job.key)
        if reply is not None:
            return reply
        flying = self._flying.get(job.key)
        if flying is not None:
            shared = await asyncio.shield(flying)
            self._ledger.add(job.request.stage, reused=1)
            return replace(shared, reused=True)
        landing = self._flying[job.key] = asyncio.get_running_loop().create_future()
        try:
            reply = await self._call(endpoint, job)
            landing.set_result(reply)
            return reply
        except asyncio.CancelledError:
            landing.cancel()
            raise
        except Exception as fault:
            landing.set_exception(fault)
            landing.exception()  # seen, should nobody wait for it
            raise
        finally:
            del self._flying[job.key]

    async def _call(self, endpoint: Endpoint, job: Job) -> Reply:
        body = wire.body_of(endpoint.config, job.request)
        try:
            answer = await endpoint.call(body)
        except GaveUp as silence:
            detail = endpoint.scrub(str(silence))
            return self._fallen(endpoint, job, "call_failed", detail, endpoint.unreachable(detail))
        if answer.reply.status == 200 and answer.said is not None:
            return self._landed_well(endpoint, job, body, answer)
        detail = endpoint.scrub(f"HTTP {answer.reply.status}: {wire.error_text(answer.reply.body)}")
        if wire.is_too_long(answer.reply.status, answer.reply.body):
            return self._fallen(endpoint, job, "prompt_too_long", detail, None)
        refused = answer.reply.status not in AGAIN
        fault = endpoint.fatal(answer) or endpoint.failed(detail, refused=refused)
        return self._fallen(endpoint, job, "call_failed", detail, fault)

    def _landed_well(self, endpoint: Endpoint, job: Job, body: dict[str, Any], answer: Answered) -> Reply:
        record = {
            "key": job.key,
            "stage": job.request.stage,
            "model": endpoint.model,
            "request": body,
            "response": endpoint.scrub(answer.reply.body),
            "status": answer.reply.status,
            "tries": answer.requests,
        }
        said = answer.said if record["response"] == answer.reply.body else None
        reply = _reply_of(endpoint, record, said, reused=False)
        prompt, done = reply.prompt_tokens, reply.completion_tokens
        used = {"prompt_tokens": prompt, "completion_tokens": done}
        self._journal.append(job.key, {**record, "usage": used})
        endpoint.succeeded()
        self._ledger.add(job.request.stage, made=1, prompt_tokens=prompt, completion_tokens=done)
        return reply

    def _fallen(
        self, endpoint: Endpoint, job: Job, reason: str, detail: str, fault: SynthError | None
    ) -> Reply:
        """A reply without text, not journaled, so that a later run tries again."""
        if fault is not None:
            raise fault
        self._ledger.add(job.request.stage, failed=1)
        return Reply(job.key, endpoint.model, "", reason, detail, None, None, False)

    def _journaled(self, endpoint: Endpoint, request: Request, key: str) -> Reply | None:
        record = self._journal.get(key)
        if record is None:
            return None
        endpoint.health.known = True
        self._ledger.add(request.stage, reused=1)
        return _reply_of(endpoint, record, None, reused=True)

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """The result of a coroutine, on the client's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._running_loop()).result()

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
        for batch in list(self._batches):
            await batch.cancel()
        for endpoint in self._endpoints.values():
            if "transport" in vars(endpoint):  # made, because it was used
                await endpoint.transport.close()


def _workers(endpoint: Endpoint) -> int:
    """A few more than the gate lets through, so that it never waits for a worker that waits itself."""
    return endpoint.config.max_in_flight * 5 // 4 + 1


def _add(batch: Batch, jobs: list[Job]) -> int:
    if jobs:
        batch.add(jobs)
    return len(jobs)


def _reply_of(endpoint: Endpoint, record: Mapping[str, Any], said: Any, *, reused: bool) -> Reply:
    """The reply that a record holds: read the same way when it is new and when it is reused.

    `said` is its response where that was parsed already.
    """
    raw = record["response"]
    if "input" in record["request"]:
        used = wire.usage_of(said or loads(raw))
        return Reply(record["key"], endpoint.model, raw, None, "", *used, reused)
    answer = said or wire.parse(raw) or {"choices": [{"message": {}}]}
    text, reason, detail = wire.read(answer)
    return Reply(record["key"], endpoint.model, text, reason, detail, *wire.usage_of(answer), reused)
