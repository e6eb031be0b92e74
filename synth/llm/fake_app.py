"""A fake endpoint without its sockets: requests go in, what is to be sent comes out when its time has come.

Speaks what the client speaks to any endpoint: `POST /v1/chat/completions`, `POST /v1/embeddings`,
`GET /v1/models`, files and batches (`fake_batches`); besides `GET /stats`, `/metrics` and `/health`.
Everything that chance could decide is drawn by hash of the body and the number of the attempt, so a run
against it can be repeated.
"""

import asyncio
import json
import math
from collections import deque
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

from synth.ids import stream
from synth.llm import fake
from synth.llm.fake import FakeModel, FakeReply
from synth.llm.fake_batches import FakeBatches
from synth.llm.fake_limits import Limits, retry_headers
from synth.llm.fake_settings import Behaviour
from synth.llm.fake_stats import Stats
from synth.llm.http1 import Message
from synth.llm.transport import encoded

PAGE = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
# Of these nothing, or only a part, arrives.
LOST = frozenset({"reset_before", "reset_after", "stall", "cut"})


class Answer(NamedTuple):
    """Bytes to send, and how: whole, or as one of the faults of the wire has it."""

    payload: bytes
    fault: str = ""


Send = Callable[[Answer], None]


class _Work(NamedTuple):
    name: str
    body: dict[str, Any]
    reply: FakeReply | None  # None: to be written when its time has come
    fault: str
    seconds: float
    send: Send


class FakeApp:
    """One fake endpoint, on one event loop."""

    def __init__(self, behaviour: Behaviour, model: FakeModel | None = None) -> None:
        self.stats = Stats(slots=behaviour.slots)
        self.behaviour = behaviour
        self._model = model or FakeModel(faults=behaviour.of_the_model(), abilities=behaviour.abilities)
        self._limits = Limits(behaviour.rpm, behaviour.tpm, behaviour.burst)
        self._waiting: deque[_Work] = deque()
        self._loop = asyncio.get_running_loop()
        self._batches = FakeBatches(behaviour, self._model, self.stats)

    def handle(self, asked: Message, send: Send) -> None:
        """Answer a request through `send`, now or later, once."""
        path = asked.target.partition("?")[0]
        if asked.method == "POST" and path in ("/v1/chat/completions", "/v1/embeddings"):
            self._complete(asked, send)
        elif path.startswith(("/v1/files", "/v1/batches")):
            send(Answer(self._batched(asked)))
        elif asked.method != "GET":
            send(Answer(error(405 if path.startswith("/v1/") else 404, "there is nothing to send here")))
        elif path == "/stats":
            send(Answer(response(200, self.stats.as_dict())))
        elif path == "/metrics":
            send(Answer(packed(200, self.stats.metrics().encode(), {}, "text/plain; version=0.0.4")))
        elif path == "/health":
            send(Answer(response(200, {"status": "ok"})))
        elif path == "/v1/models":
            send(Answer(self._list(asked)))
        else:
            send(Answer(error(404, "there is nothing here")))

    def _batched(self, asked: Message) -> bytes:
        if not self._may(asked):
            return error(401, f"Incorrect API key provided: {asked.header('authorization')}")
        status, said = self._batches.handle(asked)
        if isinstance(said, bytes):
            return packed(status, said, {}, "application/octet-stream")
        return response(status, said)

    def _complete(self, asked: Message, send: Send) -> None:
        now = self._loop.time()
        self.stats.arrive(now)
        refusal, body = self._read(asked)
        if refusal is not None:
            self._end(send, Answer(refusal))
            return
        try:
            name = self._model.name(body)
            reply = self._model.turned_away(name)
            if reply is None and self.behaviour.tpm:
                reply = self._model.answer(body, name)
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as odd:
            self._end(send, Answer(error(400, f"the request is odd ({type(odd).__name__})")))
            return
        attempt = self.stats.attempt(name)
        fault = self.behaviour.wire_fault(name, attempt)
        self.stats.faults.update([fault] if fault else [])
        busy = self._refused(now, body, reply)
        if fault == "reset_before":
            self._end(send, Answer(b"", fault))
        elif busy is not None:
            self.stats.refused += 1
            self._end(send, Answer(busy))
        else:
            self._queue(_Work(name, body, reply, fault, self._seconds(name, attempt), send))

    def _refused(self, now: float, body: dict[str, Any], reply: FakeReply | None) -> bytes | None:
        """What a request is refused with before any work: by a fault, a limit, or a full queue."""
        if reply is not None and reply.status in (429, 503):
            return response(reply.status, fake.completion(body, reply), reply.headers)
        wait = self._limits.take(now, sum(_tokens(body, reply)) if reply else 0)
        if wait > 0:
            said = f"Rate limit reached; try again in {wait:.3f} s."
            return error(429, said, {**self._limits.headers(), **retry_headers(wait)})
        full = self.behaviour
        if full.queue is None or not full.slots or self.stats.running < full.slots:
            return None
        if len(self._waiting) < full.queue:
            return None
        told = retry_headers(full.retry_after) if full.retry_after else {}
        return error(full.full_status, "All slots are taken, and the queue is full.", told)

    def _queue(self, work: _Work) -> None:
        if self.behaviour.slots and self.stats.running >= self.behaviour.slots:
            self._waiting.append(work)
        else:
            self._start(work)

    def _start(self, work: _Work) -> None:
        self.stats.occupy(self._loop.time(), 1)
        if work.seconds:
            self._loop.call_later(work.seconds, self._finish, work)
        else:
            self._loop.call_soon(self._finish, work)

    def _finish(self, work: _Work) -> None:
        now = self._loop.time()
        self.stats.occupy(now, -1)
        if self._waiting:
            self._start(self._waiting.popleft())
        try:
            reply = work.reply or self._model.answer(work.body, work.name)
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as odd:
            self._end(work.send, Answer(error(400, f"the request is odd ({type(odd).__name__})")))
            return
        if reply.status == 200 and work.fault not in ("html_page", "error_200"):
            self.stats.pay(work.name, now, *_tokens(work.body, reply))
            self.stats.unconfirmed += work.fault in LOST
        self._end(work.send, self._answer(work, reply))

    def _end(self, send: Send, answer: Answer) -> None:
        self.stats.in_flight -= 1
        send(answer)

    def _answer(self, work: _Work, reply: FakeReply) -> Answer:
        headers = {**reply.headers, **self._limits.headers()}
        if work.fault == "html_page":
            return Answer(packed(200, PAGE, headers, "text/html"))
        if work.fault == "error_200":
            return Answer(response(200, {"error": {"message": "overloaded", "code": 500}}, headers))
        said = fake.completion(work.body, reply)
        if work.fault == "no_usage":
            said.pop("usage", None)
        body = encoded(said)
        if work.fault == "double_usage" and "usage" in said:
            body = body[:-1] + b',"usage":' + encoded(said["usage"]) + b"}"
        kind = "text/html" if work.fault == "wrong_type" else "application/json"
        return Answer(packed(reply.status, body, headers, kind), work.fault)

    def _read(self, asked: Message) -> tuple[bytes | None, dict[str, Any]]:
        """What a request is refused with for good, and its body."""
        if not self._may(asked):
            return error(401, f"Incorrect API key provided: {asked.header('authorization')}"), {}
        try:
            body = json.loads(bytes(asked.body))
            return self._refusal(body), body
        except (ValueError, TypeError, AttributeError, RecursionError) as fault:
            return error(400, f"the body is no chat completion request ({fault})"), {}

    def _refusal(self, body: dict[str, Any]) -> bytes | None:
        models = self.behaviour.models
        if models is not None and body.get("model") not in models:
            return error(404, f"The model {body.get('model')!r} does not exist.")
        if "input" in body:
            texts = body["input"]
            fine = isinstance(texts, list) and texts and all(isinstance(text, str) for text in texts)
            return None if fine else error(400, "input must be a list of texts that is not empty")
        form = (body.get("response_format") or {}).get("type")
        if form in self.behaviour.refuse:
            return error(400, f"response_format {form!r} is not supported")
        if odd := [name for name in self.behaviour.refuse if name in body]:
            instead = " Use 'max_completion_tokens' instead." if odd[0] == "max_tokens" else ""
            return error(400, f"Unsupported parameter: {odd[0]!r} is not supported with this model.{instead}")
        if not isinstance(body.get("messages"), list) or not body["messages"]:
            return error(400, "messages must be a list that is not empty")
        if not all(isinstance(message, dict) for message in body["messages"]):
            return error(400, "each message must be an object")
        return None

    def _may(self, asked: Message) -> bool:
        key = self.behaviour.api_key
        return key is None or asked.header("authorization") == f"Bearer {key}"

    def _list(self, asked: Message) -> bytes:
        if not self._may(asked):
            return error(401, "Incorrect API key provided.")
        if self.behaviour.models is None:
            return error(404, "every model name is served")
        listed = [{"id": name, "object": "model"} for name in self.behaviour.models]
        return response(200, {"object": "list", "data": listed})

    def _seconds(self, name: str, attempt: int) -> float:
        median, sigma = self.behaviour.latency, self.behaviour.sigma
        if not median or not sigma:
            return median
        return median * math.exp(sigma * stream(attempt, "latency", name).gauss(0.0, 1.0))


def _tokens(body: dict[str, Any], reply: FakeReply) -> tuple[int, int]:
    """Tokens of prompt and reply."""
    if "input" in body:
        return sum(fake.tokens(text) for text in body["input"]), 0
    prompt = sum(fake.tokens(str(message.get("content", ""))) for message in body["messages"])
    return prompt, fake.tokens(reply.content or "")


def error(status: int, message: str, headers: Mapping[str, str] | None = None) -> bytes:
    """An error as OpenAI's servers write it."""
    return response(status, {"error": {"message": message, "type": "invalid_request_error"}}, headers)


def response(status: int, said: dict[str, Any], headers: Mapping[str, str] | None = None) -> bytes:
    """An answer of JSON."""
    return packed(status, encoded(said), headers or {}, "application/json")


def packed(status: int, body: bytes, headers: Mapping[str, str], kind: str) -> bytes:
    """Status line, headers and body."""
    told = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\ncontent-type: {kind}\r\n{told}"
    return b"%scontent-length: %d\r\n\r\n%s" % (head.encode("latin-1"), len(body), body)
