"""Files and batches of the fake endpoint: `/v1/files` and `/v1/batches`, with the fields that OpenAI has.

In: a request. Out: a status, and JSON or the bytes of a file. Files and batches lie in memory. A batch is
answered by the same fake model as live calls, after `batch_s` seconds; its faults are drawn by hash.
"""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from synth.ids import digest, stream
from synth.llm import fake
from synth.llm.fake import FakeModel
from synth.llm.fake_forms import parts_of
from synth.llm.fake_settings import Behaviour
from synth.llm.fake_stats import Stats
from synth.llm.http1 import Message
from synth.llm.transport import encoded

Json = dict[str, Any]
Said = tuple[int, Json | bytes]

ENDPOINTS = ("/v1/chat/completions", "/v1/embeddings")
MOST_REQUESTS, MOST_BYTES, MOST_PAIRS = 50_000, 200_000_000, 16
ENDED = ("completed", "failed", "expired", "cancelled")
# Lines that are answered before other requests have their turn.
SLICE = 50
START = 1_700_000_000


class _Refused(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status


class _Failed(Exception):
    """A batch that does not begin: why, as a code and a sentence, and for which line of its file."""

    def __init__(self, code: str, said: str, line: int | None = None) -> None:
        super().__init__(said)
        self.facts = {"code": code, "message": said, "line": line, "param": None}


@dataclass
class _File:
    id: str
    name: str
    purpose: str
    content: bytes
    created_at: int

    def facts(self) -> Json:
        return {
            "id": self.id, "object": "file", "bytes": len(self.content), "created_at": self.created_at,
            "filename": self.name, "purpose": self.purpose, "status": "processed",
        }  # fmt: skip


@dataclass
class _Batch:
    facts: Json
    todo: Iterator[Json] = field(default_factory=lambda: iter(()))
    left: int = 0  # lines that are still worked on, before the batch completes or expires
    output: list[bytes] = field(default_factory=list)
    errors: list[bytes] = field(default_factory=list)


class FakeBatches:
    """All files and batches of one fake endpoint, on one event loop."""

    def __init__(self, behaviour: Behaviour, model: FakeModel, stats: Stats) -> None:
        self._behaviour = behaviour
        self._model = model
        self._stats = stats
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._files: dict[str, _File] = {}
        self._batches: dict[str, _Batch] = {}

    def handle(self, asked: Message) -> Said:
        """Answer a request below `/v1/files` or `/v1/batches`."""
        path, _, query = asked.target.partition("?")
        kind, *rest = path.removeprefix("/v1/").split("/")
        given = {name: values[-1] for name, values in parse_qs(query).items()}
        try:
            if kind == "files":
                return self._of_files(asked, rest, given)
            return self._of_batches(asked, rest, given)
        except _Refused as refused:
            return refused.status, _error(str(refused))

    def _of_files(self, asked: Message, rest: list[str], given: dict[str, str]) -> Said:
        match asked.method, rest:
            case "POST", []:
                return 200, self._upload(asked)
            case "GET", []:
                wanted = given.get("purpose")
                files = [f.facts() for f in self._files.values() if wanted in (None, f.purpose)]
                return 200, _page(files, given, 10_000)
            case "GET", [name]:
                return 200, self._file(name).facts()
            case "GET", [name, "content"]:
                return 200, self._file(name).content
            case "DELETE", [name]:
                del self._files[self._file(name).id]
                return 200, {"id": name, "object": "file", "deleted": True}
        raise _Refused(405, "there is nothing like this to do with files")

    def _of_batches(self, asked: Message, rest: list[str], given: dict[str, str]) -> Said:
        match asked.method, rest:
            case "POST", []:
                return 200, self._create(_json(bytes(asked.body)))
            case "GET", []:
                return 200, _page([batch.facts for batch in self._batches.values()], given, 100)
            case "GET", [name]:
                return 200, self._batch(name).facts
            case "POST", [name, "cancel"]:
                return 200, self._cancel(self._batch(name))
        raise _Refused(405, "there is nothing like this to do with batches")

    def _upload(self, asked: Message) -> Json:
        try:
            parts = parts_of(asked.header("content-type"), bytes(asked.body))
            purpose, file = parts["purpose"].content.decode(), parts["file"]
        except (ValueError, KeyError) as odd:
            raise _Refused(400, f"the upload is odd ({odd})") from None
        if purpose == "batch" and len(file.content) > MOST_BYTES:
            raise _Refused(413, f"a file for a batch has at most {MOST_BYTES} bytes")
        self._stats.batches["files"] += 1
        return self._keep(file.file or "upload", purpose, file.content).facts()

    def _keep(self, name: str, purpose: str, content: bytes) -> _File:
        number = sum(self._stats.batches[kind] for kind in ("files", "results"))
        kept = _File(f"file-{number:06d}", name, purpose, content, self._now())
        self._files[kept.id] = kept
        return kept

    def _create(self, said: Json) -> Json:
        file = self._file(str(said.get("input_file_id")))
        metadata = said.get("metadata") or {}
        if said.get("endpoint") not in ENDPOINTS or said.get("completion_window") != "24h":
            raise _Refused(400, "endpoint or completion_window is not known")
        if not isinstance(metadata, dict) or len(metadata) > MOST_PAIRS or not all(
            isinstance(v, str) and len(k) <= 64 and len(v) <= 512 for k, v in metadata.items()
        ):  # fmt: skip
            raise _Refused(400, f"metadata are at most {MOST_PAIRS} short pairs of text")
        self._stats.batches["created"] += 1
        name = f"batch_{self._stats.batches['created']:06d}"
        facts = {
            "id": name, "object": "batch", "endpoint": said["endpoint"], "input_file_id": file.id,
            "completion_window": "24h", "status": "validating", "created_at": self._now(),
            "metadata": metadata, "output_file_id": None, "error_file_id": None, "errors": None,
            "request_counts": {"total": 0, "completed": 0, "failed": 0},
        }  # fmt: skip
        batch = self._batches[name] = _Batch(facts)
        self._loop.call_soon(self._validate, batch, file.content)
        return dict(facts)

    def _validate(self, batch: _Batch, content: bytes) -> None:
        if batch.facts["status"] != "validating":
            return
        under_way = [b for b in self._batches.values() if b.facts["status"] in ("in_progress", "finalizing")]
        most = self._behaviour.batch_most
        try:
            if most is not None and len(under_way) >= most:
                raise _Failed("token_limit_exceeded", "Enqueued token limit reached.")
            lines = list(_lines(content, batch.facts["endpoint"]))
        except _Failed as failed:
            batch.facts["errors"] = {"object": "list", "data": [failed.facts]}
            self._end(batch, "failed")
            return
        batch.facts["request_counts"]["total"] = len(lines)
        expires = self._drawn("batch_expire", digest("batch", content.decode("utf-8", errors="replace")))
        batch.todo, batch.left = iter(lines), len(lines) // 2 if expires else len(lines)
        self._move(batch, "in_progress")
        self._loop.call_later(self._behaviour.batch_s, self._work, batch)

    def _work(self, batch: _Batch) -> None:
        """Answer some lines, then let others have their turn."""
        if batch.facts["status"] != "in_progress":
            return
        for _ in range(min(SLICE, batch.left)):
            batch.left -= 1
            self._answer(batch, next(batch.todo))
        if batch.left:
            self._loop.call_soon(self._work, batch)
        else:
            self._move(batch, "finalizing")
            self._loop.call_soon(self._finalize, batch)

    def _answer(self, batch: _Batch, asked: Json) -> None:
        body, counts = asked["body"], batch.facts["request_counts"]
        try:
            name = self._model.name(body)
            reply = self._model.answer(body, name)
            said, status = fake.completion(body, reply), reply.status
            tokens = said.get("usage", {})
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as odd:
            name, said, status, tokens = "", _error(f"the request is odd ({type(odd).__name__})"), 400, {}
        if name and self._drawn("batch_line", name):
            self._stats.faults["batch_line"] += 1
            said, status = _error("this line fails as configured"), 500
        response = {"status_code": status, "request_id": digest("line", asked), "body": said}
        line = {"id": digest("batch-line", asked), "custom_id": asked["custom_id"], "response": response}
        fine = status == 200
        (batch.output if fine else batch.errors).append(encoded({**line, "error": None}) + b"\n")
        counts["completed" if fine else "failed"] += 1
        if fine:
            self._stats.batches["lines"] += 1
            used = (tokens.get("prompt_tokens", 0), tokens.get("completion_tokens", 0))
            self._stats.pay(name, self._loop.time(), *used)

    def _finalize(self, batch: _Batch) -> None:
        left = list(batch.todo)
        for asked in left:
            error = {"code": "batch_expired", "message": "This request could not be executed in time."}
            line = {"id": digest("batch-line", asked), "custom_id": asked["custom_id"], "response": None}
            batch.errors.append(encoded({**line, "error": error}) + b"\n")
        self._end(batch, "expired" if left else "completed")

    def _cancel(self, batch: _Batch) -> Json:
        if batch.facts["status"] in ENDED:
            raise _Refused(409, f"the batch is {batch.facts['status']} already")
        self._end(batch, "cancelled")
        return dict(batch.facts)

    def _end(self, batch: _Batch, status: str) -> None:
        for name, lines in (("output_file_id", batch.output), ("error_file_id", batch.errors)):
            if lines:
                self._stats.batches["results"] += 1
                kept = self._keep(f"{batch.facts['id']}_{name[:6]}.jsonl", "batch_output", b"".join(lines))
                batch.facts[name] = kept.id
        batch.output, batch.errors, batch.todo = [], [], iter(())
        self._stats.batches["ended"] += 1
        self._move(batch, status)

    def _move(self, batch: _Batch, status: str) -> None:
        batch.facts |= {"status": status, f"{status}_at": self._now()}

    def _drawn(self, fault: str, name: str) -> bool:
        share = self._behaviour.faults.get(fault, 0.0)
        return bool(share) and stream(0, f"fake-{fault}", name).random() < share

    def _file(self, name: str) -> _File:
        if name not in self._files:
            raise _Refused(404, f"No such File object: {name[:100]}")
        return self._files[name]

    def _batch(self, name: str) -> _Batch:
        if name not in self._batches:
            raise _Refused(404, f"No batch found with id {name[:100]!r}.")
        return self._batches[name]

    def _now(self) -> int:
        return START + int(self._loop.time() - self._began)


def _lines(content: bytes, endpoint: str) -> Iterator[Json]:
    """The requests of a file, which has to be sound as a whole."""
    seen: set[str] = set()
    for number, line in enumerate(content.splitlines(), 1):
        try:
            asked = json.loads(line)
            name, body = asked["custom_id"], asked["body"]
            fine = asked["method"] == "POST" and asked["url"] == endpoint and isinstance(body, dict)
        except (ValueError, TypeError, KeyError, RecursionError):
            raise _Failed("invalid_json_line", "The line is no request.", number) from None
        if not isinstance(name, str) or not fine:
            raise _Failed("mismatched_url", "The line does not fit its batch.", number)
        if name in seen or number > MOST_REQUESTS:
            raise _Failed("duplicate_custom_id", "The custom_id stands twice, or lines are too many.", number)
        seen.add(name)
        yield asked
    if not seen:
        raise _Failed("empty_file", "The file is empty.")


def _page(items: list[Json], given: dict[str, str], most: int) -> Json:
    """The newest first, from behind `after` on."""
    newest = items[::-1]
    if after := given.get("after"):
        places = [place for place, item in enumerate(newest) if item["id"] == after]
        if not places:
            raise _Refused(404, "there is nothing by the name that `after` gives")
        newest = newest[places[0] + 1 :]
    limit = given.get("limit", "20" if most == 100 else str(most))
    if not limit.isdecimal() or not 1 <= int(limit) <= most:
        raise _Refused(400, f"limit is from 1 to {most}")
    data = newest[: int(limit)]
    ends = {"first_id": data[0]["id"], "last_id": data[-1]["id"]} if data else {}
    return {"object": "list", "data": data, **ends, "has_more": len(newest) > len(data)}


def _json(body: bytes) -> Json:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        raise _Refused(400, "the body is no JSON") from None
    if not isinstance(said, dict):
        raise _Refused(400, "the body is no object")
    return said


def _error(message: str) -> Json:
    return {"error": {"message": message, "type": "invalid_request_error", "code": None}}
