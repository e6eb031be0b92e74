"""Sealed segments: records that nobody writes any more, in compressed blocks, with an index.

In: lines of closed segments. Out: one file `segment-FIRST-LAST.sealed`: blocks of about 64 kB of lines as
they were written (each with its checksum), then the index: 64 bits of each key's hash, sorted, and where its
line lies. The file appears whole or not at all. The index can be made again from the blocks; a damaged block
costs its own records only. An entry takes 16 bytes of memory, and is no Python object.
"""

import os
import struct
import zlib
from array import array
from collections.abc import Iterable, Iterator
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from synth.llm.segments import is_whole, key_of
from synth.writing import sync_folder

BLOCK_BYTES = 1 << 16
# Magic, length of the lines, length as compressed, its checksum; then a checksum of these.
_BLOCK = struct.Struct("<4sQQI")
_SUM = struct.Struct("<I")
_HEAD = _BLOCK.size + _SUM.size
_MAGIC = b"\xb5blk"
# Magic, offset of the index, entries, blocks, checksum of the index; then a checksum of these.
_TAIL = struct.Struct("<8sQQQI")
_END = b"\xb5synthj1"
Words = NDArray[np.uint64]
Halves = NDArray[np.uint32]


class Index(NamedTuple):
    """For each entry, by hash: the block that its line is in, and where; and where each block begins."""

    hashes: Words
    blocks: Halves
    places: Halves
    offsets: Words


@cache
def _codec() -> Any:
    """Of zstd 1: 3 µs a record and a third of its size; zlib takes three times as long for that size."""
    import pyarrow as pa  # 28 MB, for those only who seal, or read what is sealed

    return pa.Codec("zstd", compression_level=1)


def hash_of(key: str) -> int:
    """64 bits of a key; keys that share them are told apart by their lines."""
    written = key.encode("utf-8", errors="surrogatepass")
    return int.from_bytes(blake2b(written, digest_size=8).digest(), "little")


def write_sealed(lines: Iterable[bytes], path: Path) -> None:
    """Write whole lines as a sealed file that is there, and on the disk, only when all of it is.

    Raises:
        OSError: the disk is full or cannot be written.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("wb") as file:
            index = _Entries()
            for block in _blocks(lines, index):
                index.offsets.append(file.tell())
                file.write(_packed(block))
            file.write(_packed_index(index.sorted(), file.tell()))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


class _Entries:
    """An index as it grows."""

    def __init__(self) -> None:
        self.hashes = array("Q")
        self.blocks = array("I")
        self.places = array("I")
        self.offsets = array("Q")

    def add(self, key: str, place: int) -> None:
        self.hashes.append(hash_of(key))
        self.blocks.append(len(self.offsets))
        self.places.append(place)

    def sorted(self) -> Index:
        """By hash, equal ones oldest first."""
        hashes = np.array(self.hashes, np.uint64)
        order = np.argsort(hashes, kind="stable")
        blocks, places = np.array(self.blocks, np.uint32), np.array(self.places, np.uint32)
        return Index(hashes[order], blocks[order], places[order], np.array(self.offsets, np.uint64))


def _blocks(lines: Iterable[bytes], index: _Entries) -> Iterator[bytes]:
    block: list[bytes] = []
    size = 0
    for line in lines:
        index.add(key_of(line), size)
        block.append(line)
        size += len(line)
        if size >= BLOCK_BYTES:
            yield b"".join(block)
            block, size = [], 0
    if block:
        yield b"".join(block)


def _packed(lines: bytes) -> bytes:
    small: bytes = _codec().compress(lines, asbytes=True)
    head = _BLOCK.pack(_MAGIC, len(lines), len(small), zlib.crc32(small))
    return head + _SUM.pack(zlib.crc32(head)) + small


def _packed_index(index: Index, offset: int) -> bytes:
    arrays = b"".join(array.tobytes() for array in index)
    tail = _TAIL.pack(_END, offset, len(index.hashes), len(index.offsets), zlib.crc32(arrays))
    return arrays + tail + _SUM.pack(zlib.crc32(tail))


class Sealed:
    """One sealed file, open for reading; what is wrong with it stands in `damage`, in sentences."""

    def __init__(self, first: int, last: int, path: Path) -> None:
        self.first, self.last, self.path = first, last, path
        self.damage: list[str] = []
        self._bad: set[int] = set()
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._size = os.fstat(self._file).st_size
            self.index = self._read_index() or self._made_index()
        except BaseException:
            self.close()
            raise

    def __len__(self) -> int:
        return len(self.index.hashes)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)

    def block(self, number: int) -> bytes:
        """The lines of a block; none, and a sentence in `damage`, where it is damaged."""
        offset = int(self.index.offsets[number])
        try:
            found = self._unpacked(offset)
        except OSError:  # the disk itself is damaged there
            found = None
        if found is not None:
            return found[0]
        if number not in self._bad:
            self._bad.add(number)
            lost = int(np.count_nonzero(self.index.blocks == number))
            what = f"the block at byte {offset} is damaged; its {lost} records are lost"
            self.damage.append(f"{self.path}: {what}, and their calls will be made again.")
        return b""

    def lines(self) -> Iterator[bytes]:
        """Each line that is sound, oldest first."""
        for number in range(len(self.index.offsets)):
            yield from filter(is_whole, _lines(self.block(number)))

    def _unpacked(self, offset: int) -> tuple[bytes, int] | None:
        """Lines of the block at an offset, and where it ends; None where it is damaged."""
        head = os.pread(self._file, _HEAD, offset)
        if len(head) < _HEAD or _SUM.unpack_from(head, _BLOCK.size)[0] != zlib.crc32(head[: _BLOCK.size]):
            return None
        magic, length, packed, checksum = _BLOCK.unpack_from(head)
        small = os.pread(self._file, packed, offset + _HEAD)
        if magic != _MAGIC or len(small) < packed or zlib.crc32(small) != checksum:
            return None
        lines: bytes = _codec().decompress(small, decompressed_size=length, asbytes=True)
        return lines, offset + _HEAD + packed

    def _read_index(self) -> Index | None:
        """The index as written, or None where it is damaged."""
        start = self._size - _TAIL.size - _SUM.size
        tail = os.pread(self._file, _TAIL.size + _SUM.size, max(start, 0))
        if start < 0 or _SUM.unpack_from(tail, _TAIL.size)[0] != zlib.crc32(tail[: _TAIL.size]):
            return None
        magic, offset, entries, blocks, checksum = _TAIL.unpack_from(tail)
        sizes = [entries * 8, entries * 4, entries * 4, blocks * 8]
        if magic != _END or offset + sum(sizes) != start:
            return None
        raw = os.pread(self._file, sum(sizes), offset)
        if zlib.crc32(raw) != checksum:
            return None
        kinds = (np.uint64, np.uint32, np.uint32, np.uint64)
        ends = np.cumsum(sizes)
        parts = [raw[end - size : end] for end, size in zip(ends, sizes, strict=True)]
        return Index(*(np.frombuffer(part, kind) for part, kind in zip(parts, kinds, strict=True)))

    def _made_index(self) -> Index:
        """The index made again from the blocks that are sound."""
        self.damage.append(f"{self.path}: its index is damaged and was made again from what is sound of it.")
        made, end, offset = _Entries(), 0, 0
        while (offset := self._next_block(offset)) >= 0:
            found = self._unpacked(offset)
            if found is None:
                offset += 1
                continue
            if offset != end:
                self.damage.append(
                    f"{self.path}: bytes {end} to {offset} are damaged; their records are lost."
                )
            place = 0
            for line in _lines(found[0]):
                if is_whole(line):
                    made.add(key_of(line), place)
                place += len(line)
            made.offsets.append(offset)
            end = offset = found[1]
        return made.sorted()

    def _next_block(self, offset: int) -> int:
        """Where the next block may begin, at or after an offset; -1 where there is none."""
        while piece := os.pread(self._file, BLOCK_BYTES, offset):
            if (at := piece.find(_MAGIC)) >= 0:
                return offset + at
            # The magic may lie across the border of two pieces.
            offset += max(len(piece) - len(_MAGIC) + 1, 1)
        return -1


def _lines(block: bytes) -> Iterator[bytes]:
    start = 0
    while (end := block.find(b"\n", start)) >= 0:
        yield block[start : end + 1]
        start = end + 1
