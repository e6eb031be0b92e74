import pytest

from synth.llm.told import Limit, limits, retry_after_s

WALL = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "Tue, 14 Nov 2023 22:13:50 GMT"}, 30),
        ({"retry-after": "Tue, 14 Nov 2023 21:00:00 GMT"}, 0),
        ({"retry-after": "Tue, 14 Nov 2023 22:13:50 GMT", "date": "Tue, 14 Nov 2023 22:13:45 GMT"}, 5),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "nan"}, None),
        ({}, None),
    ],
)
def test_a_wait_is_read_in_all_its_spellings(headers, seconds):
    assert retry_after_s(headers, WALL) == seconds


def test_the_endpoints_own_date_counts_and_not_our_clock():
    headers = {"retry-after": "Tue, 14 Nov 2023 22:13:50 GMT", "date": "Tue, 14 Nov 2023 22:13:45 GMT"}
    assert retry_after_s(headers, WALL + 1e6) == retry_after_s(headers, 0.0) == 5


@pytest.mark.parametrize(
    ("reset", "seconds"),
    [
        ("1s", 1),
        ("6m0s", 360),
        ("1h2m3.5s", 3723.5),
        ("12ms", 0.012),
        ("250us", 0.00025),
        ("30", 30),
        ("1700000030", 30),
        ("1700000030000", 30),
        ("2023-11-14T22:13:50Z", 30),
        ("99999999999999", 86_400),
        ("never", None),
        ("1s and more", None),
    ],
)
def test_a_reset_is_read_in_all_its_spellings(reset, seconds):
    told = limits({"x-ratelimit-limit-requests": "60", "x-ratelimit-reset-requests": reset}, WALL)
    assert told["requests"].reset_s == (pytest.approx(seconds) if seconds is not None else None)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("x-ratelimit-limit-requests", "requests"),
        ("x-ratelimit-limit-tokens", "tokens"),
        ("x-ratelimit-limit", "requests"),
        ("ratelimit-limit", "requests"),
        ("x-rate-limit-limit", "requests"),
        ("anthropic-ratelimit-requests-limit", "requests"),
        ("anthropic-ratelimit-input-tokens-limit", "input_tokens"),
        ("anthropic-ratelimit-output-tokens-limit", "output_tokens"),
        ("x-ratelimit-limit-prompt-tokens", "input_tokens"),
    ],
)
def test_limits_are_known_by_many_names(name, kind):
    assert limits({name: "100, 100;w=60"}, WALL) == {kind: Limit(100)}


def test_what_is_no_limit_is_none():
    assert limits({"content-type": "application/json", "x-ratelimit-limit-requests": "many"}, WALL) == {}
    assert limits({"x-ratelimit-limit-requests": "9" * 1_000_000}, WALL) == {}
    hostile = {"x-ratelimit-reset-requests": "1s" * 500_000, "retry-after": "1s" * 500_000}
    assert limits(hostile, WALL) == {}
    assert retry_after_s(hostile, WALL) is not None  # of the beginning, and at once
