"""Batches of one entry of `models`: what is asked is submitted, looked after, and taken into the journal.

In: calls by key. Out: nothing, once each of them is journaled or is to be asked one by one; `Waiting` as long
as some are under way. Each step is written down before the next, so a kill at any moment costs no more than
the step: what was submitted is found again by the name of its shard, and is not paid twice.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import CancelledError
from itertools import groupby
from pathlib import Path
from typing import Any

from synth.errors import EndpointError, StoreError, SynthError, Waiting
from synth.llm import wire
from synth.llm.batch_api import ENDED, Batch, BatchApi, Gone, NoRoute, is_full
from synth.llm.batch_files import cut, line_of, url_of
from synth.llm.batches import Shard, Shards
from synth.llm.budget import Budget
from synth.llm.desk import Desk
from synth.llm.endpoint import Endpoint
from synth.llm.intake import Intake
from synth.llm.journal import Journal
from synth.llm.wire import Request, Tokens

Run = Callable[[Coroutine[Any, Any, Any]], Any]
Asked = Sequence[tuple[str, Request]]
PIECE_BYTES = 65_536


class Batched:
    """The batches of one entry; safe to use from many threads, of which one is at work at a time."""

    def __init__(
        self, endpoint: Endpoint, journal: Journal, desk: Desk, run: Run, budget: Callable[[], Budget | None]
    ) -> None:
        self._endpoint = endpoint
        self._journal = journal
        self._desk = desk
        self._run = run
        self._budget = budget
        self._lock = threading.Lock()
        self._api: BatchApi | None = None
        self._held: Shards | None = None
        self._wanted: set[str] = set()
        self._until: float | None = None
        self._stopped = False

    def collect(self, asked: Asked) -> None:
        """Take in what has come of these calls; submit those that were not.

        Raises:
            Waiting: some of them are under way.
            EndpointError: the endpoint has no batches, or refuses them.
        """
        with self._lock:
            self._go_on()
            pending = {key: request for key, request in asked if key not in self._journal}
            self._submit({key: request for key, request in pending.items() if self._shards.of(key) is None})
            names = {shard.name for key in pending if (shard := self._shards.of(key)) and shard.is_open}
            self._wanted |= names
            for name in sorted(names):
                self._advance(name)
            under_way = names.intersection(shard.name for shard in self._open())
        if under_way and (waiting := self.waiting()):
            raise waiting

    def wait(self) -> bool:
        """Look again and again until nothing is under way; False where the time to wait is over before."""
        while self.waiting() is not None:
            if (budget := self._budget()) is not None:
                budget.look()
            if not self._run(self._pause()):
                return False
            with self._lock:
                self._go_on()
                for shard in self._open():
                    self._advance(shard.name)
        return True

    def waiting(self) -> Waiting | None:
        """What is under way."""
        calls = [shard.calls for shard in self._open()] if self._held is not None else []
        return Waiting(sum(calls), len(calls)) if calls else None

    def fault(self) -> str | None:
        """Why this entry's batches cannot work, in one sentence, or None; costs nothing."""
        if self._endpoint.config.batch != "on":
            return None
        try:
            self._run(self._fault())
        except SynthError as fault:
            return str(fault)
        return None

    def stop(self) -> None:
        """Begin nothing more."""
        self._stopped = True

    async def close(self) -> None:
        """Let go of connections."""
        if self._api is not None:
            await self._api.close()

    @property
    def _shards(self) -> Shards:
        if self._held is None:
            self._held = Shards(self._journal.folder)
            self._leave_again(self._held)
        return self._held

    def _leave_again(self, shards: Shards) -> None:
        """What an earlier try submitted is under way still, and may cost what any such call may."""
        budget = self._budget()
        for shard in shards:
            if budget is None or not shard.is_open or shard.entry != self._endpoint.name:
                continue
            bodies = shards.bodies(shard)
            try:
                body = bodies.get(shards.keys(shard)[0])
            finally:
                bodies.close()
            most = body.get("max_completion_tokens") or body.get("max_tokens") or 0
            each = budget.at_most_of(shard.entry, Tokens(shard.size // shard.calls, int(most)))
            budget.leave(shard.name, each, shard.calls)

    def _go_on(self) -> None:
        if self._stopped:
            raise CancelledError

    def _open(self) -> list[Shard]:
        """Shards that somebody asked for, and that answers may still come of."""
        return [s for s in self._shards if s.is_open and s.name in self._wanted]

    def _submit(self, fresh: dict[str, Request]) -> None:
        """Prepare shards of calls that are in none yet, where they are enough to be worth it."""
        config = self._endpoint.config
        if config.batch == "off":
            return
        bodies = {key: self._endpoint.body_of(request) for key, request in fresh.items()}
        ways = sorted((fresh[key].stage, url_of(body), key) for key, body in bodies.items())
        for (stage, url), some in groupby(ways, key=lambda way: way[:2]):
            keys = [key for _, _, key in some]
            if len(keys) < config.batch_least:
                continue
            budget = self._budget()
            each = budget and budget.fit(self._endpoint.name, config, [fresh[key] for key in keys])
            sizes = ((key, len(line_of(key, bodies[key]))) for key in keys)
            for one in cut(sizes, config.batch_requests, int(config.batch_megabytes * 1e6)):
                shard = self._shards.prepare(
                    one, bodies, entry=self._endpoint.name, identity=self._endpoint.identity,
                    model=config.model, stage=stage, url=url,
                )  # fmt: skip
                if budget and each:
                    budget.leave(shard.name, each, shard.calls)

    def _advance(self, name: str) -> None:
        """Bring a shard as far as it will go now."""
        shard = self._shards.now(name)
        while shard is not None and shard.is_open:
            shard = self._step(shard)

    def _step(self, shard: Shard) -> Shard | None:
        """One step, written down; None where there is nothing to do but wait."""
        if (answered := self._shards.path(shard.name, "output.jsonl")).is_file():
            return self._ingest_file(shard, answered)
        if shard.state == "created":
            return self._look(shard)
        if self._endpoint.config.batch == "files":
            return None
        if shard.state == "uploaded":
            return self._create(shard)
        if self._endpoint.config.batch == "off":
            self._shards.drop(shard)
            self._is_back(shard)
            return None
        others = any(other.state == "created" for other in self._open())
        return None if shard.status == "failed" and others else self._upload(shard)

    def _upload(self, shard: Shard) -> Shard:
        path = self._shards.path(shard.name, "jsonl")
        if not path.is_file():
            raise StoreError(f"{path} is missing; delete the .json beside it, and both are made again.")
        file = self._run(self._with_api(lambda api: api.upload(shard, path)))
        return self._note(shard, state="uploaded", file_id=file.id)

    def _create(self, shard: Shard) -> Shard | None:
        # Who switched batches off wants no new one; but one created in the instant of a kill is paid.
        only_find = self._endpoint.config.batch == "off"
        try:
            batch = self._run(self._with_api(lambda api: api.create(shard, only_find=only_find)))
        except NoRoute:
            if not only_find:
                raise
            batch = None
        if batch is None:
            self._shards.drop(shard)
            self._is_back(shard)
            return None
        return self._note(shard, state="created", batch_id=batch.id, status=batch.status)

    def _look(self, shard: Shard) -> Shard | None:
        try:
            batch = self._run(self._with_api(lambda api: api.look(shard)))
        except Gone:
            raise self._unknown(shard) from None
        counts = batch.request_counts
        finished = counts.completed + counts.failed if counts else 0
        shard = self._note(shard, status=batch.status, finished=finished)
        if batch.status == "failed":
            self._failed(shard, batch)
        if batch.status not in ENDED:
            return None
        try:
            return self._ingest(shard, [f for f in (batch.output_file_id, batch.error_file_id) if f])
        except Gone:  # kept for too long: asked again, in a batch of its own
            gone = (*shard.passed_over, batch.id)
            return self._note(shard, state="prepared", batch_id=None, status=None, passed_over=gone)

    def _failed(self, shard: Shard, batch: Batch) -> None:
        """Nothing of it was done or paid: it is created again when others have ended, or are corrected."""
        over = (*shard.passed_over, batch.id)
        self._note(shard, state="prepared", file_id=None, batch_id=None, status="failed", passed_over=over)
        others = [s for s in self._open() if s.state == "created"]
        if not (is_full(batch) and others):
            assert self._api is not None
            raise self._api.fault_of(batch)

    def _ingest(self, shard: Shard, files: Sequence[str]) -> Shard:
        with Intake(shard, self._shards, self._journal, self._desk, self._endpoint) as intake:
            for file in files:
                read = self._reader(file, intake)
                self._run(self._with_api(read))
                intake.end()
            return self._done(shard, intake)

    def _reader(self, file: str, intake: "Intake") -> Callable[[BatchApi], Coroutine[Any, Any, None]]:
        return lambda api: api.read(file, intake.feed, intake.begin)

    def _ingest_file(self, shard: Shard, answered: Path) -> Shard:
        """The answers of another tool, which lie beside the file."""
        with Intake(shard, self._shards, self._journal, self._desk, self._endpoint) as intake:
            intake.begin()
            with answered.open("rb") as file:
                while piece := file.read(PIECE_BYTES):
                    intake.feed(piece)
            intake.end()
            return self._done(shard, intake)

    def _done(self, shard: Shard, intake: "Intake") -> Shard:
        left = sum(key not in self._journal for key in self._shards.keys(shard))
        shard = self._note(shard, state="ingested", left=left, odd=intake.odd)
        self._shards.close(shard)
        self._is_back(shard)
        return shard

    def _is_back(self, shard: Shard) -> None:
        if (budget := self._budget()) is not None:
            budget.back(shard.name)

    def _note(self, shard: Shard, **changes: Any) -> Shard:
        changed = shard.model_copy(update=changes)
        return shard if changed == shard else self._shards.note(changed)

    def _unknown(self, shard: Shard) -> EndpointError:
        state = self._shards.path(shard.name, "json")
        return EndpointError(
            f"models.{self._endpoint.name}: {wire.identity_of(self._endpoint.config)} does not know "
            f"{shard.batch_id}; use a key of the account that made it, or delete {state} to ask anew."
        )

    async def _with_api(self, ask: Callable[[BatchApi], Coroutine[Any, Any, Any]]) -> Any:
        if self._api is None:  # on the loop that it belongs to
            self._api = BatchApi(self._endpoint)
        return await ask(self._api)

    async def _fault(self) -> None:
        await self._with_api(lambda api: api.fault())

    async def _pause(self) -> bool:
        """Sleep until the next look; False where the time of this command is over."""
        config, now = self._endpoint.config, asyncio.get_running_loop().time()
        if self._until is None:
            self._until = now + config.batch_wait_s
        if now >= self._until:
            return False
        budget = self._budget()
        left = budget.left().get("seconds") if budget is not None else None
        most = self._until - now if left is None else min(self._until - now, max(0.0, float(left)))
        await asyncio.sleep(min(config.batch_poll_s, most))
        return True
