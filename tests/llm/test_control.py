"""The real limiter before simulated servers, in made-up time: what it finds out, and what that costs."""

import pytest

from benchmarks.simulate import Server, play

SLOTS, QUEUE = 128, 16


def right(rows: int, slots: int, **more) -> float:
    """Seconds at the limit that is right."""
    return play(Server(slots, **more), rows, slots, "fixed").seconds


def test_where_nothing_is_refused_looking_for_a_limit_costs_nothing():
    fixed = play(Server(), 5120, 256, "fixed")
    found = play(Server(), 5120, 256)
    assert fixed.seconds / found.seconds >= 0.99
    assert found.limiter.admission.control.limit == 256


@pytest.mark.parametrize("queue", [QUEUE, 0])
@pytest.mark.parametrize("retry_after_s", [None, 1.0], ids=["no Retry-After", "Retry-After"])
def test_a_limit_that_nobody_told_is_found(queue, retry_after_s):
    found = play(Server(SLOTS, queue, retry_after_s=retry_after_s), 3000, 512)
    assert right(3000, SLOTS) / found.seconds >= 0.95
    assert found.refused < 0.01
    assert found.done == 3000


def test_a_wrong_fixed_limit_is_refused_again_and_again():
    assert play(Server(SLOTS, QUEUE), 1000, 512, "fixed").refused > 0.1


def test_a_limit_that_falls_and_rises_is_followed():
    events = ((20, lambda s: setattr(s, "slots", 48)), (45, lambda s: setattr(s, "slots", SLOTS)))
    found = play(Server(SLOTS, QUEUE), 8000, 512, events=events)
    mean_s = sum(found.server.latencies) / len(found.server.latencies)
    ideal = 45 + (8000 * 1.083 - 20 * SLOTS - 25 * 48) / SLOTS
    assert ideal / found.seconds >= 0.9
    assert found.refused < 0.02
    assert (mean_s, found.done) == (pytest.approx(1.083, abs=0.4), 8000)


@pytest.mark.parametrize("retry_after_s", [None, 1.0])
def test_stray_refusals_throttle_nobody(retry_after_s):
    server = Server(SLOTS, QUEUE, stray=0.02, retry_after_s=retry_after_s)
    assert right(6000, SLOTS) / play(server, 6000, SLOTS).seconds >= 0.97


@pytest.mark.parametrize("settings", [{"window_s": 60.0}, {"burst": 4800}], ids=["window", "bucket"])
def test_a_rate_is_learned_from_headers_without_one_refusal(settings):
    found = play(Server(per_s=80, headers=True, **settings), 9600, 512)
    assert found.server.refused == 0
    assert 9600 / 80 / found.seconds >= 0.95


@pytest.mark.parametrize("latency_s", [0.05, 1.0])
@pytest.mark.parametrize(
    "settings",
    [{"burst": 5}, {"burst": 5, "retry_after_s": 1}, {"window_s": 1.0}, {"burst": 5, "headers": True}],
    ids=["bucket", "bucket, Retry-After", "window", "headers"],
)
def test_five_requests_a_second_cause_no_storm(latency_s, settings):
    found = [play(Server(per_s=5, latency_s=latency_s, seed=seed, **settings), 300, 64) for seed in range(8)]
    assert max(one.server.requests for one in found) <= 1.1 * 300
    assert sum(one.seconds for one in found) / len(found) <= 1.15 * 300 / 5
    assert [one.done for one in found] == [300] * 8


def test_a_strict_rate_without_any_burst_is_met_from_below():
    found = play(Server(per_s=5, latency_s=1.0, burst=1), 300, 64)
    assert found.server.requests <= 1.1 * 300
    assert found.seconds <= 1.3 * 300 / 5


@pytest.mark.parametrize(("slots", "share"), [(24, 0.97), (64, 0.97), (200, 0.95)])
def test_a_server_that_queues_is_held_at_its_slots(slots, share):
    rows = 100 * slots
    fixed = play(Server(slots), rows, slots, "fixed")
    found = play(Server(slots), rows, 1024, "queue")

    def mean(played):
        return sum(played.server.latencies) / len(played.server.latencies)

    assert fixed.seconds / found.seconds >= share
    assert mean(found) / mean(fixed) <= 1.5


def test_long_replies_are_not_taken_for_a_queue():
    fixed = play(Server(64, hang=0.02), 6400, 64, "fixed")
    found = play(Server(64, hang=0.02), 6400, 1024, "queue")
    assert fixed.seconds / found.seconds >= 0.95


def test_without_control_the_queue_is_the_servers():
    flooded = play(Server(64), 3200, 1024, "fixed")
    assert flooded.server.most > 1000


def test_the_time_of_day_may_jump():
    days = iter(range(0, 10**9, 86_400))
    jumpy = play(Server(SLOTS, QUEUE, retry_after_s=1.0), 1000, 512, wall=lambda: float(next(days)))
    calm = play(Server(SLOTS, QUEUE, retry_after_s=1.0), 1000, 512)
    assert jumpy.seconds == pytest.approx(calm.seconds, rel=0.1)
