"""Takes the packing off a file: gzip, bzip2, xz, zstd.

In: a blob. Out: a blob of what is inside, unpacked as it is read and never more than so many times
the size of the packed file.
"""

import bz2
import gzip
import io
import lzma
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import PurePosixPath
from typing import Any, BinaryIO, cast

import pyarrow as pa

from synth.documents.content import Blob

# Text packs to a tenth; what unpacks to so many times its size was made to.
MAX_RATIO = 200

_OPENERS: dict[bytes, Callable[[BinaryIO], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
    b"\x28\xb5\x2f\xfd": lambda stream: pa.CompressedInputStream(stream, "zstd"),
}
PACKED = (".gz", ".bz2", ".xz", ".zst")
_SUFFIXES = {
    **dict.fromkeys(PACKED, ""),
    **dict.fromkeys((".tgz", ".tbz2", ".tbz", ".txz", ".tzst"), ".tar"),
}


def unpacked(blob: Blob) -> Blob:
    """The blob inside a packed one; any other blob with the bytes it has.

    Raises:
        ReadError: it cannot be opened.
    """
    with blob.open() as stream:
        head = stream.read(6)
        opener = next((o for magic, o in _OPENERS.items() if head.startswith(magic)), None)
        if opener is None:
            # What a browser has unpacked on the way is still called as it was.
            return replace(blob, name=_inner_name(blob.name))
        size = stream.seek(0, io.SEEK_END) if stream.seekable() else len(blob.read())
    limit = max(blob.max_bytes, size * MAX_RATIO)
    return Blob(_inner_name(blob.name), blob.max_bytes, partial(_open, opener, blob), limit)


def _open(opener: Callable[[BinaryIO], Any], blob: Blob) -> BinaryIO:
    return cast(BinaryIO, opener(blob.open()))


def _inner_name(name: str) -> str:
    """What is in `a.txt.gz` is `a.txt`, in `a.tgz` it is `a.tar`; any other name stays."""
    path = PurePosixPath(name)
    return path.stem + _SUFFIXES.get(path.suffix.lower(), path.suffix)
