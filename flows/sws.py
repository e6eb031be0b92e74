"""The SwS pipeline as a Prefect flow: training logs in, a dataset aimed at their weaknesses out.

The lower line and the upper line meet at the combinations; behind them stages are those of `synthllm`. In
rounds, each of them is such a flow of its own: new rollouts, new weaknesses, a new dataset.
"""

from pathlib import Path
from typing import Annotated, cast

from prefect import flow, get_run_logger
from prefect.runtime import flow_run
from pydantic import Field

from flows.artifacts import show_rounds
from flows.slots import MINUTES, in_time
from flows.synthllm import common_road, run_name
from flows.tasks import one_sentence, opened
from synth.check import check
from synth.config import RunConfig
from synth.rollouts.sampling import Sampled
from synth.rollouts.seeds import Seeds
from synth.rounds.loop import run_rounds, try_seeds
from synth.rounds.plan import Loop, Round
from synth.settings import resolved


@flow(name="sws", flow_run_name=run_name, persist_result=False)
@in_time
@one_sentence
def sws(config: RunConfig, name: str | None = None, runs: str = "data/runs") -> str:
    """Run or resume a configuration to its dataset; the path of the dataset.

    Without documents there is no upper line, and combinations follow the targets alone.

    Args:
        config: Everything the run depends on.
        name: Name of the run's folder; recipe and fingerprint where none is given.
        runs: Folder of runs.
    """
    config = resolved(config)
    check(config, Path(runs))
    with opened(config, Path(runs), name) as run:
        rollouts = run.stage("rollouts")
        weaknesses = run.stage("weaknesses", rollouts)
        targets = run.stage("targets", weaknesses)
        if not config.has_documents:
            return common_road(run, run.stage("combinations", targets))
        documents = run.stage("documents")
        concepts = run.stage("concepts", documents)
        graph = run.stage("graph", concepts)
        return common_road(run, run.stage("combinations", targets, graph))


def rounds_name() -> str:
    """The name of the rounds as that of their flow run."""
    given = flow_run.parameters
    return str(given.get("name") or cast(RunConfig, given["config"]).recipe) + ", rounds"


@flow(name="sws-rounds", flow_run_name=rounds_name, persist_result=False)
@in_time
@one_sentence
def sws_rounds(
    config: RunConfig,
    rounds: Annotated[int, Field(ge=0)] = 0,
    name: str | None = None,
    runs: str = "data/runs",
    skip_after_minutes: Annotated[float, Field(gt=0)] = MINUTES,
) -> str:
    """Make rounds until there are so many; the folder of the report across them.

    By schedule leave `rounds` at 0: each time the next round is made, or the one that was ended early.

    Args:
        config: What all rounds have in common (section `rounds`).
        rounds: How many there are to be; 0: one more than are finished.
        name: What the folders of the rounds begin with; recipe and fingerprint where none is given.
        runs: Folder of runs.
        skip_after_minutes: A schedule's firing that begins later than so many minutes is skipped.
    """
    loop, log = Loop(resolved(config), Path(runs), name), get_run_logger()
    found = run_rounds(loop, rounds, lambda one: sws(one.config, one.folder.name, runs), _sampled, log.info)
    show_rounds(loop.folder, len(found.rounds))
    return str(loop.folder)


def _sampled(one: Round, seeds: Seeds) -> Sampled:
    """The rollouts of a round, as a sub-flow: a task that stops on purpose would not raise it.

    It has no parameters, since Prefect would look through all the seeds.
    """

    @flow(name="rollouts", flow_run_name=f"rollouts of round {one.number}", persist_result=False)
    @one_sentence
    def rollouts() -> Sampled:
        return try_seeds(one, seeds, alarm=get_run_logger().warning)

    return rollouts()
