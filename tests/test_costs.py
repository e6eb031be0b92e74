"""What a row costs at each stage: in tokens on the card, in money in the report, and never nought where unknown."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from synth import facade
from synth.costs import Share, share, stage_costs, tokens_said
from synth.report import manifests, read_stats
from synth.run_report import read
from synth.settings import load
from synth.store import CallsRecord, StageStore
from tests.endpoints import FakeEndpoint

SMALL = ["combinations.epochs=1", "combinations.level2=off"]


def far(url: str, price: str = "price={input=0.5,output=1.5}") -> str:
    return f'models.far={{base_url="{url}",model="fake",structured="json_schema",identity="far",{price}}}'


def ran(documents: Path, runs: Path, name: str, *overrides: str) -> facade.Result:
    config = load("synthllm-recommended", [str(documents)], "far", overrides=[*SMALL, *overrides])
    return facade.run(config, name=name, runs=runs)


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def endpoint(start_fake: Callable[..., FakeEndpoint]) -> FakeEndpoint:
    return start_fake()


def test_the_card_has_the_tokens_that_the_endpoint_counted(
    documents: Path, endpoint: FakeEndpoint, tmp_path: Path
) -> None:
    done = ran(documents, tmp_path, "r", far(endpoint.url))
    told = endpoint.stats()
    cost = {stage["stage"]: stage for stage in read_stats(done.folder)["cost"]}
    for name in ("prompt_tokens", "completion_tokens"):
        assert sum(stage[name] for stage in cost.values()) == told[name]
    assert sum(stage["calls"] for stage in cost.values()) == told["answered"]
    rows = done.funnel[-1].outputs
    tokens = told["prompt_tokens"] + told["completion_tokens"]
    so_far = [stage["so_far"]["tokens"] for stage in cost.values()]
    assert so_far == sorted(so_far)
    assert so_far[-1] == round(tokens / rows, 1)
    card = (done.dataset / "README.md").read_text()
    assert f"| {so_far[-1]:,.1f} |" in card.split("### What a row cost")[1]
    by_stage = {row.stage: row for row in done.funnel}
    asked = cost["questions"]["prompt_tokens"] + cost["questions"]["completion_tokens"]
    assert cost["questions"]["per_row"]["tokens"] == round(asked / by_stage["questions"].outputs, 1)
    assert cost["questions"]["per_input"]["tokens"] == round(asked / by_stage["questions"].inputs, 1)


def test_money_is_in_the_report_by_stage_and_adds_up(
    documents: Path, endpoint: FakeEndpoint, tmp_path: Path
) -> None:
    done = ran(documents, tmp_path, "r", far(endpoint.url))
    report = read(done.folder)
    stages = report["cost_by_stage"]
    assert sum(Decimal(stage["cost"]) for stage in stages.values()) == Decimal(report["cost"])
    last = Decimal(stages["dataset"]["so_far"]["cost"])
    assert last == Decimal(report["cost_per_kept_row"]["cost"])
    rows = {row.stage: row.outputs for row in done.funnel}
    each = Decimal(stages["questions"]["cost"]) / rows["questions"]
    assert Decimal(stages["questions"]["per_row"]["cost"]) == each


def test_no_price_changes_the_dataset_and_the_money_is_unknown(
    documents: Path, endpoint: FakeEndpoint, tmp_path: Path
) -> None:
    priced = ran(documents, tmp_path, "a", far(endpoint.url))
    without = ran(documents, tmp_path, "b", far(endpoint.url, "max_in_flight=2"), "part_rows=3")
    assert contents(priced.dataset) == contents(without.dataset)
    answers = read(without.folder)["cost_by_stage"]["answers"]
    assert (answers["cost"], answers["per_row"]["cost"], answers["unknown"]) == (None, None, ["far"])


def test_answers_that_were_reused_cost_the_rows_the_same(
    documents: Path, endpoint: FakeEndpoint, tmp_path: Path
) -> None:
    first = ran(documents, tmp_path, "a", far(endpoint.url))
    second = ran(documents, tmp_path, "b", far(endpoint.url), "reuse=['a']")
    assert endpoint.stats()["repeated"] == 0
    assert read_stats(second.folder)["cost"] == read_stats(first.folder)["cost"]
    assert Decimal(read(second.folder)["cost"]) == 0  # nothing was paid by this run


def test_parts_from_before_calls_were_counted_are_unknown(
    documents: Path, endpoint: FakeEndpoint, tmp_path: Path
) -> None:
    done = ran(documents, tmp_path, "r", far(endpoint.url))
    path = StageStore(done.folder, "concepts").manifest_path
    tree = json.loads(path.read_bytes())
    for part in tree["parts"]:
        del part["calls"]
    path.write_text(json.dumps(tree))
    costs = {cost.stage: cost for cost in stage_costs(manifests(done.folder))}
    assert costs["concepts"].calls is None
    assert costs["concepts"].each_row.said() == "unknown"
    assert costs["answers"].so_far.said().startswith("more than ")
    assert not costs["answers"].each_row.partly


def test_what_is_not_told_is_never_nought() -> None:
    told = CallsRecord(calls=3, untold=0, prompt_tokens=50, completion_tokens=10)
    silent = CallsRecord(calls=3, untold=3)
    half = CallsRecord(calls=3, untold=1, prompt_tokens=1_000, completion_tokens=0)
    assert share([told], 4) == Share(15.0)
    assert share([silent], 4) == Share(None, True)
    assert share([half], 4).said() == "more than 250.0"
    assert share([told, None], 4).said() == "more than 15.0"
    assert share([told], 0).said() == "–"
    assert share([CallsRecord()], 4) == Share(0.0)
    assert tokens_said(silent.model_dump()) == "unknown"
    assert tokens_said(half.model_dump()) == "more than 1,000"
