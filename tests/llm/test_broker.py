"""The process between many clients: one gate, keys that are renewed, frames that are wrong, its coming and going."""

import json
import os
import re
import resource
import signal
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from synth.config import ModelConfig, Sampling
from synth.errors import ConfigError, EndpointError, StoreError
from synth.llm import rendezvous
from synth.llm.client import Client, Request
from synth.llm.frames import LENGTH, MOST_BYTES
from synth.llm.journal import Journal
from tests.brokers import Brokers, streaming
from tests.endpoints import FakeEndpoint

pytestmark = pytest.mark.usefixtures("brokers")
Make = Callable[..., Client]


@pytest.fixture
def client_for(tmp_path: Path, quick: Any) -> Iterator[Make]:
    """Clients with an entry `m` that has a broker, each with its own view of a journal."""
    opened: list[tuple[Client, Journal]] = []

    def make(config: ModelConfig, folder: str = "calls", **settings: Any) -> Client:
        own = Journal(tmp_path / folder)
        entry = config.model_copy(update={"broker": True, "transport": "direct", **settings})
        opened.append((Client({"m": entry}, own, backoff=quick), own))
        return opened[-1][0]

    yield make
    for client, own in opened:
        client.close()
        own.close()


def rows(ask: Callable[..., Request], count: int, name: str = "row") -> list[Request]:
    return [ask(f"{name} {n}") for n in range(count)]


def in_thread(work: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    came: list[Any] = []

    def whole() -> None:
        try:
            came.append(work())
        except BaseException as fault:
            came.append(fault)

    thread = threading.Thread(target=whole)
    thread.start()
    return thread, came


def until(moment: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not moment():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.01)


def test_two_processes_have_one_broker_and_one_gate(
    start_fake: Callable[..., FakeEndpoint], tmp_path: Path, brokers: Brokers
) -> None:
    fake = start_fake("--latency", "0.02")
    began = [subprocess.Popen(streaming(fake.url, tmp_path / name, name, 60, 4)) for name in ("one", "two")]
    assert [process.wait(60) for process in began] == [0, 0]
    stats = fake.stats()
    assert (stats["answered"], stats["distinct"], stats["max_in_flight"]) == (120, 120, 4)
    assert len(brokers.living()) == 1
    assert [len(Journal(tmp_path / name, read_only=True)) for name in ("one", "two")] == [60, 60]


def test_what_a_dead_client_handed_over_is_finished_and_not_paid_again(
    start_fake: Callable[..., FakeEndpoint], client_for: Make, make_request: Any, tmp_path: Path
) -> None:
    fake = start_fake("--latency", "1", "--sigma", "0")
    first = subprocess.Popen(streaming(fake.url, tmp_path / "calls", "q", 4, 4))
    until(lambda: fake.stats()["in_flight"] == 4)
    first.send_signal(signal.SIGKILL)
    first.wait()
    # At once: the broker is still at work, and writes the journal that is opened here.
    client = client_for(fake.config(structured="tags", max_in_flight=4))
    replies = client.complete("m", [make_request(f"<question>q {n}</question>", stage="s") for n in range(4)])
    assert [reply.reason for reply in replies] == [None] * 4
    assert (client.calls_made, client.calls_reused) == (4, 0)  # paid, and in no other bill
    assert fake.stats()["requests"] == 4


def test_a_broker_that_dies_is_followed_by_another(
    start_fake: Callable[..., FakeEndpoint], client_for: Make, make_request: Any, brokers: Brokers
) -> None:
    fake = start_fake("--latency", "0.05")
    client = client_for(fake.config(max_in_flight=8))
    thread, came = in_thread(lambda: client.complete("m", rows(make_request, 120)))
    until(lambda: fake.stats()["answered"] >= 40)
    brokers.kill()
    thread.join(60)
    assert [reply.reason for reply in came[0]] == [None] * 120
    assert client.calls_made == 120
    stats = fake.stats()
    assert stats["distinct"] == 120
    assert stats["repeated"] <= 8
    state = client.state("m")
    assert state is not None
    assert stats["repeated"] <= state.counts["unconfirmed"] <= 2 * 8


def test_brokers_that_die_again_and_again_are_one_sentence(
    start_fake: Callable[..., FakeEndpoint], client_for: Make, make_request: Any, brokers: Brokers
) -> None:
    fake = start_fake("--latency", "60")
    client = client_for(fake.config(max_in_flight=2))
    thread, came = in_thread(lambda: client.complete("m", rows(make_request, 2)))
    for count in (2, 4, 6):
        until(lambda count=count: fake.stats()["requests"] == count)
        brokers.kill()
    thread.join(60)
    assert isinstance(came[0], EndpointError)
    assert str(came[0]).startswith("models.m: the broker ended 3 times while it worked; see ")
    assert str(came[0]).count("\n") == 0


def test_sigterm_journals_what_lands_and_begins_nothing(
    start_fake: Callable[..., FakeEndpoint], client_for: Make, make_request: Any, brokers: Brokers
) -> None:
    fake = start_fake("--latency", "0.3", "--sigma", "0")
    client = client_for(fake.config(max_in_flight=4))
    thread, came = in_thread(lambda: client.complete("m", rows(make_request, 24)))
    until(lambda: fake.stats()["answered"] >= 4)
    brokers.kill(signal.SIGTERM)
    thread.join(60)
    assert [reply.reason for reply in came[0]] == [None] * 24
    assert (fake.stats()["requests"], fake.stats()["repeated"]) == (24, 0)
    assert brokers.log().count("leaves") == 1


def test_it_leaves_when_nobody_needs_it_and_another_comes(
    endpoint: FakeEndpoint, client_for: Make, make_request: Any, brokers: Brokers
) -> None:
    client = client_for(endpoint.config(), broker_linger_s=0.3)
    client.complete("m", rows(make_request, 3))
    first = brokers.wait_for(1)
    time.sleep(0.6)
    assert brokers.living() == first  # as long as somebody is connected
    client.close()
    brokers.wait_for(0)
    assert not list(brokers.folder.glob("*.sock"))
    client_for(endpoint.config()).complete("m", rows(make_request, 3, "more"))
    assert brokers.wait_for(1) != first


def test_who_comes_while_it_leaves_is_served(
    endpoint: FakeEndpoint, client_for: Make, make_request: Any, brokers: Brokers
) -> None:
    for turn in range(12):  # with no linger each client meets one that is just leaving
        client = client_for(endpoint.config(), broker_linger_s=0)
        assert len(client.complete("m", rows(make_request, 2, f"turn {turn}"))) == 2
        client.close()
    brokers.wait_for(0)


def test_the_socket_of_a_killed_broker_is_in_nobodys_way(
    endpoint: FakeEndpoint, client_for: Make, make_request: Any, brokers: Brokers
) -> None:
    client_for(endpoint.config()).complete("m", rows(make_request, 1, "stale"))
    brokers.kill()
    brokers.wait_for(0)
    assert len(list(brokers.folder.glob("*.sock"))) == 1
    assert len(client_for(endpoint.config()).complete("m", rows(make_request, 2, "fresh"))) == 2


def test_who_stops_takes_back_what_has_not_left(
    start_fake: Callable[..., FakeEndpoint], client_for: Make, make_request: Any, tmp_path: Path
) -> None:
    fake = start_fake("--latency", "0.5", "--sigma", "0")
    client = client_for(fake.config(max_in_flight=4))
    stream = client.stream("m", rows(make_request, 100))
    thread, _ = in_thread(lambda: next(stream))
    until(lambda: fake.stats()["in_flight"] == 4)
    client.close()
    thread.join(20)
    until(lambda: fake.stats()["in_flight"] == 0)
    time.sleep(0.3)
    asked = fake.stats()["requests"]
    assert asked == 4  # of the six that were handed over
    assert len(Journal(tmp_path / "calls", read_only=True)) == asked


def test_a_new_key_is_taken_and_stands_nowhere(
    start_fake: Callable[..., FakeEndpoint], client_for: Make, make_request: Any, brokers: Brokers, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, planted_key: str, everything_under: Callable[[Path], bytes],
) -> None:  # fmt: skip
    monkeypatch.setenv("RENEWED", "sk-expired-9876543210")
    config = start_fake("--api-key-env", "FAKE_KEY").config(api_key_env="RENEWED")
    with pytest.raises(EndpointError, match=r"models.m: .* refused the key .* check the key in RENEWED"):
        client_for(config).complete("m", rows(make_request, 5))
    (pid,) = brokers.living()
    monkeypatch.setenv("RENEWED", planted_key)
    assert [r.reason for r in client_for(config).complete("m", rows(make_request, 5))] == [None] * 5
    assert brokers.living() == [pid]
    told = Path(f"/proc/{pid}/environ").read_bytes() + Path(f"/proc/{pid}/cmdline").read_bytes()
    told += everything_under(brokers.folder) + everything_under(tmp_path)
    for secret in (planted_key, "sk-expired-9876543210"):
        assert secret.encode() not in told
    assert b"row 1" not in everything_under(brokers.folder)


def test_a_folder_that_others_can_use_is_refused(
    endpoint: FakeEndpoint, client_for: Make, make_request: Any, brokers: Brokers, tmp_path: Path
) -> None:
    brokers.folder.chmod(0o720)
    with pytest.raises(ConfigError, match="can be used by others; run `chmod 700"):
        client_for(endpoint.config()).complete("m", rows(make_request, 1))
    brokers.folder.chmod(0o700)
    foreign = Path("/usr")
    if os.getuid() == 0:
        foreign = tmp_path / "foreign"
        foreign.mkdir(mode=0o700)
        os.chown(foreign, 65534, 65534)
    assert "belongs to somebody else" in str(rendezvous.fault_of(rendezvous.Place(foreign, "x")))
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(brokers.folder)
    for name in ("file", "link"):
        assert "is no folder" in str(rendezvous.fault_of(rendezvous.Place(tmp_path / name, "x")))
    deep = rendezvous.Place(tmp_path / ("x" * 100), "x")
    assert "too long for a socket" in str(rendezvous.fault_of(deep))


def wrong_frames() -> dict[str, bytes]:
    hello = {"op": "hello", "protocol": 1, "entry": "m", "config": {"base_url": "http://h/v1", "model": "m"}}

    def framed(said: Any) -> bytes:
        body = said if isinstance(said, bytes) else json.dumps(said).encode()
        return struct.pack(">I", len(body)) + body

    return {
        "huge": struct.pack(">I", MOST_BYTES + 1),
        "long before a hello": struct.pack(">I", 2 << 20),
        "no JSON": framed(b"\xff\xfe"),
        "no operation": framed([1, 2]),
        "a job before a hello": framed({"op": "jobs", "items": []}),
        "half a hello": framed(hello),
        "more than a hello": framed({**hello, "journal": "/x", "key": None, "backoff": [1, 2], "more": 1}),
        "nested": framed(b"[" * 100_000),
        "text": b"GET / HTTP/1.1\r\n\r\n",
    }


@pytest.mark.parametrize("name", wrong_frames())
def test_a_wrong_frame_costs_its_sender_only(
    name: str, start_fake: Callable[..., FakeEndpoint], client_for: Make, make_request: Any, brokers: Brokers
) -> None:
    fake = start_fake("--latency", "0.2")
    client = client_for(fake.config(max_in_flight=4))
    thread, came = in_thread(lambda: client.complete("m", rows(make_request, 8)))
    until(lambda: fake.stats()["in_flight"] > 0)
    (path,) = brokers.folder.glob("*.sock")
    with socket.socket(socket.AF_UNIX) as hostile:
        hostile.settimeout(10)
        hostile.connect(str(path))
        hostile.sendall(wrong_frames()[name])
        said = b"".join(iter(lambda: hostile.recv(65536), b""))
    assert json.loads(said[LENGTH.size :])["op"] == "malformed"
    thread.join(30)
    assert [reply.reason for reply in came[0]] == [None] * 8
    assert len(brokers.living()) == 1


def test_a_journal_that_is_taken_away_stops_its_client(
    start_fake: Callable[..., FakeEndpoint], client_for: Make, make_request: Any, tmp_path: Path
) -> None:
    fake = start_fake("--latency", "0.1")
    client = client_for(fake.config(max_in_flight=2))
    thread, came = in_thread(lambda: client.complete("m", rows(make_request, 40)))
    until(lambda: fake.stats()["answered"] >= 4)
    (tmp_path / "calls").rename(tmp_path / "elsewhere")
    thread.join(30)
    assert isinstance(came[0], StoreError)
    assert "the journal was taken away; run the same command again." in str(came[0])


def test_a_journal_that_cannot_be_written_is_one_sentence(
    start_fake: Callable[..., FakeEndpoint], client_for: Make, make_request: Any, tmp_path: Path
) -> None:
    fake = start_fake()
    # As a full disk does: the broker may write no file of more than so many bytes.
    small = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (20_000, 20_000))
    command = streaming(fake.url, tmp_path / "calls", "row", 100, 4)
    uncompiled = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}  # or half a module would stay behind
    done = subprocess.run(
        command, preexec_fn=small, capture_output=True, text=True, timeout=60, env=uncompiled
    )
    assert done.returncode != 0
    assert re.search(r"StoreError: .*segment-000001.jsonl: the journal cannot be written", done.stderr)
    assert fake.stats()["answered"] < 100
    client = client_for(fake.config(), folder="file")
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="no journal can be made there"):
        client.complete("m", rows(make_request, 1))


def test_a_call_that_is_taken_back_goes_to_who_waits_for_it_too(
    start_fake: Callable[..., FakeEndpoint], client_for: Make, make_request: Any
) -> None:
    fake = start_fake("--latency", "0.6", "--sigma", "0")
    config = fake.config(max_in_flight=1)
    first, second = client_for(config), client_for(config)
    asked = rows(make_request, 2)
    thread, _ = in_thread(lambda: first.complete("m", asked))  # the second waits in the gate
    until(lambda: fake.stats()["in_flight"] == 1)
    other, came = in_thread(lambda: second.complete("m", asked))
    until(lambda: (state := second.state("m")) is not None and state.in_flight == 1)
    first.close()
    thread.join(20)
    other.join(20)
    assert [reply.reason for reply in came[0]] == [None, None]
    assert (fake.stats()["requests"], fake.stats()["repeated"]) == (2, 0)


def test_half_characters_and_embeddings_go_there_and_back(
    endpoint: FakeEndpoint, client_for: Make, make_request: Any
) -> None:
    client = client_for(endpoint.config())
    (reply,) = client.complete("m", [make_request("<question>\ud83d?</question>")])
    assert reply.reason is None
    (embedded,) = client.complete("m", [Request((), Sampling(), "filter", inputs=("a", "\ud83d"))])
    assert len(json.loads(embedded.text)["data"]) == 2


def test_only_what_is_sent_over_http_has_a_broker(
    make_request: Any, tmp_path: Path, brokers: Brokers
) -> None:
    entry = ModelConfig(base_url="fake:", model="fake", broker=True)
    with Journal(tmp_path / "calls") as journal, Client({"m": entry}, journal) as client:
        assert len(client.complete("m", rows(make_request, 3))) == 3
    assert not list(brokers.folder.iterdir())
