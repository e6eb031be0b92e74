"""Calls in batches: the same keys, the same journal, and nothing submitted twice, whatever happens between."""

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any

import pytest

from synth.config import ModelConfig
from synth.errors import ConfigError, EndpointError, StoreError, Waiting
from synth.llm.batches import Shard, read_shards
from synth.llm.client import Client, Reply, Request
from synth.llm.journal import Journal
from synth.settings import build
from tests.endpoints import FakeEndpoint
from tests.llm.conftest import QUICK, Scripted, ask
from tests.llm.losing import Losing

Start = Callable[..., FakeEndpoint]
BATCH: dict[str, Any] = {"batch": "on", "batch_least": 1, "identity": "far", "batch_poll_s": 0.02}


def asked(count: int = 12) -> list[Request]:
    return [ask(f"What is {n} + {n}?") for n in range(count)]


def client_on(folder: Path, config: ModelConfig) -> Client:
    """As a new process would make it."""
    return Client({"m": config}, Journal(folder / "calls"), backoff=QUICK)


def once(folder: Path, config: ModelConfig, requests: list[Request]) -> list[Reply] | Waiting:
    """One command: it gets its replies, or leaves."""
    with Journal(folder / "calls") as journal, Client({"m": config}, journal, backoff=QUICK) as client:
        try:
            return client.complete("m", requests)
        except Waiting as waiting:
            return waiting


def until_done(folder: Path, config: ModelConfig, requests: list[Request]) -> list[Reply]:
    for _ in range(200):
        done = once(folder, config, requests)
        if not isinstance(done, Waiting):
            return done
        time.sleep(0.02)
    raise AssertionError("it waits for ever")


def shards(folder: Path) -> list[Shard]:
    return read_shards(folder / "calls")


def texts(replies: list[Reply]) -> list[tuple[str, str, str | None]]:
    return [(reply.call_id, reply.text, reply.reason) for reply in replies]


def test_the_same_replies_and_records_as_live(start_fake: Start, tmp_path: Path) -> None:
    endpoint = start_fake("--batch-s", "0.2")
    first = once(tmp_path / "b", endpoint.config(**BATCH, batch_requests=5), asked())
    assert isinstance(first, Waiting)
    assert (first.calls, first.batches, first.exit_code) == (12, 3, 3)
    assert "12 calls in 3 batches" in str(first)
    batched = until_done(tmp_path / "b", endpoint.config(**BATCH, batch_requests=5), asked())
    live = until_done(tmp_path / "l", endpoint.config(identity="far"), asked())
    assert texts(batched) == texts(live)
    stats: Any = endpoint.stats()
    assert stats["batches"] == {"files": 3, "created": 3, "ended": 3, "lines": 12}
    assert stats["requests"] == 12  # the live ones
    with Journal(tmp_path / "b/calls") as one, Journal(tmp_path / "l/calls") as other:
        for key in other:
            assert one.get(key) == {**(other.get(key) or {}), "batch": True}


def test_calls_are_counted_once(start_fake: Start, tmp_path: Path) -> None:
    config = start_fake("--batch-s", "0.3").config(**BATCH, batch_wait_s=20)
    with client_on(tmp_path, config) as client:
        with pytest.raises(Waiting):
            client.complete("m", asked())
        assert client.wait_for_batches()
        replies = client.complete("m", asked())
        assert (client.calls_made, client.calls_reused) == (12, 0)
        assert client.usage["questions"].completion_tokens > 12
        assert not any(reply.reused for reply in replies)
        client.complete("m", asked())
        assert (client.calls_made, client.calls_reused) == (12, 12)


def test_bytes_limit_a_file_and_few_calls_make_no_batch(start_fake: Start, tmp_path: Path) -> None:
    endpoint = start_fake()
    settings: dict[str, Any] = {**BATCH, "batch_least": 10, "batch_megabytes": 0.001}
    replies = until_done(tmp_path, endpoint.config(**settings), [*asked(12), ask("long " * 300)])
    assert len(replies) == 13
    assert all(shard.size <= 1000 for shard in shards(tmp_path))
    assert len(shards(tmp_path)) == 3
    assert endpoint.stats()["requests"] == 1  # the one that fits into no file
    until_done(tmp_path, endpoint.config(**settings), [ask("few")])
    assert endpoint.stats()["requests"] == 2
    assert endpoint.stats()["repeated"] == 0


def back_to(folder: Path, state: str, **changes: Any) -> None:
    """What a kill leaves that came before the later states were written."""
    for shard in shards(folder):
        earlier = shard.model_copy(update={"state": state, "batch_id": None, "status": None, **changes})
        (folder / f"calls/batches/{shard.name}.json").write_text(earlier.model_dump_json())


def forget(folder: Path, *suffixes: str) -> None:
    for path in (folder / "calls/batches").iterdir():
        if path.suffix in suffixes:
            path.unlink()


def counts(endpoint: FakeEndpoint) -> dict[str, int]:
    told: Any = endpoint.stats()["batches"]
    return dict(told)


KILLS: dict[str, Callable[[Path], None]] = {
    "before the state": lambda folder: forget(folder, ".json"),
    "before the keys": lambda folder: forget(folder, ".json", ".keys"),
    "prepared": lambda folder: back_to(folder, "prepared", file_id=None),
    "uploaded": lambda folder: back_to(folder, "uploaded"),
    "created": lambda folder: None,
}


@pytest.mark.parametrize("is_over", [False, True], ids=["under way", "over"])
@pytest.mark.parametrize("kill", KILLS)
def test_what_was_submitted_is_found_again(
    start_fake: Start, tmp_path: Path, kill: str, is_over: bool
) -> None:
    endpoint = start_fake("--batch-s", "0.5" if is_over else "2")
    config = endpoint.config(**BATCH, batch_requests=5)
    assert isinstance(once(tmp_path, config, asked()), Waiting)
    while is_over and counts(endpoint)["ended"] < 3:
        time.sleep(0.02)
    KILLS[kill](tmp_path)
    assert len(until_done(tmp_path, config, asked())) == 12
    stats: Any = endpoint.stats()
    assert stats["batches"] == {"files": 3, "created": 3, "ended": 3, "lines": 12}
    assert (stats["requests"], stats["repeated"]) == (0, 0)
    assert {path.suffix for path in (tmp_path / "calls/batches").iterdir()} == {".json"}


def test_an_answer_that_got_lost_makes_no_second_batch(start_fake: Start, tmp_path: Path) -> None:
    endpoint = start_fake("--batch-s", "0.2")
    with Losing(endpoint.url) as losing:
        config = endpoint.config(**{**BATCH, "base_url": losing.url, "timeout_s": 5})
        assert len(until_done(tmp_path, config, asked())) == 12
    assert losing.lost == ["POST /v1/files", "POST /v1/batches"]
    stats: Any = endpoint.stats()
    assert (stats["batches"]["files"], stats["batches"]["created"], stats["repeated"]) == (1, 1, 0)


@pytest.mark.parametrize("fault", ["batch_line=0.5", "batch_expire=1"])
def test_what_a_batch_leaves_is_asked_live(start_fake: Start, tmp_path: Path, fault: str) -> None:
    endpoint = start_fake("--fault", fault)
    replies = until_done(tmp_path, endpoint.config(**BATCH), asked(30))
    assert all(reply.reason is None for reply in replies)
    stats: Any = endpoint.stats()
    assert 0 < stats["requests"] == shards(tmp_path)[0].left < 30
    assert (stats["answered"], stats["repeated"], stats["batches"]["created"]) == (30, 0, 1)


def test_a_kill_between_batch_and_live_calls_makes_no_new_batch(start_fake: Start, tmp_path: Path) -> None:
    endpoint = start_fake("--fault", "batch_expire=1", "--batch-s", "0.3")
    config = endpoint.config(**BATCH, batch_wait_s=20)
    with client_on(tmp_path, config) as client:
        with pytest.raises(Waiting):
            client.complete("m", asked(30))
        assert client.wait_for_batches()  # and there it ends
    assert [shard.state for shard in shards(tmp_path)] == ["ingested"]
    assert len(until_done(tmp_path, config, asked(30))) == 30
    stats: Any = endpoint.stats()
    assert (stats["requests"], stats["repeated"], stats["batches"]["created"]) == (15, 0, 1)


def test_more_than_the_endpoint_takes_at_one_time(start_fake: Start, tmp_path: Path) -> None:
    endpoint = start_fake("--batch-s", "0.1", "--batch-most", "1")
    assert len(until_done(tmp_path, endpoint.config(**BATCH, batch_requests=4), asked())) == 12
    stats: Any = endpoint.stats()
    assert (stats["requests"], stats["repeated"], stats["batches"]["lines"]) == (0, 0, 12)
    assert stats["batches"]["files"] == 3


def test_an_endpoint_that_takes_no_batch_says_why(start_fake: Start, tmp_path: Path) -> None:
    config = start_fake("--batch-most", "0").config(**BATCH)
    with pytest.raises(EndpointError, match=r"models\.m: .*Enqueued token limit.*batch_requests"):
        until_done(tmp_path, config, asked())


WITHOUT = r'^models\.m: .* has no /files \(HTTP %d: .*\); set batch = "off"\.$'


def test_an_address_without_batches_is_told(endpoint: FakeEndpoint, tmp_path: Path) -> None:
    with pytest.raises(EndpointError, match=WITHOUT % 404):
        once(tmp_path, endpoint.config(**{**BATCH, "base_url": endpoint.url + "/elsewhere"}), asked())


def test_a_server_without_batches_is_told_and_asked_live(scripted: Scripted, tmp_path: Path) -> None:
    config = scripted.config(**BATCH)
    with pytest.raises(EndpointError, match=WITHOUT % 501):
        once(tmp_path, config, asked())
    with client_on(tmp_path, config) as client:
        assert 'batch = "off"' in str(client.check("m"))
    scripted.say("four")
    live = until_done(tmp_path, config.model_copy(update={"batch": "off"}), asked(2))
    assert [reply.text for reply in live] == ["four", "four"]
    assert shards(tmp_path) == []


def test_a_wrong_key_is_told_as_in_live_calls(strict_endpoint: FakeEndpoint, tmp_path: Path) -> None:
    with pytest.raises(EndpointError, match="asks for a key .*api_key_env"):
        once(tmp_path, strict_endpoint.config(model="known", **BATCH), asked())


def test_the_key_lies_nowhere(
    start_fake: Start,
    planted_key: str,
    tmp_path: Path,
    everything_under: Callable[[Path], bytes],
) -> None:
    echo = [ask(f"Repeat: {n}, and {planted_key}") for n in range(3)]
    endpoint = start_fake("--api-key-env", "FAKE_KEY", "--batch-s", "0.5")
    config = endpoint.config(api_key_env="PLANTED_KEY", batch_requests=2, **BATCH)
    assert isinstance(once(tmp_path, config, asked()), Waiting)
    assert planted_key.encode() not in everything_under(tmp_path)
    until_done(tmp_path, config, asked())
    assert planted_key.encode() not in everything_under(tmp_path)
    until_done(tmp_path, config, echo)
    with Journal(tmp_path / "calls") as journal:
        assert not any(planted_key in record["response"] for record in journal.records())


def test_another_account_does_not_submit_again(start_fake: Start, tmp_path: Path) -> None:
    assert isinstance(once(tmp_path, start_fake("--batch-s", "60").config(**BATCH), asked()), Waiting)
    other = start_fake()
    with pytest.raises(EndpointError, match="does not know batch_000001; use a key of the account"):
        once(tmp_path, other.config(**BATCH), asked())
    assert other.stats()["answered"] == 0


def test_switched_off_it_still_collects(start_fake: Start, tmp_path: Path) -> None:
    endpoint = start_fake("--batch-s", "0.3")
    assert isinstance(once(tmp_path, endpoint.config(**BATCH), asked()), Waiting)
    assert len(until_done(tmp_path, endpoint.config(identity="far"), [*asked(), ask("more")])) == 13
    assert (endpoint.stats()["requests"], endpoint.stats()["repeated"]) == (1, 0)


def test_a_close_ends_the_waiting(start_fake: Start, tmp_path: Path) -> None:
    config = start_fake("--batch-s", "600").config(**{**BATCH, "batch_poll_s": 600, "batch_wait_s": 600})
    client = client_on(tmp_path, config)
    with pytest.raises(Waiting):
        client.complete("m", asked())
    threading.Timer(0.3, client.close).start()
    with pytest.raises(CancelledError):
        client.wait_for_batches()
    with pytest.raises(CancelledError):
        client.complete("m", asked())


def test_a_damaged_state_is_named(start_fake: Start, tmp_path: Path) -> None:
    endpoint = start_fake("--batch-s", "0.2")
    config = endpoint.config(**BATCH)
    assert isinstance(once(tmp_path, config, asked()), Waiting)
    state = next((tmp_path / "calls/batches").glob("*.json"))
    state.write_text("{")
    with pytest.raises(StoreError, match=f"{state.name} is damaged"):
        once(tmp_path, config, asked())
    state.unlink()  # as the sentence says
    assert len(until_done(tmp_path, config, asked())) == 12
    stats: Any = endpoint.stats()
    assert (stats["batches"]["created"], stats["repeated"]) == (1, 0)


def test_only_addresses_have_batches() -> None:
    tree = {"models": {"m": {"base_url": "fake:", "model": "m", "batch": "on"}}}
    with pytest.raises(ConfigError, match="needs an http address"):
        build(tree)


def test_a_state_is_readable(start_fake: Start, tmp_path: Path) -> None:
    once(tmp_path, start_fake("--batch-s", "60").config(**BATCH), asked())
    told = json.loads(next((tmp_path / "calls/batches").glob("*.json")).read_text())
    assert (told["state"], told["calls"], told["stage"]) == ("created", 12, "questions")
