"""Ceilings: never passed, reached cleanly, and gone on from without paying twice."""

import json
import threading
from decimal import Decimal

import pytest

from synth.config import BudgetConfig
from synth.config_money import PriceConfig
from synth.errors import BudgetReached, ConfigError
from synth.llm.budget import Budget, Densities
from synth.llm.journal import Journal
from synth.llm.prices import Price, Prices
from synth.llm.spent import spent_before

PRICE = Price.of(PriceConfig(input=1, output=2))


@pytest.fixture
def limited(client_for, journal):
    """A client of `m` under ceilings, knowing what its journal says of earlier tries."""

    def make(config, price=PRICE, **ceilings):
        client = client_for(config, prices=Prices({"m": price}))
        limits, densities = BudgetConfig(**ceilings), Densities()
        who = {client.model("m"): "m"}
        spent = spent_before(journal, who, client.prices, densities, priced=bool(limits.money))
        client.budget = Budget(limits, client.prices, "USD", client.now, spent, densities)
        return client

    return make


@pytest.fixture
def far(start_fake):
    return start_fake("--latency", "0.02")


def used(stats):
    tokens = stats["prompt_tokens"] + stats["completion_tokens"]
    return {"calls": stats["answered"], "tokens": tokens, "money": PRICE.cost(*(
        stats[f"{kind}_tokens"] for kind in ("prompt", "completion")
    ))}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "ceiling", "higher"), [("calls", 23, 400), ("tokens", 9000, 10**6), ("money", 0.012, 5.0)]
)
def test_a_ceiling_is_not_passed_and_is_gone_on_from(
    name, ceiling, higher, far, limited, make_request, journal
):
    requests = [make_request(f"<question>What is {n} plus one?</question>") for n in range(150)]
    first = limited(far.config(), **{name: ceiling})
    with pytest.raises(BudgetReached, match=rf"budget\.{name}: the ceiling of .* is reached") as told:
        first.complete("m", requests)
    assert str(told.value).count("\n") == 0
    assert told.value.exit_code == 3
    paid = far.stats()
    assert 0 < used(paid)[name] <= Decimal(str(ceiling))
    assert used(paid)[name] >= Decimal(str(ceiling)) / 2 or name != "calls"
    if name == "calls":
        assert paid["answered"] == ceiling
    assert len(journal) == paid["answered"]  # what was under way is journaled
    assert paid["in_flight"] == 0

    again = limited(far.config(), **{name: ceiling})
    with pytest.raises(BudgetReached):
        again.complete("m", requests)
    assert far.stats()["requests"] == paid["requests"]

    replies = limited(far.config(), **{name: higher}).complete("m", requests)
    assert len(replies) == 150
    assert (far.stats()["answered"], far.stats()["repeated"]) == (150, 0)
    # Nothing is left to ask for, so no ceiling is in the way.
    limited(far.config(), **{name: ceiling}).complete("m", requests)
    assert far.stats()["answered"] == 150


def test_two_callers_at_once_share_one_ceiling(far, limited, make_request):
    client, faults = limited(far.config(), calls=30), []

    def work(who):
        try:
            client.complete("m", [make_request(f"{who} {n}") for n in range(40)])
        except BudgetReached as stop:
            faults.append(stop)

    at_work = [threading.Thread(target=work, args=(who,)) for who in ("one", "two")]
    for thread in at_work:
        thread.start()
    for thread in at_work:
        thread.join(30)
    assert len(faults) == 2
    assert far.stats()["answered"] == 30


def test_calls_that_fail_leave_room_for_others(start_fake, limited, make_request):
    refusing = start_fake("--fault", "status_500=0.3")
    client = limited(refusing.config(max_tries=1), calls=40)
    with pytest.raises(BudgetReached):
        client.complete("m", [make_request(f"row {n}") for n in range(200)])
    assert refusing.stats()["answered"] == client.calls_made == 40
    assert client.usage["questions"].failed > 0


def test_equal_requests_are_paid_once_also_under_a_ceiling(far, limited, make_request):
    assert len(limited(far.config(), calls=1).complete("m", [make_request("same")] * 30)) == 30
    assert far.stats()["answered"] == 1


def test_seconds_stop_a_try_and_let_what_flies_land(start_fake, limited, make_request, journal):
    slow = start_fake("--latency", "0.2", "--sigma", "0")
    client = limited(slow.config(max_in_flight=2), seconds=0.5)
    with pytest.raises(BudgetReached, match=r"budget\.seconds"):
        client.complete("m", [make_request(f"t{n}") for n in range(100)])
    assert 0 < slow.stats()["answered"] == len(journal) < 50
    with pytest.raises(BudgetReached, match=r"budget\.seconds"):
        client.budget.look()


def test_no_ceiling_of_money_without_a_price(far, limited, make_request):
    with pytest.raises(ConfigError, match=r"the price of models\.m is not known"):
        limited(far.config(), price=None, money=1.0).complete("m", [make_request("x")])
    assert far.stats()["requests"] == 0


def test_what_earlier_tries_paid_counts_and_what_other_runs_paid_does_not(
    far, client_for, make_request, journal, tmp_path
):
    client = client_for(far.config())
    client.complete("m", [make_request(f"old {n}") for n in range(10)])
    with Journal(tmp_path / "new", reuse=[journal.folder]) as other:
        for key in journal:
            assert "taken_over" not in other.get(key)
        assert all(record["taken_over"] for record in other.records())
        who, prices = {client.model("m"): "m"}, Prices({"m": PRICE})
        assert spent_before(other, who, prices, Densities(), priced=True).calls == 0
    spent = spent_before(journal, who, prices, Densities(), priced=True)
    assert {"calls": spent.calls, "tokens": spent.tokens, "money": spent.money} == used(far.stats())


def test_calls_of_a_model_that_has_no_price_any_more_are_told(far, client_for, make_request, journal):
    client_for(far.config()).complete("m", [make_request("old")])
    with pytest.raises(ConfigError, match=f"earlier tries asked {far.url}#fake, whose price is not known"):
        spent_before(journal, {}, Prices({}), Densities(), priced=True)
    file = Prices({}, {"fake": PRICE})
    assert spent_before(journal, {}, file, Densities(), priced=True).money == used(far.stats())["money"]


def test_probes_are_calls_like_others(far, limited, journal):
    client = limited(far.config(structured="auto"), calls=1)
    assert client.form("m") == "json_schema"
    assert client.usage["probe"].made == far.stats()["answered"] == 1
    assert spent_before(journal, {}, Prices({}), Densities(), priced=False).calls == 1
    with pytest.raises(BudgetReached):
        limited(far.config(structured="auto", identity="other"), calls=1).form("m")
    assert far.stats()["requests"] == 1


def test_what_tells_no_tokens_counts_in_full(start_fake, limited, make_request):
    silent = start_fake("--fault", "no_usage=1")
    client = limited(silent.config(), tokens=10_000)
    with pytest.raises(BudgetReached):
        client.complete("m", [make_request(f"row {n}") for n in range(60)])
    # Each may have taken its 2,048 tokens of reply.
    assert silent.stats()["answered"] == 4
    assert client.usage["questions"].uncounted == 4


def test_left_says_what_each_ceiling_leaves(far, limited, make_request):
    client = limited(far.config(), calls=10, money=1.0)
    client.complete("m", [make_request(f"row {n}") for n in range(4)])
    left = client.budget.left()
    assert left["calls"] == 6
    assert left["money"] == 1 - used(far.stats())["money"]
    assert json.dumps(sorted(left)) == '["calls", "money"]'
