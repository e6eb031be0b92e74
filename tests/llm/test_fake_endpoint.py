"""The fake endpoint over HTTP: its faults under both transports, its slots, limits, counts and odd requests."""

import json
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from synth.llm.fake_settings import FAULTS, HELP, WIRE_FAULTS, Behaviour, share_of
from synth.llm.wire import Request
from tests.endpoints import FakeEndpoint

Start = Callable[..., FakeEndpoint]
ROWS = 12
# Half of all tries, so that trying again helps; what a fault leaves usable is done at the first.
SHARE = "0.5"
USABLE = ("trickle", "wrong_type", "no_usage", "double_usage")


def requests(make_request: Callable[..., Request], count: int = ROWS) -> list[Request]:
    return [make_request(f"<question>What is {n} and {n}?</question>") for n in range(count)]


def get(fake: FakeEndpoint, path: str) -> str:
    with urllib.request.urlopen(fake.url.removesuffix("/v1") + path, timeout=10) as answer:
        return str(answer.read().decode())


def post(fake: FakeEndpoint, body: Any) -> tuple[int, dict[str, str], Any]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    asked = urllib.request.Request(fake.url + "/chat/completions", data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(asked, timeout=10) as answer:
            return answer.status, {n.lower(): v for n, v in answer.headers.items()}, json.load(answer)
    except urllib.error.HTTPError as refused:
        return refused.code, {n.lower(): v for n, v in refused.headers.items()}, json.load(refused)


def ask(text: str, **more: Any) -> dict[str, Any]:
    return {"model": "fake", "messages": [{"role": "user", "content": text}], **more}


@pytest.mark.parametrize("transport", ["openai", "direct"])
@pytest.mark.parametrize("fault", WIRE_FAULTS)
def test_every_row_survives_every_fault_of_the_wire(
    fault: str, transport: str, start_fake: Start, client_for: Any, make_request: Any
) -> None:
    fake = start_fake("--fault", f"{fault}={SHARE}", "--trickle", "0.0001")
    client = client_for(
        fake.config(transport=transport, max_tries=20, timeout_s=0.5 if fault == "stall" else 5)
    )
    replies = client.complete("m", requests(make_request))
    assert [reply.reason for reply in replies] == [None] * ROWS
    stats = fake.stats()
    assert stats["faults"][fault] > 0
    lost = fault in ("reset_after", "stall", "cut")
    assert stats["answered"] == ROWS + (stats["faults"][fault] if lost else 0)
    assert stats["unconfirmed"] == stats["repeated"] == (stats["faults"][fault] if lost else 0)
    assert stats["requests"] == (ROWS if fault in USABLE else ROWS + stats["faults"][fault])
    told = [reply.completion_tokens is not None for reply in replies]
    assert all(told) is (fault != "no_usage")
    assert (
        client.usage["questions"].completion_tokens <= stats["completion_tokens"]
    )  # doubled ones do not add up


def test_faults_fall_alike_on_the_same_prompts_and_attempts() -> None:
    behaviour = Behaviour(faults={"cut": 0.3, "stall": 0.3})
    drawn = [behaviour.wire_fault(f"{n}", attempt) for n in range(300) for attempt in (1, 2)]
    assert drawn == [behaviour.wire_fault(f"{n}", attempt) for n in range(300) for attempt in (1, 2)]
    assert 130 < drawn.count("cut") < 230
    assert 130 < drawn.count("stall") < 230
    assert drawn[::2] != drawn[1::2]


def test_slots_are_kept_busy_and_counted(start_fake: Start, client_for: Any, make_request: Any) -> None:
    fake = start_fake("--latency", "0.1", "--sigma", "0", "--slots", "4")
    client = client_for(fake.config(max_in_flight=12, transport="direct"))
    client.complete("m", requests(make_request, 24))
    stats = fake.stats()
    assert stats["max_in_flight"] == 12
    assert stats["slot_seconds_used"] <= stats["slot_seconds_offered"]
    assert 0 < stats["steady"] <= 1
    assert stats["answered_by_minute"] == [24]
    assert (stats["in_flight"], stats["running"], stats["waiting"]) == (0, 0, 0)


def test_a_full_queue_refuses_and_the_refused_come_again(
    start_fake: Start, client_for: Any, make_request: Any
) -> None:
    fake = start_fake(
        "--latency", "0.05", "--slots", "2", "--queue", "1", "--full-status", "503", "--retry-after", "0.02"
    )
    client = client_for(fake.config(max_in_flight=8, timeout_s=20))
    assert {reply.reason for reply in client.complete("m", requests(make_request))} == {None}
    stats = fake.stats()
    assert stats["refused"] > 0
    assert stats["requests"] == stats["refused"] + ROWS


def test_what_waits_is_told_as_vllm_tells_it(start_fake: Start) -> None:
    fake = start_fake("--latency", "60", "--sigma", "0", "--slots", "1")
    host, port = fake.url.removeprefix("http://").removesuffix("/v1").split(":")
    asking = []
    for n in range(3):
        asking.append(socket.create_connection((host, int(port))))
        body = json.dumps(ask(f"{n}")).encode()
        asking[-1].sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        )
    waiting = 'vllm:num_requests_waiting{model_name="fake"} 2.0'
    end = time.monotonic() + 60
    while waiting not in (metrics := get(fake, "/metrics")) and time.monotonic() < end:
        time.sleep(0.02)
    assert 'vllm:num_requests_running{model_name="fake"} 1.0' in metrics
    assert waiting in metrics
    for connection in asking:
        connection.close()


def test_limits_by_minute_are_told_and_kept(start_fake: Start) -> None:
    fake = start_fake("--rpm", "60", "--tpm", "60000", "--burst", "3")
    answers = [post(fake, ask(f"limit {n}")) for n in range(5)]
    assert [status for status, _, _ in answers] == [200, 200, 200, 429, 429]
    headers = answers[0][1]
    assert (headers["x-ratelimit-limit-requests"], headers["x-ratelimit-remaining-requests"]) == ("60", "2")
    assert int(headers["x-ratelimit-remaining-tokens"]) < 3000
    refused = answers[3][1]
    assert refused["retry-after"] == "1"
    assert 0 < int(refused["retry-after-ms"]) <= 1000
    time.sleep(int(refused["retry-after-ms"]) / 1000 + 0.05)
    assert post(fake, ask("limit 5"))[0] == 200


def test_tokens_by_minute_are_kept_too(start_fake: Start) -> None:
    fake = start_fake("--tpm", "600", "--burst", "60")
    statuses = [post(fake, ask("word " * 200 + str(n), max_tokens=1))[0] for n in range(4)]
    assert statuses == [200, 200, 429, 429]


def test_429_with_and_without_a_time_to_wait(start_fake: Start) -> None:
    told = [post(start_fake("--fault", f"{kind}=1"), ask("x")) for kind in ("status_429", "bare_429")]
    assert [status for status, _, _ in told] == [429, 429]
    assert ["retry-after-ms" in headers for _, headers, _ in told] == [True, False]


@pytest.mark.parametrize(
    "body",
    [b"", b"no json", b"[]", b"null", b"[" * 100_000, b'{"messages": []}', b'{"messages": [1]}', b'{"messages": "x"}',
     b'{"messages": [{"role": "user", "content": NaN}]}', b'{"input": [1]}', b'{"input": []}',
     b'{"messages": [{}], "response_format": 3}', b"\xff\xfe"],
)  # fmt: skip
def test_odd_requests_are_refused_and_the_server_lives(body: bytes, endpoint: FakeEndpoint) -> None:
    status, _, said = post(endpoint, body)
    assert status == 400
    assert said["error"]["message"]
    assert json.loads(get(endpoint, "/health")) == {"status": "ok"}


def read_bodies(connection: socket.socket, count: int) -> bytes:
    """What comes until so many answers are whole."""
    raw = b""
    while raw.count(b"\r\n\r\n") < count or not raw.endswith(b"}"):
        piece = connection.recv(65536)
        assert piece, "it hung up before that"
        raw += piece
    return raw


def test_requests_of_any_framing_are_read(endpoint: FakeEndpoint) -> None:
    host, port = endpoint.url.removeprefix("http://").removesuffix("/v1").split(":")
    body = json.dumps(ask("framing")).encode()
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\n"
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(head + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body))
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert connection.recv(12) == b"HTTP/1.1 200"
        read_bodies(connection, 1)
        chunked = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        connection.sendall((head + chunked) * 2)
        assert read_bodies(connection, 2).count(b"HTTP/1.1 200 OK") == 2
        connection.sendall(b"nonsense\r\n\r\n")
        assert connection.recv(12) == b"HTTP/1.1 400"


def test_idle_connections_are_closed_where_asked(
    start_fake: Start, client_for: Any, make_request: Any
) -> None:
    fake = start_fake("--idle", "0.1")
    for transport in ("openai", "direct"):
        client = client_for(fake.config(transport=transport, max_tries=1))
        for n in range(3):
            (reply,) = client.complete("m", [make_request(f"{transport} {n}")])
            assert reply.reason is None
            time.sleep(0.2)
    assert fake.stats()["connections"] >= 6


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"faults": {"nonsense": 1}}, "unknown faults"),
        ({"faults": {"cut": 2}}, "from 0 to 1"),
        ({"full_status": 500}, "429 or 503"),
    ],
)
def test_what_cannot_be_asked_for(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Behaviour(**settings)


def test_shares_and_their_kinds_are_explained() -> None:
    assert share_of("cut=0.25") == ("cut", 0.25)
    for text in ("cut", "cut=2", "cut=x", "=0.1="):
        with pytest.raises(ValueError):
            share_of(text)
    assert all(kind in HELP["faults"] for kind in FAULTS)
