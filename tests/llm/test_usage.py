"""What is counted of calls: exact under threads, by stage and entry, with what endpoints tell of tokens."""

import threading
from decimal import Decimal

from synth.config_money import PriceConfig
from synth.llm import wire
from synth.llm.prices import Price, Prices
from synth.llm.usage import Account, Ledger, Usage
from synth.llm.wire import Tokens

PRICE = Price.of(PriceConfig(input=1, output=2, cached_input=0.5))


def test_no_count_is_lost_under_threads():
    ledger, threads, times = Ledger(), 8, 5000

    def work(number):
        for _ in range(times):
            ledger.add("a", "m", made=1, requests=2, unconfirmed=1, tokens=Tokens(3, 5, 1, 2))
            ledger.add("b", f"m{number % 2}", reused=1)
            ledger.add("a", "m", failed=1)

    at_work = [threading.Thread(target=work, args=(n,)) for n in range(threads)]
    for thread in at_work:
        thread.start()
    for thread in at_work:
        thread.join()
    n = threads * times
    assert ledger.bill() == {
        Account("a", "m"): Usage(n, 0, n, 2 * n, n, 0, 3 * n, n, 5 * n, 2 * n),
        Account("b", "m0"): Usage(reused=n // 2),
        Account("b", "m1"): Usage(reused=n // 2),
    }
    assert ledger.by_stage()["b"].reused == ledger.total("reused") == n


def test_a_sum_that_was_taken_does_not_grow():
    ledger = Ledger()
    ledger.add("a", "m", made=1)
    (before,) = ledger.bill().values()
    ledger.add("a", "m", made=1)
    assert (before.made, before.uncounted, ledger.total("made")) == (1, 1, 2)


def test_details_of_tokens_are_read_and_nonsense_is_not():
    def told(**usage):
        return wire.usage_of({"usage": {"prompt_tokens": 10, "completion_tokens": 20, **usage}})

    details = {
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 7},
    }
    assert told(**details) == (10, 20, 4, 7)
    assert told(prompt_cache_hit_tokens=3) == (10, 20, 3, None)
    assert told(prompt_tokens_details={"cached_tokens": 99}).cached == 10  # no more than there were
    assert told(prompt_tokens_details=[], completion_tokens_details=None) == (10, 20, None, None)
    assert (
        told(prompt_tokens=-5).prompt
        is told(prompt_tokens=True).prompt
        is told(prompt_tokens="3").prompt
        is None
    )


def test_cached_and_reasoning_tokens_reach_journal_bill_and_pulse(
    scripted, client_for, make_request, journal
):
    choice = {"index": 0, "message": {"content": "yes"}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 1000, "completion_tokens": 100, "prompt_tokens_details": {"cached_tokens": 600}}
    usage["completion_tokens_details"] = {"reasoning_tokens": 60}
    scripted.answer(200, {"choices": [choice], "usage": usage})
    client = client_for(scripted.config(), prices=Prices({"m": PRICE}))
    (reply,) = client.complete("m", [make_request("hello")])
    assert journal.get(reply.call_id)["usage"] == {
        "prompt_tokens": 1000, "completion_tokens": 100, "cached_tokens": 600, "reasoning_tokens": 60
    }  # fmt: skip
    assert client.bill == {Account("questions", "m"): Usage(1, 0, 0, 1, 0, 0, 1000, 600, 100, 60)}
    pulse = client.pulse("questions")
    assert pulse.cost == Decimal("0.0009")
    assert (pulse.made, pulse.tokens, pulse.in_flight, pulse.down) == (1, 1100, 0, False)
    client.complete("m", [make_request("hello")])
    assert client.pulse()._replace(tokens_per_s=0) == pulse._replace(reused=1, tokens_per_s=0)
    assert client.pulse("answers").made == 0


def test_requests_and_what_is_unconfirmed_are_counted_by_stage(start_fake, client_for, make_request):
    faulty = start_fake("--fault", "reset_after=0.3", "--fault", "status_500=0.2")
    client = client_for(faulty.config(max_tries=20))
    client.complete("m", [make_request(f"row {n}", stage="concepts") for n in range(30)])
    client.complete("m", [make_request(f"line {n}", stage="answers") for n in range(30)])
    stats, usage = faulty.stats(), client.usage
    assert usage["concepts"].requests + usage["answers"].requests == stats["requests"]
    # It is not known of a lost answer whether it would have been a refusal, which costs nothing.
    unconfirmed = usage["concepts"].unconfirmed + usage["answers"].unconfirmed
    assert client.pulse().unconfirmed == unconfirmed >= stats["unconfirmed"] > 0


def test_a_pulse_is_taken_while_calls_fly(start_fake, client_for, make_request):
    slow = start_fake("--latency", "0.5", "--sigma", "0")
    client = client_for(slow.config(max_in_flight=8))
    assert client.pulse() == (0, 0, 0, 0, 0.0, 0, Decimal(0), 0, False)
    calls = threading.Thread(target=client.complete, args=("m", [make_request(f"p{n}") for n in range(16)]))
    calls.start()
    seen = set()
    while calls.is_alive():
        seen.add(client.pulse().in_flight)
    assert max(seen) == 8
    assert client.pulse().made == 16
    assert client.pulse().cost is None  # no price is known of m
