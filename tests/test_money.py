"""A run under ceilings, end to end: it stops, says what it spent, and goes on to the same bytes."""

import json
import signal
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from synth import facade
from synth.check import check
from synth.config import RunConfig
from synth.errors import BudgetReached, ConfigError
from synth.parts import Parts
from synth.pipeline import is_excluded
from synth.road import stages_of
from synth.run_report import read
from synth.runs import Run, default_name
from synth.settings import load
from tests.children import Child
from tests.endpoints import PLANTED_KEY, FakeEndpoint

PRICED = {"input": 0.5, "output": 1.5}
RUN = """
import sys
from pathlib import Path
import synth
config = synth.recipe("synthllm-recommended", [sys.argv[1]], "far", overrides=sys.argv[3:])
synth.run(config, runs=Path(sys.argv[2]), name="r")
"""


def overrides(url: str, **settings: object) -> list[str]:
    entry = (
        f'models.far={{base_url="{url}",model="fake",structured="json_schema",identity="far",max_in_flight=4'
    )
    entry += ',price={input=0.5,output=1.5},api_key_env="FAR_KEY"}'
    return [entry, "combinations.epochs=1", "part_rows=5", *(f"{k}={v}" for k, v in settings.items())]


@pytest.fixture
def far(start_fake: Callable[..., FakeEndpoint], monkeypatch: pytest.MonkeyPatch) -> FakeEndpoint:
    monkeypatch.setenv("FAR_KEY", PLANTED_KEY)
    return start_fake()


def configured(documents: Path, far: FakeEndpoint, **settings: object) -> RunConfig:
    return load("synthllm-recommended", [str(documents)], "far", overrides=overrides(far.url, **settings))


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_run_stops_at_its_ceiling_and_goes_on_to_the_same_bytes(
    documents: Path, far: FakeEndpoint, tmp_path: Path
) -> None:
    whole = facade.run(configured(documents, far), name="whole", runs=tmp_path)
    calls = far.stats()["answered"]
    limited = {"budget.calls": calls // 2}
    for _ in range(2):
        with pytest.raises(BudgetReached, match=r"budget\.calls"):
            facade.run(configured(documents, far, **limited), name="r", runs=tmp_path)
        assert far.stats()["answered"] == calls + calls // 2
    done = facade.run(configured(documents, far, **{"budget.calls": calls}), name="r", runs=tmp_path)
    assert far.stats()["answered"] == 2 * calls
    assert contents(done.dataset) == contents(whole.dataset)
    report = read(tmp_path / "r")
    assert [this["outcome"] for this in report["tries"]] == ["stopped", "stopped", "finished"]
    assert report["tries"][0]["fault"].startswith("budget.calls: the ceiling of ")
    assert report["calls"]["made"] == calls


def test_the_bill_is_that_of_the_endpoint_by_stage_and_model(
    documents: Path, far: FakeEndpoint, tmp_path: Path
) -> None:
    done = facade.run(configured(documents, far), name="r", runs=tmp_path)
    report, stats = read(tmp_path / "r"), far.stats()
    assert [line["stage"] for line in report["bill"]] == ["concepts", "questions", "answers"]
    assert {(line["entry"], line["model"]) for line in report["bill"]} == {("far", "fake")}
    for name in ("prompt_tokens", "completion_tokens", "requests"):
        assert sum(line[name] for line in report["bill"]) == stats[name], name
    cost = (stats["prompt_tokens"] * Decimal("0.5") + stats["completion_tokens"] * Decimal("1.5")) / 1_000_000
    assert Decimal(report["cost"]) == cost
    rows = report["kept_rows"]
    assert rows == done.funnel[-1].outputs
    assert Decimal(report["cost_per_kept_row"]["cost"]) == cost / rows
    facade.run(configured(documents, far), name="r", runs=tmp_path)
    assert Decimal(read(tmp_path / "r")["cost"]) == cost  # a second try paid nothing
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or PLANTED_KEY.encode() not in path.read_bytes(), path


def test_an_unknown_price_is_said_in_the_report(documents: Path, far: FakeEndpoint, tmp_path: Path) -> None:
    config = configured(documents, far)
    unpriced = {"far": config.models["far"].model_copy(update={"price": None})}
    facade.run(config.model_copy(update={"models": unpriced}), name="r", runs=tmp_path)
    report = read(tmp_path / "r")
    assert (report["cost"], report["unknown"]) == (None, ["far"])
    assert all(line["cost"] is None and line["unknown"] for line in report["bill"])


def test_what_a_killed_try_paid_counts(
    documents: Path, start_fake: Callable[..., FakeEndpoint], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAR_KEY", PLANTED_KEY)
    slow = start_fake("--latency", "0.05")
    ceiling = {"budget.calls": 20}
    process = Child(RUN, documents, tmp_path, *overrides(slow.url, **ceiling))
    while slow.stats()["answered"] < 8:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    with pytest.raises(BudgetReached):
        facade.run(configured(documents, slow, **ceiling), name="r", runs=tmp_path)
    stats = slow.stats()
    # Of those that were in flight at the kill, nobody had seen the answer: at most four.
    assert stats["distinct"] <= 20 + 4
    with Run.open(configured(documents, slow, **ceiling), tmp_path, "r") as run:
        assert len(run.journal) == 20
        assert run.client.budget is not None
        assert run.client.budget.spent.calls == 20


def test_answers_of_another_run_were_not_paid_by_this_one(
    documents: Path, far: FakeEndpoint, tmp_path: Path
) -> None:
    facade.run(configured(documents, far), name="first", runs=tmp_path)
    again = configured(documents, far, **{"budget.calls": 1, "reuse": '["first"]'})
    facade.run(again, name="second", runs=tmp_path)
    with Run.open(again, tmp_path, "second") as run:
        assert run.client.budget is not None
        assert run.client.budget.spent.calls == 0


def test_seconds_also_stop_stages_without_calls(documents: Path, tmp_path: Path) -> None:
    short = load("synthllm-recommended", [str(documents)], "fake", overrides=["budget.seconds=0.000001"])
    with pytest.raises(BudgetReached, match=r"budget\.seconds"):
        facade.run(short, name="r", runs=tmp_path)
    assert not (tmp_path / "r" / "01_documents" / "_manifest.json").exists()


def test_a_ceiling_of_money_without_a_price_is_told_before_the_first_call(
    documents: Path, far: FakeEndpoint, tmp_path: Path
) -> None:
    config = configured(documents, far, **{"budget.money": 1})
    unpriced = {"far": config.models["far"].model_copy(update={"price": None})}
    with pytest.raises(ConfigError, match=r"budget\.money: the price of models\.far is not known"):
        check(config.model_copy(update={"models": unpriced}), tmp_path)
    check(config, tmp_path)
    free = load("synthllm-recommended", [str(documents)], "fake", overrides=["budget.money=1"])
    check(free, tmp_path)


def test_money_changes_no_name_and_no_stage(config: RunConfig, tmp_path: Path) -> None:
    facade.run(config, name="r", runs=tmp_path)
    budget = config.budget.model_copy(update={"tokens": 10**9})
    more = config.model_copy(update={"currency": "EUR", "budget": budget})
    assert default_name(more) == default_name(config)
    with Run.open(more, tmp_path, "r") as run:
        assert all(run.plan(stage).manifest is not None for stage in run.stages)
    for key in ("models.far.price", "models.far.price.input", "budget.money", "currency", "prices"):
        assert is_excluded(key)


def test_a_report_is_written_while_a_stage_goes_on(config: RunConfig, tmp_path: Path) -> None:
    ticks = iter(range(0, 10**9, 31))
    seen: set[float] = set()

    def look(stage: str, done: int, total: int) -> None:
        seen.add(json.loads((tmp_path / "r" / "run_report.json").read_text())["tries"][-1]["seconds"])

    facade.run(config, name="r", runs=tmp_path, progress=look, clock=lambda: float(next(ticks)))
    assert len(seen) > 3 * len(stages_of(config))  # more often than stages begin and end


def test_parts_are_counted_together_and_those_to_come_are_reckoned() -> None:
    parts = Parts([10, 10, 5])
    assert parts.sums() == (0, 0)
    assert parts.count(0, 1, 20) == (1, 50)
    assert parts.count(1, 4, 20) == (5, 50)
    parts.end(2)  # it was done before
    assert parts.count(0, 20, 20) == (24, 40)
    assert parts.begun == 2
