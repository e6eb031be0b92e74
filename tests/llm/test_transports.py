"""One contract for both transports: the same bytes asked, the same answer read, no secret told."""

import asyncio
import gzip
import json
import socket
import time
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from synth.llm.direct import DirectTransport, is_proxied
from synth.llm.openai_transport import OpenAITransport
from synth.llm.transport import HttpReply, NoAnswer, Transport
from tests.endpoints import PLANTED_KEY
from tests.llm.raw_server import OK, RawServer, answer, close, reset, slowly, then

BODY = {
    "model": "m",
    "messages": [{"role": "user", "content": "grüße, 数学 \u2028"}],
    "seed": 3,
    "top_p": 1.0,
}
Make = Callable[..., Transport]


def made(kind: str, url: str, timeout_s: float = 5.0) -> Transport:
    if kind == "direct":
        return DirectTransport(url, PLANTED_KEY, timeout_s)
    return OpenAITransport(url, PLANTED_KEY, timeout_s, 8)


@pytest.fixture(params=["openai", "direct"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def run(kind: str, url: str, work: Callable[[Transport], Awaitable[Any]], timeout_s: float = 5.0) -> Any:
    async def whole() -> Any:
        transport = made(kind, url, timeout_s)
        try:
            return await work(transport)
        finally:
            await transport.close()

    return asyncio.run(whole())


def send(
    kind: str, server: RawServer, body: dict[str, Any] = BODY, timeout_s: float = 5.0
) -> HttpReply | str:
    """The reply, or why there is none."""

    async def once(transport: Transport) -> HttpReply | str:
        try:
            return await transport.send(body)
        except NoAnswer as silence:
            shown = traceback.TracebackException.from_exception(silence, capture_locals=True)
            assert PLANTED_KEY not in "".join(shown.format())
            return str(silence)

    return run(kind, server.url, once, timeout_s)


ANSWERS = {
    "plain": answer(),
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n5;a=b\r\n{\"a\":\r\n3\r\n 1}\r\n0\r\nX: y\r\n\r\n",
    "old": b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    "compressed": answer(gzip.compress(OK, mtime=0), b"Content-Encoding: gzip\r\n"),
    "not asked to go on": b"HTTP/1.1 100 Continue\r\n\r\n" + answer(),
    "hints first": b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + answer(),
    "header case": answer(head=b"X-RateLimit-Remaining-Requests: 9\r\nRETRY-AFTER: 3\r\n", status=b"429 Slow"),
    "headers twice": answer(head=b"Set-Cookie: a=1\r\nset-cookie: b=2\r\n"),
    "huge header": answer(head=b"X-Long: " + b"x" * 30_000 + b"\r\n"),
    "odd header": answer(head=b"X-Odd: caf\xe9\r\nX-Empty:\r\n"),
    "no UTF-8": answer(b'{"choices": "\xff\xfe \xed\xa0\x80"}'),
    "a page": answer(b"<html>Bad Gateway</html>", b"Content-Type: text/html\r\n", b"502 Bad Gateway"),
    "a page as success": answer(b"<html>Welcome</html>", b"Content-Type: text/html\r\n"),
    "an error as success": answer(b'{"error": {"message": "overloaded"}}'),
    "another type": answer(head=b"Content-Type: text/event-stream\r\n"),
    "nothing": answer(b""),
    "no content": b"HTTP/1.1 204 No Content\r\n\r\n",
    "no key": answer(b'{"error": {"message": "key"}}', status=b"401 Unauthorized"),
    "no phrase": b"HTTP/1.1 500\r\nContent-Length: 0\r\n\r\n",
}  # fmt: skip


@pytest.mark.parametrize("name", ANSWERS)
def test_both_read_the_same_answer_and_send_the_same_bytes(name: str) -> None:
    replies, asked = [], []
    for kind in ("openai", "direct"):
        server = RawServer(ANSWERS[name])
        replies.append(send(kind, server))
        asked += server.asked
    first, second = replies
    assert isinstance(first, HttpReply), first
    assert first == second
    (head, body), (other_head, other_body) = asked
    assert body == other_body
    assert json.loads(body) == BODY
    for told in (head, other_head):
        assert told.startswith(b"POST /v1/chat/completions HTTP/1.1\r\n")
        assert f"Authorization: Bearer {PLANTED_KEY}".lower() in told.decode().lower()
        assert told.lower().count(b"content-length:") == told.lower().count(b"host:") == 1


def test_what_a_reply_holds(kind: str) -> None:
    reply = send(kind, RawServer(ANSWERS["headers twice"]))
    assert reply == HttpReply(200, {"set-cookie": "a=1, b=2"}, OK.decode())
    odd = send(kind, RawServer(ANSWERS["no UTF-8"]))
    assert isinstance(odd, HttpReply)
    assert odd.body == '{"choices": "\ufffd\ufffd \ufffd\ufffd\ufffd"}'
    closed = then(b"HTTP/1.1 200 OK\r\n\r\n" + OK, close)
    assert send(kind, RawServer(closed)) == HttpReply(200, {}, OK.decode())


BROKEN = {
    "cut off": then(answer()[:-5], close),
    "a chunk cut off": then(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{", close),
    "closed at once": close,
    "reset at once": reset,
    "reset in the middle": then(answer()[:-5], reset),
    "no HTTP": b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} ",
    "too long": b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
    "headers without end": b"HTTP/1.1 200 OK\r\n" + b"X-Flood: yes\r\n" * 10_000,
    "another protocol": b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    "a broken chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "a bomb": answer(gzip.compress(b"0" * 40_000_000, mtime=0), b"Content-Encoding: gzip\r\n"),
    "unknown compression": answer(b"xx", b"Content-Encoding: br\r\n"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_half_and_hostile_answers_are_none_and_are_asked_for_once(name: str) -> None:
    said = []
    for kind in ("openai", "direct"):
        server = RawServer(BROKEN[name])
        said.append(send(kind, server))
        assert len(server.asked) == 1  # the server may have done the work: who asks again must know it
    assert isinstance(said[0], str)
    assert said[0] == said[1] != ""
    assert "\n" not in said[0]


@pytest.mark.parametrize(
    "act", [slowly(answer(), 0.05), lambda connection: time.sleep(60)], ids=["trickle", "stall"]
)
def test_the_deadline_is_for_the_whole_call(act: Any, kind: str) -> None:
    began = time.monotonic()
    assert send(kind, RawServer(act), timeout_s=0.4) == "no answer within 0.4 s"
    assert time.monotonic() - began < 20


def test_nobody_there_is_told_alike() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"

    async def once(transport: Transport) -> str:
        with pytest.raises(NoAnswer) as raised:
            await transport.send(BODY)
        return str(raised.value)

    first, second = (run(kind, url, once) for kind in ("openai", "direct"))
    assert first == second
    assert "refused" in first


def test_half_a_character_is_sent_as_json_can_say_it() -> None:
    asked = []
    for kind in ("openai", "direct"):
        server = RawServer(answer())
        send(kind, server, {"model": "m", "messages": [{"role": "user", "content": "\ud83d!"}]})
        asked.append(server.asked[0][1])
    assert asked[0] == asked[1]
    assert json.loads(asked[0])["messages"][0]["content"] == "\ud83d!"


def test_embeddings_and_the_list_of_models_have_their_paths(kind: str) -> None:
    server = RawServer(answer())

    async def both(transport: Transport) -> HttpReply:
        await transport.send({"model": "m", "input": ["x"]})
        return await transport.models()

    assert run(kind, server.url, both).status == 200
    assert [head.split(b" HTTP")[0] for head, _ in server.asked] == [
        b"POST /v1/embeddings",
        b"GET /v1/models",
    ]
    assert server.asked[1][1] == b""


def test_a_redirect_is_followed_by_one_and_told_by_the_other() -> None:
    moved = answer(b"", b"Location: /v1/elsewhere\r\n", b"307 Temporary Redirect")
    followed = RawServer(moved, answer())
    reply = send("openai", followed)
    assert isinstance(reply, HttpReply)
    assert reply.status == 200
    assert followed.asked[1] == (
        followed.asked[0][0].replace(b"chat/completions", b"elsewhere"),
        followed.asked[0][1],
    )
    told = send("direct", RawServer(moved))
    assert isinstance(told, HttpReply)
    assert (told.status, told.headers["location"]) == (307, "/v1/elsewhere")


def test_a_redirect_to_another_host_takes_no_key_along() -> None:
    other = RawServer(answer())
    where = f"Location: http://localhost:{other.port}/v1/chat/completions\r\n".encode()
    reply = send("openai", RawServer(answer(b"", where, b"307 Temporary Redirect")))
    assert isinstance(reply, HttpReply)
    assert PLANTED_KEY.encode() not in other.asked[0][0]


def test_a_proxy_of_the_environment_is_used_by_one_only(monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = RawServer(answer())
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert is_proxied("http://model.invalid/v1")
    assert not is_proxied("https://model.invalid/v1")
    monkeypatch.setenv("no_proxy", "model.invalid")
    assert not is_proxied("http://model.invalid:8000/v1")
    monkeypatch.delenv("no_proxy")

    async def once(transport: Transport) -> HttpReply | str:
        try:
            return await transport.send(BODY)
        except NoAnswer as silence:
            return str(silence)

    reply = run("openai", "http://model.invalid/v1", once)
    assert isinstance(reply, HttpReply)
    assert proxy.asked[0][0].startswith(b"POST http://model.invalid/v1/chat/completions")
    local = RawServer(answer())
    assert all(isinstance(send(kind, local), HttpReply) for kind in ("openai", "direct"))
    assert len(proxy.asked) == 1
