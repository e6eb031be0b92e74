"""Judges where rows are counted, calls are batched and money is reckoned: they are asked as all others are."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import synth
from synth.check import check
from synth.config import RunConfig
from synth.errors import ConfigError, Waiting
from synth.forecast import StageForecast, forecast
from synth.llm.batches import read_shards
from synth.report import manifests
from synth.run_report import read
from synth.settings import load
from synth.waves import waved
from tests.endpoints import FakeEndpoint

FEW = ("combinations.epochs=1", "combinations.max_level3=12", "combinations.level2_sets=2")
ENTRIES = (
    'models.one={base_url="fake:", model="one", price={input=1, output=2}}',
    'models.two={base_url="fake:", model="two", price={input=10, output=20}}',
)
JUDGES = (*ENTRIES, 'roles.judge=["one", "two"]')


def make(documents: Path, *settings: str) -> RunConfig:
    return load("synthllm-recommended", [str(documents)], "fake", overrides=[*FEW, *JUDGES, *settings])


def judging(config: RunConfig) -> StageForecast:
    return next(stage for stage in forecast(config).stages if stage.stage == "judge")


def test_rows_are_counted_after_the_judges(documents: Path, tmp_path: Path) -> None:
    config = make(documents, "target.rows=10")
    result = synth.run(config, runs=tmp_path, name="r")
    assert waved(config) == ("questions", "screen", "judge", "answers")
    assert result.target is not None
    assert (result.target.kept, result.target.stop) == (10, "reached")
    rows = pq.read_table(result.dataset / "questions").to_pylist()
    assert len(rows) == 10
    assert {row["well_posed"] for row in rows} == {"well_posed"}
    assert manifests(result.folder)["judge"].rejected  # so that fewer came than were asked
    again = synth.run(config, runs=tmp_path, name="r")
    last = read(again.folder)["tries"][-1]
    assert last["calls"]["made"] == 0
    assert {stage["status"] for stage in last["stages"].values()} == {"reused"}


def test_each_judge_is_forecast_at_its_own_price(documents: Path) -> None:
    def cost(*settings: str) -> Decimal:
        found = judging(make(documents, *settings)).cost
        assert found is not None
        assert not found.unknown
        return found.known

    one, two = (cost(f'roles.judge="{name}"', "judge.well_posed=false") for name in ("one", "two"))
    assert two == 10 * one > 0
    assert cost("judge.well_posed=false") == one + two
    checks = [cost(f'roles.checker="{name}"') - one - two for name in ("one", "two")]
    assert checks[1] == 10 * checks[0] > 0


@pytest.mark.parametrize("role", ['roles.judge=["one", "free"]', 'roles.checker="free"'])
def test_a_ceiling_of_money_needs_the_price_of_every_judge(
    documents: Path, tmp_path: Path, role: str
) -> None:
    free = 'models.free={base_url="http://127.0.0.1:9/v1", model="m"}'
    with pytest.raises(ConfigError) as caught:
        check(make(documents, free, role, "budget.money=1"), tmp_path)
    assert [said for said in caught.value.faults if "the price of models.free is not known" in said]


def test_batches_of_all_judges_are_under_way_at_one_time(
    documents: Path, start_fake: Callable[..., FakeEndpoint], tmp_path: Path
) -> None:
    """A judge whose batch is awaited keeps no other from submitting, so the command leaves once for them."""
    url = start_fake("--batch-s", "1").url
    entry = f'base_url="{url}", structured="json_schema", batch="on", batch_least=1, batch_poll_s=0.05'
    far = [f'models.{name}={{{entry}, model="{name}", identity="{name}"}}' for name in ("one", "two")]
    config = make(documents, *far, "judge.well_posed=false")
    waited = []
    for _ in range(300):
        try:
            done = synth.run(config, runs=tmp_path, name="r")
            break
        except Waiting as waiting:
            waited.append(waiting)
    batches = [shard for shard in read_shards(done.folder / "calls") if shard.stage == "judge"]
    assert {shard.entry for shard in batches} == {"one", "two"}
    assert (sum(shard.calls for shard in batches), len(batches)) in [(w.calls, w.batches) for w in waited]
