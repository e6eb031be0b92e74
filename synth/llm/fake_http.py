"""The sockets of a fake endpoint: one protocol object for each connection, no task and no framework.

It has to be cheaper than any client that is measured against it. Faults of the wire are played here.
"""

import asyncio
import socket
import struct
from typing import cast

from synth.llm.fake_app import Answer, FakeApp, error
from synth.llm.http1 import BadMessage, Message

# What a client may send before its last request is answered.
EARLY_BYTES = 2**20
# Of files for batches, with the form around them.
UPLOAD_BYTES = 256 * 2**20


class FakeConnection(asyncio.Protocol):
    """One connection: request by request, in their order."""

    def __init__(self, app: FakeApp) -> None:
        self._app = app
        self._loop = asyncio.get_running_loop()
        self._asked = Message(request=True, body_bytes=UPLOAD_BYTES)
        self._early = b""
        self._busy = self._closed = self._continued = False
        self._idle: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        self._transport = cast(asyncio.Transport, transport)
        self._app.stats.connections += 1
        self._rest()

    def connection_lost(self, exc: Exception | None) -> None:
        """It has gone; what is worked on for it is finished all the same, as by most servers."""
        self._closed = True
        if self._idle is not None:
            self._idle.cancel()

    def data_received(self, data: bytes) -> None:
        """Bytes of a request."""
        if self._busy:
            self._early += data
            if len(self._early) > EARLY_BYTES:
                self._transport.abort()
            return
        if self._idle is not None:
            self._idle.cancel()
        try:
            self._asked.feed(data)
        except BadMessage as fault:
            self._transport.write(error(400, f"the request cannot be read: {fault}"))
            self._transport.close()
            return
        if self._asked.done:
            self._busy = True
            self._app.handle(self._asked, self._send)
        elif self._asked.head_done and not self._continued and self._asked.header("expect"):
            self._continued = True
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _send(self, answer: Answer) -> None:
        if self._closed:
            return
        if answer.fault in ("reset_before", "reset_after"):
            self._reset()
        elif answer.fault == "stall":
            self._loop.call_later(self._app.behaviour.stall, self._transport.close)
        elif answer.fault == "cut":
            head = answer.payload.index(b"\r\n\r\n") + 4
            self._transport.write(answer.payload[: (head + len(answer.payload)) // 2])
            self._transport.close()
        elif answer.fault == "trickle":
            self._trickle(answer.payload, 0)
        else:
            self._transport.write(answer.payload)
            self._next()

    def _next(self) -> None:
        """Be ready for the next request, which may be here already."""
        if not self._asked.keep_alive:
            self._transport.close()
            return
        early, self._early = self._asked.rest + self._early, b""
        self._asked = Message(request=True, body_bytes=UPLOAD_BYTES)
        self._busy = self._continued = False
        self._rest()
        if early:
            self.data_received(early)

    def _rest(self) -> None:
        if self._app.behaviour.idle:
            self._idle = self._loop.call_later(self._app.behaviour.idle, self._transport.close)

    def _trickle(self, payload: bytes, at: int) -> None:
        if self._closed:
            return
        self._transport.write(payload[at : at + 1])
        if at + 1 < len(payload):
            self._loop.call_later(self._app.behaviour.trickle, self._trickle, payload, at + 1)
        else:
            self._next()

    def _reset(self) -> None:
        """Close so that the other side sees a reset, not an end."""
        file = self._transport.get_extra_info("socket")
        file.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()
