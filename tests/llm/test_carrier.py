"""Calls of workers: made by the client of the process that holds the run, with its journal, limits and errors."""

import multiprocessing
import os
import pickle
import resource
import socket
import stat
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from synth.config import Sampling
from synth.errors import BudgetReached, ConfigError, StoreError, Waiting
from synth.llm import carrier
from synth.llm.carried import Carried
from synth.llm.carrier import CHUNK, FILE, Address, Carrier
from synth.llm.client import Client, Request
from synth.llm.journal import Journal
from tests.endpoints import PLANTED_KEY, FakeEndpoint

Heard = list[tuple[str, int, int, int]]


def requests(count: int) -> list[Request]:
    return [Request(({"role": "user", "content": f"Say {n}."},), Sampling(), "answers") for n in range(count)]


@pytest.fixture
def heard() -> Heard:
    return []


@pytest.fixture
def client(start_fake: Callable[..., FakeEndpoint], tmp_path: Path) -> Iterator[Client]:
    entry = start_fake("--latency", "0.01").config(max_in_flight=4)
    with Journal(tmp_path / "calls") as journal, Client({"far": entry}, journal) as client:
        yield client


@pytest.fixture
def carried(client: Client, heard: Heard, tmp_path: Path) -> Iterator[Carried]:
    with Carrier(client, tmp_path, "127.0.0.1", lambda *told: heard.append(told)):
        yield Carried(tmp_path)


def test_replies_are_those_of_the_client_in_their_order(carried: Carried, client: Client) -> None:
    asked, come = requests(CHUNK + 3), []
    got = carried.complete("far", asked, come.append)
    direct = client.complete("far", asked)
    assert [reply.text for reply in got] == [reply.text for reply in direct]
    assert len(come) == len(asked)
    assert all(reply.reused for reply in direct)  # in the one journal
    assert carried.form("far") == client.form("far") == "json_schema"


def asked_by_a_process(folder: Path, first: int) -> list[str]:
    return [reply.text for reply in Carried(folder).complete("far", requests(12)[first:])]


def test_workers_share_one_limit_and_equal_calls_are_made_once(
    start_fake: Callable[..., FakeEndpoint], tmp_path: Path
) -> None:
    endpoint = start_fake("--latency", "0.3")
    entry = endpoint.config(max_in_flight=3)
    with (
        Journal(tmp_path / "calls") as journal,
        Client({"far": entry}, journal) as client,
        Carrier(client, tmp_path, "127.0.0.1", lambda *told: None),
        multiprocessing.get_context("spawn").Pool(2) as pool,
    ):
        both = pool.starmap(asked_by_a_process, [(tmp_path, 0), (tmp_path, 4)])
        assert both[0][4:] == both[1]
    stats = endpoint.stats()
    assert stats["max_in_flight"] == 3
    assert (stats["distinct"], stats["repeated"]) == (12, 0)


def test_a_worker_that_dies_costs_only_its_question(carried: Carried, client: Client) -> None:
    connection = carried._open("complete", "far", 50)
    connection.send(requests(50))
    connection.recv()
    connection.close()
    assert len(carried.complete("far", requests(50))) == 50


@pytest.mark.parametrize(
    "fault", [BudgetReached("budget.calls: reached."), Waiting(3, 1)], ids=["budget", "batches"]
)
def test_errors_of_the_client_come_as_they_are(
    carried: Carried, client: Client, fault: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stream(entry: str, asked: Any) -> Iterator[Any]:
        raise fault
        yield

    monkeypatch.setattr(client, "stream", stream)
    with pytest.raises(type(fault)) as got:
        carried.complete("far", requests(1))
    assert str(got.value) == str(fault)


def test_what_is_told_comes_about_a_hundred_times(carried: Carried, heard: Heard) -> None:
    with carried.telling("answers", 7) as tell:
        for done in range(1, 10_001):
            tell(done, 10_000)
    end = threading.Event()
    for _ in range(100):
        if heard and heard[-1][2] == 10_000:
            break
        end.wait(0.05)
    assert heard[-1] == ("answers", 7, 10_000, 10_000)
    assert len(heard) <= 102


def test_a_fault_of_the_work_is_not_taken_for_one_of_the_connection(carried: Carried) -> None:
    with pytest.raises(OSError, match="disk"), carried.telling("graph", 0):
        raise OSError("disk")


def test_only_who_can_read_the_file_is_answered(carried: Carried, tmp_path: Path) -> None:
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    assert PLANTED_KEY not in (tmp_path / FILE).read_text()
    stranger = Carried(tmp_path)
    stranger._address = Address(*stranger._address[:2], "f" * 64)
    with pytest.raises(StoreError, match="does not answer at 127.0.0.1"):
        stranger.is_there()
    carried.is_there()  # and it goes on for others


def test_a_stranger_who_says_nothing_holds_up_nobody(carried: Carried) -> None:
    with socket.create_connection(carried._address[:2]):
        carried.is_there()


def test_without_a_process_that_holds_the_run_there_is_a_sentence(client: Client, tmp_path: Path) -> None:
    with Carrier(client, tmp_path, "127.0.0.1", lambda *told: None):
        carried = Carried(tmp_path)
    with pytest.raises(StoreError, match=r"is it still alive, and is runner_host .*\?$"):
        carried.complete("far", requests(1))
    with pytest.raises(StoreError, match=r"is the folder of runs shared"):
        Carried(tmp_path)


def test_strangers_are_sent_away_and_those_who_hold_all_files_stop_nobody_for_good(
    carried: Carried, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carrier, "STRANGER_S", 1)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = max(int(path.name) for path in Path("/dev/fd").iterdir())
    strangers = [socket.create_connection(carried._address[:2], timeout=10) for _ in range(2)]
    try:
        # Before no file is left: one who comes later may be let in and sent away without a word.
        assert all(b"CHALLENGE" in one.recv(1000) for one in strangers)
        resource.setrlimit(resource.RLIMIT_NOFILE, (used + 20, hard))
        with pytest.raises(OSError, match="Too many open files"):
            while True:
                strangers.append(socket.create_connection(carried._address[:2], timeout=10))
        threading.Event().wait(0.5)  # the door is opened in vain meanwhile
        assert len(strangers) > 5
        assert all(one.recv(1000) == b"" for one in strangers[:2])
    finally:
        for one in strangers:
            one.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    carried.is_there()


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (os.environ["OPENED_BY_A_STRANGER"],)


def test_nothing_of_a_stranger_is_unpickled(
    carried: Carried, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENED_BY_A_STRANGER", str(tmp_path / "opened"))
    sent = pickle.dumps(Evil())
    for said in (
        sent,
        struct.pack("!i", len(sent)) + sent,
        struct.pack("!i", 2**31 - 1),
        b"GET / HTTP/1.1\r\n\r\n",
    ):
        with socket.create_connection(carried._address[:2]) as stranger:
            stranger.sendall(said)
            stranger.shutdown(socket.SHUT_WR)
            with suppress(ConnectionResetError):
                while stranger.recv(1000):
                    continue
        carried.is_there()
    assert not (tmp_path / "opened").exists()


def test_an_address_that_is_not_of_this_machine_is_a_sentence(client: Client, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^runner_host: 192\.0\.2\.1 is no address of this machine"):
        Carrier(client, tmp_path, "192.0.2.1", lambda *told: None)
    assert not (tmp_path / FILE).exists()
