"""The SynthLLM pipeline as a Prefect flow: documents in, a published dataset out (SynthLLM, section 3).

Each stage is a sub-flow; what it hands on is a reference, so that the UI draws the arrows. Rows stay in the
folder of the run.
"""

from pathlib import Path
from typing import cast

from prefect import flow
from prefect.runtime import flow_run

from flows.slots import in_time
from flows.tasks import Opened, StageDone, one_sentence, opened, publish, show_results
from synth.check import check
from synth.config import RunConfig
from synth.errors import SynthError
from synth.runs import default_name
from synth.settings import resolved


def run_name() -> str:
    """The name of the run as that of its flow run.

    Where it cannot be known the flow itself says why: a fault here would leave the flow run pending for ever.
    """
    given = flow_run.parameters
    config = cast(RunConfig, given["config"])
    try:
        return str(given.get("name") or default_name(resolved(config)))
    except SynthError:
        return config.recipe


@flow(name="synthllm", flow_run_name=run_name, persist_result=False)
@in_time
@one_sentence
def synthllm(config: RunConfig, name: str | None = None, runs: str = "data/runs") -> str:
    """Run or resume a configuration to its dataset; the path of the dataset.

    A stage that the configuration leaves out hands on what came before it.

    Args:
        config: Everything the run depends on.
        name: Name of the run's folder; recipe and fingerprint where none is given.
        runs: Folder of runs.
    """
    config = resolved(config)
    check(config, Path(runs))
    with opened(config, Path(runs), name) as run:
        documents = run.stage("documents")
        concepts = run.stage("concepts", documents)
        graph = run.stage("graph", concepts)
        return common_road(run, run.stage("combinations", graph))


def common_road(run: Opened, combinations: StageDone) -> str:
    """From combinations to the published dataset, which is the same for all flows; its path."""
    answers = combinations
    for wave in run.waves():  # one, unless so many rows are asked for
        questions = run.stage("questions", answers, wave=wave.number)
        screened = run.stage("screen", questions, wave=wave.number)
        judged = run.stage("judge", screened, wave=wave.number)
        answered = run.stage("answers", judged, wave=wave.number)
        answers = run.stage("difficulty", answered, wave=wave.number)
    rows = run.stage("dataset", answers)
    dataset = publish(str(run.run.folder), rows)
    show_results(run.run.folder, Path(dataset))
    return dataset
