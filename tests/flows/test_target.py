"""A target in the Prefect flow: later waves are named, and the dataset is the one made without Prefect."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import synth
from synth.report import read_stats
from synth.settings import load
from tests import corpus
from tests.flows.conftest import ask

pytestmark = pytest.mark.flows
Find = Callable[[str], list[dict[str, Any]]]


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_waves_are_sub_flows_that_say_so(running_server: str, runs_of: Find, tmp_path: Path) -> None:
    from flows.synthllm import synthllm

    settings = ["combinations.epochs=1", "target.rows=40", "part_rows=20"]
    documents = corpus.write(tmp_path / "documents")
    config = load("synthllm-recommended", [str(documents)], "fake", overrides=settings)
    dataset = Path(synthllm(config, "waves", str(tmp_path / "runs")))
    plain = synth.run(config, name="waves", runs=tmp_path / "plain")
    assert contents(dataset) == contents(plain.dataset)
    assert read_stats(dataset.parent)["target"]["kept"] == 40

    def names() -> list[str]:
        inside = {"parent_flow_run_id": {"any_": [runs_of("waves")[0]["id"]]}}
        found = ask(running_server, "/flow_runs/filter", flow_runs=inside, sort="START_TIME_ASC")
        return [run["name"] for run in found]

    first = names()
    assert first[4:10] == [
        "05 questions", "06 screen", "08 answers", "05 questions, wave 2", "06 screen, wave 2", "08 answers, wave 2",
    ]  # fmt: skip
    assert first[-2:] == ["10 dataset", "the dataset"]
    # Again: the last wave only, and nothing is done.
    assert contents(Path(synthllm(config, "waves", str(tmp_path / "runs")))) == contents(plain.dataset)
    assert names() == [*first[:4], *first[-5:]]
