"""The flow end to end on a real server: what stands there, what is reused, what a failure leaves behind."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from flows.progress import listening
from synth.config import ModelConfig, RunConfig
from synth.errors import EndpointError
from synth.facade import load as load_table
from synth.report import manifests
from synth.runs import Run
from synth.schemas import stage_folder
from synth.settings import load
from tests import corpus
from tests.endpoints import FakeEndpoint
from tests.flows.conftest import ask
from tests.flows.test_artifacts import BARE, HOSTILE

pytestmark = pytest.mark.flows

KEYS = {"funnel", "rejected", "data-card", "graph", "dataset"}
Find = Callable[[str], list[dict[str, Any]]]


class Finished(NamedTuple):
    config: RunConfig
    folder: Path
    heard: list[tuple[str, int, int]]
    api_url: str


def carry_out(config: RunConfig, name: str, runs: Path) -> Path:
    from flows.synthllm import synthllm

    return Path(synthllm(config, name, str(runs)))


def artifacts(api_url: str, flow_run_id: str) -> dict[str, dict[str, Any]]:
    found = ask(api_url, "/artifacts/filter", artifacts={"flow_run_id": {"any_": [flow_run_id]}})
    return {artifact["key"]: artifact for artifact in found}


@pytest.fixture(scope="module")
def finished(running_server: str, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A run that was carried out once, in parts, over a corpus that holds hostile text."""
    root = tmp_path_factory.mktemp("flow")
    documents = corpus.write(root / "documents")
    (documents / "bad.md").write_text(HOSTILE)
    settings = ["combinations.epochs=1", "part_rows=5", "tasks=2", "documents.min_chars=250"]
    config = load("synthllm-recommended", [str(documents)], "fake", overrides=settings)
    hostile = config.dataset.model_copy(update={"name": HOSTILE})
    heard: list[tuple[str, int, int]] = []
    with listening(lambda *told: heard.append(told)):
        dataset = carry_out(config.model_copy(update={"dataset": hostile}), "first", root / "runs")
    return Finished(config.model_copy(update={"dataset": hostile}), dataset.parent, heard, running_server)


def test_the_run_ends_in_a_dataset(finished: Finished) -> None:
    assert list(manifests(finished.folder)) == list(Run.stages)
    assert len(load_table(finished.folder, "dataset")) > 0
    assert (finished.folder / "dataset" / "README.md").is_file()


def test_stages_are_sub_flows_with_names_that_a_person_reads(finished: Finished, runs_of: Find) -> None:
    parent = runs_of("first")[0]
    assert parent["state_name"] == "Completed"
    inside = {"parent_flow_run_id": {"any_": [parent["id"]]}}
    found = ask(finished.api_url, "/flow_runs/filter", flow_runs=inside, sort="START_TIME_ASC")
    assert [run["name"] for run in found] == [stage_folder(stage).replace("_", " ") for stage in Run.stages]


def test_tasks_take_many_parts(finished: Finished) -> None:
    found = ask(finished.api_url, "/task_runs/filter", limit=200)
    names = {run["name"] for run in found}
    parts = len(manifests(finished.folder)["questions"].parts)
    assert parts > 2
    assert {n for n in names if n.startswith("questions: ")} == {
        f"questions: parts 1-{parts // 2} of {parts}",
        f"questions: parts {parts // 2 + 1}-{parts} of {parts}",
    }


def test_results_stand_under_fixed_keys(finished: Finished, runs_of: Find) -> None:
    shown = artifacts(finished.api_url, runs_of("first")[0]["id"])
    assert set(shown) == KEYS
    assert shown["graph"]["data"].startswith("![The concept graph](data:image/png;base64,")
    assert str(finished.folder.resolve() / "dataset") in shown["dataset"]["data"]


def test_each_stage_has_a_progress_that_is_full(finished: Finished) -> None:
    latest = {a["key"]: a for a in ask(finished.api_url, "/artifacts/latest/filter")}
    progress = {stage: latest[f"progress-{stage}"]["data"] for stage in Run.stages}
    assert progress == dict.fromkeys(Run.stages, 100)


def test_listeners_hear_every_stage_begin_and_every_call(finished: Finished) -> None:
    begun = [stage for stage, done, total in finished.heard if (done, total) == (0, 0)]
    assert begun == list(Run.stages)
    answers = [(done, total) for stage, done, total in finished.heard if stage == "answers" and total]
    assert answers[-1][0] == answers[-1][1] == manifests(finished.folder)["answers"].inputs


def test_hostile_text_is_inert_in_every_artifact(finished: Finished, runs_of: Find) -> None:
    shown = artifacts(finished.api_url, runs_of("first")[0]["id"])
    card = shown["data-card"]["data"]
    assert "evil" in card
    assert "evil" in shown["rejected"]["data"]
    assert not BARE.search(card.replace("\\", ""))
    assert "<img" not in card
    assert "<script" not in card
    outside = shown["rejected"]["data"].split("```")[::2]
    assert "evil" not in "".join(outside)
    described = "".join(artifact["description"] for artifact in shown.values())
    assert "evil" not in described + str(shown["funnel"]["data"])


def test_a_second_run_reuses_every_stage(finished: Finished, runs_of: Find) -> None:
    before = {p: p.read_bytes() for p in (finished.folder / "dataset").rglob("*") if p.is_file()}
    dataset = carry_out(finished.config, "first", finished.folder.parent)
    assert {p: p.read_bytes() for p in dataset.rglob("*") if p.is_file()} == before
    latest = {a["key"]: a for a in ask(finished.api_url, "/artifacts/latest/filter")}
    said = [latest[f"progress-{stage}"]["description"] for stage in Run.stages]
    assert all(
        sentence.startswith("Reused, as nothing that it depends on has changed: ") for sentence in said
    )
    history = ask(finished.api_url, "/artifacts/filter", artifacts={"key": {"any_": ["funnel"]}})
    assert len(history) == len(runs_of("first")) == 2


def test_a_stage_that_fails_says_so_in_one_sentence_and_can_be_resumed(
    running_server: str,
    runs_of: Find,
    tmp_path: Path,
    documents: Path,
    start_fake: Callable[..., FakeEndpoint],
) -> None:
    def config(address: str) -> RunConfig:
        entry = ModelConfig(
            base_url=address, model="fake", identity="one", structured="json_schema", max_tries=1
        )
        made = load("synthllm-recommended", [str(documents)], "fake", overrides=["combinations.epochs=1"])
        roles = made.roles.model_copy(update={"generator": "here", "extractor": None, "solver": None})
        return made.model_copy(update={"models": {"here": entry}, "roles": roles})

    with pytest.raises(EndpointError) as fault:
        carry_out(config("http://127.0.0.1:9/v1"), "broken", tmp_path)
    assert "\n" not in str(fault.value)
    failed = runs_of("broken")[0]
    assert (failed["state_name"], failed["state"]["message"]) == ("Failed", str(fault.value))
    assert list(manifests(tmp_path / "broken")) == ["documents"]

    dataset = carry_out(config(start_fake().url), "broken", tmp_path)
    assert runs_of("broken")[0]["state_name"] == "Completed"
    assert list(manifests(dataset.parent)) == list(Run.stages)
