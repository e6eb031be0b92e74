import pytest

from synth.llm.rate import Guess, Meter, Need, Pace, Rate
from synth.llm.told import Limit

NOTHING = Need()


def sent_in(rate: Rate, seconds: float, need: Need = NOTHING, start: float = 0.0) -> int:
    """How many leave in so many seconds, where each leaves as soon as it may."""
    now, sent = start, 0
    while (now := now + rate.wait_s(now, need)) < start + seconds:
        rate.take(now, need)
        sent += 1
        now += 1e-6
    return sent


def test_a_turn_is_reserved_and_waited_for_once():
    meter = Meter(10.0, burst_s=0.1)
    waits = []
    for _ in range(4):
        waits.append(meter.wait_s(0.0, 1))
        meter.take(0.0, 1)
    assert waits == pytest.approx([0.0, 0.1, 0.2, 0.3])


def test_requests_by_the_minute():
    assert sent_in(Rate({"requests": 600}), 60.0) == pytest.approx(610, abs=2)  # and a second's worth at once


def test_prompts_replies_and_both_are_limited_each_for_itself():
    need = Need(input_tokens=100, output_tokens=50)
    assert sent_in(Rate({"input_tokens": 6000}), 60.0, need) == pytest.approx(60, abs=2)
    assert sent_in(Rate({"output_tokens": 6000}), 60.0, need) == pytest.approx(120, abs=3)
    assert sent_in(Rate({"tokens": 6000}), 60.0, need) == pytest.approx(40, abs=2)
    assert sent_in(Rate({"tokens": 6000, "requests": 10}), 60.0, need) == pytest.approx(11, abs=1)


def test_a_call_larger_than_the_limit_still_goes():
    assert sent_in(Rate({"tokens": 60}), 600.0, Need(input_tokens=100)) == pytest.approx(6, abs=1)


def test_what_was_guessed_is_corrected_by_what_was_used():
    rate, need = Rate({"tokens": 6000}), Need(output_tokens=1000)
    rate.take(0.0, need)
    assert rate.wait_s(0.0, Need()) == pytest.approx(9.0)
    rate.correct(0.0, need, Need(output_tokens=200))
    assert rate.wait_s(0.0, Need()) == pytest.approx(1.0)
    rate.correct(0.0, Need(), Need(output_tokens=500))
    assert rate.wait_s(0.0, Need()) == pytest.approx(6.0)


def test_headers_teach_a_rate_with_a_margin_and_never_lift_a_configured_one():
    told = {"requests": Limit(600, 599, 0.1)}
    free, bound = Rate({}), Rate({"requests": 60})
    for rate in (free, bound):
        rate.learn(0.0, told)
    assert free.meters["requests"].per_s == pytest.approx(9.8)
    assert bound.meters["requests"].per_s == pytest.approx(1.0)


def test_an_empty_bucket_is_waited_for_one_unit_and_an_empty_window_to_its_end():
    bucket, window = Rate({}), Rate({})
    bucket.learn(0.0, {"requests": Limit(60, 0, 60.0)})
    window.learn(0.0, {"requests": Limit(60, 0, 20.0)})
    assert bucket.wait_s(0.0, Need()) == pytest.approx(1.0)
    assert window.wait_s(0.0, Need()) == pytest.approx(20.0, abs=0.5)


def test_what_is_left_of_a_window_is_all_that_is_sent_in_it():
    rate = Rate({})
    rate.learn(0.0, {"requests": Limit(600, 100, 30.0)})
    assert 90 < sent_in(rate, 30.0) <= 101
    assert sent_in(rate, 30.0, start=30.0) > 280


def test_a_limit_by_the_day_is_no_pace():
    rate, left = Rate({}), 14_400
    for second in range(40):
        left -= 1
        rate.learn(float(second), {"requests": Limit(14_400, left, (14_400 - left) * 6.0)})
    assert rate.wait_s(40.0, Need()) == 0.0
    rate.learn(41.0, {"requests": Limit(14_400, 0, 86_400.0)})
    assert rate.wait_s(41.0, Need()) == pytest.approx(6.0)


def test_tokens_are_guessed_better_after_each_answer():
    guess = Guess()
    before = guess.need(4000, 2048)
    for _ in range(200):
        guess.learn(4000, Need(1000, 300))
    after = guess.need(4000, 2048)
    assert before.input_tokens > after.input_tokens == pytest.approx(1000, rel=0.01)
    assert after.output_tokens == pytest.approx(300)
    assert guess.need(4000, 100).output_tokens == 100


def test_a_pace_that_is_refused_at_any_speed_is_none():
    pace, now = Pace(), 0.0
    for _ in range(60):
        now += max(0.6, pace.wait_s(now))
        pace.take(now)
        pace.answered(now, 5)
        pace.take(now)
        pace.refused(now + 0.001, now + 0.0005, 7)
    assert pace.per_s is None
