"""One way to carry out a run from the command line: with Prefect and its UI, or without."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from flows import progress
from flows.terminal import note
from synth.config import RunConfig
from synth.errors import SynthError
from synth.report import FunnelRow, funnel

if TYPE_CHECKING:
    from synth.config_dedup import DedupConfig
    from synth.dedup.deduplicate import Summary


class Done(NamedTuple):
    """A finished run, and the address of its page where Prefect showed it."""

    folder: Path
    dataset: Path
    funnel: list[FunnelRow]
    url: str | None

    @property
    def rows(self) -> int:
        """Published rows."""
        return self.funnel[-1].outputs if self.funnel else 0


def carry_out(config: RunConfig, name: str | None, runs: Path, ui: bool) -> Done:
    """Run or resume, with a bar for each stage on the terminal.

    Raises:
        SynthError: the run could not be finished; the same command resumes it.
    """
    return _with_prefect(config, name, runs) if ui else _plainly(config, name, runs)


def _plainly(config: RunConfig, name: str | None, runs: Path) -> Done:
    from synth import facade

    with progress.bars():
        result = facade.run(
            config,
            name=name,
            runs=runs,
            progress=progress.tell,
            clock=time.time,
            explain=progress.explain,
            watch=progress.watch,
        )
    return Done(result.folder, result.dataset, result.funnel, None)


def _with_prefect(config: RunConfig, name: str | None, runs: Path) -> Done:
    from synth.check import check

    # The flow checks as well; but nobody should wait for a server to hear of a slip of the pen.
    check(config, runs)
    from flows.server import ensure_server, run_url

    api_url = ensure_server(note)
    from flows.tasks import stop_calls

    urls: list[str] = []

    def begun(flow: Any, flow_run: Any, state: Any) -> None:
        urls.append(run_url(api_url, str(flow_run.id)))
        note(f"Watch it: {urls[0]}")

    # A hook, since the address is wanted while the run goes on.
    watched = flow_of(config).with_options(on_running=[begun])
    with progress.bars(), interruptible(stop_calls), _told_of_the_server(api_url):
        dataset = Path(watched(config=config, name=name, runs=str(runs)))
    return Done(dataset.parent, dataset, funnel(dataset.parent), urls[0] if urls else None)


@contextmanager
def _told_of_the_server(api_url: str) -> Iterator[None]:
    """A server that went away and did not come back is one sentence.

    Raises:
        SynthError: that sentence.
    """
    from flows.server import is_away

    try:
        yield
    except Exception as fault:
        if not is_away(fault):
            raise
        raise SynthError(
            f"The Prefect server at {api_url} does not answer any more; what was finished is kept, and the"
            " same command goes on (with --no-ui without a server)."
        ) from fault


def deduplicated(config: "DedupConfig") -> "Summary":
    """What came of the flow `dedup`, whose page is shown while it is at work.

    Raises:
        SynthError: it could not be finished; the same command goes on with it.
    """
    from flows.server import ensure_server, run_url
    from synth.dedup.deduplicate import Summary

    api_url = ensure_server(note)
    from flows.dedup import dedup

    def begun(flow: Any, flow_run: Any, state: Any) -> None:
        note(f"Watch it: {run_url(api_url, str(flow_run.id))}")

    found = dedup.with_options(on_running=[begun])(config=config)
    paths = {name: Path(found[name]) for name in ("kept_path", "removed_path")}
    return Summary(**{**found, **paths})


def flow_of(config: RunConfig) -> Any:
    """The flow that a configuration names."""
    if config.aims:
        from flows.sws import sws

        return sws
    from flows.synthllm import synthllm

    return synthllm


@contextmanager
def interruptible(stop: Callable[[], None]) -> Iterator[None]:
    """On Ctrl-C call `stop` first: Prefect waits for its threads, and those wait for their calls.

    Whatever the stopped threads then raise, and Prefect makes of it, is the interruption.
    """
    stopped = False

    def handle(number: int, frame: object) -> None:
        nonlocal stopped
        stopped = True
        signal.signal(signal.SIGINT, before)  # a second Ctrl-C does not wait
        note("Stopping: calls that are under way are dropped.")
        stop()
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield
    except BaseException as fault:
        if stopped:
            raise KeyboardInterrupt from fault
        raise
    finally:
        signal.signal(signal.SIGINT, before)
