"""The broker at work: who is connected, what is under way, and when it leaves.

In: a listening socket. Out: nothing; it ends when no client has been there for a while and nothing is under
way, or, soon, when it is asked to (SIGTERM).
"""

import asyncio
import os
import signal
import socket
from collections.abc import Coroutine
from typing import Any

from synth.llm.broker import Log
from synth.llm.frames import Hello
from synth.llm.gates import Flight, Gate, Rooms, gate_key
from synth.llm.rendezvous import Place
from synth.llm.visitor import Visitor

FIRST_S = 20.0  # for who started it to say hello
LAND_S = 5.0


async def serve(place: Place, listening: socket.socket, log: Log) -> None:
    """Serve until nobody needs it."""
    await Broker(place, log).run(listening)


class Broker:
    """Gates, journals and visitors of one process; used on its loop."""

    def __init__(self, place: Place, log: Log) -> None:
        self.loop = asyncio.get_running_loop()
        self.log = log
        self.linger_s = FIRST_S
        self.is_leaving = False
        self.visitors: set[Visitor] = set()
        self.flights: dict[asyncio.Task[None], Flight] = {}
        self.rooms = Rooms()
        self._place = place
        self._gates: dict[bytes, Gate] = {}
        self._works: set[asyncio.Task[None]] = set()
        self._alone: asyncio.TimerHandle | None = None
        self._end = asyncio.Event()

    async def run(self, listening: socket.socket) -> None:
        """From the first client to the last."""
        self.loop.set_exception_handler(lambda _, said: self.log.fault(said.get("exception")))
        for signum in (signal.SIGTERM, signal.SIGINT):
            self.loop.add_signal_handler(signum, self._end.set)
        server = await self.loop.create_unix_server(lambda: Visitor(self), sock=listening)
        self.log.say("listens")
        self.settle()
        await self._end.wait()
        self.is_leaving = True
        self._place.socket.unlink(missing_ok=True)
        server.close()
        await self._wind_up()
        self.log.say("leaves")

    def begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start something that is seen to its end."""
        task = self.loop.create_task(work)
        self._works.add(task)
        task.add_done_callback(self._ended)
        return task

    def gate(self, hello: Hello) -> Gate:
        """The gate of a client's entry, made by the first that needs it.

        Raises:
            ConfigError: the entry cannot be used.
        """
        key = gate_key(hello)
        if key not in self._gates:
            self._gates[key] = gate = Gate(hello, lambda said: self._alarm(gate, said))
        return self._gates[key]

    def state(self, gate: Gate) -> dict[str, Any]:
        """How an endpoint is doing, for people."""
        told = gate.limiter.admission.state(self.loop.time())._asdict()
        return {**told, "clients": gate.users, "jobs": gate.jobs}

    def settle(self) -> None:
        """Somebody went, or something was done: see what is not needed any more."""
        if any(not room.users and not room.jobs for room in self.rooms.open.values()):
            self.begin(self.rooms.tidy())
        for key, gate in list(self._gates.items()):
            if not gate.users and not gate.jobs and gate.is_unwell:
                del self._gates[key]
                self.begin(gate.endpoint.transport.close())
        if self._alone is not None:
            self._alone.cancel()
        self._alone = self.loop.call_later(self.linger_s, self._look)

    def _look(self) -> None:
        """Leave, if nobody is there; a connection without a hello is cut, and looks for another broker."""
        if not self._works and not self._has_users():
            self._end.set()

    def _has_users(self) -> bool:
        return any(gate.users for gate in self._gates.values())

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._works.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.log.fault(task.exception())
        if not self._works and not self._has_users():
            self.settle()

    def _alarm(self, gate: Gate, said: str) -> None:
        for visitor in self.visitors:
            if visitor.is_of(gate.endpoint):
                visitor.alarm(said.removeprefix(f"models.{gate.endpoint.name}: "))

    async def _wind_up(self) -> None:
        """Begin nothing, journal what lands soon, let go of everything."""
        for task, flight in list(self.flights.items()):
            if not flight.sent:
                task.cancel()
        if self._works:
            await asyncio.wait(self._works, timeout=LAND_S)
        left = list(self._works)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        for visitor in list(self.visitors):
            visitor.flush()
            visitor.close()
        await asyncio.sleep(0)  # hanging up is told to each visitor by the loop
        for gate in self._gates.values():
            await gate.endpoint.transport.close()
        for room in self.rooms.open.values():
            room.users = room.jobs = 0
        await self.rooms.tidy()
        self.log.say(f"process {os.getpid()} is done")
