"""One reader: the process that reads files, seen from outside.

In: a source. Out: its readings and its end. What the process says is a stream of lines (`worker`). It dies
and is replaced at any moment, so each file has a number: what is said of another one is not listened to.
"""

import os
import signal
from collections.abc import Iterator
from typing import NamedTuple

from pydantic import ValidationError

from synth.config import DocumentsConfig
from synth.documents.find import Source
from synth.documents.reading import Reading
from synth.errors import SynthError
from synth.processes import cause, signalled
from synth.served import Served

# The reader asks for a successor: its memory is used up, though it could still say so.
WORN_OUT = 3
# The exit code of a process that cannot read anything where it is.
UNREADY = 4
# Seconds of any clock for one document: a reader that waits for something that will not come uses no
# processor time, and would outlive a run that was killed.
SILENT_S = 600
# The reader ends itself when it is silent for long; where it could not even do that, we do.
_WAIT_S = SILENT_S + 60
_READ_BYTES = 1 << 18
# Deaths in a row without a file begun: another one would not fare better.
_STILLBORN = 5
_UNREADY = (
    "The processes that read documents cannot load the model that tells languages apart: "
    "make room in the folder for temporary files ({}), or set TMPDIR to one that can be written."
)


class End(NamedTuple):
    """The end of a source: how much processor time it took, and whether the same would come out again."""

    seconds: float
    lasting: bool = True


class Slot(Served):
    """One reader and the process that replaces it."""

    def __init__(self, config: DocumentsConfig) -> None:
        super().__init__("synth.documents.worker", "reads documents")
        self._config = config
        self._number = 0
        self._pid = 0
        self._rest = bytearray()
        self._send(config.model_dump_json().encode())

    def read(self, source: Source) -> Iterator[Reading | End]:
        """What is in a source, or the reason where its reader did not come to its end; last its end."""
        self._number += 1
        request = b"%d %s" % (self._number, os.fsencode(source.path.absolute()).hex().encode())
        self._send(request)
        begun, whole, places, deaths = False, False, 0, 0
        for kind, said in self._lines():
            if kind == b"P":
                self._pid = int(said)
                continue
            if kind == b"S":
                begun = int(said) == self._number
                continue
            if kind == b"D":
                self._pid = 0
            if kind == b"D" and not begun:
                deaths = self._replaced(deaths, int(said), request)
            elif not begun:
                continue
            elif kind in (b"M", b"D"):
                if not whole:
                    yield self._fault(kind, said)
                yield End(self._config.max_seconds, lasting=False)
                return
            elif kind == b"R" and (reading := _understood(said)):
                places += 1
                # Where the file is one document, that one is whole, even if its reader dies right behind it.
                whole = whole or not reading.place
                yield reading
            elif kind == b"E":
                if not places:
                    yield _unread("unreadable", "its reader said nothing of it")
                yield End(int(said) / 1000)
                return

    def _replaced(self, deaths: int, code: int, request: bytes) -> int:
        """A reader died before it began our file: its successor is asked; the number of such deaths."""
        if code == WORN_OUT:
            return deaths
        if deaths == _STILLBORN:
            raise self._ended(code)
        # It may have taken the request with it. If it has not, the file is read twice and heard once.
        self._send(request)
        return deaths + 1

    def _lines(self) -> Iterator[tuple[bytes, bytes]]:
        """What is said: the letter, and the rest of the line."""
        rest = self._rest
        while True:
            end = rest.find(b"\n")
            while end < 0:
                block = self._wait()
                if (found := block.find(b"\n")) >= 0:
                    end = len(rest) + found
                rest += block
            line = bytes(rest[:end])
            del rest[: end + 1]
            yield line[:1], line[1:]

    def _wait(self) -> bytes:
        while (block := self._block(_READ_BYTES, _WAIT_S)) is None:
            if not self._pid:
                self.kill()
            else:
                signalled(os.kill, self._pid)
        return block

    def _ended(self, code: int) -> SynthError:
        if code == UNREADY:
            return SynthError(_UNREADY.format(os.environ.get("TMPDIR") or "/tmp"))  # noqa: S108  (only named)
        return super()._ended(code)

    def _fault(self, kind: bytes, said: bytes) -> Reading:
        limit = self._config
        if kind == b"M":
            return _unread("too_costly", f"reading it takes more than {limit.max_memory_mb:,} MB of memory")
        code = -int(said)
        if code == signal.SIGXCPU:
            return _unread(
                "too_costly", f"reading it takes more than {limit.max_seconds} s of processor time"
            )
        if code == signal.SIGALRM:
            return _unread("too_costly", f"its reader said nothing for {SILENT_S} s")
        if code == signal.SIGKILL:
            return _unread(
                "too_costly", "its reader was killed: it fell silent, or the machine had no memory left"
            )
        return _unread("unreadable", f"its reader crashed ({cause(code)})")


def _unread(reason: str, detail: str) -> Reading:
    return Reading(place="", format="", reason=reason, detail=detail)


def _understood(said: bytes) -> Reading | None:
    """None for a line that a reader could not finish: its death is what comes next."""
    try:
        return Reading.model_validate_json(said)
    except ValidationError:
        return None
