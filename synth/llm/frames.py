"""What client and broker say to each other: frames of JSON, each behind its length.

In: values. Out: the same values on the other side, parsed strictly: whatever is not exactly of the form
raises `Malformed`, and its connection is closed. Texts may hold half characters, as models do send them.
"""

import asyncio
import struct
from collections.abc import Mapping, Sequence
from typing import Any, cast, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from synth.config import ModelConfig, Sampling
from synth.errors import ConfigError, EndpointError, StoreError, SynthError
from synth.llm.crew import Job
from synth.llm.limits import Tally
from synth.llm.notation import read_json, write_json
from synth.llm.wire import Form, Reply, Request

# Both sides are of one version, or never meet: raised whenever what is said changes.
PROTOCOL = 2
LENGTH = struct.Struct(">I")
# A reply of 32 MB, the most that a transport reads, is six times as long where each byte is escaped.
MOST_BYTES = 256 << 20
FULL_BYTES = 1 << 20
KINDS: dict[str, type[SynthError]] = {"config": ConfigError, "store": StoreError, "endpoint": EndpointError}

Tree = dict[str, Any]


class Malformed(Exception):
    """What came is no frame, or none that is understood; the text repeats nothing of it."""


class Hello(BaseModel):
    """Who asks: an entry as its client knows it, where answers are kept, and the key in memory only."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    protocol: int
    entry: str
    config: ModelConfig
    journal: str
    key: str | None = Field(repr=False)
    backoff: tuple[float, float]

    @classmethod
    def of(cls, said: Tree) -> "Hello":
        """The hello that a frame holds.

        Raises:
            Malformed: it holds none.
        """
        try:
            # As JSON, where a list stands for a tuple; a fault of pydantic would repeat the key.
            return cls.model_validate_json(write_json({k: v for k, v in said.items() if k != "op"}))
        except ValidationError:
            raise Malformed("a hello of another form") from None


class Frames(asyncio.Protocol):
    """One end of a connection: `got` is called with each frame, `lost` once."""

    transport: asyncio.Transport | None = None
    most_bytes = MOST_BYTES

    def __init__(self) -> None:
        self._come = bytearray()
        self._ready: dict[str, list[bytes]] = {}
        self._flushing = False

    def got(self, said: Tree) -> None:
        """A frame came.

        Raises:
            Malformed: it is of no known form.
        """
        raise NotImplementedError

    def lost(self, why: str) -> None:
        """The connection is gone."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The other side is there."""
        self.transport = cast(asyncio.Transport, transport)

    def connection_lost(self, fault: Exception | None) -> None:
        """The other side is gone, or was sent away."""
        self.transport = None
        self.lost(type(fault).__name__ if fault else "closed")

    def data_received(self, data: bytes) -> None:
        """Take whole frames out of what has come; whoever sends anything else is not heard further."""
        self._come += data
        try:
            while self._is_heard() and (frame := self._frame()) is not None:
                self.got(_tree(frame))
        except Malformed as fault:
            self.say({"op": "malformed", "fault": str(fault)})
            self.close()

    def say(self, tree: Mapping[str, Any]) -> None:
        """Send one frame now."""
        self._send(write_json(dict(tree)))

    def say_soon(self, op: str, item: Any) -> None:
        """Add an item to the next frame of its kind: many of them cost the other side one wake-up."""
        self._ready.setdefault(op, []).append(write_json(item))
        if not self._flushing:
            self._flushing = True
            asyncio.get_running_loop().call_soon(self.flush)

    def flush(self) -> None:
        """Send what was gathered, in frames of a bounded size."""
        self._flushing = False
        ready, self._ready = self._ready, {}
        for op, items in ready.items():
            size, frame = 0, []
            for item in items:
                frame.append(item)
                size += len(item)
                if size >= FULL_BYTES:
                    self._send(_joined(op, frame))
                    size, frame = 0, []
            if frame:
                self._send(_joined(op, frame))

    def close(self) -> None:
        """Send what is written, then hang up."""
        if self.transport is not None:
            self.transport.close()

    def _is_heard(self) -> bool:
        return self.transport is not None and not self.transport.is_closing()

    def _send(self, frame: bytes) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(LENGTH.pack(len(frame)) + frame)

    def _frame(self) -> bytes | None:
        if len(self._come) < LENGTH.size:
            return None
        (length,) = LENGTH.unpack_from(self._come)
        if length > self.most_bytes:
            raise Malformed(f"a frame of {length} bytes, where {self.most_bytes} are the most")
        if len(self._come) < LENGTH.size + length:
            return None
        frame = bytes(memoryview(self._come)[LENGTH.size : LENGTH.size + length])
        del self._come[: LENGTH.size + length]
        return frame


def job_said(job: Job, number: int) -> list[Any]:
    """A job as it is said, under a number of the connection."""
    asked = job.request
    form = [asked.form, asked.schema_name, asked.schema]
    texts = [asked.messages, asked.inputs]
    return [number, job.key, asked.stage, asked.sample, form, asked.sampling.__dict__, *texts]


def job_heard(said: Any) -> tuple[int, Job]:
    """The number and the job.

    Raises:
        Malformed: it is none.
    """
    number, key, stage, sample, form, sampling, messages, inputs = _parts(
        said, (int, str, str, int, list, dict, list, list)
    )
    name, schema_name, schema = _parts(form, (str, str | None, dict | None))
    if name not in get_args(Form) or key.split() != [key]:
        raise Malformed("a job of another form")
    if not all(type(m) is dict and all(type(t) is str for t in m.values()) for m in messages):
        raise Malformed("a job of another form")
    if not all(type(text) is str for text in inputs):
        raise Malformed("a job of another form")
    try:
        settings = Sampling.model_validate(sampling, strict=True)
    except ValidationError:
        raise Malformed("a job of another form") from None
    request = Request(tuple(messages), settings, stage, sample, name, schema_name, schema, tuple(inputs))
    return number, Job(number, request, key)


def reply_said(reply: Reply, number: int, sent: Tally) -> list[Any]:
    """A reply as it is said, with what was sent for it; key and model its asker knows."""
    counts = [sent.requests, sent.unconfirmed]
    return [number, reply.text, reply.reason, reply.detail, list(reply.tokens), reply.reused, counts]


def reply_heard(said: Any, key: str, model: str) -> tuple[Reply, Tally]:
    """The reply to the call of this key, and what was sent for it.

    Raises:
        Malformed: it is none.
    """
    kinds = (int, str, str | None, str, list, bool, list)
    _, text, reason, detail, tokens, reused, counts = _parts(said, kinds)
    prompt, done, *more = _parts(tokens, (int | None,) * 4)
    requests, unconfirmed = _parts(counts, (int, int))
    reply = Reply(key, model, text, reason, detail, prompt, done, reused, *more)
    return reply, Tally(requests, unconfirmed)


def fault_said(fault: SynthError) -> list[str]:
    """A fault as it is said: its kind and its sentence."""
    return [next((name for name, kind in KINDS.items() if isinstance(fault, kind)), "endpoint"), str(fault)]


def fault_heard(said: Any) -> SynthError:
    """The fault, to be raised.

    Raises:
        Malformed: it is none.
    """
    kind, sentence = _parts(said, (str, str))
    if kind not in KINDS:
        raise Malformed("a fault of another kind")
    return KINDS[kind](sentence)


def numbered(said: Any) -> int:
    """The number that a reply or fault begins with.

    Raises:
        Malformed: there is none.
    """
    if type(said) is not list or not said or type(said[0]) is not int:
        raise Malformed("no number")
    return said[0]


def listed(said: Tree) -> list[Any]:
    """The items of a frame that gathers.

    Raises:
        Malformed: there are none.
    """
    if said.keys() != {"op", "items"} or type(said["items"]) is not list:
        raise Malformed("no items")
    return said["items"]


def _joined(op: str, items: Sequence[bytes]) -> bytes:
    # One item with half a character marks the whole frame, as `read_json` wants it.
    mark = b" " if any(item[:1] == b" " for item in items) else b""
    return mark + b'{"op":"%s","items":[%s]}' % (op.encode("ascii"), b",".join(items))


def _tree(frame: bytes) -> Tree:
    try:
        said = read_json(frame)
    except (ValueError, RecursionError):
        raise Malformed("no JSON") from None
    if type(said) is not dict or type(said.get("op")) is not str:
        raise Malformed("no operation")
    return said


def _parts(said: Any, kinds: Sequence[Any]) -> list[Any]:
    """A list of exactly these kinds; a truth value is no number."""
    if type(said) is not list or len(said) != len(kinds):
        raise Malformed("a list of another length")
    for part, kind in zip(said, kinds, strict=True):
        if not isinstance(part, kind) or (type(part) is bool and kind is not bool):
            raise Malformed("a value of another kind")
    return said
