"""The fake model: the same body gives the same reply, on any machine, at no cost.

In: the body of a chat completion request. Out: content, finish reason, status. What it writes comes from
the prompt (`fake_text`), in the layout asked for: of a JSON schema, or of the tags that the prompt names.
Faults are drawn by hash too, by shares, so that a run with faults can be repeated.
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from synth.ids import digest, stream
from synth.llm import fake_schema, fake_text, fake_votes

VERSION = 1

# Of the reply itself: a request that has one keeps it, however often it is sent.
CONTENT_FAULTS = ("broken_json", "empty", "refusal", "echo", "truncated", "wrong", "unmarked")
# Of the transport: drawn for each try, so that trying again helps.
STATUS_FAULTS = {"status_429": 429, "status_500": 500, "status_503": 503, "bare_429": 429}

REFUSAL = "I'm sorry, but I can't help with that."


@dataclass(frozen=True, slots=True)
class FakeReply:
    """What the fake model answers; `status` other than 200 is an error with `content` as its message."""

    content: str | None
    finish_reason: str = "stop"
    refusal: str | None = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Script = Callable[[dict[str, Any]], FakeReply | str] | Sequence[FakeReply | str]


class FakeModel:
    """Deterministic replies, scripted by a function or a list where wanted.

    A list is handed out in the order of the requests; when it is used up, that is an error of the script.
    """

    def __init__(self, script: Script | None = None, faults: Mapping[str, float] | None = None) -> None:
        unknown = set(faults or {}) - set(CONTENT_FAULTS) - set(STATUS_FAULTS)
        if unknown:
            raise ValueError(f"unknown faults: {', '.join(sorted(unknown))}")
        self._script = script if callable(script) else None
        self._list: Iterator[FakeReply | str] | None = None
        if script is not None and not callable(script):
            self._list = iter(script)
        self._faults = dict(faults or {})
        self._asked: dict[str, int] = {}
        self._lock = threading.Lock()

    def reply(self, body: dict[str, Any]) -> FakeReply:
        """The reply to a request body, as an endpoint would receive it."""
        name = self.name(body)
        return self.turned_away(name) or self.answer(body, name)

    def name(self, body: dict[str, Any]) -> str:
        """The hash by which everything about a request is drawn."""
        return digest("fake", VERSION, body, size=16)

    def answer(self, body: dict[str, Any], name: str) -> FakeReply:
        """The reply to a request, by its body and name, that is not turned away."""
        if "input" in body:
            return FakeReply(None)
        reply = self._plain(body, name)
        if self._list is not None or self._script is not None:
            return _capped(body, reply)
        return _capped(body, self._spoilt(body, name, reply))

    def _plain(self, body: dict[str, Any], name: str) -> FakeReply:
        if self._script is not None:
            said = self._script(body)
        elif self._list is not None:
            with self._lock:
                said = next(self._list)
        else:
            said = write(body, name)
        return FakeReply(said) if isinstance(said, str) else said

    def turned_away(self, name: str) -> FakeReply | None:
        """The error that this try of a request ends in, if any."""
        if not self._faults.keys() & STATUS_FAULTS:
            return None
        with self._lock:
            self._asked[name] = tried = self._asked.get(name, 0) + 1
        draw = stream(tried, "fake-status", name).random()
        for fault, status in STATUS_FAULTS.items():
            share = self._faults.get(fault, 0.0)
            if draw < share:
                headers = {"retry-after-ms": "20"} if fault == "status_429" else {}
                return FakeReply(f"{fault} as configured", status=status, headers=headers)
            draw -= share
        return None

    def _spoilt(self, body: dict[str, Any], name: str, reply: FakeReply) -> FakeReply:
        draw = stream(0, "fake-content", name).random()
        for fault in CONTENT_FAULTS:
            share = self._faults.get(fault, 0.0)
            if draw < share:
                return _spoil(fault, body, reply, name)
            draw -= share
        return reply


def _spoil(fault: str, body: dict[str, Any], reply: FakeReply, name: str) -> FakeReply:
    text = reply.content or ""
    if fault == "wrong":
        return replace(reply, content=fake_votes.wrong(text, stream(0, "fake-wrong", name)))
    if fault == "unmarked":
        return replace(reply, content=fake_votes.unmarked(text))
    if fault == "broken_json":
        return replace(reply, content=text[: max(1, len(text) * 2 // 3)].rstrip("}]") + ",")
    if fault == "empty":
        return replace(reply, content="")
    if fault == "refusal":
        return replace(reply, content=REFUSAL)
    if fault == "echo":
        return replace(reply, content="\n\n".join(str(m["content"]) for m in body["messages"]))
    return replace(reply, content=text[: len(text) // 2], finish_reason="length")


def tokens(text: str) -> int:
    """About as many as a real tokenizer would count."""
    return len(text) // 4 + 1


def _capped(body: dict[str, Any], reply: FakeReply) -> FakeReply:
    """A reply longer than `max_tokens` is cut, as any endpoint does."""
    most = body.get("max_completion_tokens", body.get("max_tokens"))
    if reply.content is None or not isinstance(most, int) or tokens(reply.content) <= most:
        return reply
    return replace(reply, content=reply.content[: most * 4], finish_reason="length")


def completion(body: dict[str, Any], reply: FakeReply) -> dict[str, Any]:
    """The body of the HTTP answer: a completion, embeddings, or an error."""
    if reply.status != 200:
        return {"error": {"message": reply.content or "", "type": "fake_error", "code": None}}
    if "input" in body:
        return _embeddings(body)
    prompt = sum(tokens(str(m.get("content", ""))) for m in body.get("messages", []))
    done = tokens(reply.content or "")
    message = {"role": "assistant", "content": reply.content, "refusal": reply.refusal}
    return {
        "id": "chatcmpl-" + digest("completion", body),
        "object": "chat.completion",
        "created": 0,
        "model": body.get("model", "fake"),
        "choices": [{"index": 0, "message": message, "finish_reason": reply.finish_reason, "logprobs": None}],
        "usage": {"prompt_tokens": prompt, "completion_tokens": done, "total_tokens": prompt + done},
    }


def _embeddings(body: dict[str, Any]) -> dict[str, Any]:
    """Texts that share words lie near each other."""
    texts = [str(text) for text in body["input"]]
    data = [{"object": "embedding", "index": i, "embedding": fake_text.embed(t)} for i, t in enumerate(texts)]
    used = sum(map(tokens, texts))
    usage = {"prompt_tokens": used, "total_tokens": used}
    return {"object": "list", "data": data, "model": body.get("model", "fake"), "usage": usage}


def write(body: dict[str, Any], name: str) -> str:
    """What a model that understood the prompt might write."""
    messages = [m for m in body.get("messages", []) if isinstance(m.get("content"), str)]
    prompt = fake_text.read_prompt(messages)
    writer = fake_text.Writer(prompt, stream(0, "fake", name), str(body.get("model", "")))
    wanted = body.get("response_format") or {}
    if wanted.get("type") == "json_schema":
        schema = wanted.get("json_schema", {}).get("schema", {})
        return json.dumps(fake_schema.fill(schema, writer), ensure_ascii=False)
    if wanted.get("type") == "json_object":
        schema = fake_text.schema_in(messages) or fake_text.guess_schema(prompt)
        return json.dumps(fake_schema.fill(schema, writer), ensure_ascii=False)
    return writer.tagged() or (writer.document() if prompt.subject else writer.answer())
