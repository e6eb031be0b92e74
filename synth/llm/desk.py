"""The desk: where a request becomes a reply that is durable before anyone sees it.

In: an endpoint and a job. Out: its reply, found in the journal, shared with an equal call that is under way,
or asked for now. Used on one event loop, by whoever owns the endpoints: a client, or a broker between many.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from synth.errors import SynthError
from synth.llm import wire
from synth.llm.crew import Job
from synth.llm.endpoint import Endpoint
from synth.llm.journal import Journal
from synth.llm.limits import AGAIN, Answered, GaveUp, Tally
from synth.llm.notation import loads
from synth.llm.usage import Ledger
from synth.llm.wire import UNTOLD, Reply, Request, Tokens

NOTHING_SENT = Tally()


class Came(NamedTuple):
    """The answer to one line of a batch: its key, what was asked, and the raw body of a success."""

    key: str
    body: dict[str, Any]
    raw: str


class Desk:
    """One journal, one ledger, and the calls that are under way."""

    def __init__(self, journal: Journal, ledger: Ledger) -> None:
        self._journal = journal
        self._ledger = ledger
        self._fresh: set[str] = set()
        self.on_taken: Callable[[Endpoint, Tokens], None] = lambda endpoint, tokens: None
        # Who asked, and what will come of it.
        self._flying: dict[str, tuple[Endpoint, asyncio.Future[Reply]]] = {}

    async def answer(self, endpoint: Endpoint, job: Job, tally: Tally | None = None) -> Reply:
        """A reply, or the fault of the endpoint or the journal; any other fault costs this row only.

        What was sent for it is also counted in `tally`.
        """
        try:
            return await self._one(endpoint, job, tally)
        except SynthError:
            raise
        except Exception as fault:  # noqa: BLE001 - a package's or ours; its neighbours are sound
            said = wire.error_text(endpoint.scrub(str(fault)))
            detail = f"unexpected {type(fault).__name__}: {said}"
            # Where every row of an endpoint fails so, it is no accident of rows, and the run stops.
            return self._fallen(endpoint, job, "call_failed", detail, endpoint.failed(detail))

    def journaled(self, endpoint: Endpoint, request: Request, key: str) -> Reply | None:
        """The reply that the journal holds, or None; safe to call from any thread."""
        record = self._journal.get(key)
        if record is None:
            return None
        endpoint.health.known = True
        if key in self._fresh:  # counted when it came
            self._fresh.discard(key)
            return _reply_of(endpoint, record, None, None, reused=False)
        self._ledger.add(request.stage, endpoint.name, reused=1)
        return _reply_of(endpoint, record, None, None, reused=True)

    def take_in(self, endpoint: Endpoint, stage: str, came: Sequence[Came]) -> None:
        """Journal what came back of a batch, in one go; each key once. Safe to call from any thread.

        Raises:
            StoreError: the journal cannot be written.
        """
        records, took = [], []
        for one in came:
            record = _record(endpoint, one.key, stage, one.body, one.raw, 200, 1)
            took.append(wire.usage_of(loads(record["response"])))
            records.append((one.key, {**record, "batch": True, "usage": wire.usage_record(took[-1])}))
        if records:
            self._journal.append_many(records)
        for one, tokens in zip(came, took, strict=True):
            self._fresh.add(one.key)
            self._ledger.add(stage, endpoint.name, made=1, requests=1, tokens=tokens, batch=True)
            self.on_taken(endpoint, tokens)

    async def _one(self, endpoint: Endpoint, job: Job, tally: Tally | None) -> Reply:
        """One reply: journaled meanwhile, under way already, or asked for now."""
        reply = self.journaled(endpoint, job.request, job.key)
        if reply is not None:
            return reply
        shared = await self._shared(endpoint, job)
        if shared is not None:
            self._ledger.add(job.request.stage, endpoint.name, reused=1)
            return replace(shared, reused=True)
        landing: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._flying[job.key] = endpoint, landing
        try:
            reply = await self._call(endpoint, job, tally or Tally())
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

    async def _shared(self, endpoint: Endpoint, job: Job) -> Reply | None:
        """The reply to an equal call that is under way; None where there is none, or none any more."""
        while (flying := self._flying.get(job.key)) is not None:
            asker, landing = flying
            try:
                return await asyncio.shield(landing)
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if not landing.cancelled() or (task is not None and task.cancelling()):
                    raise  # it is this caller that was given up, and not the other
            except SynthError:
                if asker is endpoint:
                    raise
                # Another caller's fault need not be this one's: it may have had another key.
        return None

    async def _call(self, endpoint: Endpoint, job: Job, tally: Tally) -> Reply:
        body = endpoint.body_of(job.request)
        try:
            return await self._asked(endpoint, job, body, tally)
        except BaseException:  # also a call that was cancelled has sent what it sent
            self._count(endpoint, job, tally)
            raise

    async def _asked(self, endpoint: Endpoint, job: Job, body: dict[str, Any], tally: Tally) -> Reply:
        try:
            answer = await endpoint.call(body, tally)
        except GaveUp as silence:
            detail = endpoint.scrub(str(silence))
            return self._fallen(endpoint, job, "call_failed", detail, endpoint.unreachable(detail), tally)
        if answer.reply.status == 200 and answer.said is not None:
            return self._landed_well(endpoint, job, body, answer, tally)
        detail = endpoint.scrub(f"HTTP {answer.reply.status}: {wire.error_text(answer.reply.body)}")
        if wire.is_too_long(answer.reply.status, answer.reply.body):
            return self._fallen(endpoint, job, "prompt_too_long", detail, None, tally)
        refused = answer.reply.status not in AGAIN
        fault = endpoint.fatal(answer) or endpoint.failed(detail, refused=refused)
        return self._fallen(endpoint, job, "call_failed", detail, fault, tally)

    def _landed_well(
        self, endpoint: Endpoint, job: Job, body: dict[str, Any], answer: Answered, tally: Tally
    ) -> Reply:
        status, tries = answer.reply.status, answer.requests
        record = _record(endpoint, job.key, job.request.stage, body, answer.reply.body, status, tries)
        said = answer.said if record["response"] == answer.reply.body else None
        tokens = answer.tokens
        reply = _reply_of(endpoint, record, said, tokens, reused=False)
        self._journal.append(job.key, {**record, "usage": wire.usage_record(tokens)})
        endpoint.succeeded()
        self._count(endpoint, job, tally, made=1, tokens=tokens)
        return reply

    def _fallen(
        self,
        endpoint: Endpoint,
        job: Job,
        reason: str,
        detail: str,
        fault: SynthError | None,
        tally: Tally = NOTHING_SENT,
    ) -> Reply:
        """A reply without text, not journaled, so that a later run tries again."""
        if fault is not None:
            raise fault
        self._count(endpoint, job, tally, failed=1)
        return Reply(job.key, endpoint.model, "", reason, detail, None, None, False)

    def _count(
        self,
        endpoint: Endpoint,
        job: Job,
        tally: Tally,
        *,
        made: int = 0,
        failed: int = 0,
        tokens: Tokens = UNTOLD,
    ) -> None:
        self._ledger.add(
            job.request.stage,
            endpoint.name,
            made=made,
            failed=failed,
            requests=tally.requests,
            unconfirmed=tally.unconfirmed,
            tokens=tokens,
        )


def _record(
    endpoint: Endpoint, key: str, stage: str, body: dict[str, Any], raw: str, status: int, tries: int
) -> dict[str, Any]:
    """What the journal keeps of a call, whichever way its answer came."""
    return {
        "key": key,
        "stage": stage,
        "model": endpoint.model,
        "request": body,
        "response": endpoint.scrub(raw),
        "status": status,
        "tries": tries,
    }


def _reply_of(
    endpoint: Endpoint, record: Mapping[str, Any], said: Any, tokens: Tokens | None, *, reused: bool
) -> Reply:
    """The reply that a record holds: read the same way when it is new and when it is reused.

    `said` is its response where that was parsed already, `tokens` what it took where that is known.
    """
    raw, key, model = record["response"], record["key"], endpoint.model
    if "input" in record["request"]:
        prompt, done, *more = tokens or wire.usage_of(said or loads(raw))
        return Reply(key, model, raw, None, "", prompt, done, reused, *more)
    answer = said or wire.parse(raw) or {"choices": [{"message": {}}]}
    text, reason, detail = wire.read(answer)
    prompt, done, *more = tokens or wire.usage_of(answer)
    return Reply(key, model, text, reason, detail, prompt, done, reused, *more)
