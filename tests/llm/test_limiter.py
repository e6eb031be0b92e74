"""One call among many: what is tried again and what is not, and what an endpoint that is down costs."""

import asyncio
import contextlib
from typing import ClassVar

import pytest

from benchmarks.simulate import GOOD, Server, limiter_for, play, run
from synth.llm.limits import Backoff, GaveUp
from synth.llm.transport import HttpReply, NoAnswer
from synth.llm.turns import Down

BODY = {"messages": [{"content": "row"}]}


class Script(Server):
    """Answers in their order, the last one again and again; a number is a status, an exception is raised."""

    def __init__(self, *answers, latency_s=1.0):
        super().__init__(latency_s=latency_s)
        self.answers = list(answers)

    async def send(self, body):
        self.requests += 1
        await asyncio.sleep(self.latency_s)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return HttpReply(answer, {}, GOOD % 1 if answer == 200 else "{}")


def called(server, most=4, **more):
    """The answer to one call, and the limiter."""
    limiter = limiter_for(server, most, **more)

    async def go():
        return await limiter.call(BODY)

    return run(go), limiter


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_what_is_wrong_is_not_repeated(status):
    answer, limiter = called(Script(status))
    assert (answer.reply.status, answer.requests) == (status, 1)
    assert limiter.admission.in_flight == 0


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504])
def test_what_may_pass_is_repeated(status):
    answer, limiter = called(Script(status, status, 200))
    assert (answer.reply.status, answer.requests) == (200, 3)
    assert limiter.admission.counts.retried == 2


def test_a_poisoned_call_ends_after_its_tries_and_costs_no_neighbour():
    class Poisoned(Server):
        async def send(self, body):
            if "row 7 " in body["messages"][0]["content"]:
                self.requests += 1
                raise NoAnswer("the connection was lost")
            return await super().send(body)

    played = play(Poisoned(), 64, 8)
    assert (played.done, played.lost) == (63, 1)
    assert played.server.requests == 63 + 6


def test_an_answer_that_never_came_counts_as_perhaps_paid():
    answer, limiter = called(Script(NoAnswer("closed"), NoAnswer("no connection", sent=False), 200))
    assert answer.requests == 3
    assert (limiter.admission.counts.failed, limiter.admission.counts.unconfirmed) == (2, 1)


def test_half_a_minute_without_a_server_costs_no_row_and_few_requests():
    events = ((5, lambda s: setattr(s, "down", True)), (35, lambda s: setattr(s, "down", False)))
    played = play(Server(), 3000, 128, events=events)
    assert played.lost == 0
    in_flight_when_it_went = 128
    assert played.server.requests <= 3000 + in_flight_when_it_went + 25
    assert played.seconds <= 3000 * 1.083 / 128 + 30 + 10


def test_one_at_a_time_through_an_outage():
    events = ((5, lambda s: setattr(s, "down", True)), (35, lambda s: setattr(s, "down", False)))
    assert play(Server(), 60, 1, events=events).lost == 0


def test_a_server_that_stays_away_stops_the_run():
    events = ((5, lambda s: setattr(s, "down", True)),)
    with pytest.raises(Down, match="connection (refused|lost)"):
        play(Server(), 3000, 64, events=events, outage_s=60.0)


def test_a_server_that_was_never_there_stops_it_sooner():
    server = Server(down=True)
    with pytest.raises(Down):
        play(server, 3000, 64)
    assert server.requests < 100


def test_a_pause_is_one_for_all_and_one_call_goes_first():
    class Strict(Server):
        times: ClassVar[list[float]] = []

        async def send(self, body):
            now = asyncio.get_running_loop().time()
            self.times.append(now)
            self.requests += 1
            await asyncio.sleep(0.002)
            if 1005 <= now < 1015:
                return HttpReply(429, {"retry-after": str(int(1015 - now) + 1)}, "{}")
            await asyncio.sleep(0.5)
            return HttpReply(200, {}, GOOD % 1)

    played = play(Strict(), 1500, 32)
    during = [at for at in Strict.times if 1005 <= at < 1015]
    assert len(during) <= 12
    assert played.done == 1500
    first = sorted(at for at in Strict.times if at >= 1015)
    assert first[1] - first[0] >= 0.05  # the others only when the first was not refused


def test_patience_is_for_waiting_and_tries_for_failing():
    class Told(Server):
        async def send(self, body):
            self.requests += 1
            return HttpReply(429, {"retry-after": "10"}, "{}")

    answer, _ = called(Told(), patience_s=35.0, tries=1)
    assert (answer.reply.status, answer.requests) == (429, 4)


def test_a_call_has_a_deadline():
    slow = Script(200, latency_s=500.0)
    with pytest.raises(GaveUp, match="within the 30 s"):
        called(slow, deadline_s=30.0)
    broken = Script(500, latency_s=9.0)
    with contextlib.suppress(GaveUp):  # in the middle of a try, or between two
        called(broken, deadline_s=30.0, tries=100)
    assert broken.requests <= 4


def test_silence_is_told_once_and_again_after_an_answer():
    told = []
    server = Script(200, latency_s=100.0)
    limiter = limiter_for(server, 4, alarm=told.append, alarm_s=30.0)

    async def go():
        await limiter.call(BODY)
        await limiter.call(BODY)

    run(go)
    assert told == ["no answer for 30 s, with 1 requests under way"] * 2


def test_an_endpoint_that_only_turns_away_is_told():
    told = []
    server = Script(429)
    limiter = limiter_for(server, 4, alarm=told.append, alarm_s=30.0, patience_s=100.0)
    run(lambda: limiter.call(BODY))
    assert told
    assert told[0].startswith("no answer for ")


def test_stragglers_are_hedged_sparingly_and_the_loser_is_counted():
    plain = play(Server(hang=0.01, seed=3), 3000, 64)
    hedged = play(Server(hang=0.01, seed=3), 3000, 64, hedge=True)
    counts = hedged.limiter.admission.counts
    assert hedged.done == 3000
    assert 0 < counts.hedged <= 0.03 * 3000
    assert counts.unconfirmed > 0
    assert plain.limiter.admission.counts.hedged == 0
    assert max(hedged.server.latencies) < max(plain.server.latencies)


def test_who_came_first_is_served_first_and_who_goes_away_holds_no_place():
    limiter = limiter_for(Server(), 1)

    async def go():
        order = []

        async def call(number):
            await limiter.call(BODY)
            order.append(number)

        tasks = [asyncio.ensure_future(call(n)) for n in range(6)]
        await asyncio.sleep(0.1)
        tasks[0].cancel()
        tasks[2].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return order

    assert run(go) == [1, 3, 4, 5]
    assert limiter.admission.in_flight == 0
    assert limiter.admission.counts.unconfirmed == 1


def test_tokens_by_the_minute_hold_for_all_callers_together():
    played = play(Server(sigma=0.0), 600, 64, per_minute={"output_tokens": 6000})
    assert played.seconds == pytest.approx(600, rel=0.05)  # a hundred tokens each


def test_jitter_is_full_and_bounded():
    backoff = Backoff(base_s=1.0, cap_s=8.0)
    assert backoff.wait_s(3, 0.0) == 0.0
    assert backoff.wait_s(30, 0.999) < 8.0


def test_the_state_is_in_numbers_for_people():
    played = play(Server(128, 16), 500, 256)
    state = played.limiter.admission.state(1000 + played.seconds)
    assert state.in_flight == 0
    assert state.counts["answered"] == 500
    assert state.counts["refused"] == played.server.refused > 0
    assert 0 < state.limit <= 256
    assert 1000 < state.tokens_per_s < 30_000
