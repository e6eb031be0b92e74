"""What is sent and how an answer is read: request, identity, key, reply. Pure functions, no network.

The key of a call is the hash of the whole request and of who is asked. What cannot change the answer (stage,
tries, timeouts, key, a port that we chose) is not in it.
"""

import json
import re
from dataclasses import dataclass, replace
from importlib import metadata
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit

from synth.config import ModelConfig, Sampling
from synth.llm.fake import VERSION
from synth.llm.keys import call_key as call_key
from synth.llm.notation import loads

Form = Literal["json_schema", "json_object", "tags", "text"]

# Short replies only: a long one that begins so has usually gone on to do the work.
REFUSAL_CHARS = 400
_REFUSAL = re.compile(
    r"\s*(?:(?:I'm|I’m|I am) (?:very |so )?sorry,? but I (?:can't|can’t|cannot|won't|am unable|am not able)"
    r"|I (?:can't|can’t|cannot|won't) (?:help|assist|comply|fulfil|provide that|do that)\b"
    r"|As an AI\b[^.]*\b(?:can't|cannot|unable))",
    re.IGNORECASE,
)
# All but tab and line feed; and the marks that turn the direction of writing.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_ASCII_CONTROL = bytes({*range(32), 127} - {9, 10})
_TOO_LONG = re.compile(
    r"context_length|context length|context size|context window|maximum context|prompt is too long"
    r"|too many tokens|exceeds? the (?:available|model)",
    re.IGNORECASE,
)


class Tokens(NamedTuple):
    """Of prompt and reply, as an endpoint counts them, and how many of them were cached, or reasoning."""

    prompt: int | None = None
    completion: int | None = None
    cached: int | None = None
    reasoning: int | None = None


UNTOLD = Tokens()
# Reasons of replies that nobody gave.
FALLEN = frozenset({"call_failed", "prompt_too_long"})


# No call takes more: what says so counts nothing.
MOST_TOKENS = 10**9
PLAIN_USAGE = frozenset({"prompt_tokens", "completion_tokens", "total_tokens"})


@dataclass(frozen=True, slots=True)
class Request:
    """One call to make: what is asked, in which form the reply is wanted, and for which stage.

    With `inputs` it asks for their embeddings, and nothing is said or sampled.
    """

    messages: tuple[dict[str, str], ...]
    sampling: Sampling
    stage: str
    sample: int = 0
    form: Form = "text"
    schema_name: str | None = None
    schema: dict[str, Any] | None = None
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a request; `reason` is None where `text` can be used. Embeddings are JSON as it came."""

    call_id: str
    model: str
    text: str
    reason: str | None
    detail: str
    prompt_tokens: int | None
    completion_tokens: int | None
    reused: bool
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None

    @property
    def made(self) -> bool:
        """Whether it was answered, and paid for, now."""
        return not self.reused and self.reason not in FALLEN

    @property
    def tokens(self) -> Tokens:
        """What the call took, as far as the endpoint told."""
        return Tokens(self.prompt_tokens, self.completion_tokens, self.cached_tokens, self.reasoning_tokens)

    def rejected(self, reason: str, detail: str) -> "Reply":
        """The same reply, found unusable by its reader."""
        return replace(self, reason=reason, detail=detail)


def kind_of(config: ModelConfig) -> Literal["fake", "embedded", "wordllama", "http"]:
    """What stands behind an entry."""
    scheme = config.base_url.partition(":")[0]
    return scheme if scheme in ("fake", "embedded", "wordllama") else "http"  # type: ignore[return-value]


def identity_of(config: ModelConfig, sha256: str | None = None) -> str:
    """Who is asked, as far as it can change the answer; never credentials."""
    if config.identity:
        return config.identity
    kind = kind_of(config)
    if kind == "fake":
        return f"fake@{VERSION}" + config.base_url.removeprefix("fake:")
    if kind == "embedded":
        return f"sha256:{sha256}"
    if kind == "wordllama":
        return f"wordllama@{_version('wordllama')}"
    url = urlsplit(config.base_url)
    host = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname
    port = f":{url.port}" if url.port else ""
    return f"{url.scheme}://{host}{port}{url.path.rstrip('/')}"


def body_of(config: ModelConfig, request: Request) -> dict[str, Any]:
    """The request as sent. The sample number travels as `seed`, so that samples differ and repeat."""
    if request.inputs:
        wanted = {"model": config.model, "input": list(request.inputs), "encoding_format": "float"}
        return {**wanted, **config.extra_body}
    body: dict[str, Any] = {
        "model": config.model,
        "messages": [dict(m) for m in request.messages],
        **request.sampling.model_dump(),
        "seed": request.sample,
    }
    if request.form == "json_schema":
        schema = {"name": request.schema_name or "reply", "strict": True, "schema": request.schema or {}}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    elif request.form == "json_object":
        body["response_format"] = {"type": "json_object"}
    if "max_completion_tokens" in config.extra_body:
        body.pop("max_tokens")  # newer OpenAI models refuse a request that has both
    for name in config.omit:
        body.pop(name)
    return {**body, **config.extra_body}


def rename_limit(body: dict[str, Any]) -> bool:
    """Give the length of a reply the name that reasoning models know it by; False where it has none."""
    if "max_tokens" not in body:
        return False
    body["max_completion_tokens"] = body.pop("max_tokens")
    return True


def _version(package: str) -> str:
    """The version of an installed package; weights that come inside it are known by that."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "absent"


def usage_of(answer: Any) -> Tokens:
    """Tokens of prompt and completion, where the endpoint counts them; what is no count is not taken."""
    usage = answer.get("usage") if isinstance(answer, dict) else None
    if not isinstance(usage, dict):
        return UNTOLD
    prompt, done = _count(usage, "prompt_tokens"), _count(usage, "completion_tokens")
    if done is None and "data" in answer:
        done = 0  # embeddings have no reply
    if usage.keys() <= PLAIN_USAGE:  # this is on the way of every call
        return Tokens(prompt, done)
    cached = _count(usage.get("prompt_tokens_details"), "cached_tokens")
    if cached is None:
        cached = _count(usage, "prompt_cache_hit_tokens")
    reasoning = _count(usage.get("completion_tokens_details"), "reasoning_tokens")
    return Tokens(prompt, done, _within(cached, prompt), _within(reasoning, done))


def usage_record(tokens: Tokens) -> dict[str, int | None]:
    """Tokens as a record of the journal holds them: those of caches and reasoning where they were told."""
    kept: dict[str, int | None] = {"prompt_tokens": tokens.prompt, "completion_tokens": tokens.completion}
    if tokens.cached is not None:
        kept["cached_tokens"] = tokens.cached
    if tokens.reasoning is not None:
        kept["reasoning_tokens"] = tokens.reasoning
    return kept


def _count(told: Any, name: str) -> int | None:
    number = told.get(name) if isinstance(told, dict) else None
    return number if type(number) is int and 0 <= number <= MOST_TOKENS else None


def _within(part: int | None, whole: int | None) -> int | None:
    """A part is no more than the whole, whatever was told."""
    return part if part is None else min(part, whole or 0)


def parse(raw: str) -> dict[str, Any] | None:
    """A chat completion with at least one choice, or None where the body is something else."""
    try:
        answer = loads(raw)
        whole = isinstance(answer["choices"][0]["message"], dict)
    except (ValueError, TypeError, KeyError, IndexError, RecursionError):
        return None
    return answer if whole else None


def answer_of(body: dict[str, Any], raw: str) -> dict[str, Any] | None:
    """What a successful reply holds of what its request asked for: a completion, or embeddings; else None."""
    if "input" not in body:
        return parse(raw)
    try:
        answer: dict[str, Any] = loads(raw)
        return answer if isinstance(answer["data"], list) else None
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def read(answer: dict[str, Any]) -> tuple[str, str | None, str]:
    """Text, reason and detail of a chat completion; the form of the text is for its reader to judge."""
    choice = answer["choices"][0]
    content = choice["message"].get("content")
    text = clean(content) if isinstance(content, str) else ""
    refusal = choice["message"].get("refusal")
    if isinstance(refusal, str) and refusal:
        refusal = clean(refusal)
        return text or refusal, "refused", refusal[:300]
    ended = choice.get("finish_reason")
    if ended == "content_filter":
        return text, "refused", "stopped by the endpoint's content filter"
    if ended == "length":
        return text, "truncated", f"cut after {len(text)} characters"
    if not text.strip():
        return text, "empty_reply", f"finish reason {ended!r}"
    if len(text) <= REFUSAL_CHARS and _REFUSAL.match(text):
        return text, "refused", text[:300]
    return text, None, ""


def clean(text: str) -> str:
    """Text without what no file and no terminal can take: lone surrogates and control characters."""
    if text.isascii():  # ten times as fast, for most replies
        return text.encode("ascii").translate(None, _ASCII_CONTROL).decode("ascii")
    whole = text.encode("utf-8", errors="replace").decode("utf-8")
    return _CONTROL.sub("", whole)


def error_text(raw: str) -> str:
    """What an endpoint says is wrong, on one line."""
    try:
        said = loads(raw)
    except (ValueError, RecursionError):
        said = raw
    for name in ("error", "message", "detail"):
        if isinstance(said, dict) and said.get(name):
            said = said[name]
    text = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
    return " ".join(clean(text).split())[:300]


def wants_renamed(status: int, raw: str) -> bool:
    """Whether a refusal says that the length of a reply has the newer name."""
    return status in (400, 422) and "max_completion_tokens" in raw


def not_taken(status: int, raw: str) -> str | None:
    """The sampling setting that a refusal is about, if it is about one."""
    if status not in (400, 422) or not re.search("unsupported|not support", raw, re.IGNORECASE):
        return None
    return next((name for name in ("temperature", "top_p", "seed") if name in error_text(raw)), None)


def is_too_long(status: int, raw: str) -> bool:
    """Whether a refusal is about the length of the prompt."""
    return status == 413 or (status in (400, 422) and _TOO_LONG.search(raw) is not None)
