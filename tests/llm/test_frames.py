"""What is said between client and broker: the same on the other side, and nothing else understood."""

from typing import Any

import pytest

from synth.config import Sampling
from synth.errors import ConfigError, EndpointError, StoreError, SynthError
from synth.llm.crew import Job
from synth.llm.frames import (
    Frames,
    Hello,
    Malformed,
    fault_heard,
    fault_said,
    job_heard,
    job_said,
    listed,
    numbered,
    reply_heard,
    reply_said,
)
from synth.llm.limits import Tally
from synth.llm.notation import read_json, write_json
from synth.llm.wire import Reply, Request

SCHEMA = {"type": "object", "n": 2**70, "deep": [{"x": 1.5, "y": None}]}
REQUESTS = {
    "plain": Request(({"role": "user", "content": "grüße, 数学"},), Sampling(), "s"),
    "schema": Request(({"role": "user", "content": "x"},), Sampling(), "s", 3, "json_schema", "n", SCHEMA),
    "half a character": Request(({"role": "system", "content": "\ud83d"},), Sampling(temperature=0.0), "s"),
    "embeddings": Request((), Sampling(), "s", inputs=("a", "b")),
}


def over_the_wire(said: Any) -> Any:
    return read_json(write_json(said))


@pytest.mark.parametrize("name", REQUESTS)
def test_a_job_comes_as_it_went(name: str) -> None:
    job = Job(7, REQUESTS[name], "call_0123")
    number, heard = job_heard(over_the_wire(job_said(job, 7)))
    assert (number, heard) == (7, job)


def test_a_reply_comes_as_it_went() -> None:
    reply = Reply("call_1", "far#m", "text \u2028", "truncated", "cut", 3, None, True, 2, None)
    sent = Tally(2, 1)
    assert reply_heard(over_the_wire(reply_said(reply, 9, sent)), "call_1", "far#m") == (reply, sent)


@pytest.mark.parametrize("fault", [ConfigError("a."), StoreError("b."), EndpointError("c.")], ids=repr)
def test_a_fault_comes_as_it_went(fault: SynthError) -> None:
    heard = fault_heard(over_the_wire(fault_said(fault)))
    assert (type(heard), str(heard)) == (type(fault), str(fault))


GOOD = over_the_wire(job_said(Job(1, REQUESTS["plain"], "call_0123"), 1))


@pytest.mark.parametrize("place", range(len(GOOD)))
@pytest.mark.parametrize("wrong", [None, True, 1.5, [], {}, [1], "two words", {"a": 1}], ids=repr)
def test_no_other_job_is_understood(place: int, wrong: Any) -> None:
    said = [*GOOD[:place], wrong, *GOOD[place + 1 :]]
    allowed = {2: ["two words"], 5: [{}], 6: [[]], 7: [[]]}  # a stage, defaults, nothing asked
    if wrong in allowed.get(place, []):
        job_heard(said)
    else:
        with pytest.raises(Malformed):
            job_heard(said)


@pytest.mark.parametrize("said", [None, {}, [], [1], ["1"], [True], GOOD[:-1], [*GOOD, 1]], ids=repr)
def test_other_shapes_are_refused(said: Any) -> None:
    with pytest.raises(Malformed):
        job_heard(said)
    with pytest.raises(Malformed):
        reply_heard(said, "call_1", "m")
    with pytest.raises(Malformed):
        fault_heard(said)
    if said != GOOD[:-1] and said not in ([1], [*GOOD, 1]):
        with pytest.raises(Malformed):
            numbered(said)
    with pytest.raises(Malformed):
        listed({"op": "jobs", "items": [], "more": said})


def test_a_hello_that_is_wrong_repeats_no_key() -> None:
    with pytest.raises(Malformed) as raised:
        Hello.of({"op": "hello", "key": "sk-secret", "protocol": "1"})
    assert "sk-secret" not in str(raised.value)
    assert raised.value.__cause__ is None


class Ear(Frames):
    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Any] = []

    def got(self, said: dict[str, Any]) -> None:
        self.heard.append(said)


class Wire:
    """A transport that is a list."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.sent.append(data)

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


def test_frames_come_whole_however_they_are_cut() -> None:
    mouth, ear, wire = Ear(), Ear(), Wire()
    mouth.connection_made(wire)  # type: ignore[arg-type]
    ear.connection_made(Wire())  # type: ignore[arg-type]
    mouth.say({"op": "welcome", "pid": 1})
    mouth._ready = {"jobs": [write_json("x" * 400_000), write_json("\ud83d"), write_json("y" * 800_000)] * 2}
    mouth.flush()
    assert len(wire.sent) == 3  # a frame is closed when it is full
    stream = b"".join(wire.sent)
    for begin in range(0, len(stream), 65_537):
        ear.data_received(stream[begin : begin + 65_537])
    assert ear.heard[0] == {"op": "welcome", "pid": 1}
    items = [item for frame in ear.heard[1:] for item in frame["items"]]
    assert items == ["x" * 400_000, "\ud83d", "y" * 800_000] * 2
