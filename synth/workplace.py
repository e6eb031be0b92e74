"""Where parts of a run are done: by the process that holds the run, or by a worker that was handed some.

In: the folder of a run, its configuration, and a client for calls. Out: finished parts in the folder. Stages
that come before are read from their manifests; who holds the run writes those, and nobody else.
"""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from synth.ahead import Desk, Share, forget
from synth.config import RunConfig
from synth.errors import StoreError
from synth.llm.client import Client
from synth.pipeline import stage_of
from synth.prompts.library import PromptLibrary
from synth.schemas import TABLES
from synth.stage import Stage
from synth.stages.calls import Services
from synth.stages.tally import Tally
from synth.store import Manifest, PartRecord, StageStore

Report = Callable[[int, int], None]


class Piece(Protocol):
    """What says which part it is: its place, its key, and how many rows go in."""

    @property
    def index(self) -> int: ...  # noqa: D102
    @property
    def key(self) -> str: ...  # noqa: D102
    @property
    def size(self) -> int: ...  # noqa: D102


class Workplace:
    """The folder of a run as work sees it; safe to use from many threads.

    Of `client` no more is asked than `form` and `complete`.
    """

    def __init__(self, config: RunConfig, folder: Path, client: Client) -> None:
        self.config = config
        self.folder = folder
        self.prompts = PromptLibrary(Path(config.prompts.dir) if config.prompts.dir else None)
        self.client = client
        self._tables: dict[tuple[str, str, tuple[str, ...]], pa.Table] = {}
        self._mutex = threading.Lock()

    def make(self, stage: str, part: Piece, report: Report) -> PartRecord:
        """Do one part; what lies there of it already is written over with the same bytes."""
        spec, store = stage_of(stage, self.config), StageStore(self.folder, stage)
        tables = {name: self._slice(spec, name, part) for name in spec.reads}
        notes: list[str] = []
        calls = Tally()
        services = Services(self.client, self.prompts, store.folder, report, notes.append, calls, part.key)
        made = spec.work(tables, self.config, services)
        record = store.commit_part(part.index, part.key, made, notes, calls.record)
        forget(store.folder)
        return record

    def shares(self, stage: str, key: str, workers: int) -> Sequence[Share]:
        """What of the part of a stage may be done ahead by so many workers, and is not done yet."""
        ahead = stage_of(stage, self.config).ahead
        return ahead.shares(self._desk(stage, key), workers) if ahead else ()

    def share(self, stage: str, key: str, share: Share, report: Report) -> None:
        """Do a share, or find it done."""
        if ahead := stage_of(stage, self.config).ahead:
            ahead.make(self._desk(stage, key), share, report)

    def table(self, name: str, columns: Sequence[str] | None = None) -> pa.Table:
        """A table of this run, or some columns of it, its key among them; read once."""
        stage = TABLES[name].stage
        key = (name, self._manifest(stage).outcome, tuple(columns or ()))
        with self._mutex:
            if key not in self._tables:
                self._tables = {k: v for k, v in self._tables.items() if k[0] != name}
                self._tables[key] = StageStore(self.folder, stage).read(name, columns)
            return self._tables[key]

    def _desk(self, stage: str, key: str) -> Desk:
        def count(name: str) -> int:
            return self._manifest(TABLES[name].stage).outputs.get(name, 0)

        folder = StageStore(self.folder, stage).folder
        return Desk(self.config, self.prompts, folder, key, self.table, count)

    def _manifest(self, stage: str) -> Manifest:
        manifest = StageStore(self.folder, stage).manifest()
        if manifest is None:
            raise StoreError(f"{self.folder}: the stage `{stage}` has not finished.")
        return manifest

    def _slice(self, spec: Stage, name: str, part: Piece) -> pa.Table:
        table = self.table(name)
        if name != spec.cut:
            return table
        return table.slice(part.index * self.config.part_rows, part.size)
