"""The flow end to end on a real server: what stands there, what is reused, what a failure leaves behind."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from flows.progress import listening
from synth.config import RunConfig
from synth.errors import ConfigError, StoreError
from synth.facade import load as load_table
from synth.report import manifests
from synth.road import stages_of
from synth.schemas import stage_folder
from synth.settings import load
from tests import corpus
from tests.flows.conftest import ask
from tests.flows.served import until
from tests.test_publish import BARE, HOSTILE

pytestmark = pytest.mark.flows

TEXT = "The slope of a line is a ratio of differences; a constant slope means a constant rate of change. " * 3
FILE = "<img src=x onerror=alert(1)> [a](javascript:alert(1)) www.evil.example ``` | .jsonl.gz"
KEYS = {"funnel", "cost", "yield", "rejected", "data-card", "graph", "dataset", "viewer"}
Find = Callable[[str], list[dict[str, Any]]]


class Finished(NamedTuple):
    config: RunConfig
    folder: Path
    heard: list[tuple[str, int, int]]
    api_url: str


def carry_out(config: RunConfig, name: str, runs: Path) -> Path:
    from flows.synthllm import synthllm

    return Path(synthllm(config, name, str(runs)))


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def artifacts(api_url: str, flow_run_id: str) -> dict[str, dict[str, Any]]:
    found = ask(api_url, "/artifacts/filter", artifacts={"flow_run_id": {"any_": [flow_run_id]}})
    return {artifact["key"]: artifact for artifact in found}


@pytest.fixture(scope="module")
def finished(running_server: str, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A run that was carried out once, in parts, over a corpus that holds hostile text."""
    root = tmp_path_factory.mktemp("flow")
    documents = corpus.write(root / "documents")
    (documents / "bad.jsonl").write_text(json.dumps({"text": TEXT, "licence": HOSTILE, "title": HOSTILE}))
    (documents / FILE).write_bytes(b"this was never compressed")
    settings = ["combinations.epochs=1", "part_rows=5", "tasks=2"]
    config = load("synthllm-recommended", [str(documents)], "fake", overrides=settings)
    hostile = config.dataset.model_copy(update={"name": HOSTILE})
    heard: list[tuple[str, int, int]] = []
    with listening(lambda *told: heard.append(told)):
        dataset = carry_out(config.model_copy(update={"dataset": hostile}), "first", root / "runs")
    return Finished(config.model_copy(update={"dataset": hostile}), dataset.parent, heard, running_server)


def test_the_run_ends_in_a_dataset(finished: Finished) -> None:
    assert list(manifests(finished.folder)) == list(stages_of(finished.config))
    assert len(load_table(finished.folder, "dataset")) > 0
    assert (finished.folder / "dataset" / "README.md").is_file()


def test_stages_are_sub_flows_with_names_that_a_person_reads(finished: Finished, runs_of: Find) -> None:
    parent = runs_of("first")[0]
    assert parent["state_name"] == "Completed"
    inside = {"parent_flow_run_id": {"any_": [parent["id"]]}}
    found = ask(finished.api_url, "/flow_runs/filter", flow_runs=inside, sort="START_TIME_ASC")
    stages = [stage_folder(stage).replace("_", " ") for stage in stages_of(finished.config)]
    assert [run["name"] for run in found] == [*stages, "the dataset"]


def test_a_stage_of_the_judges_is_there_where_judges_are(finished: Finished, runs_of: Find) -> None:
    judged = finished.config.model_copy(
        update={"roles": finished.config.roles.model_copy(update={"judge": ("fake",)})}
    )
    folder = carry_out(judged, "judged", finished.folder.parent).parent
    inside = {"parent_flow_run_id": {"any_": [runs_of("judged")[0]["id"]]}}
    found = ask(finished.api_url, "/flow_runs/filter", flow_runs=inside, sort="START_TIME_ASC")
    assert [run["name"] for run in found][5:8] == ["06 screen", "07 judge", "08 answers"]
    assert list(manifests(folder)) == list(stages_of(judged))


def test_tasks_take_many_parts(finished: Finished, runs_of: Find) -> None:
    inside = {"parent_flow_run_id": {"any_": [runs_of("first")[0]["id"]]}}
    parts = len(manifests(finished.folder)["questions"].parts)
    assert parts > 2
    wanted = {
        f"questions: parts 1-{parts // 2} of {parts}",
        f"questions: parts {parts // 2 + 1}-{parts} of {parts}",
    }

    def named() -> set[str]:
        found = ask(finished.api_url, "/task_runs/filter", flow_runs=inside, limit=200)
        return {run["name"] for run in found if run["name"].startswith("questions: ")}

    until(lambda: named() >= wanted, "the server, which records tasks later than they end")
    assert named() == wanted


def test_results_stand_under_fixed_keys(finished: Finished, runs_of: Find) -> None:
    shown = artifacts(finished.api_url, runs_of("first")[0]["id"])
    assert set(shown) == KEYS
    assert shown["graph"]["data"].startswith("![The concept graph](data:image/png;base64,")
    assert str(finished.folder.resolve() / "dataset") in shown["dataset"]["data"]
    rows = {row["stage"]: row for row in json.loads(shown["cost"]["data"])}
    assert list(rows) == ["concepts", "questions", "answers", "all stages"]
    assert float(rows["questions"]["tokens a row out"].replace(",", "")) > 0
    assert rows["questions"]["cost a row out"] == "0.00 USD"


def test_each_stage_has_a_progress_that_is_full(finished: Finished) -> None:
    latest = {a["key"]: a for a in ask(finished.api_url, "/artifacts/latest/filter")}
    progress = {stage: latest[f"progress-{stage}"]["data"] for stage in stages_of(finished.config)}
    assert progress == dict.fromkeys(stages_of(finished.config), 100)


def test_listeners_hear_every_stage_begin_and_every_call(finished: Finished) -> None:
    begun = [stage for stage, done, total in finished.heard if (done, total) == (0, 0)]
    assert begun == list(stages_of(finished.config))
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
    before = contents(finished.folder / "dataset")
    assert contents(carry_out(finished.config, "first", finished.folder.parent)) == before
    latest = {a["key"]: a for a in ask(finished.api_url, "/artifacts/latest/filter")}
    said = [latest[f"progress-{stage}"]["description"] for stage in stages_of(finished.config)]
    assert all(
        sentence.startswith("Reused, as nothing that it depends on has changed: ") for sentence in said
    )
    both = [run["id"] for run in runs_of("first")]
    wanted = {"key": {"any_": ["funnel"]}, "flow_run_id": {"any_": both}}
    assert len(ask(finished.api_url, "/artifacts/filter", artifacts=wanted)) == len(both) == 2


def test_a_stage_that_fails_says_so_in_one_sentence_and_can_be_resumed(
    finished: Finished, runs_of: Find, tmp_path: Path
) -> None:
    obstacle = tmp_path / "broken" / "rejected" / "graph"
    obstacle.parent.mkdir(parents=True)
    obstacle.write_text("a file stands where a folder is wanted")

    with pytest.raises(StoreError, match="Cannot write") as fault:
        carry_out(finished.config, "broken", tmp_path)
    assert "\n" not in str(fault.value)
    failed = [runs_of("broken")[0], runs_of("03 graph")[0]]
    assert [(run["state_name"], run["state"]["message"]) for run in failed] == [
        ("Failed", str(fault.value))
    ] * 2
    assert list(manifests(tmp_path / "broken")) == ["documents", "concepts"]

    obstacle.unlink()
    dataset = carry_out(finished.config, "broken", tmp_path)
    assert runs_of("broken")[0]["state_name"] == "Completed"
    assert contents(dataset) == contents(finished.folder / "dataset")


def test_a_wrong_configuration_fails_with_all_its_faults(finished: Finished, runs_of: Find) -> None:
    documents = finished.config.documents.model_copy(update={"paths": ("nowhere", "nothing")})
    wrong = finished.config.model_copy(update={"documents": documents})
    with pytest.raises(ConfigError) as fault:
        carry_out(wrong, "wrong", finished.folder.parent)
    assert len(fault.value.faults) == 2
    assert runs_of("wrong")[0]["state"]["message"] == str(fault.value)
    assert not (finished.folder.parent / "wrong").exists()
