"""Serves the table of deployments on one machine: each firing is a process of its own.

In: entries of the table, and a server that answers. Out: firings, until it is told to stop; then schedules
are paused, so that no slot piles up while nobody serves.
"""

import asyncio
import os
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import cast
from uuid import UUID

from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.deployments.runner import RunnerDeployment
from prefect.runner import Runner
from prefect.schedules import Schedule
from prefect.types.entrypoint import EntrypointType

from flows.minding import mind_server
from flows.repair import Repaired, repair, skip_missed
from flows.server import is_away
from flows.table import Entry, flow_path, parameters
from flows.terminal import note

# Slots are the same whenever it is served anew.
ANCHOR = datetime(2020, 1, 1, tzinfo=UTC)
POLL_SECONDS = 5.0
SWEEP_SECONDS = 60.0
# One Ctrl-C may come twice, from the terminal and from a program between.
AGAIN_SECONDS = 2.0
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Served:
    """Deployments that are known to the server, to be served until somebody stops it."""

    def __init__(self, entries: Sequence[Entry], runs: Path, active: Sequence[bool]) -> None:
        self.runner = Runner(name="synth", query_seconds=POLL_SECONDS, pause_on_shutdown=True, limit=None)
        self.ids: dict[str, UUID] = {}
        for entry, is_active in zip(entries, active, strict=True):
            made = made_of(entry, runs, is_active)
            self.ids[entry.name] = cast(UUID, self.runner.add_deployment(made))  # no event loop runs here
        self.crashed: list[Repaired] = repair()
        self._late = {self.ids[entry.name]: entry.of.late_minutes for entry in entries}
        self.missed = skip_missed(self._late)

    def serve(self, api_url: str, ready: Callable[[], None]) -> None:
        """Begin firings as they come due, until SIGINT or SIGTERM; runs in hand are cancelled then.

        `ready` is called once these signals are heard.
        """
        asyncio.run(self._until_told(api_url, ready))

    async def _until_told(self, api_url: str, ready: Callable[[], None]) -> None:
        told = asyncio.Event()
        serving = asyncio.create_task(self.runner.start())
        await asyncio.sleep(0)  # it sets a handler of its own, which ends the process before all is put away
        for number in SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, told.set)
        ready()
        waiting = asyncio.create_task(told.wait())
        beside = [asyncio.create_task(one) for one in (self._sweep(), mind_server(api_url))]
        await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if told.is_set():
            note("Stopping: runs at work are cancelled, the schedules paused. Ctrl-C again leaves at once.")
            asyncio.get_running_loop().call_later(AGAIN_SECONDS, _leave_when_told_again)
        await self._ended(serving)
        for task in (waiting, *beside):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _ended(self, serving: asyncio.Task[None]) -> None:
        while not (self.runner.started or serving.done()):
            await asyncio.sleep(0.1)  # told while it was still starting
        if not serving.done():
            await self.runner.astop()
        with suppress(asyncio.CancelledError):
            await serving

    async def _sweep(self) -> None:
        """Mark slots that passed, now and then."""
        # One that was handed over while the server went away for a moment would hold the place of its
        # deployment for ever, and all later firings would be cancelled.
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            try:
                await asyncio.to_thread(skip_missed, self._late)
            except Exception as fault:  # noqa: BLE001  (such as a flow run that somebody deletes just then)
                if not is_away(fault):
                    note(f"Missed slots could not be looked at ({type(fault).__name__}); tried again soon.")


def _leave_when_told_again() -> None:
    """While the server is away, cancelling runs and pausing schedules takes minutes."""
    for number in SIGNALS:
        asyncio.get_running_loop().remove_signal_handler(number)
        signal.signal(number, signal.SIG_DFL)


def made_of(entry: Entry, runs: Path, is_active: bool = True) -> RunnerDeployment:
    """A deployment as Prefect takes it."""
    module, function = flow_path(entry)
    config = entry.of.config().model_dump(mode="json", exclude_defaults=True)
    place = os.path.abspath(runs)  # noqa: PTH100 - a link stays one
    return RunnerDeployment.from_flow(
        getattr(import_module(module), function),
        name=entry.name,
        schedule=_schedule(entry, is_active),
        paused=False,
        parameters=parameters(entry, config, place),
        description=entry.of.description,
        tags=["synth", *entry.of.tags],
        concurrency_limit=ConcurrencyLimitConfig(
            limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW
        ),
        entrypoint_type=EntrypointType.MODULE_PATH,
    )


def _schedule(entry: Entry, is_active: bool) -> Schedule | None:
    of = entry.of
    if of.cron:
        return Schedule(cron=of.cron, timezone=of.timezone, active=is_active)
    if of.every_minutes:
        every = timedelta(minutes=of.every_minutes)
        return Schedule(interval=every, timezone=of.timezone, anchor_date=ANCHOR, active=is_active)
    return None
