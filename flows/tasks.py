"""One stage as a sub-flow, many parts as a task.

A run is opened once, by the parent flow, which holds the folder and the model client. Sub-flows and tasks get
its folder as a string and find it here. What they return is small: rows never pass through Prefect.
"""

import functools
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, StateType
from prefect.futures import wait
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
from prefect.states import Failed

from flows.artifacts import (
    StageProgress,
    Tables,
    show_card,
    show_dataset,
    show_graph,
    show_rejected,
    show_viewer,
    show_yield,
)
from flows.cancelling import cancellable
from flows.events import LOW_YIELD, PROGRESS, of_run, published
from flows.hands import Hands, hands_of
from flows.progress import explain, tell, watch
from flows.runners import make_runner, shares
from flows.terminal import note
from synth.config import Config, RunConfig
from synth.errors import NothingFailed, Stopped, StoreError, SynthError, Waiting
from synth.report import manifests, read_stats
from synth.run_report import RunReport
from synth.runs import Part, Plan, Run
from synth.schemas import main_table, stage_folder
from synth.store import Manifest, PartRecord
from synth.text import counted
from synth.waves import WAVED, Wave, waves

P = ParamSpec("P")
R = TypeVar("R")

# A fault of the machine may pass; one of our own sentences says what a person has to do first.
MACHINE_FAULTS = (OSError, MemoryError)
# Between two events of a run that is getting on; the shortest time that may pass without one is a minute.
EVENT_SECONDS = 20.0


class StageDone(Config):
    """What a sub-flow hands to those after it: enough to draw the arrow, too little to weigh."""

    stage: str
    fingerprint: str
    rows: int
    summary: str


@dataclass
class Opened:
    """A run that this process holds, and what its stages share; `whole` names those that were reused.

    `hands` are its workers, where parts are not done in this process.
    """

    run: Run
    report: RunReport
    hands: Hands | None = None
    tables: Tables = field(default_factory=Tables)
    whole: set[str] = field(default_factory=set)
    plans: dict[str, tuple[Plan, StageProgress]] = field(default_factory=dict)
    records: dict[str, PartRecord] = field(default_factory=dict)
    told_at: float = -math.inf

    def beat(self, stage: str) -> None:
        """Tell now and then, as an event, that the run is getting on: its absence is what is watched."""
        now = time.monotonic()
        if now - self.told_at >= EVENT_SECONDS:
            self.told_at = now
            of_run(PROGRESS, self.run.name, stage=stage)

    def waves(self) -> Iterator[Wave]:
        """The waves that are still to be made (`synth.waves`), each told before its stages begin."""
        for wave in waves(self.run):
            if wave.said:
                explain(WAVED[0], wave.said)
                get_run_logger().info(wave.said)
            yield wave

    @property
    def tasks(self) -> int:
        """Most tasks that a stage is scheduled as: no worker goes without."""
        return max(self.run.config.tasks, self.hands.width if self.hands else 0)

    def stage(self, stage: str, *before: StageDone, wave: int = 1) -> StageDone:
        """Run one stage as a sub-flow, after those before it, and bring the funnel up to date.

        Where the configuration leaves the stage out, there is no sub-flow, and what came before is handed on.
        """
        if stage not in self.run.stages:
            return before[-1]
        label = stage_folder(stage).replace("_", " ") + (f", wave {wave}" if wave > 1 else "")
        named = stage_flow.with_options(flow_run_name=label, task_runner=make_runner(self.tasks))
        try:
            with self.report.stage(stage):
                done = named(run=str(self.run.folder), stage=stage, before=before)
        except Stopped:  # at a ceiling: what it was spent for is what one wants to see then
            self._show()
            raise
        get_run_logger().info("%s: %s", label, done.summary)
        self._show()
        return done

    def _show(self) -> None:
        self.tables.show(self.run.folder, self.whole, self.run.config.budget)


_opened: dict[str, Opened] = {}


@contextmanager
def opened(config: RunConfig, runs: Path, name: str | None) -> Iterator[Opened]:
    """Hold a run, so that sub-flows and tasks of this process can find it."""
    # The parent flow's heartbeat is enough; each further one makes the end of its flow wait up to a second.
    calm = temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None})
    with (
        Run.open(config, runs, name, _teller()) as run,
        RunReport(run, time.time) as report,
        calm,
        hands_of(run) as hands,
    ):
        holder = _opened[str(run.folder)] = Opened(run, report, hands)
        watch(run, _teller())
        try:
            with cancellable(run.client.close):
                yield holder
        finally:
            del _opened[str(run.folder)]


def _teller() -> Callable[[str], None]:
    """Says a sentence on the terminal and in the log of the flow run, from whichever thread."""
    log = get_run_logger()

    def say(said: str) -> None:
        note(said)
        log.info("%s", said)

    return say


def one_sentence(work: Callable[P, R]) -> Callable[P, R]:
    """Turn our own errors into states with that message; the caller gets the error itself.

    A run that stopped as it was told to has a state of its own name: `BudgetReached`, `Waiting`; so has one
    whose student fails nothing.
    """

    @functools.wraps(work)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return work(*args, **kwargs)
        except (Stopped, NothingFailed) as fault:  # no failure that somebody has to look at
            state: State[R] = State(
                type=StateType.CANCELLED, name=fault.name, message=str(fault), data=cast(R, fault)
            )
            return cast(R, state)
        except SynthError as fault:
            return cast(R, Failed(message=str(fault), data=fault))

    return wrapper


def may_pass(task: Any, task_run: Any, state: Any) -> bool:
    """Whether what went wrong is a fault of the machine, which another try may not meet."""
    return isinstance(state.result(raise_on_failure=False), MACHINE_FAULTS)


@task(
    name="parts", task_run_name="{label}", retries=1, retry_delay_seconds=5, retry_condition_fn=may_pass,
    cache_policy=NO_CACHE, persist_result=False,
)  # fmt: skip
@one_sentence
def do_parts(run: str, stage: str, places: tuple[int, ...], label: str) -> tuple[PartRecord, ...]:
    """Do some parts of a stage, one after the other."""
    held = _find(run)
    plan, progress = held.plans[stage]
    waiting: Waiting | None = None
    for part in (plan.parts[place] for place in places):
        try:
            if part.key not in held.records:
                held.records[part.key] = _do_part(held, plan, part, progress)
        except Waiting as fault:  # the others submit theirs all the same
            waiting = fault
    if waiting is not None:
        raise waiting
    records = [held.records[plan.parts[place].key] for place in places]
    get_run_logger().info("%s: %s", label, _sum_of(stage, records))
    return tuple(records)


def _do_part(held: Opened, plan: Plan, part: Part, progress: StageProgress) -> PartRecord:
    def count(done: int, total: int) -> None:
        held.report.beat()
        held.beat(plan.stage)
        progress.count(part.index, done, total)

    record = (held.hands or held.run).work(plan, part, count)
    progress.end_part(part.index)
    return record


@flow(name="stage", validate_parameters=False, persist_result=False)
@one_sentence
def stage_flow(run: str, stage: str, before: tuple[StageDone, ...] = ()) -> StageDone:
    """Plan a stage, do what is missing of it, commit it."""
    held, log = _find(run), get_run_logger()
    plan = held.run.plan(stage)
    explain(stage, plan.why)
    progress = StageProgress(stage, [len(part.ids) for part in plan.parts], tell)
    manifest = plan.manifest
    if manifest is None:
        log.info(plan.why)
        held.plans[stage] = plan, progress
        held.whole.discard(stage)  # an earlier wave of it may have been there
        manifest = held.run.commit(plan, _all_parts(held, run, plan))
        for note in manifest.notes:
            explain(stage, note)
        sentence = _counts(manifest) + _reused(manifest)
    else:
        held.whole.add(stage)
        sentence = f"{plan.why.removesuffix('.')}: {_counts(manifest)}"
    log.info(sentence)
    progress.finish(sentence)
    rows = manifest.outputs.get(main_table(stage), 0)
    return StageDone(stage=stage, fingerprint=manifest.fingerprint, rows=rows, summary=sentence)


def _all_parts(held: Opened, run: str, plan: Plan) -> list[PartRecord]:
    """The records of all parts; tasks that wait for batches are tried again when those have ended."""
    todo = list(_tasks(held.tasks, plan))
    while todo:
        futures = [do_parts.submit(run, plan.stage, places, label) for places, label in todo]
        wait(futures)
        late = [future.state.name == Waiting.name for future in futures]
        for future, is_late in zip(futures, late, strict=True):
            if not is_late:
                future.result()  # raises what went wrong
        if any(late) and not held.run.client.wait_for_batches():
            raise held.run.client.waiting() or Waiting(0, 0)
        todo = [task for task, is_late in zip(todo, late, strict=True) if is_late]
    return [held.records[part.key] for part in plan.parts]


# No task: the UI shows no task that is given what a sub-flow returned, nor any other task of the same run.
@flow(name="publish", flow_run_name="the dataset", validate_parameters=False, persist_result=False)
@one_sentence
def publish(run: str, rows: StageDone) -> str:
    """Write `dataset/` and show it; its path."""
    held = _find(run)
    dataset = held.run.finish()
    get_run_logger().info("Published %s with answers in %s.", counted(rows.rows, "question"), dataset)
    if (version := held.run.version) and version.is_new:
        published(version, f"{counted(rows.rows, 'question')} of the run {held.run.name}.")
    _tell_low_yield(held.run, rows.rows)
    return str(dataset)


def _tell_low_yield(run: Run, rows: int) -> None:
    """An event where fewer of the questions written are published than should be."""
    least, written = run.config.publish.min_yield, manifests(run.folder)["questions"].outputs["questions"]
    if rows < least * written:
        share = f"{rows:,} of {written:,} questions are published, less than publish.min_yield ({least:g})."
        get_run_logger().warning(share)
        of_run(LOW_YIELD, run.name, rows=rows, written=written, said=share)


def stop_calls() -> None:
    """Drop the calls of all open runs, so that tasks that wait for them end."""
    for held in tuple(_opened.values()):
        held.run.client.close()


def show_results(run_folder: Path, dataset: Path) -> None:
    """The artifacts of a finished run."""
    stats = read_stats(run_folder)
    show_yield(run_folder)
    show_rejected(run_folder)
    show_card(dataset, stats["rows"])
    show_graph(dataset, stats["graph"])
    show_dataset(dataset, stats["rows"])
    show_viewer(dataset.parent)


def _find(run: str) -> Opened:
    if run not in _opened:
        raise StoreError(f"{run} is not open in this process; start a flow, not a part of it.")
    return _opened[run]


def _tasks(most: int, plan: Plan) -> Iterator[tuple[tuple[int, ...], str]]:
    """Places of parts, and the name that a person reads, for each task of a stage."""
    total = len(plan.parts)
    for places in shares(range(total), most):
        first, last = places[0] + 1, places[-1] + 1
        which = f"part {first}" if first == last else f"parts {first}-{last}"
        yield places, f"{plan.stage}: {which} of {total}"


def _sum_of(stage: str, records: Sequence[PartRecord]) -> str:
    inputs, fallen = sum(r.inputs for r in records), sum(r.rejected for r in records)
    rows = sum(r.rows(main_table(stage)) for r in records)
    notes = [note for record in records for note in record.notes]
    counts = f"{counted(inputs, 'row')} in, {counted(rows, 'row')} out, {fallen:,} rejected."
    return " ".join([counts, *notes])


def _reused(manifest: Manifest) -> str:
    return f" Of the rows in, {manifest.reused:,} were done by an earlier try." if manifest.reused else ""


def _counts(manifest: Manifest) -> str:
    return _sum_of(manifest.stage, manifest.parts)
