"""The whole road with the fake model, in process: what `synth` itself costs for each row, endpoint aside."""

import tempfile
from pathlib import Path
from random import Random
from time import process_time

from benchmarks.measure import Figure
from synth.facade import recipe, run_stage
from synth.runs import Run
from synth.schemas import main_table

WORDS = (
    "energy speed slope rate ratio mass force probability event matrix vector equation function limit sum product "
    "set number prime angle circle area volume heat pressure current voltage wave frequency mean variance sample"
).split()
PASSAGES = 200


def corpus(folder: Path, passages: int) -> Path:
    """Texts of a hundred words, drawn from one small vocabulary so that their concepts meet."""
    folder.mkdir(parents=True)
    for place in range(passages):
        rng = Random(place)
        words = [rng.choice(WORDS) for _ in range(100)]
        sentences = [" ".join(words[i : i + 10]).capitalize() + "." for i in range(0, 100, 10)]
        (folder / f"{place:05d}.txt").write_text(" ".join(sentences))
    return folder


def figures() -> list[Figure]:
    """CPU for each output row of each stage, everything included: calls, journal, Parquet, manifest."""
    with tempfile.TemporaryDirectory() as scratch:
        documents = corpus(Path(scratch) / "documents", PASSAGES)
        config = recipe("synthllm-recommended", [str(documents)], "fake", overrides=["combinations.epochs=1"])
        measured = []
        with Run.open(config, Path(scratch) / "runs") as run:
            for stage in run.stages:
                began = process_time()
                manifest = run_stage(run, stage, lambda *_: None)
                rows = manifest.outputs[main_table(stage)]
                measured.append(Figure(f"{stage}: each row out", stage, rows, process_time() - began))
        return measured
