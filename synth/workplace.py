"""Where parts of a run are done: by the process that holds the run, or by a worker that was handed some.

In: the folder of a run, its configuration, and a client for calls. Out: finished parts in the folder. Stages
that come before are read from their manifests; who holds the run writes those, and nobody else.
"""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pyarrow as pa

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
        self._tables: dict[tuple[str, str], pa.Table] = {}
        self._mutex = threading.Lock()

    def make(self, stage: str, part: Piece, report: Report) -> PartRecord:
        """Do one part; what lies there of it already is written over with the same bytes."""
        spec, store = stage_of(stage, self.config), StageStore(self.folder, stage)
        tables = {name: self._slice(spec, name, part) for name in spec.reads}
        notes: list[str] = []
        calls = Tally()
        services = Services(self.client, self.prompts, store.folder, report, notes.append, calls)
        made = spec.work(tables, self.config, services)
        return store.commit_part(part.index, part.key, made, notes, calls.record)

    def table(self, name: str) -> pa.Table:
        """A table of this run, read once."""
        stage = TABLES[name].stage
        key = (name, self._manifest(stage).outcome)
        with self._mutex:
            if key not in self._tables:
                self._tables = {k: v for k, v in self._tables.items() if k[0] != name}
                self._tables[key] = StageStore(self.folder, stage).read(name)
            return self._tables[key]

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
