"""The transport `openai`: the package, with its own retries off, over our pool wherever no proxy stands.

The package's HTTP layer looks through all its connections for each request, and does nothing else at a
thousand of them; so it gets our pool for the one address. Proxies, and hosts that a redirect leads to, are
still left to that layer.
"""

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from synth.llm.direct import address_of, is_proxied
from synth.llm.pool import CONNECT_SECONDS, Broken, NoConnection, Pool
from synth.llm.transport import HttpReply, NoAnswer, encoded, path_of, reply_of

if TYPE_CHECKING:
    import httpx2

LOOPBACK = ("127.0.0.1", "::1", "localhost")
_UNSENT = (b"transfer-encoding", b"connection")  # the pool says itself how a body ends


class OpenAITransport:
    """An OpenAI-compatible address, through the `openai` package."""

    def __init__(self, base_url: str, key: str | None, timeout_s: float, connections: int) -> None:
        import openai  # slow to import, and not every run calls a model

        self._timeout_s = timeout_s
        self._client = openai.AsyncOpenAI(
            base_url=base_url,
            # Without a key of its own the package would send the one in OPENAI_API_KEY to any address.
            api_key=key or "none",
            max_retries=0,
            timeout=timeout_s,
            http_client=http_client(base_url, timeout_s, connections),
        )

    async def send(self, body: dict[str, Any]) -> HttpReply:
        """POST one request."""
        return await self._ask(path_of(body), encoded(body))

    async def models(self) -> HttpReply:
        """GET the list of models."""
        return await self._ask("/models", None)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _ask(self, path: str, body: bytes | None) -> HttpReply:
        import httpx2
        import openai

        fault, sent = "", True
        try:
            # A socket's timeout starts again with each byte and each redirect; this one is for the whole try.
            async with asyncio.timeout(self._timeout_s):
                if body is None:
                    raw = await self._client.get(path, cast_to=httpx2.Response)
                else:
                    raw = await self._client.post(path, cast_to=httpx2.Response, content=body)
                return _as_reply(raw)
        except openai.APIStatusError as answered:
            return _as_reply(answered.response)
        except (openai.APITimeoutError, TimeoutError):
            fault = f"no answer within {self._timeout_s:g} s"
        except (openai.APIConnectionError, httpx2.TransportError, httpx2.DecodingError) as broken:
            fault = str(broken.__cause__ or broken) or "the connection was lost"
            sent = not isinstance(broken.__cause__ or broken, httpx2.ConnectError)
        # Raised out here, so that no traceback leads to the request and the key in its headers.
        raise NoAnswer(fault, sent=sent)


def http_client(
    base_url: str, timeout_s: float, connections: int, *, own_pool: bool = True
) -> "httpx2.AsyncClient":
    """The package's HTTP layer; with our pool for its one address, unless bodies are too large for that."""
    import httpx2

    # No proxy between us and ourselves, whatever the environment says.
    trust_env = urlsplit(base_url).hostname not in LOOPBACK
    pooled = own_pool and not (trust_env and is_proxied(base_url))
    # Two spare connections: one that is closing must not hold up the next call.
    limits = httpx2.Limits(max_connections=connections + 2, max_keepalive_connections=connections + 2)
    return httpx2.AsyncClient(
        limits=limits,
        timeout=httpx2.Timeout(timeout_s, connect=min(CONNECT_SECONDS, timeout_s)),
        trust_env=trust_env,
        follow_redirects=True,
        mounts={_origin(base_url): _pool_transport(base_url, timeout_s)} if pooled else None,
    )


def _origin(base_url: str) -> str:
    url, address = urlsplit(base_url), address_of(base_url)
    host = f"[{address.host}]" if ":" in address.host else address.host
    return f"{url.scheme}://{host}" + (f":{url.port}" if url.port else "")


def _pool_transport(base_url: str, timeout_s: float) -> "httpx2.AsyncBaseTransport":
    """Our pool, as the package's HTTP layer wants it."""
    import httpx2

    class PoolTransport(httpx2.AsyncBaseTransport):
        address = address_of(base_url)
        pool: Pool | None = None

        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            if request.url.port not in (None, self.address.port):
                raise httpx2.ConnectError("a redirect to another port of the same host is not followed")
            if self.pool is None:  # on the loop that it belongs to
                self.pool = Pool(self.address)
            try:
                raw = await self.pool.request(await _bytes_of(request), timeout_s)
            except TimeoutError:
                raise httpx2.ReadTimeout("no answer in time") from None
            except NoConnection as broken:
                raise httpx2.ConnectError(str(broken)) from None
            except Broken as broken:
                raise httpx2.ReadError(str(broken)) from None
            headers = [(n.encode(), v.encode("latin-1")) for n, v in raw.headers if n != "content-encoding"]
            return httpx2.Response(raw.status, headers=headers, content=raw.body)

        async def aclose(self) -> None:
            if self.pool is not None:
                await self.pool.close()

    return PoolTransport()


async def _bytes_of(request: "httpx2.Request") -> bytes:
    """A request as it goes over the wire; its body is in memory, since we put it there."""
    line = b"%s %s HTTP/1.1\r\n" % (request.method.encode("ascii"), request.url.raw_path)
    fields = [b"%s: %s\r\n" % field for field in request.headers.raw if field[0].lower() not in _UNSENT]
    return b"".join((line, *fields, b"\r\n", await request.aread()))


def _as_reply(raw: "httpx2.Response") -> HttpReply:
    headers = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in raw.headers.raw]
    return reply_of(raw.status_code, headers, raw.content)
