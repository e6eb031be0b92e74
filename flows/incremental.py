"""Incremental builds as a Prefect flow: a run over what a store has not seen, then a new version."""

from pathlib import Path
from typing import Annotated, cast

from prefect import flow, get_run_logger
from prefect.runtime import flow_run
from prefect.states import Completed
from pydantic import Field

from flows.artifacts import show_version
from flows.events import published
from flows.slots import MINUTES, in_time
from flows.tasks import one_sentence
from flows.work import flow_of
from synth.config import RunConfig
from synth.errors import NothingNew
from synth.incremental.firing import fire
from synth.settings import resolved


def firing_name() -> str:
    """The store that is fed, as the name of the flow run."""
    config = cast(RunConfig, flow_run.parameters["config"])
    return f"{config.store.name or config.recipe}, what is new"


@flow(name="incremental", flow_run_name=firing_name, persist_result=False)
@in_time
@one_sentence
def incremental(
    config: RunConfig,
    runs: str = "data/runs",
    skip_after_minutes: Annotated[float, Field(gt=0)] = MINUTES,
) -> str:
    """Take what the store has not seen, and publish all of its runs as the next version; its path.

    A firing that was ended early is taken up by the next; where nothing is new, nothing is published.

    Args:
        config: Everything the run depends on; `store.name` says what was seen.
        runs: Folder of runs.
        skip_after_minutes: A schedule's firing that begins later than so many minutes is skipped.
    """
    log = get_run_logger()
    fired = fire(resolved(config), Path(runs), lambda one, name: flow_of(one)(one, name, runs), log.info)
    log.info(fired.said)
    if fired.version and fired.version.is_new:
        published(fired.version, fired.said)
    if fired.version:
        show_version(fired.version.folder, fired.said, fired.run)
    if fired.run is None:
        return cast(str, Completed(name=NothingNew.name, message=fired.said))
    return str(fired.version.folder if fired.version else fired.run)
