"""What a person sees of money and progress: forecast, ceilings, the bill, and how a stage is coming along."""

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import Result

from flows.course import Course, duration, fitted
from synth.llm.pulse import Pulse
from tests.endpoints import FakeEndpoint

Synth = Callable[..., Result]
FEW = ("--set", "combinations.level3=off", "--set", "combinations.level2=off", "--no-ui", "--name", "r")


def asked(
    documents: Path, url: str, price: str = ",price={input=0.5,output=1.5}", more: str = ""
) -> list[str]:
    entry = f'models.far={{base_url="{url}",model="fake",structured="json_schema"{price}{more}}}'
    return ["synthllm-recommended", "--documents", str(documents), "--model", "far", "--set", entry, *FEW]


@pytest.fixture
def far(start_fake: Callable[..., FakeEndpoint]) -> FakeEndpoint:
    return start_fake()


def test_a_ceiling_ends_with_exit_code_3_and_one_sentence(
    synth: Synth, documents: Path, far: FakeEndpoint, home: Path
) -> None:
    command = ["run", *asked(documents, far.url)]
    for _ in range(2):  # the same ceiling again costs nothing
        done = synth(*command, "--set", "budget.calls=2")
        assert done.exit_code == 3, done.output
        told = done.stderr.strip().splitlines()[-1]
        assert told.startswith("budget.calls: the ceiling of 2 calls is reached")
        assert far.stats()["requests"] == 2
    assert "Last try: stopped" in synth("status", "r").stdout
    assert synth(*command, "--set", "budget.calls=100").exit_code == 0
    assert far.stats()["repeated"] == 0


def test_the_bill_stands_in_stats(synth: Synth, documents: Path, far: FakeEndpoint, home: Path) -> None:
    done = synth("run", *asked(documents, far.url))
    assert done.exit_code == 0, done.output
    assert "Cost: 0.00" in done.stdout
    assert " USD." in done.stdout
    shown = synth("stats", "r").stdout
    for word in ("Bill of all tries", "far", "In all: 0.00", "Of each of the "):
        assert word in shown
    report = json.loads(synth("stats", "r", "--json").stdout)["report"]
    stats = far.stats()
    cost = (stats["prompt_tokens"] * Decimal("0.5") + stats["completion_tokens"] * Decimal("1.5")) / 10**6
    assert Decimal(report["cost"]) == cost
    assert report["currency"] == "USD"


def test_an_unknown_price_is_said_wherever_money_is(
    synth: Synth, documents: Path, far: FakeEndpoint, home: Path
) -> None:
    command = asked(documents, far.url, price="")
    assert "Cost: unknown for models.far; set `price`" in synth("run", *command, "--dry-run").stdout
    done = synth("run", *command)
    assert "Cost: unknown for models.far." in done.stdout
    assert "In all: unknown for models.far." in synth("stats", "r").stdout
    for name in ("run", "check"):
        wanted = [word for word in command if name == "run" or word != "--no-ui"]
        wrong = synth(name, *wanted, "--set", "budget.money=1")
        assert wrong.exit_code == 2, wrong.output
        assert "budget.money: the price of models.far is not known" in wrong.stderr


def test_the_forecast_says_cost_time_and_part_of_the_budget(
    synth: Synth, documents: Path, far: FakeEndpoint, home: Path
) -> None:
    command = asked(documents, far.url, more=",requests_per_minute=60")
    done = synth("run", *command, "--dry-run", "--set", "budget.money=0.001", "--set", "budget.calls=100000")
    assert done.exit_code == 0, done.output
    flat = " ".join(done.stdout.split())
    assert "Of the budget: " in flat
    assert "% of budget.money (0.001)" in flat
    assert "0% of budget.calls (100,000)" in flat
    assert "at the entries' limits by the minute" in flat
    assert far.stats()["requests"] == 0
    untold = synth("run", *asked(documents, far.url), "--dry-run").stdout
    assert "Time: unknown before the first calls" in untold


class Told:
    """A pulse and a clock that a test sets."""

    def __init__(self) -> None:
        self.now, self.pulse = 0.0, Pulse(cost=Decimal(0))
        self.course = Course("answers", lambda stage: self.pulse, "USD", lambda: self.now)

    def at(self, now: float, **counts: object) -> None:
        self.now, self.pulse = now, self.pulse._replace(**counts)  # type: ignore[arg-type]


@pytest.fixture
def told() -> Iterator[Told]:
    yield Told()


def test_the_end_is_reckoned_from_calls_that_are_made_and_not_from_reused_ones(told: Told) -> None:
    told.at(1.0, reused=90_000)
    assert told.course.facts(90_000, 91_000)[-1] == "0:01"  # nothing is known of the pace
    for second in range(2, 32):
        told.at(float(second), made=10 * (second - 2), in_flight=10)
        told.course.facts(90_000 + told.pulse.made, 91_000)
    # 710 are left, at ten a second.
    assert told.course.facts(90_290, 91_000)[-1] == "0:31 of 1:42"


def test_the_pace_is_that_of_the_last_half_minute(told: Told) -> None:
    for second in range(200):
        told.at(float(second), made=second if second < 100 else 100 + 10 * (second - 100))
        found = told.course.facts(told.pulse.made, 2000)
    assert found[-1] == f"3:19 of {duration(199 + (2000 - told.pulse.made) / 10)}"


def test_the_outlook_is_told_once_and_says_whether_a_ceiling_is_in_the_way(told: Told) -> None:
    left = {"money": Decimal(1), "calls": Decimal(5000)}
    for second in range(1, 12):
        told.at(float(second), made=9 * second, tokens=9000 * second, cost=Decimal(second) / 10)
        assert told.course.outlook(told.pulse.made, 1000, left) is None
    told.at(12.0, made=108, tokens=108_000, cost=Decimal("1.08"))
    said = told.course.outlook(108, 1000, left)
    assert said == (
        "answers: 892 calls to go; as they went so far, 892,000 tokens, 8.92 USD, 1:39 min; "
        "budget.money will be reached before its end."
    )
    told.at(13.0)
    assert told.course.outlook(108, 1000, left) is None


def test_an_outlook_without_price_or_ceiling(told: Told) -> None:
    told.at(1.0, cost=None)
    told.course.outlook(0, 400, {})
    told.at(11.0, made=200, tokens=2000)
    said = told.course.outlook(200, 400, {})
    assert said == "answers: 200 calls to go; as they went so far, 2,000 tokens, 0:10 min."


def test_what_matters_most_stays_where_it_is_narrow(told: Told) -> None:
    told.at(
        1.0, made=5, in_flight=1024, tokens_per_s=81_212.0, cost=Decimal("1234.5"), unconfirmed=2, down=True
    )
    facts = told.course.facts(5, 10)
    whole = "1,024 in flight, 81,212 tok/s, 1,234.50 USD, 2 unconfirmed, endpoint down, 0:01"
    assert fitted(facts, 100) == whole
    assert fitted(facts, 40) == "2 unconfirmed, endpoint down, 0:01"
    assert fitted(facts, 1) == "0:01"
    assert told.course.summary() == ["5 calls made", "1,234.50 USD", "0:01"]


def test_lines_of_a_log_hold_the_facts(synth: Synth, documents: Path, far: FakeEndpoint, home: Path) -> None:
    done = synth("run", *asked(documents, far.url))
    line = next(line for line in done.stderr.splitlines() if line.startswith("   answers: "))
    for word in (" calls, ", " in flight, ", " tok/s, ", " USD, "):
        assert word in line
