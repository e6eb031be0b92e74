"""One client of the broker: its hello, its jobs, what it takes back, and what it is told.

In: frames. Out: frames. A job that was received is carried to its end even where the client is gone by then;
only the client itself can take it back, and only as long as no request of it has left.
"""

import asyncio
import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synth.errors import SynthError
from synth.llm import probe
from synth.llm.crew import Job
from synth.llm.endpoint import Endpoint
from synth.llm.frames import (
    FULL_BYTES,
    MOST_BYTES,
    PROTOCOL,
    Frames,
    Hello,
    Malformed,
    Tree,
    fault_said,
    job_heard,
    listed,
    reply_said,
)
from synth.llm.gates import FLIGHT, Flight, Gate, Room
from synth.llm.limits import Tally
from synth.llm.rendezvous import is_same_user

if TYPE_CHECKING:
    from synth.llm.serving import Broker

HELLO_S = 10.0


class Visitor(Frames):
    """A connection that somebody made."""

    most_bytes = FULL_BYTES  # until it has said who it is

    def __init__(self, broker: "Broker") -> None:
        super().__init__()
        self._broker = broker
        self._gate: Gate | None = None
        self._room: Room | None = None
        self._endpoint: Endpoint | None = None
        self._greeted = False
        self._jobs: dict[int, tuple[asyncio.Task[None], Flight, Job]] = {}
        self._patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Only this user's processes are heard, and none that says nothing."""
        super().connection_made(transport)
        if not is_same_user(transport.get_extra_info("socket")):
            transport.abort()  # type: ignore[attr-defined]
            return
        self._patience = asyncio.get_running_loop().call_later(HELLO_S, self.close)
        self._broker.visitors.add(self)

    def got(self, said: Tree) -> None:
        """A frame came."""
        op = said["op"]
        if op == "hello" and not self._greeted:
            self._greeted = True
            self._be_patient()
            self._broker.begin(self._welcome(Hello.of(said)))
        elif self._endpoint is None:
            raise Malformed("no hello")
        elif op == "jobs":
            for job in [job_heard(item) for item in listed(said)]:
                self._take(*job)
        elif op == "cancel":
            self._drop(listed(said))
        elif op == "asks":
            for number, what in map(_question, listed(said)):
                self._broker.begin(self._told(number, what))
        else:
            raise Malformed("an unknown operation")

    def lost(self, why: str) -> None:
        """The client is gone; what it handed over goes on."""
        self._be_patient()
        self._broker.visitors.discard(self)
        if self._room is not None:
            keys = (job.key for _, flight, job in self._jobs.values() if flight.sent)
            self._room.orphans.update(keys)
        for used in (self._gate, self._room):
            if used is not None:
                used.users -= 1
        self._gate = self._room = None
        self._broker.settle()

    def alarm(self, said: str) -> None:
        """Tell the client what somebody should look at."""
        if self._endpoint is not None:
            self.say({"op": "alarm", "said": f"models.{self._endpoint.name}: {said}"})

    def is_of(self, endpoint: Endpoint) -> bool:
        """Whether this client asks that endpoint."""
        return self._gate is not None and self._gate.endpoint is endpoint

    async def _welcome(self, hello: Hello) -> None:
        broker = self._broker
        if hello.protocol != PROTOCOL or broker.is_leaving:
            self.close()  # the client looks for another
            return
        try:
            gate = broker.gate(hello)
            gate.users += 1
            self._gate = gate
            broker.linger_s = hello.config.broker_linger_s
            room = await broker.rooms.enter(Path(hello.journal))
        except SynthError as fault:
            self.say({"op": "refused", "fault": fault_said(fault)})
            self.close()
            return
        if self.transport is None or broker.is_leaving:  # it did not wait, or is to look for another
            room.users -= 1
            self.close()
            broker.settle()
            return
        self._room, self._endpoint = room, gate.view(hello.entry)
        self.most_bytes = MOST_BYTES
        broker.log.say(f"a client of {hello.entry!r} came")
        self.say({"op": "welcome", "pid": os.getpid()})

    def _be_patient(self) -> None:
        if self._patience is not None:
            self._patience.cancel()

    def _take(self, number: int, job: Job) -> None:
        """Carry a job, whatever becomes of its client."""
        gate, room, endpoint = self._gate, self._room, self._endpoint
        if number in self._jobs or gate is None or room is None or endpoint is None:
            raise Malformed("a number that is in use")
        if self._broker.is_leaving:
            return  # the client hands it to the next one when this connection ends
        flight = Flight()
        gate.jobs += 1
        room.jobs += 1
        task = self._broker.begin(self._carry(number, job, room, endpoint, flight))
        self._broker.flights[task] = flight
        self._jobs[number] = task, flight, job
        task.add_done_callback(partial(self._done, number, gate, room))

    async def _carry(self, number: int, job: Job, room: Room, endpoint: Endpoint, flight: Flight) -> None:
        FLIGHT.set(flight)
        try:
            sent = Tally()
            reply = await room.desk.answer(endpoint, job, sent)
            if reply.reused and room.took_over(job.key):
                reply = replace(reply, reused=False)  # paid for a client that never got it
        except SynthError as fault:
            self.say_soon("faults", [number, *fault_said(fault)])
        else:
            self.say_soon("replies", reply_said(reply, number, sent))

    def _done(self, number: int, gate: Gate, room: Room, task: "asyncio.Task[None]") -> None:
        gate.jobs -= 1
        room.jobs -= 1
        self._jobs.pop(number, None)
        self._broker.flights.pop(task, None)
        if not room.users or not gate.users:
            self._broker.settle()

    def _drop(self, numbers: list[Any]) -> None:
        for number in numbers:
            known = self._jobs.get(number) if type(number) is int else None
            if known is not None and not known[1].sent:
                known[0].cancel()

    async def _told(self, number: int, what: str) -> None:
        gate, room, endpoint = self._gate, self._room, self._endpoint
        if gate is None or room is None or endpoint is None:
            return
        if what == "state":
            self.say_soon("told", [number, self._broker.state(gate)])
            return
        gate.jobs += 1
        room.jobs += 1
        try:
            form = await asyncio.to_thread(self._form, endpoint, room)
        except SynthError as fault:
            self.say_soon("faults", [number, *fault_said(fault)])
        else:
            self.say_soon("told", [number, form])
        finally:
            gate.jobs -= 1
            room.jobs -= 1

    def _form(self, endpoint: Endpoint, room: Room) -> str:
        """The form of replies, probed once for all clients; on a thread, which waits for the loop."""
        loop = self._broker.loop
        with endpoint.lock:
            return probe.form_of(
                endpoint, room.journal, lambda work: asyncio.run_coroutine_threadsafe(work, loop).result()
            )


def _question(said: Any) -> tuple[int, str]:
    if type(said) is not list or len(said) != 2 or type(said[0]) is not int:
        raise Malformed("no question")
    if said[1] not in ("state", "form"):
        raise Malformed("an unknown question")
    return said[0], said[1]
