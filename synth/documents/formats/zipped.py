"""Zip files that are one document: Word files and e-books.

In: a blob. Out: which of them it is, and its parts, each read whole but bounded, whatever sizes the
file states of itself.
"""

import io
import posixpath
import struct
import zipfile
import zlib
from types import TracebackType
from typing import Self

from synth.documents.content import Blob, ReadError

_ENCRYPTED = 1
# Both formats allow no others, and those unpack without bounds.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_FAULTS = (
    *(zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error, struct.error),
    *(EOFError, ValueError, OSError, OverflowError),
)
_OFFICE, _BOOK = "[Content_Types].xml", "META-INF/container.xml"


class Parts:
    """The parts of a zipped document; use as a context manager.

    Raises:
        ReadError: it is no zip file, or a broken one.
    """

    def __init__(self, blob: Blob) -> None:
        self._left = blob.max_bytes
        self._max_bytes = blob.max_bytes
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(blob.read()))
        except _FAULTS as fault:
            raise ReadError(f"broken zip: {fault}") from fault
        # Of two parts of one name the first counts.
        self._names = {_flat(name): name for name in reversed(self._archive.namelist())}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: object, trace: TracebackType | None) -> None:
        self._archive.close()

    def __contains__(self, name: str) -> bool:
        return _flat(name) in self._names

    def has_folder(self, name: str) -> bool:
        """Whether anything stands in a folder."""
        return any(known.startswith(f"{name}/") for known in self._names)

    def read(self, name: str) -> bytes:
        """A part, by its path inside the document, in upper or lower case.

        Raises:
            ReadError: it is missing, broken, has a password, or all that was read is too much.
        """
        known = self._names.get(_flat(name))
        if known is None:
            raise ReadError(f"a part is missing: {name}")
        info = self._archive.getinfo(known)
        if info.flag_bits & _ENCRYPTED:
            raise ReadError("has a password", "encrypted")
        if info.compress_type not in _METHODS:
            raise ReadError(f"{name} is packed in a way that such documents do not allow")
        try:
            with self._archive.open(info) as stream:
                found = stream.read(self._left + 1)
        except _FAULTS as fault:
            raise ReadError(f"broken zip: {name}: {fault}") from fault
        self._left -= len(found)
        if self._left < 0:
            raise ReadError(f"unpacks to more than {self._max_bytes:,} bytes", "too_large")
        return found

    def read_if_there(self, name: str) -> bytes | None:
        """A part that a document may lack."""
        return self.read(name) if name in self else None


def zipped_format(blob: Blob) -> str | None:
    """Which format a zip file is a document of; none where it is an archive of files.

    Raises:
        ReadError: it is broken, or a document of another kind.
    """
    with Parts(blob) as parts:
        if _BOOK in parts:
            return "epub"
        if _OFFICE in parts and parts.has_folder("word"):
            return "docx"
        if _OFFICE in parts or "mimetype" in parts:
            raise ReadError("an Office file, but no .docx", "unsupported_format")
    return None


def _flat(name: str) -> str:
    """A path as it is looked up: nothing leads out of the document."""
    return posixpath.normpath("/" + name.replace("\\", "/")).lstrip("/").lower()
