"""The SwS pipeline as a Prefect flow: training logs in, a dataset aimed at their weaknesses out (METHOD 3).

The lower line and the upper line meet at the combinations; behind them stages are those of `synthllm`.
"""

from pathlib import Path

from prefect import flow

from flows.synthllm import common_road, run_name
from flows.tasks import one_sentence, opened
from synth.check import check
from synth.config import RunConfig


@flow(name="sws", flow_run_name=run_name, persist_result=False)
@one_sentence
def sws(config: RunConfig, name: str | None = None, runs: str = "data/runs") -> str:
    """Run or resume a configuration to its dataset; the path of the dataset.

    Without documents there is no upper line, and combinations follow the targets alone.

    Args:
        config: Everything the run depends on.
        name: Name of the run's folder; recipe and fingerprint where none is given.
        runs: Folder of runs.
    """
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
