"""The journal of model calls: each answer is on disk before anyone sees it, and is never paid twice.

In: a key and a record. Out: the same record, after any kill. A record is one line, `crc key json`, written
with one `write()` into the segment of this process; so a killed process loses nothing that it acknowledged,
and a lost power supply at most the last second. Memory holds the places of the records, not the records.
"""

import errno
import json
import os
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from synth.errors import StoreError

SYNC_SECONDS = 1.0


class _Place(NamedTuple):
    segment: str
    offset: int
    length: int


def _line(key: str, record: dict[str, Any]) -> bytes:
    """One record as written; lone surrogates are kept, as models do send them."""
    text = f"{key} {json.dumps(record, ensure_ascii=False, separators=(',', ':'), allow_nan=False)}"
    body = text.encode("utf-8", errors="surrogatepass")
    return b"%08x %s\n" % (zlib.crc32(body), body)


def _body(line: bytes) -> bytes | None:
    """What stands behind the checksum, or None where the line is not whole."""
    if len(line) < 11 or line[-1:] != b"\n" or line[8:9] != b" ":
        return None
    body = line[9:-1]
    return body if line[:8] == b"%08x" % zlib.crc32(body) else None


def _scan(path: Path, growing: bool) -> Iterator[tuple[str, _Place]]:
    """Keys and places of a segment; a last line that is not whole was never acknowledged.

    Of one that is `growing` under its writer's hands, a line that is not whole is the last that is looked at:
    it may have been read while it was written.

    Raises:
        StoreError: a line before the last is damaged.
    """
    offset, torn = 0, -1
    with path.open("rb") as lines:
        for line in lines:
            if torn >= 0:
                raise _damaged(path, torn)
            if (body := _body(line)) is not None:
                key = body.partition(b" ")[0].decode()
                yield key, _Place(path.name, offset, len(line))
            elif growing:
                return
            else:
                torn = offset
            offset += len(line)


def _damaged(path: Path, offset: int) -> StoreError:
    # Each line was paid for: no advice may cost the others.
    fix = "restore the file from a copy, or begin a new run with another --name"
    return StoreError(f"{path}: the line at byte {offset} is damaged; {fix}.")


class Journal:
    """Records by key, in append-only segments; the first record of a key stands."""

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        self.folder = Path(folder)
        self._read_only = read_only
        self._lock = threading.RLock()
        self._readers: dict[str, int] = {}
        self._writer: _Writer | None = None
        self._index: dict[str, _Place] = {}
        paths = sorted(self.folder.glob("segment-*.jsonl"))
        for path in paths:
            for key, place in _scan(path, growing=read_only and path == paths[-1]):
                self._index.setdefault(key, place)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __contains__(self, key: object) -> bool:
        return key in self._index

    def __len__(self) -> int:
        return len(self._index)

    def keys(self) -> list[str]:
        """The keys, oldest first."""
        return list(self._index)

    def records(self) -> Iterator[dict[str, Any]]:
        """Every record, oldest first."""
        for key in self.keys():
            record = self.get(key)
            if record is not None:
                yield record

    def get(self, key: str) -> dict[str, Any] | None:
        """The record of a key, read and checked anew.

        Raises:
            StoreError: the line was damaged since it was written.
        """
        place = self._index.get(key)
        if place is None:
            return None
        with self._lock:
            line = os.pread(self._reader(place.segment), place.length, place.offset)
        body = _body(line)
        if body is None:
            raise _damaged(self.folder / place.segment, place.offset)
        text = body.partition(b" ")[2].decode("utf-8", errors="surrogatepass")
        record: dict[str, Any] = json.loads(text)
        return record

    def append(self, key: str, record: dict[str, Any]) -> None:
        """Write a record; when this returns, a kill cannot lose it.

        Raises:
            StoreError: the disk is full or cannot be written, or the journal is open for reading only.
        """
        if self._read_only:
            raise StoreError(f"{self.folder}: the journal is open for reading only.")
        if not key or any(c.isspace() for c in key):
            raise ValueError(f"{key!r} is no key")
        line = _line(key, record)
        with self._lock:
            # A forked child has its own segment: two writers never share one.
            if self._writer is None or self._writer.pid != os.getpid():
                self._writer = _Writer(self.folder)
            offset = self._writer.write(line)
            self._index.setdefault(key, _Place(self._writer.path.name, offset, len(line)))

    def close(self) -> None:
        """Bring everything to the disk and let go of the files; closing twice is harmless."""
        with self._lock:
            writer, self._writer = self._writer, None
            for descriptor in self._readers.values():
                os.close(descriptor)
            self._readers.clear()
        if writer is not None:
            writer.close()

    def _reader(self, segment: str) -> int:
        if segment not in self._readers:
            self._readers[segment] = os.open(self.folder / segment, os.O_RDONLY | os.O_CLOEXEC)
        return self._readers[segment]


class _Writer:
    """The one segment that this process writes."""

    def __init__(self, folder: Path) -> None:
        self.pid = os.getpid()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.path, self._file = _new_segment(folder)
        except OSError as fault:
            raise StoreError(f"{folder}: no journal can be made there ({fault.strerror}).") from fault
        self._size = 0
        self._dirty = False
        self._fault: OSError | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sync_often, name="journal-sync", daemon=True)
        self._thread.start()

    def write(self, line: bytes) -> int:
        """Append one line; returns its offset. Half a line is taken back before the error is raised."""
        try:
            if self._fault is not None:
                raise self._fault
            done = os.write(self._file, line)
            while done < len(line):  # a short write comes before "disk full", or on a signal
                done += os.write(self._file, line[done:])
        except OSError as fault:
            os.ftruncate(self._file, self._size)
            raise _store_error(self.path, fault) from fault
        offset, self._size = self._size, self._size + len(line)
        self._dirty = True
        return offset

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._sync()
        os.close(self._file)
        if self._fault is not None:
            raise _store_error(self.path, self._fault)

    def _sync_often(self) -> None:
        while not self._stop.wait(SYNC_SECONDS):
            self._sync()

    def _sync(self) -> None:
        if self._dirty:
            self._dirty = False
            try:
                os.fdatasync(self._file)
            except OSError as fault:  # seen by the next write: what was acknowledged may be gone
                self._fault = fault


def _new_segment(folder: Path) -> tuple[Path, int]:
    """A segment that no other process has, numbered after the last."""
    number = max((int(p.stem.partition("-")[2]) for p in folder.glob("segment-*.jsonl")), default=0)
    while True:
        number += 1
        path = folder / f"segment-{number:06d}.jsonl"
        try:
            file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o644)
        except FileExistsError:
            continue
        parent = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(parent)
        finally:
            os.close(parent)
        return path, file


def _store_error(path: Path, fault: OSError) -> StoreError:
    if fault.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreError(f"{path}: the disk is full; make room and run the same command again.")
    return StoreError(f"{path}: the journal cannot be written ({fault.strerror}).")
