"""The transport `direct`: requests over the pool, with nothing between; and the pool for one base URL.

For plain addresses that take a thousand calls at once. It knows no proxy and follows no redirect; what needs
those uses the transport `openai`.
"""

import urllib.request
from typing import Any
from urllib.parse import quote, urlsplit

from synth.llm.pool import Address, Broken, NoConnection, Pool, Raw
from synth.llm.transport import HttpReply, NoAnswer, encoded, path_of, reply_of

PORTS = {"http": 80, "https": 443}
_PATH_SAFE = "/%:@!$&'()*+,;=~-._"


class DirectTransport:
    """An OpenAI-compatible address, asked over kept-alive connections of our own."""

    def __init__(self, base_url: str, key: str | None, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._address = address_of(base_url)
        self._path = quote(urlsplit(base_url).path.rstrip("/"), safe=_PATH_SAFE)
        self._fields = _fields(self._address, key)
        self._pool: Pool | None = None

    async def send(self, body: dict[str, Any]) -> HttpReply:
        """POST one request."""
        return await self._ask(f"POST {self._path}{path_of(body)} HTTP/1.1\r\n", encoded(body))

    async def models(self) -> HttpReply:
        """GET the list of models."""
        return await self._ask(f"GET {self._path}/models HTTP/1.1\r\n", None)

    async def close(self) -> None:
        """Close the connections."""
        if self._pool is not None:
            await self._pool.close()

    async def _ask(self, line: str, body: bytes | None) -> HttpReply:
        if self._pool is None:  # on the loop that it belongs to
            self._pool = Pool(self._address)
        fault, sent = "", True
        try:
            return reply_of(*await self._raw(self._pool, line.encode("ascii"), body))
        except TimeoutError:
            fault = f"no answer within {self._timeout_s:g} s"
        except Broken as broken:
            fault, sent = str(broken), not isinstance(broken, NoConnection)
        # Raised out here, so that no traceback leads to the request and the key in its headers.
        raise NoAnswer(fault, sent=sent)

    async def _raw(self, pool: Pool, line: bytes, body: bytes | None) -> Raw:
        if body is None:
            return await pool.request(line + self._fields + b"\r\n", self._timeout_s)
        sized = b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
        return await pool.request(line + self._fields + sized + body, self._timeout_s)


def address_of(base_url: str) -> Address:
    """Host, port and whether TLS is spoken, of an http or https URL that was checked before."""
    url = urlsplit(base_url)
    host = url.hostname or ""
    name = host if ":" in host else host.encode("idna").decode("ascii")
    return Address(name, url.port or PORTS[url.scheme], url.scheme == "https")


def is_proxied(base_url: str) -> bool:
    """Whether the environment names a proxy for an address."""
    url = urlsplit(base_url)
    proxies = urllib.request.getproxies()
    named = proxies.get(url.scheme) or proxies.get("all")
    return bool(named) and not urllib.request.proxy_bypass(url.netloc)


def _fields(address: Address, key: str | None) -> bytes:
    host = f"[{address.host}]" if ":" in address.host else address.host
    port = "" if address.port == PORTS["https" if address.tls else "http"] else f":{address.port}"
    lines = [
        f"Host: {host}{port}",
        "Accept: application/json",
        "Accept-Encoding: identity",
        "User-Agent: synth",
    ]
    if key:
        lines.append(f"Authorization: Bearer {key}")
    return "".join(f"{line}\r\n" for line in lines).encode("latin-1")
