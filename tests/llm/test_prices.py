"""Prices and sums of money: exact, and honest about what is not known."""

from decimal import Decimal
from pathlib import Path

import pytest

from synth.config import ModelConfig, RunConfig
from synth.config_money import PriceConfig
from synth.errors import ConfigError
from synth.llm.prices import Cost, Price, Prices, money, total
from synth.llm.usage import Usage
from synth.settings import load, to_toml

FAR = 'models.far={base_url="http://127.0.0.1:1/v1", model="qwen-32b"%s}'


def config(more: str = "", *overrides: str) -> RunConfig:
    return load("synthllm-recommended", ["x"], "far", overrides=[FAR % more, *overrides])


def test_cached_tokens_have_a_price_of_their_own_and_no_sum_drifts() -> None:
    price = Price.of(PriceConfig(input=0.1, output=0.3, cached_input=0.01))
    assert price.cost(1_000_000, 0) == Decimal("0.1")
    assert price.cost(1_000_000, 1, 400_000) == Decimal("0.0640003")
    one = Prices({"m": price})
    each = [one.cost("m", Usage(made=1, prompt_tokens=1, completion_tokens=1)) for _ in range(1000)]
    assert total(each).whole == Decimal("0.0004")
    assert sum([0.1e-6 + 0.3e-6] * 1000) != 0.0004  # which is why they are no floats


def test_cached_tokens_cost_as_others_where_nothing_else_is_said() -> None:
    assert Price.of(PriceConfig(input=2, output=0)).cost(100, 0, 100) == Decimal("0.0002")


def test_a_batch_costs_its_factor() -> None:
    half, same = (Price.of(PriceConfig(input=1, output=2, batch=batch)) for batch in (0.5, None))
    assert half.cost(10, 10, batch=True) * 2 == half.cost(10, 10) == same.cost(10, 10, batch=True)


def test_an_unknown_price_is_never_nought() -> None:
    prices = Prices({"mine": None, "known": Price(Decimal(1), Decimal(1))})
    used = Usage(made=1, prompt_tokens=420_000, completion_tokens=420_000)
    both = prices.cost("known", used) + prices.cost("mine", used)
    assert both.whole is None
    assert both.said("USD") == "0.84 USD and an unknown part for models.mine"
    assert prices.cost("mine", used).said("EUR") == "unknown for models.mine"
    assert prices.cost("mine", Usage(reused=3)) == Cost()  # nothing was asked, so nothing is unknown


def test_a_call_that_told_no_tokens_is_an_unknown_part_unless_it_is_free() -> None:
    prices = Prices({"known": Price(Decimal(1), Decimal(1)), "free": Price()})
    used = Usage(made=2, uncounted=1, prompt_tokens=1_000_000)
    assert prices.cost("known", used) == Cost(Decimal(1), frozenset({"known"}))
    assert prices.cost("free", used) == Cost()


@pytest.mark.parametrize(
    ("amount", "said"),
    [("0", "0.00"), ("1234.5", "1,234.50"), ("0.0042", "0.0042"), ("0.000031", "0.000031")],
)
def test_small_amounts_are_not_rounded_away(amount: str, said: str) -> None:
    assert money(Decimal(amount), "USD") == f"{said} USD"


def test_models_in_this_process_cost_nothing() -> None:
    prices = Prices.of(config())
    assert all(prices.get(name) == Price() for name in ("fake", "embedded", "wordllama"))
    assert prices.get("far") is None


def test_prices_come_from_the_entry_then_from_the_file_by_name_then_by_pattern(tmp_path: Path) -> None:
    file = tmp_path / "p.toml"
    file.write_text('"qwen-*" = {input = 1, output = 1}\n"qwen-32b" = {input = 2, output = 2}\n')
    named = f'prices="{file}"'
    assert Prices.of(config("", named)).get("far") == Price(Decimal(2), Decimal(2))
    assert Prices.of(config(", price={input=3,output=3}", named)).get("far") == Price(Decimal(3), Decimal(3))
    file.write_text('"qwen-*" = {input = 1, output = 1}\n')
    assert Prices.of(config("", named)).get("far") == Price(Decimal(1), Decimal(1))


def test_the_file_at_home_is_found_and_need_not_be_there(tmp_path: Path) -> None:
    assert Prices.of(config()).get("far") is None
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "prices.toml").write_text('"*" = {input = 1, output = 1}')
    assert Prices.of(config()).get("far") == Price(Decimal(1), Decimal(1))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (None, "there is no file"),
        ("x = ", "cannot be read as TOML"),
        ('"m" = {input = 1}', "m.output: Field required"),
        ("[gpt-4.1]\ninput = 1\noutput = 1", "quotes around a name that has a dot"),
        ('"m" = {input = -1, output = 1}', "m.input"),
        ('"m" = {input = nan, output = 1}', "m.input"),
    ],
)
def test_a_wrong_price_file_is_told(text: str | None, fault: str, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "p.toml").write_text(text)
    with pytest.raises(ConfigError, match="prices") as told:
        Prices.of(config("", f'prices="{tmp_path / "p.toml"}"'))
    assert fault in str(told.value)


def test_prices_survive_being_written(tmp_path: Path) -> None:
    own = config(", price={input=0.1,output=0.3,cached_input=0.05}", "budget.money=2.5")
    (tmp_path / "again.toml").write_text(to_toml(own))
    assert load(str(tmp_path / "again.toml")) == own
    assert isinstance(own.models["far"], ModelConfig)
