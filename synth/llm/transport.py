"""How a request reaches an endpoint: a body goes in, status, headers and raw body come out.

Nothing is retried, parsed or counted here. `Transport` is the seam: whatever has these three methods can
stand behind the client. The API key lives in the transport and leaves it in no record, message or repr.
"""

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from synth.llm.fake import FakeModel, completion

# Said of one message on one connection: transports differ in them, and no reader needs them.
_OF_THE_WIRE = frozenset(
    {"content-encoding", "content-length", "transfer-encoding", "connection", "keep-alive"}
)


@dataclass(frozen=True, slots=True)
class HttpReply:
    """An answer as it came over the wire, of whatever status; header names are in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""


def reply_of(status: int, headers: Iterable[tuple[str, str]], body: bytes) -> HttpReply:
    """An answer as every transport gives it: repeated headers joined, what is no UTF-8 replaced."""
    joined: dict[str, str] = {}
    for name, value in headers:
        if name not in _OF_THE_WIRE:
            joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return HttpReply(status, joined, body.decode("utf-8", errors="replace"))


def encoded(body: dict[str, Any]) -> bytes:
    """A request as every transport sends it; half a character, which UTF-8 cannot say, is escaped."""
    try:
        return json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except UnicodeEncodeError:
        return json.dumps(body, separators=(",", ":"), allow_nan=False).encode()


def path_of(body: dict[str, Any]) -> str:
    """Where a request goes, below the base URL."""
    return "/embeddings" if "input" in body else "/chat/completions"


class NoAnswer(Exception):
    """The endpoint gave no whole answer: unreachable, silent for too long, or cut off.

    `sent` is false where no connection was had, so that nothing can have been done or paid.
    """

    def __init__(self, fault: str, *, sent: bool = True) -> None:
        super().__init__(fault)
        self.sent = sent


class Transport(Protocol):
    """One endpoint, as the client sees it. Used on one event loop only."""

    async def send(self, body: dict[str, Any]) -> HttpReply:
        """Send one request, once: for a chat completion or, where it has an `input`, for embeddings.

        Raises:
            NoAnswer: nothing, or only half an answer, came back in time.
        """
        ...

    async def models(self) -> HttpReply:
        """Ask which models are served; costs nothing."""
        ...

    async def close(self) -> None:
        """Let go of connections and processes."""
        ...


class FakeTransport:
    """The fake model in this process, without HTTP."""

    def __init__(self, model: FakeModel) -> None:
        self._model = model

    async def send(self, body: dict[str, Any]) -> HttpReply:
        """Answer with the bytes that the fake server would send."""
        reply = self._model.reply(body)
        await asyncio.sleep(0)
        return HttpReply(reply.status, reply.headers, json.dumps(completion(body, reply), ensure_ascii=False))

    async def models(self) -> HttpReply:
        """Any name is served."""
        return HttpReply(404)

    async def close(self) -> None:
        """Nothing is held."""
