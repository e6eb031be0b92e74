"""Reads files in processes that may be killed, several at a time.

In: sources. Out: for each what its reader found, and its end. A reader that crashes, takes too much
time or memory, or falls silent costs its own file: that file ends with a reason, its neighbours are
read by a successor.
"""

import os
import queue
import selectors
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from pydantic import ValidationError

from synth.config import DocumentsConfig
from synth.documents.find import Source
from synth.documents.reading import Reading
from synth.errors import SynthError

# Without a word for so long a reader waits for something that will not come; time at work is bounded
# in the reader itself.
SILENT_S = 600
# Readings that nobody has taken yet; more would fill the memory while the disk is slow.
_AHEAD = 64
_READ_BYTES = 1 << 18


class Read(NamedTuple):
    """One reading of a source; None is the end of that source."""

    source: Source
    reading: Reading | None


class Readers:
    """A pool of readers; use as a context manager."""

    def __init__(self, config: DocumentsConfig, count: int) -> None:
        self._slots = [_Slot(config) for _ in range(count)]
        self._found: queue.Queue[Read | BaseException | None] = queue.Queue(_AHEAD)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: object, trace: TracebackType | None) -> None:
        for slot in self._slots:
            slot.close(kill=kind is not None)

    def read(self, sources: Sequence[Source]) -> Iterator[Read]:
        """Everything in the sources, in whatever order it comes; each source ends once."""
        waiting: queue.SimpleQueue[Source] = queue.SimpleQueue()
        for source in sources:
            waiting.put(source)
        for slot in self._slots:
            threading.Thread(target=self._feed, args=(slot, waiting), daemon=True).start()
        busy = len(self._slots)
        while busy:
            found = self._found.get()
            if found is None:
                busy -= 1
            elif isinstance(found, BaseException):
                raise found
            else:
                yield found

    def _feed(self, slot: "_Slot", waiting: "queue.SimpleQueue[Source]") -> None:
        """Give one reader file after file until none is left."""
        try:
            while True:
                source = waiting.get_nowait()
                for reading in slot.read(source):
                    self._found.put(Read(source, reading))
                self._found.put(Read(source, None))
        except queue.Empty:
            self._found.put(None)
        except BaseException as fault:  # noqa: BLE001  (the thread that waits for us raises it)
            self._found.put(fault)


class _Slot:
    """One reader and the process that replaces it."""

    def __init__(self, config: DocumentsConfig) -> None:
        self._config = config
        self._process = subprocess.Popen(
            [sys.executable, "-m", "synth.documents.worker"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=_environment(),
        )  # fmt: skip
        self._pid = 0
        self._rest = bytearray()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._output, selectors.EVENT_READ)
        self._send(config.model_dump_json().encode())

    def read(self, source: Source) -> Iterator[Reading]:
        """What is in a source, and last the reason where its reader did not come to its end."""
        self._send(os.fsencode(source.path).hex().encode())
        for line in self._lines():
            kind, said = line[:1], line[1:]
            if kind == b"P":
                self._pid = int(said)
            elif kind == b"E":
                return
            elif kind in (b"M", b"D"):
                yield self._fault(kind, said)
                return
            elif kind == b"R" and (reading := _understood(said)):
                yield reading

    def close(self, kill: bool) -> None:
        """End the reader, at once or when it sees that no file is left."""
        if kill and self._pid:
            _kill(self._pid)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()
        self._selector.close()
        self._process.wait()

    @property
    def _output(self) -> int:
        assert self._process.stdout
        return self._process.stdout.fileno()

    def _send(self, line: bytes) -> None:
        assert self._process.stdin
        try:
            self._process.stdin.write(line + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError as fault:
            raise SynthError(
                "The process that reads documents has ended; run the same command again."
            ) from fault

    def _lines(self) -> Iterator[bytes]:
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
            yield line

    def _wait(self) -> bytes:
        while not self._selector.select(SILENT_S):
            _kill(self._pid)
        if block := os.read(self._output, _READ_BYTES):
            return block
        raise SynthError("The process that reads documents has ended; run the same command again.")

    def _fault(self, kind: bytes, said: bytes) -> Reading:
        config = self._config
        if kind == b"M":
            return _unread("too_costly", f"reading it takes more than {config.max_memory_mb:,} MB of memory")
        code = -int(said)
        if code == signal.SIGXCPU:
            return _unread(
                "too_costly", f"reading it takes more than {config.max_seconds} s of processor time"
            )
        if code == signal.SIGKILL:
            return _unread(
                "too_costly", "its reader was killed: it fell silent, or the machine had no memory left"
            )
        return _unread("unreadable", f"its reader crashed ({_signal(code)})")


def _unread(reason: str, detail: str) -> Reading:
    return Reading(place="", format="", reason=reason, detail=detail)


def _understood(said: bytes) -> Reading | None:
    """None for a line that a reader could not finish: its death is what comes next."""
    try:
        return Reading.model_validate_json(said)
    except ValidationError:
        return None


def _signal(code: int) -> str:
    return signal.Signals(code).name if code > 0 else f"exit code {-code}"


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _environment() -> dict[str, str]:
    """Ours without keys, which no reader needs, and with the same `synth` wherever it was found."""
    home = str(Path(__file__).parents[2])
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")}
    return {**kept, "PYTHONPATH": home, "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
