"""A run: a folder that explains itself, filled stage by stage, resumable at any instant."""

import os
import re
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from synth import lock
from synth.changes import changes, sentence_of
from synth.config import RunConfig
from synth.errors import ConfigError, NothingNew, StoreError
from synth.ids import digest
from synth.llm.budget import Budget, Densities
from synth.llm.client import Client
from synth.llm.journal import Journal
from synth.llm.prices import Prices
from synth.llm.spent import spent_before, who_answers
from synth.mirror.mirror import Mirror
from synth.pipeline import flatten, is_excluded, made_from, road, stage_of, stages_before
from synth.places import find_run
from synth.prompts.library import PromptLibrary
from synth.publish.figures import for_viewer
from synth.publish.folder import publish, recover
from synth.road import stages_of
from synth.schemas import STAGES, TABLES
from synth.settings import anchored, to_toml
from synth.stage import Stage
from synth.store import Manifest, PartRecord, StageStore, part_key
from synth.target import Walked
from synth.versions import Version, datasets, publish_run
from synth.workplace import Report, Workplace
from synth.writing import write_bytes

FIRST = "Computed for the first time."
REUSED = "Reused, as nothing that it depends on has changed."
# The table of which a run with a target asks the first rows only.
LIMITED = "combinations"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def silent(done: int, total: int) -> None:
    """Report to nobody."""


@dataclass(frozen=True, slots=True)
class Part:
    """A slice of a stage's input: at most `part_rows` ids, in order."""

    index: int
    key: str
    ids: tuple[str, ...]

    @property
    def size(self) -> int:
        """Rows that go in."""
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a stage has to do, and why; `manifest` is there when it is done already."""

    stage: str
    fingerprint: str
    made_from: dict[str, Any]
    parts: tuple[Part, ...]
    manifest: Manifest | None
    why: str


class Run(Workplace):
    """One run folder, held by one process. Use as a context manager."""

    # How many combinations are asked, the first in the order of their ids; None asks all (`synth.waves`).
    limit: int | None = None
    waves: tuple[Walked, ...] = ()
    # Where the dataset was published beside the run's folder, once it was.
    version: Version | None = None

    def __init__(
        self, config: RunConfig, folder: Path, say: Callable[[str], None] = lambda said: None
    ) -> None:
        self.stages = stages_of(config)
        self.name = folder.name
        self._lock_file: int | None = None
        prices = Prices.of(config)
        self._acquire(folder)  # before the journal is read: another process may still be adding to it
        self._mirror: Mirror | None = None
        try:
            if config.mirror:  # what another machine has done comes before all else
                self._mirror = Mirror(config.mirror, folder)
                self._mirror.open(say)
            self.journal = Journal(folder / "calls", reuse=_earlier(config, folder))
        except BaseException:
            self._let_go()
            raise
        try:
            super().__init__(config, folder, Client(config.endpoints(), self.journal, prices=prices))
            if config.budget.is_set:
                self.client.budget = _budget(config, self.client, self.journal)
        except BaseException:
            self.journal.close()
            self._let_go()
            raise
        self._reused: dict[str, int] = {}

    @classmethod
    def open(
        cls,
        config: RunConfig,
        runs: Path,
        name: str | None = None,
        say: Callable[[str], None] = lambda said: None,
    ) -> Self:
        """The run of this configuration and these inputs, new or to be resumed; `say` hears of a long wait.

        Raises:
            ConfigError: the name is no name.
            StoreError: the folder cannot be written, another process holds it, or a newer version wrote it.
        """
        if config.store.name:  # else the run would not know what was seen
            raise ConfigError(
                "store.name: a run of a store is begun by the store (`synth run`, `synth.take_new`)."
            )
        chosen = name or default_name(config)
        if not NAME.fullmatch(chosen):
            raise ConfigError(f"--name {chosen!r}: use letters, digits, dots, dashes and underscores only.")
        run = cls(config, runs / chosen, say)
        try:
            for stage in STAGES:  # before anything is changed there
                StageStore(run.folder, stage).manifest()
            write_bytes(run.folder / "run.toml", to_toml(anchored(config)).encode())
            run._leave_out()
        except BaseException:
            run.close()
            raise
        return run

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the model client, close the journal, send the rest to the mirror, release the folder."""
        self.client.close()
        self.journal.close()
        try:
            if self._mirror:
                self._mirror.close()
        finally:
            self._release()

    def _let_go(self) -> None:
        """Of a run that could not be opened."""
        with suppress(StoreError):
            if self._mirror and self._mirror.is_open:
                self._mirror.close()
        self._release()

    def _release(self) -> None:
        if self._lock_file is not None:
            os.close(self._lock_file)
            self._lock_file = None

    def _leave_out(self) -> None:
        """A stage that this configuration leaves out is not done; its parts stay, for when it comes back."""
        for stage in STAGES:
            if stage not in self.stages:
                StageStore(self.folder, stage).manifest_path.unlink(missing_ok=True)

    def plan(self, stage: str) -> Plan:
        """What has to be done for a stage, given what lies on disk."""
        spec = stage_of(stage, self.config)
        before = {name: self._manifest(name).outcome for name in stages_before(spec)}
        depends = made_from(spec, self.config, self.prompts, self.client.model, before)
        keyed = fingerprint = digest("stage", depends, size=16)
        if spec.cut == LIMITED and self.limit is not None:
            # Not in the keys of parts: one that is full holds the same rows in every wave.
            depends["limit"] = self.limit
            fingerprint = digest("stage", depends, size=16)
        store = StageStore(self.folder, stage)
        manifest = store.manifest()
        if why := _why_anew(store, manifest, fingerprint, depends):
            return Plan(stage, fingerprint, depends, self._parts(spec, keyed), None, why)
        return Plan(stage, fingerprint, depends, (), manifest, REUSED)

    def work(self, plan: Plan, part: Part, report: Report = silent) -> PartRecord:
        """Do one part, or find it done; safe to call from several threads.

        Raises:
            BudgetReached: a ceiling of the budget was reached, before this part or in it.
        """
        return self.found(plan, part) or self.make(plan.stage, part, report)

    def found(self, plan: Plan, part: Part) -> PartRecord | None:
        """The record of a part that an earlier try has finished, which is counted as reused.

        Raises:
            BudgetReached: a ceiling of the budget was reached.
        """
        if self.client.budget is not None:
            self.client.budget.look()  # stages without calls take time as well
        record = StageStore(self.folder, plan.stage).finished(part.index, part.key)
        if record is not None:
            with self._mutex:
                self._reused[plan.stage] = self._reused.get(plan.stage, 0) + record.inputs
        return record

    def commit(self, plan: Plan, records: Sequence[PartRecord]) -> Manifest:
        """Write the manifest: the stage is done."""
        reused = self._reused.pop(plan.stage, 0)
        store = StageStore(self.folder, plan.stage)
        manifest = store.commit(plan.fingerprint, plan.made_from, list(records), reused)
        if self._mirror:
            self._mirror.send()
        return manifest

    def finish(self) -> Path:
        """Publish `dataset/` from the finished stages; its path."""
        dataset = publish(self.folder, self.config, self.stages)
        for_viewer(self.folder, dataset)
        if name := self.config.publish.dataset:
            self.version = publish_run(datasets() / name, dataset, self.config.publish.keep)
        if self._mirror:
            self._mirror.send()
        return dataset

    def _parts(self, spec: Stage, fingerprint: str) -> tuple[Part, ...]:
        if spec.cut is None:
            return (Part(0, part_key(fingerprint, 0, []), ()),)
        ids: list[str] = self.table(spec.cut)[TABLES[spec.cut].key].to_pylist()
        if not ids and spec.cut == "passages":
            if self.config.store.seen:
                raise NothingNew(self._nothing_left())
            raise ConfigError(self._nothing_left())
        if spec.cut == LIMITED:
            ids = ids[: self.limit]
        size = self.config.part_rows
        slices = [tuple(ids[i : i + size]) for i in range(0, len(ids), size)]
        return tuple(Part(i, part_key(fingerprint, i, list(s)), s) for i, s in enumerate(slices))

    def _nothing_left(self) -> str:
        reasons = self._manifest("documents").reasons
        said = ", ".join(f"{reason} {count:,}" for reason, count in reasons.items())
        fix = "name other documents, or change the settings that reject them"
        return f"documents: no passage is left to make questions of (rejected: {said}); {fix}."

    def _acquire(self, folder: Path) -> None:
        """One process per run: two would pay twice. The lock goes with the process, however it ends."""
        try:
            self._lock_file = lock.take(folder)
        except BlockingIOError as fault:
            raise StoreError(
                f"Another process is at work in {folder}; wait for it or choose another --name."
            ) from fault
        except OSError as fault:
            raise StoreError(f"Cannot write {folder}: {fault.strerror}; choose another folder.") from fault
        _sweep(folder)


def _sweep(folder: Path) -> None:
    """Remove what a killed process was in the middle of writing; nobody else writes here now."""
    recover(folder)
    for leftover in sorted(folder.rglob(".*.tmp")):
        if leftover.is_dir():
            shutil.rmtree(leftover)
        else:
            leftover.unlink(missing_ok=True)


def _earlier(config: RunConfig, folder: Path) -> list[Path]:
    """The journals of the runs whose answers are reused."""
    runs = [find_run(run, folder.parent) for run in config.reuse]
    return [run / "calls" for run in runs if run.resolve() != folder.resolve()]


def _budget(config: RunConfig, client: Client, journal: Journal) -> Budget:
    """The ceilings of a run, less what its earlier tries spent; they are looked at only where it matters."""
    ceilings, densities, spent = config.budget, Densities(), None
    if ceilings.looks_back:
        entries = who_answers(config.in_use(), client.model)
        spent = spent_before(journal, entries, client.prices, densities, priced=bool(ceilings.money))
    return Budget(ceilings, client.prices, config.currency, client.now, spent, densities)


def _why_anew(
    store: StageStore, manifest: Manifest | None, fingerprint: str, depends: dict[str, Any]
) -> str | None:
    """Why a stage that may have been done has to be done again; None where it has not."""
    if manifest is None:
        return FIRST
    if manifest.fingerprint != fingerprint:
        return f"Computed anew, as {sentence_of(changes(manifest.made_from, depends))}."
    if not manifest.is_whole:
        return "Taken up again, as calls had failed: only those are made again."
    if not all(map(store.is_sound, manifest.parts)):
        return "Computed anew, as files of it are missing or damaged."
    return None


def default_name(config: RunConfig) -> str:
    """Recipe and 8 characters of the fingerprint of configuration and inputs: same command, same run."""
    prompts = PromptLibrary(Path(config.prompts.dir) if config.prompts.dir else None)
    flat = flatten({"models": {n: m.model_dump(mode="json") for n, m in config.in_use().items()}})
    models = {key: value for key, value in flat.items() if not is_excluded(key)}
    everything = [made_from(stage, config, prompts, lambda entry: entry, {}) for stage in road(config)]
    return f"{config.recipe}-{digest('run', everything, models)[:8]}"
