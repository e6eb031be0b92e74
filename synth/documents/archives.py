"""Archives as folders: zip and tar, their members read as if they were files.

In: a blob. Out: for each member its name and its blob, or why it is not read. Nothing is ever written
to disk, so a member's name leads nowhere; members, their number and what they unpack to are bounded.
"""

import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import PurePosixPath
from typing import BinaryIO, cast

from synth.config import DocumentsConfig
from synth.documents.content import Blob, ReadError
from synth.documents.find import printable
from synth.documents.formats.zipped import zipped_format
from synth.documents.packing import MAX_RATIO

Members = Iterator[tuple[str, Blob | ReadError]]

_ZIP, _TAR_AT, _TAR = b"PK\x03\x04", 257, b"ustar"
_EMPTY_ZIP = b"PK\x05\x06"
_ENCRYPTED = 1
# Zip files that are one document.
_DOCUMENTS = ("mimetype", "[Content_Types].xml")
_FOLDERS = (b"_rels/", b"docProps/", b"word/", b"customXml/", b"META-INF/container.xml")
# What Python's zip reader raises on a hostile file, in its own words.
_BROKEN = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, OverflowError)


def is_archive(blob: Blob) -> bool:
    """Whether a file is an archive of files, rather than a document that is packed as one."""
    with blob.open() as stream:
        head = stream.read(_TAR_AT + len(_TAR))
    if head.startswith((_ZIP, _EMPTY_ZIP)):
        called = PurePosixPath(blob.name).suffix.lower() in (".docx", ".epub")
        return not (called or is_zipped_document(head)) or zipped_format(blob) is None
    return head[_TAR_AT:] == _TAR or PurePosixPath(blob.name).suffix.lower() == ".tar"


def is_zipped_document(head: bytes) -> bool:
    """Whether these first bytes of a zip file are those of an e-book or an Office document."""
    name = head[30 : 30 + int.from_bytes(head[26:28], "little")]
    return name.decode("latin-1") in _DOCUMENTS or name.startswith(_FOLDERS)


def members(blob: Blob, config: DocumentsConfig) -> Members:
    """The files in an archive, hidden ones left out, each under a name of its own.

    A member is to be read before the next one is asked for.

    Raises:
        ReadError: it is broken, has too many members, or unpacks to more than it may.
    """
    taken: set[str] = set()
    with blob.open() as stream:
        zipped = stream.read(2) == _ZIP[:2]
    if zipped and blob.max_total is not None:
        # The list of a zip file's members is at its end.
        blob = Blob(blob.name, blob.max_bytes, partial(io.BytesIO, blob.read()))
    with blob.open() as stream:
        left = blob.max_total or max(config.max_bytes, MAX_RATIO * stream.seek(0, io.SEEK_END))
        if stream.seekable():
            stream.seek(0)
        for number, (name, size, member) in enumerate(_zip(stream, blob) if zipped else _tar(stream, blob)):
            left -= size
            if number >= config.max_members:
                raise ReadError(f"an archive of more than {number:,} members", "too_large")
            if left < 0:
                raise ReadError(
                    f"an archive that unpacks to more than {MAX_RATIO} times its size", "too_large"
                )
            parts = [part for part in name.split("/") if part not in ("", ".", "..")]
            if not any(part.startswith((".", "__MACOSX")) for part in parts):
                yield _own(printable("/".join(parts)), taken), member


def _own(name: str, taken: set[str]) -> str:
    """A name that no member before has."""
    own, number = name, 1
    while own in taken:
        number += 1
        own = f"{name}~{number}"
    taken.add(own)
    return own


def _zip(stream: BinaryIO, blob: Blob) -> Iterator[tuple[str, int, Blob | ReadError]]:
    try:
        with zipfile.ZipFile(stream) as archive:
            for info in archive.infolist():
                if info.is_dir():
                    continue
                found: Blob | ReadError = ReadError("has a password", "encrypted")
                if not info.flag_bits & _ENCRYPTED:
                    opener = partial(_open_zipped, archive, info, blob.max_bytes)
                    # What is larger than one document is a table, gone through from its beginning on.
                    total = None if info.file_size <= blob.max_bytes else info.file_size
                    found = Blob(info.filename, blob.max_bytes, opener, total)
                yield info.filename, info.file_size, found
    except (*_BROKEN, NotImplementedError) as fault:
        raise ReadError(f"broken zip: {fault}") from fault


def _open_zipped(archive: zipfile.ZipFile, info: zipfile.ZipInfo, max_bytes: int) -> BinaryIO:
    try:
        member = archive.open(info)
        if info.file_size > max_bytes:
            return cast(BinaryIO, member)
        # The size it states may be a lie; the reader of a member wants to go back in it.
        return io.BytesIO(member.read(max_bytes + 1))
    except (NotImplementedError, RuntimeError) as fault:
        raise ReadError(f"packed in a way that cannot be read: {fault}", "unsupported_format") from fault
    except _BROKEN as fault:
        raise ReadError(f"broken zip: {fault}") from fault


def _tar(stream: BinaryIO, blob: Blob) -> Iterator[tuple[str, int, Blob | ReadError]]:
    end = None
    if stream.seekable():
        end = stream.seek(0, io.SEEK_END)
        stream.seek(0)
    try:
        # A packed archive can only be gone through from its beginning on.
        with tarfile.open(fileobj=stream, mode="r:" if stream.seekable() else "r|") as archive:
            for info in archive:
                if info.isdir():
                    continue
                found: Blob | ReadError = ReadError("no file but a link or a device", "unsupported_format")
                whole = end is None or info.issparse() or info.offset_data + info.size <= end
                if info.isreg() and not whole:
                    found = ReadError("broken tar: it ends in the middle of this member")
                elif info.isreg():
                    found = _Tarred(archive, info, blob.max_bytes).blob(seekable=stream.seekable())
                yield info.name, info.size, found
    except (tarfile.TarError, EOFError, OSError, ValueError, OverflowError) as fault:
        raise ReadError(f"broken tar: {fault}") from fault


class _Tarred:
    """A member of a tar file; where one cannot go back in it, it is read once and kept."""

    def __init__(self, archive: tarfile.TarFile, info: tarfile.TarInfo, max_bytes: int) -> None:
        self._archive = archive
        self._info = info
        self._max_bytes = max_bytes
        self._kept: bytes | None = None

    def blob(self, seekable: bool) -> Blob:
        """The blob of this member."""
        opener = self._open if seekable else self._open_kept
        return Blob(self._info.name, self._max_bytes, opener)

    def _open(self) -> BinaryIO:
        member = self._archive.extractfile(self._info)
        if member is None:
            raise ReadError("broken tar: a member without content")
        return cast(BinaryIO, member)

    def _open_kept(self) -> BinaryIO:
        if self._info.size > self._max_bytes:
            raise ReadError(f"more than {self._max_bytes:,} bytes in a packed archive", "too_large")
        if self._kept is None:
            try:
                self._kept = self._open().read()
            except tarfile.TarError as fault:
                raise ReadError(f"broken tar: {fault}") from fault
        return io.BytesIO(self._kept)
