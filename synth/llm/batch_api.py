"""The few requests that batches need: upload a file, create a batch, look at it, read its results.

In: a shard. Out: what the endpoint says of it, read strictly. Through the openai package's client, whatever
the transport of live calls is; retries are ours, by kind of fault. Before anything is created, it is looked
for by the name of its shard: a request whose answer got lost is not made twice.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import BaseModel, Field, ValidationError

from synth.errors import EndpointError
from synth.llm import told, wire
from synth.llm.batches import Shard
from synth.llm.endpoint import Endpoint
from synth.llm.limits import AGAIN, Answered, is_quota
from synth.llm.openai_transport import http_client
from synth.llm.transport import HttpReply, reply_of

if TYPE_CHECKING:
    import httpx2

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)
Id = Annotated[str, Field(pattern=r"^[!-~]{1,2000}$")]

MARK = "synth_shard"
PAGE = 100
# So many are looked through at most, the newest first.
MOST_PAGES = 100
NO_ROUTE = (404, 405, 501)
# A batch of these was paid as far as it came; the first is the best to go on with.
RANK = ("completed", "finalizing", "in_progress", "validating", "expired", "cancelling", "cancelled")
ENDED = ("completed", "expired", "cancelled")
# Not before others have ended: the endpoint takes only so much at one time.
FULL = "token_limit_exceeded"


class Fault(BaseModel):
    """One reason for which a batch did not begin."""

    code: str | None = None
    message: str | None = None
    line: int | None = None


class Faults(BaseModel):
    """All of them."""

    data: list[Fault] | None = None


class Counts(BaseModel):
    """Lines that the endpoint has worked on."""

    completed: int = 0
    failed: int = 0


class Batch(BaseModel):
    """A batch, as the endpoint tells of it; of what else it tells nothing is used."""

    id: Id
    status: str
    output_file_id: Id | None = None
    error_file_id: Id | None = None
    metadata: dict[str, str] | None = None
    request_counts: Counts | None = None
    errors: Faults | None = None


class File(BaseModel):
    """An uploaded file."""

    id: Id
    filename: str = ""
    bytes: int = 0
    status: str | None = None


class Page(BaseModel):
    """Part of a list, the newest first."""

    data: list[Any]
    has_more: bool = False


class NoRoute(EndpointError):
    """The endpoint has no files or no batches."""


class Gone(Exception):
    """What was asked for by its id is not there."""


class BatchApi:
    """Files and batches of one endpoint; used on one event loop."""

    def __init__(self, endpoint: Endpoint) -> None:
        import openai

        config, key = endpoint.config, endpoint.key()
        self._endpoint = endpoint
        self._seen: dict[type[BaseModel], list[Any]] = {}  # lists, until a request fails
        self._wall: Callable[[], float] = time.time  # for a Retry-After that names a time of day
        self._client = openai.AsyncOpenAI(
            base_url=config.base_url,
            api_key=key or "none",
            max_retries=0,
            timeout=config.timeout_s,
            # Files are larger than what our pool takes for an answer.
            http_client=http_client(config.base_url, config.timeout_s, 4, own_pool=False),
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def fault(self) -> None:
        """Ask for the newest batch, which costs nothing.

        Raises:
            EndpointError: this endpoint has no batches.
        """
        await self._asked("batches", lambda: self._client.batches.with_raw_response.list(limit=1))

    async def upload(self, shard: Shard, path: Path) -> File:
        """The file of a shard, as found or as uploaded now."""
        name = f"synth-{shard.name}.jsonl"

        async def send() -> Any:
            with path.open("rb") as file:
                whole = (name, file, "application/jsonl")
                return await self._client.files.with_raw_response.create(file=whole, purpose="batch")

        async def make() -> File:
            for found in await self._listed(self._files, File):  # not paid for, but of no use twice
                if found.filename == name and found.bytes == shard.size and found.status != "error":
                    return found
            return self._read(File, await send())

        return await self._asked("files", make)

    async def create(self, shard: Shard, *, only_find: bool = False) -> Batch | None:
        """The batch of a shard, as found or as created now."""

        async def make() -> Batch | None:
            batches = await self._listed(self._batches, Batch)
            own = [b for b in batches if (b.metadata or {}).get(MARK) == shard.name]
            own = [b for b in own if b.status in RANK and b.id not in shard.passed_over]
            if own or only_find:
                return min(own, key=lambda batch: RANK.index(batch.status), default=None)
            create: Any = self._client.batches.with_raw_response.create
            raw = await create(
                completion_window=self._endpoint.config.batch_window,
                endpoint=shard.url,
                input_file_id=str(shard.file_id),
                metadata={MARK: shard.name},
            )
            return self._read(Batch, raw)

        return await self._asked("batches", make)

    async def look(self, shard: Shard) -> Batch:
        """How the batch of a shard is doing.

        Raises:
            Gone: the endpoint does not know it.
        """
        look = self._client.batches.with_raw_response.retrieve
        raw = await self._asked("batches", lambda: look(str(shard.batch_id)), may_be_gone=True)
        return self._read(Batch, raw)

    async def read(self, file_id: str, take: Callable[[bytes], None], begin: Callable[[], None]) -> None:
        """Hand on the content of a file in pieces; `begin` is called before the first, of each try.

        Raises:
            Gone: the endpoint does not have it.
        """

        async def once() -> None:
            begin()
            content = self._client.files.with_streaming_response.content
            async with content(file_id) as answer:
                async for piece in answer.iter_bytes():
                    take(piece)

        await self._asked("files", once, may_be_gone=True)

    async def _files(self, **more: Any) -> Any:
        return await self._client.files.with_raw_response.list(purpose="batch", limit=PAGE, **more)

    async def _batches(self, **more: Any) -> Any:
        return await self._client.batches.with_raw_response.list(limit=PAGE, **more)

    async def _listed(self, ask: Callable[..., Awaitable[Any]], kind: type[M]) -> list[M]:
        """Everything in a list, the newest first; what others put there need not be readable."""
        if kind in self._seen:
            return self._seen[kind]
        found: list[M] = []
        more: dict[str, str] = {}
        for _ in range(MOST_PAGES):
            page = self._read(Page, await ask(**more))
            for item in page.data:
                with suppress(ValidationError):
                    found.append(kind.model_validate(item))
            last = page.data[-1].get("id") if page.data and isinstance(page.data[-1], dict) else None
            if not page.has_more or not isinstance(last, str):
                break
            more = {"after": last}
        self._seen[kind] = found
        return found

    def _read(self, kind: type[M], raw: Any) -> M:
        try:
            return kind.model_validate_json(raw.http_response.content)
        except ValidationError as odd:
            where = ".".join(map(str, odd.errors(include_input=False)[0]["loc"])) or "all of it"
        raise self._fault(f"answered with what is no {kind.__name__.lower()} (at: {where})")

    async def _asked(self, what: str, ask: Callable[[], Awaitable[T]], *, may_be_gone: bool = False) -> T:
        """One request, tried again where that may help.

        Raises:
            EndpointError: it may not, or did not.
            Gone: there is nothing of that id, where that may be.
        """
        import httpx2
        import openai

        config, tries = self._endpoint.config, 0
        while True:
            tries += 1
            if tries > 1:  # what was asked for may have been done all the same
                self._seen.clear()
            reply, detail = None, ""
            try:
                return await ask()
            except openai.APIStatusError as answered:
                reply = await _reply(answered.response)
            except (openai.APITimeoutError, TimeoutError):
                detail = f"no answer within {config.timeout_s:g} s"
            except (openai.APIConnectionError, httpx2.TransportError, httpx2.DecodingError) as broken:
                detail = str(broken.__cause__ or broken) or "the connection was lost"
            # Handled out here, so that no traceback leads to the request and the key in its headers.
            if reply is not None:
                if may_be_gone and reply.status == 404:
                    raise Gone
                if reply.status not in AGAIN or reply.status in NO_ROUTE or is_quota(reply):
                    raise self._refused(what, reply)
                detail = f"HTTP {reply.status}: {wire.error_text(reply.body)}"
            if tries >= config.max_tries:
                raise self._fault(f"did not answer ({detail}); see that it works, then resume the run")
            await asyncio.sleep(self._pause_s(tries, reply))

    def _pause_s(self, tries: int, reply: HttpReply | None) -> float:
        asked = told.retry_after_s(reply.headers, self._wall()) if reply else None
        backoff = self._endpoint.backoff
        # A few requests by one process: there is no crowd to be spread by chance.
        return max(min(asked or 0.0, self._endpoint.config.max_outage_s), backoff.wait_s(tries, 0.75))

    def _refused(self, what: str, reply: HttpReply) -> EndpointError:
        said = f"HTTP {reply.status}: {wire.error_text(reply.body)}"
        if reply.status in NO_ROUTE:
            return NoRoute(str(self._fault(f'has no /{what} ({said}); set batch = "off"')))
        return self._endpoint.fatal(Answered(reply, 1)) or self._fault(
            f'refused a request for its {what} ({said}); correct the entry, or set batch = "off"'
        )

    def fault_of(self, batch: Batch) -> EndpointError:
        """Why a batch did not begin, as an error."""
        faults = (batch.errors.data if batch.errors else None) or [Fault()]
        first = faults[0]
        said = wire.error_text(first.message or first.code or "no reason is given")
        line = f", line {first.line}" if first.line else ""
        return self._fault(
            f"took no batch of it ({batch.id}{line}: {said}); correct the entry, make batches smaller "
            '(batch_requests), or set batch = "off"'
        )

    def _fault(self, said: str) -> EndpointError:
        where = wire.identity_of(self._endpoint.config)
        return EndpointError(f"models.{self._endpoint.name}: {where} {self._endpoint.scrub(said)}.")


def is_full(batch: Batch) -> bool:
    """Whether a batch failed only because others are under way."""
    faults = (batch.errors.data if batch.errors else None) or []
    return any(fault.code == FULL for fault in faults)


async def _reply(raw: "httpx2.Response") -> HttpReply:
    body = await raw.aread()
    headers = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in raw.headers.raw]
    return reply_of(raw.status_code, headers, body)
