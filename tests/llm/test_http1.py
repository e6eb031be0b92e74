"""Messages whole and in pieces, and what no sound server sends: refused, bounded, in linear time."""

import gzip
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.llm.http1 import BadMessage, Message, decoded

SIZED = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: 1\r\nx-a: 2\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=1\r\nhel\r\n2\r\nlo\r\n0\r\nT: v\r\n\r\n"
CLOSED = b"HTTP/1.1 200 OK\r\n\r\nhello"
EARLY = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n" + SIZED


def read(*pieces: bytes, end: bool = False, **more: object) -> Message:
    message = Message(**more)
    for piece in pieces:
        message.feed(piece)
    if end:
        message.end()
    return message


@pytest.mark.parametrize("raw", [SIZED, CHUNKED, CLOSED, EARLY], ids=["sized", "chunked", "closed", "early"])
@given(cuts=st.lists(st.integers(0, 150), max_size=12))
def test_a_message_is_the_same_however_it_is_cut(raw: bytes, cuts: list[int]) -> None:
    places = [0, *sorted(min(cut, len(raw)) for cut in cuts), len(raw)]
    message = read(*(raw[a:b] for a, b in pairwise(places)), end=raw == CLOSED)
    assert message.done
    assert (message.status, bytes(message.body), message.rest) == (200, b"hello", b"")
    assert message.keep_alive is (raw != CLOSED)


def test_headers_are_in_lower_case_in_order_and_joined_on_demand() -> None:
    message = read(SIZED)
    assert message.headers == [("content-length", "5"), ("x-a", "1"), ("x-a", "2")]
    assert message.header("x-a") == "1, 2"


def test_a_request_and_the_one_behind_it() -> None:
    message = read(
        b"POST /v1/x?y HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}GET / HTTP/1.1\r\n", request=True
    )
    assert (message.method, message.target, bytes(message.body)) == ("POST", "/v1/x?y", b"{}")
    assert message.rest == b"GET / HTTP/1.1\r\n"
    assert read(b"GET / HTTP/1.1\r\n\r\n", request=True).done


@pytest.mark.parametrize(
    ("head", "alive"),
    [
        (b"HTTP/1.1 200 OK\r\n", True),
        (b"HTTP/1.1 200 OK\r\nConnection: Close\r\n", False),
        (b"HTTP/1.0 200 OK\r\n", False),
        (b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n", True),
    ],
)
def test_whether_the_connection_can_be_used_again(head: bytes, alive: bool) -> None:
    assert read(head + b"Content-Length: 0\r\n\r\n").keep_alive is alive


def test_a_length_beside_chunks_ends_the_connection() -> None:
    raw = CHUNKED.replace(b"\r\n\r\n3;", b"\r\nContent-Length: 3\r\n\r\n3;")
    message = read(raw)
    assert (bytes(message.body), message.keep_alive) == (b"hello", False)


@pytest.mark.parametrize(
    "raw",
    [
        b"<html>no HTTP</html>\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: 1\r\n folded\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA : 1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: \x00\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: 1\nB: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0x5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: \xb2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffff\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7fffffff\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1;" + b"x" * 600,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 17,
    ],
)
def test_what_is_no_answer_is_refused(raw: bytes) -> None:
    with pytest.raises(BadMessage):
        read(raw)


@pytest.mark.parametrize("raw", [b"", SIZED[:10], SIZED[:-1], CHUNKED[:-1], CHUNKED[:60]])
def test_an_end_before_the_end_is_refused(raw: bytes) -> None:
    with pytest.raises(BadMessage):
        read(raw, end=True)


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"a: b\r\n"),
        (b"HTTP/1.1 200 OK\r\n", b"\r"),
        (b"HTTP/1.1 200 OK\r\n", b":" * 50),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 997),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"a: b\r\n"),
        (b"", b"HTTP/1.1 200 "),
        (b"", b"0"),
    ],
    ids=["headers", "returns", "colons", "body", "chunks", "trailers", "status", "zeros"],
)
def test_what_never_ends_is_cut_off_soon(head: bytes, piece: bytes) -> None:
    message, began, fed = Message(body_bytes=100_000), time.process_time(), 0
    with pytest.raises(BadMessage):
        message.feed(head)
        while fed < 2**20:
            message.feed(piece)
            fed += len(piece)
    assert fed < 300_000
    assert time.process_time() - began < 2


def test_a_megabyte_byte_by_byte_takes_linear_time() -> None:
    raw = b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + b"x" * 300_000
    began = time.process_time()
    assert read(*(raw[i : i + 1] for i in range(len(raw)))).done
    assert time.process_time() - began < 4


def test_compressed_bodies_are_read_and_bounded() -> None:
    assert decoded(gzip.compress(b"hello"), "gzip") == b"hello"
    assert decoded(b"hello", "") == b"hello"
    bomb = gzip.compress(b"0" * 10_000_000)
    for body, coding in ((bomb, "gzip"), (bomb[:-9], "gzip"), (b"hello", "gzip"), (b"x", "br")):
        with pytest.raises(BadMessage):
            decoded(body, coding, 1_000_000)


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 101,
        b"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n33\r\n" + b"x" * 51 + b"\r\n32\r\n",
    ],
    ids=["closed", "sized", "chunked"],
)
def test_a_body_is_bounded_however_it_ends(raw: bytes) -> None:
    with pytest.raises(BadMessage, match="more than 100 bytes"):
        read(raw, body_bytes=100)
