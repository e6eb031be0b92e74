"""A client in a worker's process: what it is asked goes to the process that holds the run (`carrier`).

In: requests. Out: replies, exactly as that process's own client gives them, and its own errors. Each question
has a connection of its own, so that many threads may ask.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client as connect
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from synth.errors import StoreError
from synth.llm.carrier import CHUNK, Address
from synth.llm.wire import Form, Reply, Request


class Carried:
    """What stages ask of a client; `folder` is that of the run."""

    budget = None  # kept by the process that makes the calls

    def __init__(self, folder: Path) -> None:
        self._address = Address.of(folder)
        self._forms: dict[str, Form] = {}
        self._lock = threading.Lock()

    def form(self, entry: str) -> Form:
        """As `Client.form`."""
        with self._lock:
            if entry not in self._forms:
                with self._reaching(), self._open("form", entry) as connection:
                    self._forms[entry] = _received(connection)[1]
            return self._forms[entry]

    def complete(
        self, entry: str, requests: Sequence[Request], on_reply: Callable[[Reply], None] | None = None
    ) -> list[Reply]:
        """As `Client.complete`."""
        replies: list[Reply | None] = [None] * len(requests)
        with self._reaching(), self._open("complete", entry, len(requests)) as connection:
            for first in range(0, len(requests), CHUNK):
                connection.send(requests[first : first + CHUNK])
            while (got := _received(connection))[0] == "reply":
                replies[got[1]] = got[2]
                if on_reply is not None:
                    on_reply(got[2])
        return [reply for reply in replies if reply is not None]

    def is_there(self) -> None:
        """Only look.

        Raises:
            StoreError: the process that holds the run is out of reach.
        """
        with self._reaching(), self._open("look") as connection:
            _received(connection)

    @contextmanager
    def telling(self, stage: str, part: int) -> Iterator[Callable[[int, int], None]]:
        """A function that tells how far a part has come, about a hundred times in all."""
        last = -1
        with self._reaching():
            connection = self._open("tell", stage, part)

        def tell(done: int, total: int) -> None:
            nonlocal last
            if total and (hundredth := 100 * done // total) != last:
                last = hundredth
                with suppress(OSError):  # whoever works for nobody hears of it when it asks
                    connection.send((done, total))

        with connection:
            yield tell

    def _open(self, *question: Any) -> "Connection[Any, Any]":
        host, port, secret = self._address
        connection = connect((host, port), authkey=secret.encode())
        connection.send(question)
        return connection

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        try:
            yield
        except (OSError, EOFError, AuthenticationError) as fault:
            where = f"{self._address.host}:{self._address.port} ({type(fault).__name__})"
            raise StoreError(
                f"The process that holds the run does not answer at {where}; is it still alive, and is"
                " runner_host an address of its machine that workers reach?"
            ) from fault


def _received(connection: "Connection[Any, Any]") -> tuple[Any, ...]:
    got: tuple[Any, ...] = connection.recv()
    if got[0] == "fault":
        raise got[1]
    return got
