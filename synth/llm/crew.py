"""The requests of one caller on the client's loop: taken up in their order, answered as it comes.

In: jobs, added from the caller's thread a few at a time. Out: lists of (place, reply) in a queue that the
caller reads; then, once, the fault that ended the crew. Workers share one list, so that a slow call holds up
nobody; after a fault of the endpoint none takes up another job, and what flies is still finished.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from queue import SimpleQueue
from typing import NamedTuple

from synth.errors import SynthError
from synth.llm.wire import Reply, Request

HAND_OVER_S = 0.005
Come = SimpleQueue[list[tuple[int, Reply]] | BaseException]


class Job(NamedTuple):
    """A request that is to be asked, its place among the caller's and its key."""

    place: int
    request: Request
    key: str


class Crew:
    """Jobs and their workers. `add` and `stop` may be called from any thread, all else is of the loop."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, answer: Callable[[Job], Awaitable[Reply]], workers: int
    ) -> None:
        self.come: Come = SimpleQueue()
        self._loop = loop
        self._answer = answer
        self._most = workers
        self._todo: deque[Job] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._ready: list[tuple[int, Reply]] = []
        self._handing: asyncio.TimerHandle | None = None
        self._fault: BaseException | None = None

    def add(self, jobs: Sequence[Job]) -> None:
        """Take on further jobs."""
        self._loop.call_soon_threadsafe(self._add, jobs)

    def stop(self) -> None:
        """Take up no further job: the caller wants no more. What flies is still journaled."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._todo.clear)

    async def cancel(self) -> None:
        """Give up what flies as well."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _add(self, jobs: Sequence[Job]) -> None:
        if self._fault is not None:
            return
        self._todo.extend(jobs)
        for _ in range(min(len(self._todo), self._most - len(self._tasks))):
            task = self._loop.create_task(self._work())
            self._tasks.add(task)
            task.add_done_callback(self._worked)

    async def _work(self) -> None:
        while self._todo:
            job = self._todo.popleft()
            reply = await self._answer(job)
            self._ready.append((job.place, reply))
            if self._handing is None:
                # Each message wakes the caller's thread, which then holds up this one: one message for many.
                self._handing = self._loop.call_later(HAND_OVER_S if self._todo else 0, self._hand_over)

    def _worked(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        fault = asyncio.CancelledError() if task.cancelled() else task.exception()
        if fault is not None:
            # What is wrong with the endpoint tells more than that another call was given up.
            if self._fault is None or not isinstance(self._fault, SynthError):
                self._fault = fault
            self._todo.clear()
        if self._fault is not None and not self._tasks:
            self._hand_over()
            self.come.put(self._fault)

    def _hand_over(self) -> None:
        self._handing = None
        if self._ready:
            self.come.put(self._ready)
            self._ready = []
