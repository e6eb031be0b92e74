"""Segments that are still lines: how a record is written and read again, and who writes which segment.

In: a key and a record. Out: one line, `crc key json`, in a segment that has one writer. The writer holds a
lock on its file, which goes with its process however that ends: so anybody sees what is still written.
"""

import errno
import fcntl
import os
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from synth.errors import StoreError
from synth.llm.notation import read_json, write_json
from synth.writing import sync_folder

_NAME = re.compile(r"segment-([0-9]{6,})(?:\.jsonl|-([0-9]{6,})\.sealed)")


class Found(NamedTuple):
    """What lies in a journal's folder, in order: segments by number, sealed ones by first and last number."""

    lines: dict[int, Path]
    sealed: dict[tuple[int, int], Path]

    def is_covered(self, number: int) -> bool:
        """Whether a sealed file stands for this number."""
        return any(first <= number <= last for first, last in self.sealed)

    @property
    def last(self) -> int:
        """The highest number in use."""
        return max([*self.lines, *(last for _, last in self.sealed)], default=0)


def find_segments(folder: Path) -> Found:
    """What a journal's folder holds; nothing where there is no folder."""
    found = Found({}, {})
    for path in folder.glob("segment-*"):
        if (name := _NAME.fullmatch(path.name)) is None:
            continue
        if name[2] is None:
            found.lines[int(name[1])] = path
        else:
            found.sealed[int(name[1]), int(name[2])] = path
    return Found(dict(sorted(found.lines.items())), dict(sorted(found.sealed.items())))


def line_of(key: str, record: dict[str, Any]) -> bytes:
    """One record as written; lone surrogates are kept, as models do send them."""
    body = b"%s %s" % (key.encode("utf-8", errors="surrogatepass"), write_json(record))
    return b"%08x %s\n" % (zlib.crc32(body), body)


def is_whole(line: bytes) -> bool:
    """Whether a line is as it was written."""
    if len(line) < 11 or line[-1:] != b"\n" or line[8:9] != b" ":
        return False
    return line[:8] == b"%08x" % zlib.crc32(memoryview(line)[9:-1])


def key_of(line: bytes) -> str:
    """The key of a whole line."""
    return line[9 : line.find(b" ", 9)].decode("utf-8", errors="surrogatepass")


def record_of(line: bytes) -> dict[str, Any]:
    """The record of a whole line."""
    record: dict[str, Any] = read_json(line[line.find(b" ", 9) + 1 : -1])
    return record


def damaged(path: Path, offset: int) -> StoreError:
    """The error that names a damaged line."""
    # Each line was paid for: no advice may cost the others.
    fix = "restore the file from a copy, or begin a new run with another --name"
    return StoreError(f"{path}: the line at byte {offset} is damaged; {fix}.")


class Segment:
    """An unsealed segment: its open file, and the place of each of its records as offset and length."""

    def __init__(self, number: int, path: Path, file: int) -> None:
        self.number = number
        self.path = path
        self.file = file
        self.places: dict[str, tuple[int, int]] = {}

    @classmethod
    def read(cls, number: int, path: Path, *, growing: bool) -> "Segment":
        """A segment as it lies on disk; one that is `growing`, or is being written, may end anywhere.

        Raises:
            StoreError: a line before the last is damaged.
            FileNotFoundError: it was sealed meanwhile.
        """
        segment = cls(number, path, os.open(path, os.O_RDONLY | os.O_CLOEXEC))
        try:
            for line, offset in lines_of(path, growing=growing or is_written(segment.file)):
                segment.places.setdefault(key_of(line), (offset, len(line)))
        except BaseException:
            segment.close()
            raise
        return segment

    def line(self, key: str) -> bytes | None:
        """The line of a key, read and checked anew; None where this segment has no such key.

        Raises:
            StoreError: the line was damaged since it was written.
        """
        if (place := self.places.get(key)) is None:
            return None
        offset, length = place
        line = os.pread(self.file, length, offset)
        if not is_whole(line):
            raise damaged(self.path, offset)
        return line

    def close(self) -> None:
        """Let go of the file."""
        os.close(self.file)


def lines_of(path: Path, *, growing: bool = False) -> Iterator[tuple[bytes, int]]:
    """Each line and its offset; a last line that is not whole was never acknowledged.

    Of a segment that is `growing` under its writer's hands, a line that is not whole is the last that is
    looked at: it may have been read while it was written.

    Raises:
        StoreError: a line before the last is damaged.
    """
    offset, torn = 0, -1
    with path.open("rb") as lines:
        for line in lines:
            if torn >= 0:
                raise damaged(path, torn)
            if is_whole(line):
                yield line, offset
            elif growing:
                return
            else:
                torn = offset
            offset += len(line)


def try_lock(file: int, kind: int = fcntl.LOCK_EX) -> bool:
    """Lock an open segment; False where another holds it, or where the file system has no locks."""
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def is_written(file: int) -> bool:
    """Whether a living process writes, or seals, this open segment."""
    if not try_lock(file, fcntl.LOCK_SH):
        return True
    fcntl.flock(file, fcntl.LOCK_UN)
    return False


def new_segment(folder: Path) -> Segment:
    """A segment that no other process has, locked, and numbered after the last.

    Raises:
        OSError: the folder cannot be written.
    """
    number = find_segments(folder).last
    while True:
        number += 1
        path = folder / f"segment-{number:06d}.jsonl"
        try:
            file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_APPEND | os.O_CLOEXEC, 0o644)
        except FileExistsError:
            continue
        try:
            if _is_ours(folder, number, file):
                sync_folder(folder)
                return Segment(number, path, file)
        except BaseException:
            os.close(file)
            raise
        os.close(file)


def _is_ours(folder: Path, number: int, file: int) -> bool:
    """Whether a segment just made can be written.

    In the instant before it was locked another process may have taken it for one that was left behind, and a
    folder that changed while it was listed may have hidden a sealed file that stands for this number.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as fault:  # without locks nobody ever seals here, so nobody can take it away
        if fault.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):
            raise
    return os.fstat(file).st_nlink > 0 and not find_segments(folder).is_covered(number)


def store_error(path: Path, fault: OSError) -> StoreError:
    """One sentence for a journal that cannot be written."""
    if fault.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreError(f"{path}: the disk is full; make room and run the same command again.")
    return StoreError(f"{path}: the journal cannot be written ({fault.strerror}).")
