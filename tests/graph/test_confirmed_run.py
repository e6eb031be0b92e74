"""Names that a model compares, in a run: real parts, the fake model and the offline embedder."""

from pathlib import Path

import pytest

import synth
from synth.facade import run_stage
from synth.forecast import forecast
from synth.runs import Run
from synth.store import StageStore

PASSAGES = {
    "a.md": "# Numbers\n\nThe prime number theorem counts primes. A prime number has two divisors. " * 12,
    "b.md": "# Primes\n\nPrime numbers and the theorem of prime numbers, in tables of prime number counts. "
    * 12,
}


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    folder = tmp_path / "documents"
    folder.mkdir()
    for name, text in PASSAGES.items():
        (folder / name).write_text(text)
    return folder


def test_near_names_are_compared_by_the_extractor_once_each(documents: Path, tmp_path: Path) -> None:
    pytest.importorskip("wordllama")
    settings = ["graph.merge=confirmed", "graph.merge_similarity=0.3"]
    config = synth.recipe("synthllm-recommended", [str(documents)], "fake", overrides=settings)
    expected = {stage.stage: stage for stage in forecast(config).stages}["graph"]
    assert expected.calls
    with Run.open(config, tmp_path / "runs", "confirmed") as run:
        for stage in ("documents", "concepts"):
            run_stage(run, stage, lambda *_: None)
        before = len(run.journal)
        run_stage(run, "graph", lambda *_: None)
        calls = len(run.journal) - before
        merged = StageStore(run.folder, "graph").read("merges").to_pylist()
    concepts = {row["merged_id"] for row in merged}
    assert 0 < calls <= expected.calls
    assert len(concepts) == len(merged)
    assert not concepts & {row["concept_id"] for row in merged}
