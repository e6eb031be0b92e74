"""What comes back of a batch is not trusted: odd lines cost themselves only, and are asked again."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.errors import Waiting
from synth.llm.batch_files import Lines, cut, read_line
from synth.llm.batches import read_shards
from synth.llm.client import Client
from synth.llm.journal import Journal
from tests.endpoints import FakeEndpoint
from tests.llm.conftest import QUICK, ask

LONG = 1_000_000
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def said(text: str) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return {"choices": [choice], "usage": {"prompt_tokens": 1, "completion_tokens": 2}}


def answer(key: str, text: str = "four", status: Any = 200, **more: Any) -> dict[str, Any]:
    response = {"status_code": status, "request_id": "r", "body": said(text)}
    return {"id": "b", "custom_id": key, "response": response, "error": None, **more}


@given(st.binary() | ANYTHING.map(lambda value: json.dumps(value).encode()))
def test_no_line_stops_the_reading(line: bytes) -> None:
    read_line(line)


@given(
    st.fixed_dictionaries(
        {"custom_id": st.just("k")},
        optional={
            "response": ANYTHING
            | st.fixed_dictionaries({"status_code": st.just(200) | ANYTHING, "body": ANYTHING}),
            "error": ANYTHING,
        },
    )
)
def test_only_a_whole_success_is_one(line: dict[str, Any]) -> None:
    outcome = read_line(json.dumps(line).encode())
    if outcome is not None and outcome.raw is not None:
        assert line["response"]["status_code"] == 200
        assert json.loads(outcome.raw) == line["response"]["body"]


@given(st.lists(st.binary(max_size=30).map(lambda b: b.replace(b"\n", b"")), max_size=8), st.integers(1, 9))
def test_lines_are_the_same_in_whatever_pieces_they_come(lines: list[bytes], size: int) -> None:
    whole = b"\n".join(lines)
    reader, found = Lines(most=20), []
    for place in range(0, len(whole), size):
        found += reader.feed(whole[place : place + size])
    found += reader.end()
    assert found == [line for line in lines if 0 < len(line) <= 20]
    assert reader.dropped == sum(len(line) > 20 for line in lines)


@given(st.lists(st.integers(1, 50), max_size=30), st.integers(1, 5), st.integers(1, 60))
def test_cuts_fit_and_lose_only_giants(sizes: list[int], most: int, most_bytes: int) -> None:
    items = [(f"k{place}", size) for place, size in enumerate(sizes)]
    cuts = list(cut(items, most, most_bytes))
    assert [key for keys in cuts for key in keys] == [key for key, size in items if size <= most_bytes]
    assert all(0 < len(keys) <= most and sum(dict(items)[k] for k in keys) <= most_bytes for keys in cuts)


def test_answers_of_another_tool_are_taken_from_beside_the_file(
    start_fake: Callable[..., FakeEndpoint], tmp_path: Path
) -> None:
    """`batch = "files"`: odd lines of every kind among sound ones; what is left is asked live."""
    endpoint = start_fake()
    config = endpoint.config(batch="files", batch_least=1)
    requests = [ask(f"What is {n} + {n}?") for n in range(6)]

    def once() -> Any:
        with Journal(tmp_path) as journal, Client({"m": config}, journal, backoff=QUICK) as client:
            return client.complete("m", requests)

    with pytest.raises(Waiting, match="6 calls in 1 batch "):
        once()
    (shard,) = read_shards(tmp_path)
    prepared = tmp_path / "batches" / f"{shard.name}.jsonl"
    asked = [json.loads(line) for line in prepared.read_bytes().splitlines()]
    assert {line["url"] for line in asked} == {"/v1/chat/completions"}
    first, long, twice, bare, failed, absent = (line["custom_id"] for line in asked)
    lines: list[Any] = [
        answer(first),
        answer(long, "x" * LONG),
        answer(twice, "one"),
        answer(twice, "other"),
        answer("call_of_somebody_else"),
        {"custom_id": bare, "response": {"status_code": 200, "body": {"choices": []}}, "error": None},
        answer(failed, status=429),
        answer(absent, error={"code": "batch_expired"}),
        [], None, 7, {"custom_id": 7}, answer(first)["response"],
    ]  # fmt: skip
    content = (
        b"\n".join(json.dumps(line).encode() for line in lines) + b"\n{broken\n\xff\xfe\n" + b"[" * 99_999
    )
    (tmp_path / "batches" / f"{shard.name}.output.jsonl").write_bytes(content)
    by_key = {reply.call_id: reply for reply in once()}
    assert (by_key[first].text, by_key[twice].text, len(by_key[long].text)) == ("four", "one", LONG)
    assert all(reply.reason is None for reply in by_key.values())
    (done,) = read_shards(tmp_path)
    assert (done.state, done.left) == ("ingested", 3)
    assert done.odd == {"repeated": 1, "unknown": 1, "unreadable": 9, "failed": 2}
    assert endpoint.stats()["requests"] == 3
    assert endpoint.stats()["batches"]["files"] == 0  # type: ignore[index]
