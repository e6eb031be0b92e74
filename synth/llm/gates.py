"""What the clients of a broker share: a gate for each endpoint, a desk for each journal.

In: a client's hello. Out: its view of an endpoint, and the desk that writes where it wants its answers kept.
Entries that are equal, key included, share one gate; runs that name one folder share one desk.
"""

import asyncio
import os
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from synth.errors import StoreError
from synth.llm.desk import Desk
from synth.llm.endpoint import Endpoint
from synth.llm.frames import Hello
from synth.llm.journal import Journal
from synth.llm.limits import Backoff
from synth.llm.notation import write_json
from synth.llm.transport import HttpReply, Transport
from synth.llm.usage import Ledger

# Who carries a call, and for how long, is nothing that the endpoint sees.
_NOT_ITS = {"broker", "broker_linger_s"}


@dataclass(slots=True)
class Flight:
    """How a job stands: `sent` while a request is out, and from a success until it is journaled."""

    sent: int = 0


FLIGHT: ContextVar[Flight] = ContextVar("flight")


class Watched:
    """A transport that says of each job whether it is on its way: one that is not costs nothing to drop."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def send(self, body: dict[str, Any]) -> HttpReply:
        """Send one request."""
        flight = FLIGHT.get(None) or Flight()
        flight.sent += 1
        try:
            reply = await self._transport.send(body)
        except BaseException:
            flight.sent -= 1
            raise
        # A success stays marked: it is paid, and only journaled when its job is next run.
        flight.sent -= reply.status != 200
        return reply

    async def models(self) -> HttpReply:
        """Ask which models are served."""
        return await self._transport.models()

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()


class Gate:
    """One endpoint, with the turns of all who ask it; `users` are connected, `jobs` are under way."""

    def __init__(self, hello: Hello, alarm: Callable[[str], None]) -> None:
        keys = {hello.config.api_key_env or "": hello.key or ""}
        wait = Backoff(*hello.backoff)
        self.endpoint = Endpoint(hello.entry, hello.config, wait, alarm=alarm, keys=keys)
        self.endpoint.transport = Watched(self.endpoint.transport)
        self.limiter = self.endpoint.limiter
        self.users = 0
        self.jobs = 0

    def view(self, name: str) -> Endpoint:
        """The endpoint under the name that a client gives it, for the sentences that it reads."""
        seen = replace(self.endpoint, name=name)
        seen.transport, seen.limiter = self.endpoint.transport, self.limiter
        return seen

    @property
    def is_unwell(self) -> bool:
        """Whether what it remembers would be held against the next client."""
        return bool(self.endpoint.health.failures or self.limiter.admission.breaker.down_since is not None)


def gate_key(hello: Hello) -> bytes:
    """What entries have in common that share a gate; with the key, as limits are those of an account."""
    config = hello.config.model_dump(exclude=_NOT_ITS)
    return write_json([config, hello.key, hello.backoff])


class Kept(Journal):
    """A journal that says so when its folder is taken away; else answers would go to files without a name."""

    def __init__(self, folder: Path) -> None:
        # Held open, so that no other folder can come to be the same one.
        self._held: int | None = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._identity = identity_of(folder)
        super().__init__(folder)

    def append(self, key: str, record: dict[str, Any]) -> None:
        """Write a record.

        Raises:
            StoreError: it cannot be written, or the folder or the file is gone.
        """
        super().append(key, record)
        if not self._is_there():
            raise StoreError(f"{self.folder}: the journal was taken away; run the same command again.")

    def close(self) -> None:
        """Close the journal, and let go of its folder."""
        super().close()
        held, self._held = self._held, None
        if held is not None:
            os.close(held)

    def _is_there(self) -> bool:
        writer = self._writer
        try:
            return identity_of(self.folder) == self._identity and (
                writer is None or os.fstat(writer.segment.file).st_nlink > 0
            )
        except OSError:
            return False


@dataclass(eq=False)
class Room:
    """A journal and its desk; `users` are connected, `jobs` are under way."""

    journal: Kept
    desk: Desk
    users: int = 0
    jobs: int = 0
    # Calls whose client went while they were under way: they are paid for whoever asks for them next.
    orphans: set[str] = field(default_factory=set)

    def took_over(self, key: str) -> bool:
        """Whether nobody has had the answer yet, though it is paid."""
        if key not in self.orphans:
            return False
        self.orphans.discard(key)
        return True


@dataclass
class Rooms:
    """All journals that are open, each once, by what its folder is and not by how it is called."""

    open: dict[tuple[int, int], Room] = field(default_factory=dict)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def enter(self, folder: Path) -> Room:
        """The room of a folder, with one user more.

        Raises:
            StoreError: the folder cannot be made or its journal not be read.
        """
        async with self._turn:
            identity = await asyncio.to_thread(_made, folder)
            room = self.open.get(identity)
            if room is None:
                journal = await asyncio.to_thread(Kept, folder)
                room = self.open[identity] = Room(journal, Desk(journal, Ledger()))
            room.users += 1
            return room

    async def tidy(self) -> None:
        """Close the journals that nobody names any more: their lines are sealed by then."""
        async with self._turn:
            for identity, room in list(self.open.items()):
                if not room.users and not room.jobs:
                    del self.open[identity]
                    await asyncio.to_thread(room.journal.close)


def identity_of(folder: Path) -> tuple[int, int]:
    """What a folder is, whatever it is called."""
    found = os.stat(folder)  # noqa: PTH116 - once for each answer
    return found.st_dev, found.st_ino


def _made(folder: Path) -> tuple[int, int]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return identity_of(folder)
    except OSError as fault:
        raise StoreError(f"{folder}: no journal can be made there ({fault.strerror}).") from None
