"""Lines of batches, in and out: requests as JSON lines, and what comes back of them.

In: requests, or the bytes of an answered file in pieces of any size. Out: the lines of files that fit an
endpoint's limits; for each line that comes back its key and its answer. Nothing that comes back is trusted:
a line that is no answer, or is too long, costs itself only.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from synth.llm.http1 import BODY_BYTES
from synth.llm.notation import loads
from synth.llm.transport import encoded, path_of

# A live answer may be no longer either.
LINE_BYTES = BODY_BYTES


class Outcome(NamedTuple):
    """One line that came back: whose it is, and the body of its answer where it succeeded."""

    key: str
    raw: str | None


def url_of(body: dict[str, Any]) -> str:
    """Where a request would go, as batches name it whatever the base URL is."""
    return "/v1" + path_of(body)


def line_of(key: str, body: dict[str, Any]) -> bytes:
    """One request as a line."""
    return encoded({"custom_id": key, "method": "POST", "url": url_of(body), "body": body}) + b"\n"


def cut(sizes: Iterable[tuple[str, int]], most: int, most_bytes: int) -> Iterator[list[str]]:
    """Keys with the sizes of their lines, in lists that each fit into one file; none holds a giant line."""
    some: list[str] = []
    held = 0
    for key, size in sizes:
        if size > most_bytes:
            continue
        if some and (len(some) == most or held + size > most_bytes):
            yield some
            some, held = [], 0
        some.append(key)
        held += size
    if some:
        yield some


class Bodies:
    """The requests of a file, by key, read when they are wanted; `keys` are in the order of its lines."""

    def __init__(self, path: Path, keys: Iterable[str]) -> None:
        self._file = path.open("rb")
        offset = 0
        self._places: dict[str, tuple[int, int]] = {}
        for key, line in zip(keys, self._file, strict=True):
            self._places[key] = (offset, len(line))
            offset += len(line)

    def get(self, key: str) -> dict[str, Any]:
        """The body of a request.

        Raises:
            ValueError: the line is not the one that was written.
        """
        offset, size = self._places[key]
        self._file.seek(offset)
        line = loads(self._file.read(size).decode("utf-8"))
        if line["custom_id"] != key:
            raise ValueError("the lines are not in the order of their keys")
        body: dict[str, Any] = line["body"]
        return body

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


class Lines:
    """Whole lines out of pieces; what is too long to be an answer is dropped, and counted in `dropped`."""

    def __init__(self, most: int = LINE_BYTES) -> None:
        self.dropped = 0
        self._most = most
        self._rest = bytearray()
        self._dropping = False

    def feed(self, piece: bytes) -> list[bytes]:
        """The lines that a further piece ends."""
        *whole, rest = piece.split(b"\n")
        lines = []
        for part in whole:
            self._add(part)
            if self._rest:
                lines.append(bytes(self._rest))
            self._rest.clear()
            self._dropping = False
        self._add(rest)
        return lines

    def end(self) -> list[bytes]:
        """The last line, where no line end follows it."""
        return self.feed(b"\n")

    def _add(self, part: bytes) -> None:
        if self._dropping:
            return
        self._rest += part
        if len(self._rest) > self._most:
            self.dropped += 1
            self._dropping = True
            self._rest.clear()


def read_line(line: bytes) -> Outcome | None:
    """What came back for one request, or None where the line cannot be understood."""
    try:
        said = loads(line.decode("utf-8"))
        key, response = said["custom_id"], said.get("response")
        if type(key) is not str or not (response is None or type(response) is dict):
            return None
        if response is None or response.get("status_code") != 200 or said.get("error"):
            return Outcome(key, None)
        body = response["body"]
        return Outcome(key, encoded(body).decode("utf-8")) if type(body) is dict else None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
