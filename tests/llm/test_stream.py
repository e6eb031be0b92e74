"""Any number of requests through few at a time; who stops early stops the calls; closing ends them all."""

import asyncio
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from synth.config import ModelConfig
from synth.errors import EndpointError
from synth.llm.client import AHEAD, Client
from synth.llm.fake import FakeModel, FakeReply
from synth.llm.gate import Gate
from synth.llm.wire import Request

ENTRY = ModelConfig(base_url="fake:", model="fake", max_in_flight=4)
MOST = 2 * (4 * 5 // 4 + 1) + AHEAD


def test_requests_are_read_as_replies_are_taken(client_for: Any, make_request: Any) -> None:
    read = 0

    def endless() -> Iterator[Request]:
        nonlocal read
        while True:
            read += 1
            yield make_request(f"row {read}")

    client = client_for(ENTRY)
    for taken, (_, reply) in enumerate(client.stream("m", endless()), start=1):
        assert reply.reason is None
        assert read - taken <= MOST
        if taken == 1000:
            break
    assert client.calls_made >= 1000


def test_every_place_comes_once_reused_or_not(client_for: Any, make_request: Any, journal: Any) -> None:
    texts = [f"row {n % 300}" for n in range(900)]
    client_for(ENTRY).complete("m", [make_request(text) for text in texts[:100]])
    client = client_for(ENTRY)
    places = sorted(place for place, _ in client.stream("m", (make_request(text) for text in texts)))
    assert places == list(range(900))
    assert (client.calls_made, client.calls_reused) == (200, 700)
    assert len(journal) == 300


def test_a_run_that_is_done_asks_nobody(client_for: Any, make_request: Any) -> None:
    requests = [make_request(f"row {n}") for n in range(200)]
    client_for(ENTRY).complete("m", requests)
    silent = client_for(ENTRY, fake=FakeModel([]))
    assert all(reply.reused for reply in silent.complete("m", requests))


def test_who_stops_early_stops_the_calls(start_fake: Any, client_for: Any, make_request: Any) -> None:
    fake = start_fake("--latency", "0.02", "--sigma", "0")
    client = client_for(fake.config(max_in_flight=4))
    stream = client.stream("m", (make_request(f"row {n}") for n in range(500)))
    next(stream)
    stream.close()
    time.sleep(0.3)
    asked = fake.stats()["requests"]
    assert asked < 40
    time.sleep(0.3)
    assert fake.stats()["requests"] == asked


def test_a_fault_of_the_requests_is_the_callers(client_for: Any, make_request: Any) -> None:
    def faulty() -> Iterator[Request]:
        yield make_request("one")
        raise LookupError("no more rows")

    with pytest.raises(LookupError, match="no more rows"):
        list(client_for(ENTRY).stream("m", faulty()))


def test_what_was_answered_before_a_fault_is_still_handed_on(client_for: Any, make_request: Any) -> None:
    def reply(body: dict[str, Any]) -> FakeReply | str:
        return FakeReply("no key", status=401) if "bad" in str(body["messages"]) else "fine"

    client = client_for(ENTRY.model_copy(update={"max_in_flight": 1}), fake=FakeModel(reply))
    seen = []
    requests = [make_request(text) for text in ("a", "b", "c", "bad", *"defgh")]
    with pytest.raises(EndpointError, match="asks for a key"):
        for place, _ in client.stream("m", requests):
            seen.append(place)
    assert set(seen) >= {0, 1}
    assert len(seen) < 8


def test_closing_ends_a_caller_that_waits(start_fake: Any, client_for: Any, make_request: Any) -> None:
    fake = start_fake("--latency", "60")
    client: Client = client_for(fake.config(transport="direct"))
    ended: list[BaseException] = []

    def work() -> None:
        try:
            client.complete("m", [make_request(f"row {n}") for n in range(20)])
        except BaseException as fault:
            ended.append(fault)

    thread = threading.Thread(target=work)
    thread.start()
    while not fake.stats()["in_flight"]:
        time.sleep(0.02)
    client.close()
    thread.join(60)
    assert [type(fault) for fault in ended] == [asyncio.CancelledError]


def test_a_gate_keeps_its_order_and_loses_no_place() -> None:
    async def whole() -> list[int]:
        gate, order, inside = Gate(2), list[int](), 0

        async def one(number: int) -> None:
            nonlocal inside
            async with gate:
                inside += 1
                assert inside <= 2
                order.append(number)
                await asyncio.sleep(0.001)
                inside -= 1

        tasks = [asyncio.create_task(one(n)) for n in range(20)]
        await asyncio.sleep(0.0015)
        for n in (5, 6, 7, 19):
            tasks[n].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        async with gate, gate:  # both places are still there
            return order

    order = asyncio.run(asyncio.wait_for(whole(), 5))
    assert order == sorted(order)
    assert set(range(20)) - set(order) <= {5, 6, 7, 19}
