"""The journal of model calls: each answer is on disk before anyone sees it, and is never paid twice.

In: a key and a record. Out: the same record, after any kill. A record is one line, `crc key json`, written
with one `write()` into the segment of this process; so a killed process loses nothing that it acknowledged,
and a lost power supply at most the last second. Segments that are full or closed are sealed on a thread:
compressed and indexed. Memory holds the places of records, not the records, and of sealed ones no objects.
"""

import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from synth.errors import StoreError
from synth.llm.catalogue import Catalogue
from synth.llm.sealed import Sealed, Words, hash_of
from synth.llm.sealing import LEAST_BYTES, SEGMENT_BYTES, seal_closed
from synth.llm.segments import Found, Segment, find_segments, key_of, line_of, record_of
from synth.llm.writer import Writer

# A folder that others seal can change while it is read; each time it does, there is less left to seal.
OPEN_TRIES = 50
# Marks a record that an earlier journal gave: this run did not pay for it.
TAKEN_OVER = "taken_over"


class Journal:
    """Records by key, in append-only segments; the first record of a key stands.

    `reuse` names the folders of earlier journals. A record that is only there is copied into this one when it
    is asked for, and marked, so that this folder explains its run even where the earlier ones are gone.
    """

    _sealer: threading.Thread | None
    _retired: list[Writer]
    _writer: Writer | None
    _fault: StoreError | None

    def __init__(
        self,
        folder: Path,
        *,
        read_only: bool = False,
        reuse: Sequence[Path] = (),
        segment_bytes: int = SEGMENT_BYTES,
    ) -> None:
        self.folder = Path(folder)
        self.taken_over = 0  # records that earlier journals gave
        self._read_only = read_only
        self._segment_bytes = segment_bytes
        self._set_up()
        self._is_open = False
        self._segments: dict[int, Segment] = {}
        self._catalogue = Catalogue()
        self._earlier = [Journal(other, read_only=True) for other in reuse]
        self._open()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __contains__(self, key: object) -> bool:
        """Whether `get` has a record."""
        if not isinstance(key, str):
            return False
        return self._line(key) is not None or any(key in other for other in self._earlier)

    def __len__(self) -> int:
        """Number of keys in this folder."""
        with self._opened():
            hashes = _ordered(self._hashes())
        return hashes.size - int(np.count_nonzero(hashes[1:] == hashes[:-1]))

    def __iter__(self) -> Iterator[str]:
        """The keys in this folder, oldest first, one at a time."""
        return map(key_of, self._lines())

    @property
    def damage(self) -> list[str]:
        """What was found damaged so far, in sentences; the records of damaged blocks count as absent."""
        with self._lock:
            own = [fault for sealed in self._catalogue.sealed for fault in sealed.damage]
            return own + [fault for other in self._earlier for fault in other.damage]

    def keys(self) -> list[str]:
        """The keys in this folder, oldest first; iterate over the journal where a list would be too long."""
        return list(self)

    def records(self) -> Iterator[dict[str, Any]]:
        """Every record in this folder, oldest first, one at a time."""
        return map(record_of, self._lines())

    def get(self, key: str) -> dict[str, Any] | None:
        """The record of a key, read and checked anew.

        Raises:
            StoreError: the line was damaged since it was written, or a record cannot be taken over.
        """
        if (line := self._line(key)) is not None:
            return record_of(line)
        for other in self._earlier:
            if (record := other.get(key)) is not None:
                self.taken_over += 1
                if not self._read_only:
                    self.append(key, {**record, TAKEN_OVER: True})
                return record
        return None

    def append(self, key: str, record: dict[str, Any]) -> None:
        """Write a record; when this returns, a kill cannot lose it.

        Raises:
            StoreError: the disk is full or cannot be written, or the journal is open for reading only.
        """
        self.append_many(((key, record),))

    def append_many(self, items: Iterable[tuple[str, dict[str, Any]]]) -> None:
        """Write records that are there at one time, in one go: all of them, or none where that fails.

        Raises:
            StoreError: the disk is full or cannot be written, or the journal is open for reading only.
        """
        if self._read_only:
            raise StoreError(f"{self.folder}: the journal is open for reading only.")
        lines = [(_checked(key), line_of(key, record)) for key, record in items]
        with self._opened():
            writer = self._ready()
            offset = writer.write(lines[0][1] if len(lines) == 1 else b"".join(line for _, line in lines))
            places = writer.segment.places
            for key, line in lines:
                places.setdefault(key, (offset, len(line)))
                offset += len(line)

    def close(self) -> None:
        """Bring everything to the disk, seal what is worth it, let go of the files.

        Closing twice is harmless, and what is asked of a closed journal opens it again.

        Raises:
            StoreError: something could not be brought to the disk.
        """
        if self._pid != os.getpid():
            self._set_up()
        with self._lock:
            if self._writer is not None:
                self._retired.append(self._writer)
            self._writer = None
            sealer, self._sealer = self._sealer, None
        try:
            if sealer is not None:
                sealer.join()
            self._close_retired()
            if not self._read_only:
                self._seal()
            if self._fault is not None:
                raise self._fault
        finally:
            with self._lock:
                self._let_go()
            for other in self._earlier:
                other.close()

    def _set_up(self) -> None:
        """What belongs to this process alone: locks, threads and the writer."""
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._sealing = threading.Lock()
        self._sealer = None
        self._retired = []
        self._writer = None
        self._fault = None

    def _opened(self) -> threading.RLock:
        """The lock, with the folder read."""
        # A forked child has its own segment, as two writers never share one; its parent's locks may be held.
        if self._pid != os.getpid():
            self._set_up()
        if not self._is_open:
            with self._lock:
                if not self._is_open:
                    self._open()
        return self._lock

    def _open(self) -> None:
        """Read the folder as it is now."""
        for left in reversed(range(OPEN_TRIES)):
            try:
                self._read_folder(find_segments(self.folder))
            except FileNotFoundError:
                self._let_go()
                if not left:
                    raise StoreError(f"{self.folder}: the journal changes faster than it is read.") from None
            except OSError as fault:
                self._let_go()
                raise StoreError(f"{self.folder}: the journal cannot be read ({fault.strerror}).") from fault
            except BaseException:
                self._let_go()
                raise
            else:
                self._is_open = True
                return

    def _read_folder(self, found: Found) -> None:
        last = max(found.lines, default=0)
        for number, path in found.lines.items():
            growing = self._read_only and number == last
            self._segments[number] = Segment.read(number, path, growing=growing)
        self._catalogue = Catalogue([Sealed(*numbers, path) for numbers, path in found.sealed.items()])

    def _let_go(self) -> None:
        for segment in self._segments.values():
            segment.close()
        for sealed in self._catalogue.sealed:
            sealed.close()
        self._segments, self._catalogue, self._is_open = {}, Catalogue(), False

    def _ready(self) -> Writer:
        """The writer of this process; a full segment makes room for a new one, and is sealed on a thread."""
        if self._fault is not None:
            raise self._fault
        old = self._writer
        if old is not None and old.size < self._segment_bytes:
            return old
        self._writer = Writer(self.folder)
        self._segments[self._writer.segment.number] = self._writer.segment
        if old is not None:
            self._retired.append(old)
        if self._sealer is None or not self._sealer.is_alive():
            self._sealer = threading.Thread(target=self._tidy, name="journal-seal", daemon=True)
            self._sealer.start()
        return self._writer

    def _tidy(self) -> None:
        """Close writers that are done, and seal; what retires just then waits for the next, or `close`."""
        self._close_retired()
        self._seal()

    def _close_retired(self) -> None:
        while self._retired:
            try:
                self._retired.pop().close()
            except StoreError as fault:
                self._fault = fault

    def _seal(self) -> None:
        """Seal what is closed, here or by another process; where that fails, all stays as it was."""
        with self._sealing:
            try:
                seal_closed(self.folder, min(LEAST_BYTES, self._segment_bytes))
                self._take_sealed()
            except (OSError, StoreError):
                return  # a full disk: the next to seal tries again, and the lines are safe meanwhile

    def _take_sealed(self) -> None:
        """Read sealed files that are new, and forget the lines that they stand for."""
        known = {(one.first, one.last): one for one in self._catalogue.sealed}
        found = find_segments(self.folder).sealed
        if not self._is_open or known.keys() == found.keys():
            return
        opened = [known.get(numbers) or Sealed(*numbers, path) for numbers, path in found.items()]
        catalogue = self._catalogue.grown(opened)
        with self._lock:
            self._catalogue = catalogue
            for number in [n for n in self._segments if any(f <= n <= z for f, z in found)]:
                self._segments.pop(number).close()

    def _line(self, key: str) -> bytes | None:
        """The line of a key that stands: the oldest that is sound."""
        with self._opened():
            number, line = next(self._catalogue.lines(key), (0, None))
            for segment in self._segments.values():
                if line is not None and number <= segment.number:
                    break
                if (found := segment.line(key)) is not None:
                    return found
            return line

    def _lines(self) -> Iterator[bytes]:
        """Every line that stands, oldest first; what is appended meanwhile may be missing."""
        with self._opened():
            repeated = _repeated(self._hashes())
            parts = [(one.first, one.lines()) for one in self._catalogue.sealed]
            parts += [(one.number, self._lines_of(list(one.places))) for one in self._segments.values()]
        seen: set[str] = set()
        for _, lines in sorted(parts, key=lambda part: part[0]):
            for line in lines:
                if repeated and hash_of(key := key_of(line)) in repeated:
                    if key in seen:
                        continue
                    seen.add(key)
                yield line

    def _lines_of(self, keys: list[str]) -> Iterator[bytes]:
        return (line for key in keys if (line := self._line(key)) is not None)

    def _hashes(self) -> Words:
        """The hashes of all keys, in no order, as often as they were written."""
        keys = chain.from_iterable(one.places for one in self._segments.values())
        return np.concatenate([self._catalogue.hashes(), np.fromiter(map(hash_of, keys), np.uint64)])


def _checked(key: str) -> str:
    if key.split() != [key]:  # empty, or with white space in it
        raise ValueError(f"{key!r} is no key")
    return key


def _ordered(hashes: Words) -> Words:
    # Most are in order already: the stable sort sees that.
    return np.sort(hashes, kind="stable")


def _repeated(hashes: Words) -> set[int]:
    ordered = _ordered(hashes)
    return set(ordered[1:][ordered[1:] == ordered[:-1]].tolist())
