"""Calls for workers in other processes, made by the one that holds the run.

In: connections of workers. Out: replies, as the run's own client gives them: so one journal, one budget and
one gate for each endpoint hold for all workers, and keys of endpoints stay here. Where it listens, and the
secret that a worker must know, stand in a file of the run's folder that only its owner can read.
"""

import asyncio
import json
import os
import secrets
import socket
import struct
import threading
from collections.abc import Callable
from concurrent import futures
from contextlib import suppress
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client as connect
from multiprocessing.connection import Connection, Listener, answer_challenge, deliver_challenge
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from synth.errors import ConfigError, StoreError, SynthError
from synth.llm.client import Client

FILE = ".carrier.json"
# Requests that one message holds: a connection has to be read before it is written to.
CHUNK = 256
# Waiting to be accepted while others are; more workers at one time try again.
BACKLOG = 128
# A stranger who says nothing is sent away after so long; one who has the secret may be silent for hours.
STRANGER_S = 15
# Until the next try where this process has no file or thread left for one more.
PAUSE_S = 0.2
Told = Callable[[str, int, int, int], None]


class Address(NamedTuple):
    """Where the process that holds the run listens, and what it must be told to answer."""

    host: str
    port: int
    secret: str

    @classmethod
    def of(cls, folder: Path) -> "Address":
        """As it stands in a run's folder.

        Raises:
            StoreError: it is not there, or cannot be read.
        """
        try:
            return cls(*json.loads((folder / FILE).read_bytes()))
        except (OSError, ValueError, TypeError) as fault:
            raise StoreError(
                f"{folder / FILE} cannot be read ({type(fault).__name__}); is the folder of runs shared, and"
                " is the worker run by the same user?"
            ) from fault


class Carrier:
    """Listens while the block runs; `told` hears (stage, part, done, total) of what workers do."""

    def __init__(self, client: Client, folder: Path, host: str, told: Told) -> None:
        self._client, self._told, self._file = client, told, folder / FILE
        secret = secrets.token_hex(32)
        self._secret = secret.encode()
        # Without the secret: each is asked for it on a thread of its own, so that nobody holds up others.
        try:
            self._listener = Listener((host, 0), backlog=BACKLOG)
        except OSError as fault:
            said = fault.strerror or fault
            raise ConfigError(
                f"runner_host: {host} is no address of this machine at which it can listen ({said})."
            ) from fault
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._accept, name="carrier", daemon=True)
        _write_private(self._file, Address(host, self._listener.address[1], secret))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed.set()
        self._file.unlink(missing_ok=True)
        # Whoever waits for the next one would do so for ever on a listener that is closed.
        while self._thread.is_alive():
            with suppress(OSError), connect(self._listener.address):
                pass
            self._thread.join(PAUSE_S)
        self._listener.close()

    def _accept(self) -> None:
        while not self._closed.is_set():
            try:
                connection = self._listener.accept()
            except OSError:  # strangers hold all files that a process may open: they are sent away soon
                self._closed.wait(PAUSE_S)
                continue
            try:
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()
            except RuntimeError:  # no thread is left
                connection.close()

    def _serve(self, connection: "Connection[Any, Any]") -> None:
        # A stranger without the secret, or a worker who has left, is nobody's fault here.
        with connection, suppress(OSError, EOFError, AuthenticationError):
            _patience(connection, STRANGER_S)
            deliver_challenge(connection, self._secret)
            answer_challenge(connection, self._secret)
            _patience(connection, 0)
            what, *rest = connection.recv()
            if what == "tell":
                self._hear(connection, *rest)
            else:
                self._answer(connection, what, *rest)

    def _hear(self, connection: "Connection[Any, Any]", stage: str, part: int) -> None:
        while True:
            done, total = connection.recv()
            self._told(stage, part, done, total)

    def _answer(self, connection: "Connection[Any, Any]", what: str, *rest: Any) -> None:
        try:
            if what == "form":
                connection.send(("done", self._client.form(*rest)))
            elif what == "complete":
                self._complete(connection, *rest)
            else:
                connection.send(("done", None))  # only to see whether somebody is there
        except BaseException as fault:  # noqa: BLE001  (the worker raises it)
            connection.send(("fault", _sendable(fault)))

    def _complete(self, connection: "Connection[Any, Any]", entry: str, count: int) -> None:
        requests: list[Any] = []
        while len(requests) < count:
            requests += connection.recv()
        replies = self._client.stream(entry, requests)
        try:
            for place, reply in replies:
                connection.send(("reply", place, reply))
        finally:
            replies.close()  # type: ignore[attr-defined]  # a worker that is gone wants no more calls
        connection.send(("done", None))


def _patience(connection: "Connection[Any, Any]", seconds: int) -> None:
    """How long each reading may wait, 0: for ever; no other way leads to the socket of a connection."""
    with socket.socket(fileno=os.dup(connection.fileno())) as same:
        same.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", seconds, 0))


def _sendable(fault: BaseException) -> Exception:
    if isinstance(fault, SynthError):
        return fault
    if isinstance(fault, (asyncio.CancelledError, futures.CancelledError)):
        return SynthError("The run was stopped, and its calls with it; the same command goes on.")
    return RuntimeError(repr(fault))


def _write_private(path: Path, address: Address) -> None:
    """Whole, and from its first byte on for its owner only."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.new")
    temporary.unlink(missing_ok=True)
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump(address, file)
    temporary.replace(path)
