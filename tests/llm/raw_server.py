"""A server that sends what it is told, byte by byte if need be: for what no HTTP library would send."""

import asyncio
import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable

Act = bytes | Callable[[socket.socket], None]

OK = b'{"choices": [{"message": {"content": "fine"}, "finish_reason": "stop"}]}'


def answer(
    body: bytes = OK, head: bytes = b"Content-Type: application/json\r\n", status: bytes = b"200 OK"
) -> bytes:
    return b"HTTP/1.1 %s\r\n%sContent-Length: %d\r\n\r\n%s" % (status, head, len(body), body)


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def close(connection: socket.socket) -> None:
    connection.close()


def then(raw: bytes, act: Callable[[socket.socket], None]) -> Callable[[socket.socket], None]:
    """Send, then do."""

    def both(connection: socket.socket) -> None:
        connection.sendall(raw)
        act(connection)

    return both


def slowly(raw: bytes, seconds: float) -> Callable[[socket.socket], None]:
    def trickle(connection: socket.socket) -> None:
        for place in range(len(raw)):
            connection.sendall(raw[place : place + 1])
            time.sleep(seconds)

    return trickle


class RawServer:
    """Acts in the order of the requests; the last one stays. `asked` are heads and bodies, `connections` a count."""

    def __init__(self, *acts: Act) -> None:
        self.acts = list(acts)
        self.asked: list[tuple[bytes, bytes]] = []
        self.connections = 0
        self.hung_up = threading.Event()
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"
        threading.Thread(target=self._accept, daemon=True).start()

    async def reached(self) -> None:
        """Wait until a request is there."""
        while not self.asked:
            await asyncio.sleep(0.01)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listening.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError):
            while asked := self._read(connection):
                self.asked.append(asked)
                act = self.acts.pop(0) if len(self.acts) > 1 else self.acts[0]
                if isinstance(act, bytes):
                    connection.sendall(act)
                else:
                    act(connection)
            self.hung_up.set()
            connection.close()

    def _read(self, connection: socket.socket) -> tuple[bytes, bytes] | None:
        raw = b""
        while b"\r\n\r\n" not in raw:
            piece = connection.recv(65536)
            if not piece:
                return None
            raw += piece
        head, _, body = raw.partition(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
        )
        while len(body) < length:
            body += connection.recv(65536)
        return head, body
