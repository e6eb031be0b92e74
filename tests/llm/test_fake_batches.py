"""Files and batches of the fake endpoint, asked by the openai package as any user would."""

import json
import time
from collections.abc import Callable
from typing import Any

import openai
import pytest

from synth.llm.fake_forms import parts_of
from tests.endpoints import PLANTED_KEY, FakeEndpoint

CHAT = "/v1/chat/completions"


def line(name: str, text: str = "2 + 2", url: str = CHAT, **more: Any) -> dict[str, Any]:
    body = {"model": "fake", "messages": [{"role": "user", "content": text}], "seed": 1}
    return {"custom_id": name, "method": "POST", "url": url, "body": body, **more}


def packed(*lines: Any) -> bytes:
    return b"".join((one if isinstance(one, bytes) else json.dumps(one).encode()) + b"\n" for one in lines)


def client_of(endpoint: FakeEndpoint, key: str = "any") -> openai.OpenAI:
    return openai.OpenAI(base_url=endpoint.url, api_key=key, max_retries=0)


def submit(client: openai.OpenAI, content: bytes, **more: Any) -> Any:
    file = client.files.create(file=("in.jsonl", content), purpose="batch")
    asked: dict[str, Any] = {"endpoint": CHAT, "completion_window": "24h", **more}
    return client.batches.create(input_file_id=file.id, **asked)


def ended(client: openai.OpenAI, batch: Any) -> Any:
    for _ in range(500):
        found = client.batches.retrieve(batch.id)
        if found.status in ("completed", "failed", "expired", "cancelled"):
            return found
        time.sleep(0.02)
    raise AssertionError(f"it is still {found.status}")


def lines_of(client: openai.OpenAI, file_id: str | None) -> list[dict[str, Any]]:
    return [json.loads(one) for one in client.files.content(file_id).text.splitlines()] if file_id else []


def test_a_batch_is_answered_as_live_calls_are(start_fake: Callable[..., FakeEndpoint]) -> None:
    endpoint = start_fake()
    client = client_of(endpoint)
    done = ended(client, submit(client, packed(line("a"), line("b", "3 + 3")), metadata={"mark": "m"}))
    assert (done.status, done.metadata, done.error_file_id) == ("completed", {"mark": "m"}, None)
    assert (done.request_counts.total, done.request_counts.completed) == (2, 2)
    answers = {one["custom_id"]: one["response"] for one in lines_of(client, done.output_file_id)}
    body = line("a")["body"]
    live = client.chat.completions.create(**body)
    said = answers["a"]["body"]["choices"][0]["message"]["content"]
    assert (answers["a"]["status_code"], said) == (200, live.choices[0].message.content)
    stats = endpoint.stats()
    assert stats["batches"] == {"files": 1, "created": 1, "ended": 1, "lines": 2}  # type: ignore[comparison-overlap]
    assert (stats["answered"], stats["repeated"]) == (3, 1)  # the live call repeats a line


@pytest.mark.parametrize(
    ("content", "at"),
    [
        (b"", 1),
        (packed(line("a"), b"{"), 2),
        (packed(line("a"), line("a")), 2),
        (packed(line("a", url="/v1/embeddings")), 1),
        (packed({"custom_id": "a"}), 1),
        (packed(line("a", body=[])), 1),
    ],
)
def test_a_malformed_file_fails_as_a_whole(endpoint: FakeEndpoint, content: bytes, at: int) -> None:
    client = client_of(endpoint)
    before = endpoint.stats()["answered"]
    done = ended(client, submit(client, content))
    assert done.status == "failed"
    assert done.output_file_id is None
    assert endpoint.stats()["answered"] == before
    line_number = done.errors.data[0].line
    assert line_number == (None if content == b"" else at)


def test_faults_lie_in_the_error_file_and_cost_nothing(start_fake: Callable[..., FakeEndpoint]) -> None:
    endpoint = start_fake("--fault", "batch_line=0.5")
    client = client_of(endpoint)
    done = ended(client, submit(client, packed(*(line(f"k{n}", f"{n} + 1") for n in range(40)))))
    good, bad = lines_of(client, done.output_file_id), lines_of(client, done.error_file_id)
    assert len(good) + len(bad) == 40
    assert 5 < len(bad) < 35
    assert {one["response"]["status_code"] for one in bad} == {500}
    assert endpoint.stats()["answered"] == len(good)


def test_a_batch_that_expires_keeps_its_first_half(start_fake: Callable[..., FakeEndpoint]) -> None:
    client = client_of(start_fake("--fault", "batch_expire=1"))
    done = ended(client, submit(client, packed(*(line(f"k{n}") for n in range(10)))))
    assert done.status == "expired"
    assert [one["custom_id"] for one in lines_of(client, done.output_file_id)] == [f"k{n}" for n in range(5)]
    late = lines_of(client, done.error_file_id)
    assert {one["error"]["code"] for one in late} == {"batch_expired"}
    assert len(late) == 5


def test_batches_can_be_cancelled_and_listed_in_pages(start_fake: Callable[..., FakeEndpoint]) -> None:
    client = client_of(start_fake("--batch-s", "60", "--batch-most", "4"))
    made = [submit(client, packed(line("a", str(n)))).id for n in range(5)]
    assert [b.id for b in client.batches.list(limit=2)] == made[::-1]
    assert client.batches.cancel(made[0]).status == "cancelled"
    with pytest.raises(openai.ConflictError):
        client.batches.cancel(made[0])
    full = client.batches.retrieve(made[4])
    assert full.status == "failed"
    assert full.errors is not None
    assert full.errors.data is not None
    assert full.errors.data[0].code == "token_limit_exceeded"


def test_files_are_listed_and_deleted(endpoint: FakeEndpoint) -> None:
    client = client_of(endpoint)
    file = client.files.create(file=("x.jsonl", b"some\r\n--bytes"), purpose="batch")
    assert client.files.content(file.id).content == b"some\r\n--bytes"
    assert file.id in {one.id for one in client.files.list(purpose="batch")}
    assert client.files.retrieve(file.id).filename == "x.jsonl"
    client.files.delete(file.id)
    with pytest.raises(openai.NotFoundError):
        client.files.content(file.id)


def test_what_cannot_be_is_refused(endpoint: FakeEndpoint, strict_endpoint: FakeEndpoint) -> None:
    client = client_of(endpoint)
    for wrong in ({"endpoint": "/v1/images"}, {"completion_window": "1h"}, {"metadata": {"k": "v" * 513}}):
        with pytest.raises(openai.BadRequestError):
            submit(client, packed(line("a")), **wrong)
    with pytest.raises(openai.NotFoundError):
        client.batches.retrieve("batch_none")
    with pytest.raises(openai.AuthenticationError):
        client_of(strict_endpoint).batches.list()
    assert list(client_of(strict_endpoint, PLANTED_KEY).batches.list()) == []


FORM = 'multipart/form-data; boundary="b"'
SOUND = b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--b--\r\n'


def test_a_form_is_read_strictly() -> None:
    assert parts_of(FORM, SOUND)["purpose"].content == b"batch"
    for kind, body in (
        ("application/json", SOUND),
        (FORM, b""),
        (FORM, b"x" + SOUND),
        (FORM, SOUND[:-4]),
        (FORM, SOUND.replace(b"name=", b"nome=")),
        (FORM, SOUND.replace(b"--b--\r\n", b"") + SOUND),
        (FORM, SOUND.replace(b"\r\n\r\n", b"\r\n")),
    ):
        with pytest.raises(ValueError, match="form|twice"):
            parts_of(kind, body)
