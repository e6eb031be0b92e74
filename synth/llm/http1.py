"""One HTTP/1.1 message out of bytes as they come, of a server or of a client; no sockets here.

In: bytes, in pieces of any size. Out: start line, headers (names in lower case, in order) and body, once
`done`. The other side is not trusted: heads, bodies and what is sent around them are bounded, lengths are
read strictly, and no byte is looked at more than a fixed number of times. What is not understood is an error,
never a guess, since a wrong guess would give one call the answer of another.
"""

import re
import zlib

HEAD_BYTES = 65_536
BODY_BYTES = 32 * 2**20
INTERIM = 16  # answers such as "100 Continue" before the real one
_LINE_BYTES = 512  # of a chunk's size with its extensions

_STATUS = re.compile(r"HTTP/1\.([01]) ([1-9][0-9]{2})(?: [^\x00\r\n]*)?")
_REQUEST = re.compile(r"([A-Z]{1,16}) (\S{1,8000}) HTTP/1\.([01])")
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00\r\n]*)")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?")
_LENGTH = re.compile(r"[0-9]{1,15}")


class BadMessage(Exception):
    """What came is not HTTP/1.1, is larger than allowed, or ended too soon."""


class Message:
    """One message; `feed` it until it is `done`. Bytes after its end are in `rest`."""

    def __init__(self, *, request: bool = False, body_bytes: int = BODY_BYTES) -> None:
        self.done = False
        self.head_done = False
        self.keep_alive = False
        self.status = 0
        self.method = self.target = ""
        self.headers: list[tuple[str, str]] = []
        self.body: bytes | bytearray = b""
        self._request = request
        self._most = body_bytes
        self._in = bytearray()
        self._wire = 0
        self._seen = 0  # of the head: searched already
        self._interim = 0
        self._left: int | None = None  # of the body or the chunk; None: until the connection closes
        self._step = _HEAD

    @property
    def rest(self) -> bytes:
        """Bytes that do not belong to this message."""
        return bytes(self._in) if self.done else b""

    def feed(self, data: bytes) -> None:
        """Take bytes.

        Raises:
            BadMessage: they are no HTTP/1.1, or more than allowed.
        """
        self._wire += len(data)
        if self._wire > 2 * self._most + HEAD_BYTES:  # tiny chunks cost more around them than in them
            raise BadMessage("more bytes than a message may have")
        self._in += data
        while not self.done and self._step(self):
            pass

    def end(self) -> None:
        """The connection was closed.

        Raises:
            BadMessage: before the message was whole.
        """
        if not self.done:
            if not self.head_done or self._step is not _SIZED or self._left is not None:
                raise BadMessage("the connection was closed in the middle of a message")
            self._finish()

    def header(self, name: str) -> str:
        """The values of a header, or nothing."""
        return ", ".join(value for known, value in self.headers if known == name)

    def _read_head(self) -> bool:
        end = self._in.find(b"\r\n\r\n", self._seen)
        if end > HEAD_BYTES or (end < 0 and len(self._in) > HEAD_BYTES):
            raise BadMessage(f"headers of more than {HEAD_BYTES} bytes")
        if end < 0:
            self._seen = max(0, len(self._in) - 3)
            return False
        lines = self._in[:end].decode("latin-1").split("\r\n")
        del self._in[: end + 4]
        self._seen = 0
        minor = self._start(lines[0])
        self.headers = [_header(line) for line in lines[1:]]
        if 100 <= self.status < 200:
            return self._skip()
        self.head_done = True
        self._frame(minor)
        return True

    def _start(self, line: str) -> int:
        """Read the first line; returns the minor version."""
        if self._request:
            if asked := _REQUEST.fullmatch(line):
                self.method, self.target = asked[1], asked[2]
                return int(asked[3])
        elif found := _STATUS.fullmatch(line):
            self.status = int(found[2])
            return int(found[1])
        raise BadMessage("it is no HTTP/1.1")

    def _skip(self) -> bool:
        """Something said before the answer; a change of the protocol was not asked for."""
        self._interim += 1
        if self.status == 101 or self._interim > INTERIM:
            raise BadMessage(f"an answer {self.status} that was not asked for")
        return True

    def _frame(self, minor: int) -> None:
        """Find out where the body ends."""
        connection = self.header("connection").lower()
        self.keep_alive = "close" not in connection and (minor == 1 or "keep-alive" in connection)
        coding = self.header("transfer-encoding").strip().lower()
        length = _length(self.headers)
        if coding:
            if coding != "chunked" or minor == 0:
                raise BadMessage("a transfer encoding that is not known")
            self.keep_alive = self.keep_alive and length is None  # both is how answers are smuggled
            self.body = bytearray()
            self._step = _CHUNK_SIZE
        elif self.status in (204, 304) or length == 0 or (self._request and length is None):
            self._finish()
        else:
            self.keep_alive = self.keep_alive and length is not None
            if length is not None and length > self._most:
                raise BadMessage(f"a body of more than {self._most} bytes")
            self._left = length
            self._step = _SIZED

    def _read_sized(self) -> bool:
        """The body by its length, or until the connection is closed."""
        if self._left is None:
            return self._until_closed()
        if len(self._in) >= self._left:
            self.body = bytes(self._in[: self._left])
            del self._in[: self._left]
            self._finish()
        return False

    def _until_closed(self) -> bool:
        if len(self._in) > self._most:
            raise BadMessage(f"a body of more than {self._most} bytes")
        return False

    def _read_size(self) -> bool:
        line = self._line()
        if line is None:
            return False
        found = _CHUNK.fullmatch(line)
        if found is None:
            raise BadMessage("a chunk without a size")
        self._left = int(found[1], 16)
        if len(self.body) + self._left > self._most:
            raise BadMessage(f"a body of more than {self._most} bytes")
        self._step = _CHUNK_DATA if self._left else _TRAILER
        return True

    def _read_chunk(self) -> bool:
        """Bytes of a chunk as they come, then the line end behind them."""
        assert isinstance(self.body, bytearray)
        left = self._left or 0
        if left:
            piece = self._in[:left]
            self.body += piece
            del self._in[: len(piece)]
            self._left = left = left - len(piece)
        if left or len(self._in) < 2:
            return False
        if self._in[:2] != b"\r\n":
            raise BadMessage("a chunk that is longer than its size")
        del self._in[:2]
        self._step = _CHUNK_SIZE
        return True

    def _read_trailer(self) -> bool:
        line = self._line()
        if line == b"":
            self._finish()
        return line is not None

    def _line(self) -> bytes | None:
        end = self._in.find(b"\r\n", 0, _LINE_BYTES)
        if end < 0:
            if len(self._in) >= _LINE_BYTES:
                raise BadMessage("a line among the chunks that does not end")
            return None
        line = bytes(self._in[:end])
        del self._in[: end + 2]
        return line

    def _finish(self) -> None:
        if self._step is _SIZED and self._left is None:
            self.body, self._in = self._in, bytearray()
        self.done = True


_HEAD, _SIZED = Message._read_head, Message._read_sized
_CHUNK_SIZE, _CHUNK_DATA, _TRAILER = Message._read_size, Message._read_chunk, Message._read_trailer


def _header(line: str) -> tuple[str, str]:
    found = _HEADER.fullmatch(line)
    if found is None:
        raise BadMessage("a header that is none")
    return found[1].lower(), found[2].rstrip(" \t")


def _length(headers: list[tuple[str, str]]) -> int | None:
    """The one length that is told, or None."""
    told = {part.strip() for name, value in headers if name == "content-length" for part in value.split(",")}
    if not told:
        return None
    first = told.pop()
    if told or _LENGTH.fullmatch(first) is None:
        raise BadMessage("a length of the body that cannot be")
    return int(first)


def decoded(body: bytes | bytearray, coding: str, most: int = BODY_BYTES) -> bytes:
    """A body without its compression.

    Raises:
        BadMessage: another compression than gzip or deflate, a broken one, or a body larger than allowed.
    """
    if coding in ("", "identity"):
        return bytes(body)
    if coding not in ("gzip", "x-gzip", "deflate"):
        raise BadMessage("a content encoding that was not asked for")
    try:
        unpack = zlib.decompressobj(wbits=47 if coding != "deflate" else 15)
        plain = unpack.decompress(body, most)
    except zlib.error:
        raise BadMessage("a compressed body that is broken") from None
    if not unpack.eof:
        raise BadMessage("a compressed body that is cut off or too large")
    return plain
