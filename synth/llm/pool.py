"""A pool of kept-alive HTTP/1.1 connections to one address: one request on each at a time, nothing else.

In: the bytes of a request and a deadline. Out: status, headers, body. The connection used last is used next,
so that the others may end; to find one costs the same among ten and among a thousand. Nothing is sent twice,
except where the connection was found dead before a byte of the request had left.
"""

import asyncio
import os
import select
import socket
import ssl
from collections import OrderedDict
from typing import Any, NamedTuple, cast

from synth.llm.gate import Gate
from synth.llm.http1 import BODY_BYTES, BadMessage, Message, decoded

CONNECT_SECONDS = 10.0
# Servers hang up after five seconds and more; a request on its way just then would be lost.
IDLE_SECONDS = 4.0
# Handshakes under way at one time: a server's queue of new connections is short.
OPENING = 128
RESOLVED_SECONDS = 30.0


class Broken(Exception):
    """No whole answer; says why, and never what was sent."""


class NoConnection(Broken):
    """Nothing was sent: no connection was had."""


# A family of sockets, and an address of it.
Where = tuple[int, tuple[Any, ...]]


class Raw(NamedTuple):
    """An answer: its body without the compression that `headers` may still name."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class Address(NamedTuple):
    """Where to connect to."""

    host: str
    port: int
    tls: bool


class _Connection(asyncio.Protocol):
    """One connection; idle, or with one request on its way."""

    def __init__(self, pool: "Pool") -> None:
        self._pool = pool
        self._loop = pool.loop
        self._message: Message | None = None
        self._answer: asyncio.Future[Raw] | None = None
        self._late: asyncio.TimerHandle | None = None
        self.transport: asyncio.Transport = cast(asyncio.Transport, None)
        self.idle_since = 0.0
        self.open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.open = True
        self._pool.connections.add(self)
        file: Any = transport.get_extra_info("socket")
        self._poll = select.poll() if hasattr(select, "poll") else None
        if self._poll is not None:
            self._poll.register(file.fileno(), select.POLLIN)

    def is_live(self, now: float) -> bool:
        """Whether an idle connection can take a request: not old, not closed, nothing said unasked."""
        fresh = self.open and not self.transport.is_closing() and now - self.idle_since < IDLE_SECONDS
        return fresh and not (self._poll is not None and self._poll.poll(0))

    def ask(self, request: bytes, deadline: float) -> "asyncio.Future[Raw] | None":
        """Send a request; None where the connection turned out dead before a byte had left."""
        self._message = Message(body_bytes=self._pool.body_bytes)
        self._answer = answer = self._loop.create_future()
        self.transport.write(request)
        if self.transport.is_closing():  # the first write failed: nothing of it can have arrived
            self._message = self._answer = None
            return None
        self._late = self._loop.call_at(deadline, self._fail, "")
        return answer

    def data_received(self, data: bytes) -> None:
        message = self._message
        if message is None:
            self.drop()  # said unasked: it would be taken for the answer to the next request
            return
        try:
            message.feed(data)
            if message.done:
                self._deliver(message)
        except BadMessage as fault:
            self._fail(f"the answer cannot be read: {fault}")

    def eof_received(self) -> bool:
        message = self._message
        if message is not None:
            try:
                message.end()
                self._deliver(message)
            except BadMessage as fault:
                self._fail(str(fault) if message.head_done else "the connection was closed without an answer")
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.open = False
        self._pool.forget(self)
        if self._answer is not None:
            why = exc.strerror if isinstance(exc, OSError) and exc.strerror else "closed"
            self._fail(f"the connection was lost ({why})")

    def drop(self) -> None:
        """Close at once."""
        self._pool.forget(self)
        self._settle()
        self.transport.abort()

    def _deliver(self, message: Message) -> None:
        coding = message.header("content-encoding").strip().lower()
        body = decoded(message.body, coding, self._pool.body_bytes)
        answer, sound = self._settle(), message.keep_alive and not message.rest
        if sound and self.open:
            self._pool.keep(self)
        else:
            self.drop()
        if answer is not None and not answer.done():
            answer.set_result(Raw(message.status, message.headers, body))

    def _fail(self, why: str) -> None:
        """End the request under way; with no reason, it took too long."""
        answer = self._settle()
        self.drop()
        if answer is not None and not answer.done():
            answer.set_exception(Broken(why) if why else TimeoutError())

    def _settle(self) -> "asyncio.Future[Raw] | None":
        answer, self._answer, self._message = self._answer, None, None
        if self._late is not None:
            self._late.cancel()
            self._late = None
        return answer


class Pool:
    """Connections to one address; used on one event loop, opened as they are needed."""

    def __init__(
        self, address: Address, *, connect_s: float = CONNECT_SECONDS, body_bytes: int = BODY_BYTES,
        context: ssl.SSLContext | None = None,
    ) -> None:  # fmt: skip
        self.loop = asyncio.get_running_loop()
        self.body_bytes = body_bytes
        self.connections: set[_Connection] = set()
        self._address = address
        self._connect_s = connect_s
        self._context = (context or ssl.create_default_context()) if address.tls else None
        self._idle: OrderedDict[_Connection, None] = OrderedDict()
        self._opening = Gate(OPENING)
        self._resolving = asyncio.Lock()
        self._hosts: list[Where] = []
        self._until = 0.0  # then they are looked up again

    async def request(self, request: bytes, timeout_s: float) -> Raw:
        """One request, sent once; the time for connecting is part of its time.

        Raises:
            Broken: no connection, or no whole answer.
            TimeoutError: no whole answer within `timeout_s`.
        """
        deadline = self.loop.time() + timeout_s
        connection, answer = await self._begin(request, deadline)
        try:
            return await answer
        except asyncio.CancelledError:
            connection.drop()
            raise

    async def _begin(self, request: bytes, deadline: float) -> "tuple[_Connection, asyncio.Future[Raw]]":
        """Send on a kept connection, or on a new one where none of those takes it."""
        while (kept := self._take()) is not None:
            if (answer := kept.ask(request, deadline)) is not None:
                return kept, answer
        opened = await self._open(deadline)
        if (answer := opened.ask(request, deadline)) is None:
            raise NoConnection("the connection was lost before anything was sent")
        return opened, answer

    def keep(self, connection: _Connection) -> None:
        """A connection has nothing to do."""
        now = connection.idle_since = self.loop.time()
        self._idle[connection] = None
        oldest = next(iter(self._idle))
        if now - oldest.idle_since > IDLE_SECONDS:
            oldest.drop()

    def forget(self, connection: _Connection) -> None:
        """A connection is gone."""
        self._idle.pop(connection, None)
        self.connections.discard(connection)

    async def close(self) -> None:
        """Close every connection; what is under way fails."""
        for connection in list(self.connections):
            connection._fail("the pool was closed")
        await asyncio.sleep(0)  # their sockets are closed in the next turn of the loop

    def _take(self) -> _Connection | None:
        while self._idle:
            connection, _ = self._idle.popitem()
            if connection.is_live(self.loop.time()):
                return connection
            connection.drop()
        return None

    async def _open(self, deadline: float) -> _Connection:
        fault = ""
        try:
            async with self._opening:
                patience = min(self._connect_s, deadline - self.loop.time())
                async with asyncio.timeout(patience):
                    return await self._connect()
        except TimeoutError:
            fault = f"no connection within {self._connect_s:g} s"
        except ssl.SSLCertVerificationError as refused:
            fault = f"the certificate does not stand up ({refused.verify_message})"
        except socket.gaierror as unknown:
            fault = f"the host is not known: {unknown.strerror}"
        except OSError as refused:
            fault = os.strerror(refused.errno) if refused.errno else str(refused) or "no connection"
        raise NoConnection(fault)

    async def _connect(self) -> _Connection:
        """Try the addresses of the host in their order."""
        refused: OSError | None = None
        name = self._address.host if self._context else None
        for family, where in self._hosts if self.loop.time() < self._until else await self._resolve():
            file = socket.socket(family, socket.SOCK_STREAM)
            try:
                file.setblocking(False)
                await self.loop.sock_connect(file, where)
                _, connection = await self.loop.create_connection(
                    lambda: _Connection(self), sock=file, ssl=self._context, server_hostname=name
                )
                return connection
            except OSError as fault:
                file.close()
                refused = fault
            except BaseException:
                file.close()
                raise
        raise refused or OSError("the host has no address")

    async def _resolve(self) -> list[Where]:
        """Addresses of the host, looked up once in a while and not for each of a thousand connections."""
        async with self._resolving:
            if self.loop.time() >= self._until:
                host, port, _ = self._address
                found = await self.loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
                self._hosts = list(dict.fromkeys((family, where) for family, _, _, _, where in found))
                self._until = self.loop.time() + RESOLVED_SECONDS
            return self._hosts
