"""Sealing: what nobody writes any more becomes compressed and indexed, and its lines go.

In: a journal's folder, which other processes may be writing and sealing too. Out: fewer and smaller files
with the same records. A segment whose lock is held is left alone. Lines are deleted only when the sealed file
that stands for them is on the disk; a kill in between leaves both, with the same records.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path

from synth.llm.sealed import Sealed, hash_of, write_sealed
from synth.llm.segments import find_segments, key_of, lines_of, try_lock

SEGMENT_BYTES = 16 << 20
# Less than this is not worth a file of its own: it opens in some 10 ms as it is.
LEAST_BYTES = 4 << 20
MOST_FILES = 16


def seal_closed(folder: Path, least_bytes: int = LEAST_BYTES) -> None:
    """Seal what is closed, neighbours together; small ones wait until there are enough.

    Raises:
        OSError: the disk is full or cannot be written; every record is where it was.
        StoreError: something there is damaged; every record is where it was.
    """
    with ExitStack() as held:
        for group in _groups(folder, held):
            size = sum(path.stat().st_size for path in group.values())
            if size >= least_bytes or len(group) >= MOST_FILES:
                _seal(folder, group)


def _groups(folder: Path, held: ExitStack) -> Iterator[dict[int, Path]]:
    """Closed segments, locked, with no other between those of a group: order decides which record stands."""
    found = find_segments(folder)
    group: dict[int, Path] = {}
    size = 0
    for number in sorted([*found.lines, *(first for first, _ in found.sealed)]):
        path = found.lines.get(number)
        if path is not None and found.is_covered(number):
            _drop_copy(folder, number, path)
        elif path is not None and _is_closed(path, held):
            group[number] = path
            size += path.stat().st_size
            if size < SEGMENT_BYTES:
                continue
        if group:
            yield group
        group, size = {}, 0
    if group:
        yield group


def _is_closed(path: Path, held: ExitStack) -> bool:
    """Whether nobody writes or seals this segment; if so, nobody else will until `held` ends."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    held.callback(os.close, file)
    # One that another process sealed and deleted since it was opened can be locked, but is gone.
    return try_lock(file) and os.fstat(file).st_nlink > 0


def _seal(folder: Path, group: dict[int, Path]) -> None:
    lines = (line for line, _ in chain.from_iterable(map(lines_of, group.values())))
    write_sealed(lines, folder / f"segment-{min(group):06d}-{max(group):06d}.sealed")
    for path in group.values():
        path.unlink(missing_ok=True)


def _drop_copy(folder: Path, number: int, path: Path) -> None:
    """Delete lines that a kill left behind after they were sealed, if really all of them are."""
    with ExitStack() as held:
        if not _is_closed(path, held):
            return
        for (first, last), sealed_path in find_segments(folder).sealed.items():
            if first <= number <= last:
                sealed = Sealed(first, last, sealed_path)
                held.callback(sealed.close)
                if _keys(path) <= {hash_of(key_of(line)) for line in sealed.lines()}:
                    path.unlink(missing_ok=True)


def _keys(path: Path) -> set[int]:
    return {hash_of(key_of(line)) for line, _ in lines_of(path)}
