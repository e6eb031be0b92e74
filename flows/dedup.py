"""Deduplication of tables as a Prefect flow: the steps of `synth.dedup.phases`, each kind as a sub-flow.

In: settings. Out: kept.parquet and removed.parquet, as `synth dedup` writes them, whatever the runner. A task
is told a folder and numbers; rows pass through files. A flow that was killed goes on when started again.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import Annotated, Any, NamedTuple, cast
from uuid import UUID

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_progress_artifact, create_table_artifact, update_progress_artifact
from prefect.cache_policies import NO_CACHE
from prefect.futures import as_completed
from prefect.runtime import flow_run
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
from pydantic import Field

from flows.artifacts import PROGRESS_SECONDS
from flows.runners import runner_of, shares
from flows.slots import MINUTES, in_time
from flows.tasks import may_pass, one_sentence
from synth import lock
from synth.config_dedup import DedupConfig
from synth.dedup import job, phases
from synth.dedup.deduplicate import Summary
from synth.dedup.tables import tables_in
from synth.errors import StoreError
from synth.text import counted

# A folder of more tables gives each task several: the server records about ten tasks in a second.
MOST_TASKS = 200


class Phase(NamedTuple):
    """A kind of step: what it does to one number, what it works on, and what it counts."""

    step: Callable[[Path, int], int]
    of: str
    counts: str


PHASES = {
    "measure": Phase(phases.measure, "table", "row"),
    "link": Phase(phases.link, "band", "link"),
    "group": Phase(lambda folder, number: phases.group(folder), "order", "group"),
    "choose": Phase(phases.choose, "group", "row gone"),
}
# What each reason of `how` says in the table of results.
REASONS = {
    "equal": "the same text once normalised",
    "near": "nearly the same words",
    "twin": "the same but for numbers",
    "meaning": "the same in other words, by its numbers",
    "judged": "the same in other words, by the judge",
}


def run_name() -> str:
    """The tables and where they go, as the name of the flow run."""
    config = cast(DedupConfig, flow_run.parameters["config"])
    first, *others = (PurePath(path).name or path for path in config.inputs)
    more = f" and {counted(len(others), 'other')}" if others else ""
    return f"deduplicate {first}{more}"


@flow(name="dedup", flow_run_name=run_name, persist_result=False)
@in_time
@one_sentence
def dedup(config: DedupConfig, skip_after_minutes: Annotated[float, Field(gt=0)] = MINUTES) -> dict[str, Any]:
    """Remove near-duplicates from tables; each removed row names the row that it repeats. What came of it.

    Args:
        config: Which tables, and how.
        skip_after_minutes: A schedule's firing that begins later than so many minutes is skipped.
    """
    told = config.model_dump(mode="json", exclude={"inputs", "out"})
    folder = job.begin(tables_in([Path(path) for path in config.inputs]), Path(config.out), told)
    with _held(folder), temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        tables = len(job.job_of(folder).paths)
        _phase(config, folder, "measure", tables)
        _phase(config, folder, "link", phases.bands_of(folder))
        groups = _phase(config, folder, "group", 1)
        _phase(config, folder, "choose", groups[0])
        done = phases.end(folder)
    job.remove(folder)
    _show(done)
    return summary_of(done)


@task(
    name="steps", task_run_name="{label}", retries=1, retry_delay_seconds=5, retry_condition_fn=may_pass,
    cache_policy=NO_CACHE, persist_result=False,
)  # fmt: skip
@one_sentence
def do_steps(folder: str, phase: str, numbers: tuple[int, ...], label: str) -> list[int]:
    """Do some steps of a phase, one after the other; what each of them counted."""
    found = [PHASES[phase].step(Path(folder), number) for number in numbers]
    get_run_logger().info("%s: %s", label, counted(sum(found), PHASES[phase].counts))
    return found


@flow(name="phase", validate_parameters=False, persist_result=False)
@one_sentence
def phase_flow(folder: str, phase: str, count: int) -> list[int]:
    """All steps of a phase; what each of them counted."""
    progress = _Progress(phase, count)
    futures = {}
    for numbers in shares(range(count), MOST_TASKS):
        futures[do_steps.submit(folder, phase, numbers, _label(phase, numbers, count))] = numbers
    for future in as_completed(list(futures)):
        future.result()  # raises what went wrong
        progress.add(len(futures[future]))
    found = [one for future in futures for one in future.result()]
    progress.finish(f"{counted(count, PHASES[phase].of)}, {counted(sum(found), PHASES[phase].counts)}.")
    return found


def summary_of(done: Summary) -> dict[str, Any]:
    """What came of it, as JSON has it."""
    return {name: str(value) if isinstance(value, Path) else value for name, value in done._asdict().items()}


def _phase(config: DedupConfig, folder: Path, phase: str, count: int) -> list[int]:
    kind = config.runner if count > 1 else "threads"  # a process takes seconds to begin
    named = phase_flow.with_options(flow_run_name=phase, task_runner=runner_of(kind, config.tasks))
    found = named(folder=str(folder), phase=phase, count=count)
    said = counted(sum(found), PHASES[phase].counts)
    get_run_logger().info("%s: %s, %s.", phase, counted(count, PHASES[phase].of), said)
    return found


def _label(phase: str, numbers: tuple[int, ...], count: int) -> str:
    first, last = numbers[0] + 1, numbers[-1] + 1
    of = PHASES[phase].of
    return f"{phase}: {of} {first}" + (f"-{last}" if last > first else "") + f" of {count}"


class _Progress:
    """The progress artifact of a phase."""

    def __init__(self, phase: str, count: int) -> None:
        self._phase, self._count, self._done = phase, count, 0
        self._next = time.monotonic() + PROGRESS_SECONDS
        said = f"{phase}: nothing done yet."
        self._id = cast(UUID, create_progress_artifact(0.0, key=f"progress-dedup-{phase}", description=said))

    def add(self, done: int) -> None:
        """Take note of steps; the artifact follows every few seconds."""
        self._done += done
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + PROGRESS_SECONDS
            share = min(99.9, 100 * self._done / self._count)
            said = f"{self._phase}: {self._done:,} of {counted(self._count, PHASES[self._phase].of)}."
            update_progress_artifact(self._id, round(share, 1), said)

    def finish(self, said: str) -> None:
        """The phase is done."""
        update_progress_artifact(self._id, 100.0, f"{self._phase}: {said}")


def _show(done: Summary) -> None:
    """The rows that stay and those that go, by reason."""
    rows = [{"rows": "in the tables", "count": done.rows}, {"rows": "kept", "count": done.kept}]
    rows += [{"rows": f"removed: {said}", "count": done.how[how]} for how, said in REASONS.items()]
    rows += [{"rows": "of these, repeat a row of the index", "count": done.known}]
    rows += [{"rows": "kept, and equal another but for numbers", "count": done.twins}]
    said = f"{counted(done.removed, 'row')} of {done.rows:,} removed; {done.kept_path}"
    create_table_artifact(rows, key="duplicates", description=said)
    get_run_logger().info(said)


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """One process at a time does a job.

    Raises:
        StoreError: another one does it.
    """
    try:
        held = lock.take(folder)
    except BlockingIOError as fault:
        raise StoreError(
            f"{folder.parent}: another process deduplicates these tables; wait until it is done."
        ) from fault
    try:
        yield
    finally:
        os.close(held)
