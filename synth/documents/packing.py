"""Takes the packing off a file: gzip, bzip2, xz.

In: a blob. Out: a blob of what is inside, unpacked as it is read and never more than so many times
the size of the packed file.
"""

import bz2
import gzip
import lzma
from collections.abc import Callable
from functools import partial
from pathlib import PurePosixPath
from typing import Any, BinaryIO, cast

from synth.documents.content import Blob

# Text packs to a tenth; what unpacks to so many times its size was made to.
MAX_RATIO = 200

_OPENERS: dict[bytes, Callable[[BinaryIO], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
}
_SUFFIXES = {".gz": "", ".bz2": "", ".xz": "", ".tgz": ".tar", ".tbz2": ".tar", ".txz": ".tar"}


def unpacked(blob: Blob) -> Blob:
    """The blob inside a packed one; any other blob as it is.

    Raises:
        ReadError: it cannot be opened.
    """
    with blob.open() as stream:
        head = stream.read(6)
        opener = next((o for magic, o in _OPENERS.items() if head.startswith(magic)), None)
        if opener is None:
            return blob
        size = stream.seek(0, 2)
    limit = max(blob.max_bytes, size * MAX_RATIO)
    return Blob(_inner_name(blob.name), blob.max_bytes, partial(_open, opener, blob), limit)


def _open(opener: Callable[[BinaryIO], Any], blob: Blob) -> BinaryIO:
    return cast(BinaryIO, opener(blob.open()))


def _inner_name(name: str) -> str:
    path = PurePosixPath(name)
    return path.stem + _SUFFIXES.get(path.suffix.lower(), path.suffix)
