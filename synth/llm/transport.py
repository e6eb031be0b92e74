"""How a request reaches an endpoint: a body goes in, status, headers and raw body come out.

Nothing is retried, parsed or counted here. `Transport` is the seam: whatever has these three methods can
stand behind the client. The API key lives in the transport and leaves it in no record, message or repr.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

from synth.llm.fake import FakeModel, completion

CONNECT_SECONDS = 10.0
LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class HttpReply:
    """An answer as it came over the wire, of whatever status; header names are in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""


class NoAnswer(Exception):
    """The endpoint gave no whole answer: unreachable, silent for too long, or cut off."""


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


class OpenAITransport:
    """An OpenAI-compatible address, through the `openai` package with its own retries off."""

    def __init__(self, base_url: str, key: str | None, timeout_s: float, connections: int) -> None:
        import httpx2  # both are slow to import, and not every run calls a model
        import openai

        # Two spare connections: one that is closing must not hold up the next call.
        limits = httpx2.Limits(max_connections=connections + 2, max_keepalive_connections=connections + 2)
        connect = min(CONNECT_SECONDS, timeout_s)
        self._host = base_url
        self._timeout_s = timeout_s
        self._client = openai.AsyncOpenAI(
            base_url=base_url,
            # Without a key of its own the package would send the one in OPENAI_API_KEY to any address.
            api_key=key or "none",
            max_retries=0,
            timeout=timeout_s,
            http_client=httpx2.AsyncClient(
                limits=limits,
                timeout=httpx2.Timeout(timeout_s, connect=connect),
                trust_env=urlsplit(base_url).hostname not in LOOPBACK,  # no proxy between us and ourselves
                follow_redirects=True,
            ),
        )

    async def send(self, body: dict[str, Any]) -> HttpReply:
        """POST one request."""
        return await self._ask("/embeddings" if "input" in body else "/chat/completions", body)

    async def models(self) -> HttpReply:
        """GET the list of models."""
        return await self._ask("/models", None)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _ask(self, path: str, body: dict[str, Any] | None) -> HttpReply:
        import httpx2
        import openai

        fault = ""
        try:
            # The socket's timeout starts again with each byte; this one is for the whole try.
            async with asyncio.timeout(self._timeout_s):
                if body is None:
                    raw = await self._client.get(path, cast_to=httpx2.Response)
                else:
                    raw = await self._client.post(path, cast_to=httpx2.Response, body=body)
                return _as_reply(raw)
        except openai.APIStatusError as answered:
            return _as_reply(answered.response)
        except (openai.APITimeoutError, TimeoutError):
            fault = f"no answer within {self._timeout_s:g} s"
        except (openai.APIConnectionError, httpx2.TransportError) as broken:
            fault = str(broken.__cause__ or broken) or "connection lost"
        # Raised out here, so that no traceback leads to the request and the key in its headers.
        raise NoAnswer(fault)


def _as_reply(raw: Any) -> HttpReply:
    headers = {name.lower(): value for name, value in raw.headers.items()}
    return HttpReply(raw.status_code, headers, raw.content.decode("utf-8", errors="replace"))
