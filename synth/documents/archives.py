"""Archives as folders: zip and tar, their members read as if they were files.

In: a blob. Out: for each member its name and its blob, or why it is not read. Nothing is ever written
to disk, so a member's name leads nowhere; members, their number and what they unpack to are bounded.
"""

import io
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import PurePosixPath
from typing import BinaryIO, cast

from synth.config import DocumentsConfig
from synth.documents.content import Blob, ReadError
from synth.documents.find import printable
from synth.documents.packing import MAX_RATIO

Members = Iterator[tuple[str, Blob | ReadError]]

_ZIP, _TAR_AT, _TAR = b"PK\x03\x04", 257, b"ustar"
_EMPTY_ZIP = b"PK\x05\x06"
_ENCRYPTED = 1
# Zip files that are one document.
_DOCUMENTS = ("mimetype", "[Content_Types].xml")


def is_archive(blob: Blob) -> bool:
    """Whether a file is an archive of files, rather than a document that is packed as one."""
    with blob.open() as stream:
        head = stream.read(_TAR_AT + len(_TAR))
    if head.startswith((_ZIP, _EMPTY_ZIP)):
        return not is_zipped_document(head)
    return head[_TAR_AT:] == _TAR or PurePosixPath(blob.name).suffix.lower() == ".tar"


def is_zipped_document(head: bytes) -> bool:
    """Whether these first bytes of a zip file are those of an e-book or an Office document."""
    name = head[30 : 30 + int.from_bytes(head[26:28], "little")]
    return name.decode("latin-1") in _DOCUMENTS or name.startswith((b"_rels/", b"docProps/", b"word/"))


def members(blob: Blob, config: DocumentsConfig) -> Members:
    """The files in an archive, hidden ones left out, each under a name of its own.

    Raises:
        ReadError: it is broken, has too many members, or unpacks to more than it may.
    """
    names: Counter[str] = Counter()
    with blob.open() as stream:
        zipped = stream.read(len(_ZIP)).startswith(_ZIP[:2])
        left = max(config.max_bytes, MAX_RATIO * stream.seek(0, io.SEEK_END))
        stream.seek(0)
        for number, (name, size, member) in enumerate(_zip(stream, blob) if zipped else _tar(stream, blob)):
            left -= size
            if number >= config.max_members or left < 0:
                raise ReadError(
                    f"an archive of more than {number:,} members or {MAX_RATIO} times its size", "too_large"
                )
            if not any(part.startswith((".", "__MACOSX")) for part in name.split("/")):
                names[name] += 1
                yield name if names[name] == 1 else f"{name}~{names[name]}", member


def _zip(stream: BinaryIO, blob: Blob) -> Iterator[tuple[str, int, Blob | ReadError]]:
    try:
        with zipfile.ZipFile(stream) as archive:
            for info in archive.infolist():
                if info.is_dir():
                    continue
                found: Blob | ReadError = ReadError("has a password", "encrypted")
                if not info.flag_bits & _ENCRYPTED:
                    found = Blob(info.filename, blob.max_bytes, partial(_open_zipped, archive, info))
                yield printable(info.filename), info.file_size, found
    except (zipfile.BadZipFile, NotImplementedError) as fault:
        raise ReadError(f"broken zip: {fault}") from fault


def _open_zipped(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> BinaryIO:
    try:
        # Unpacked at once, as readers want to go back in it; its size is known and bounded.
        return io.BytesIO(archive.read(info))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error, EOFError) as fault:
        raise ReadError(f"broken zip: {fault}") from fault


def _tar(stream: BinaryIO, blob: Blob) -> Iterator[tuple[str, int, Blob | ReadError]]:
    try:
        with tarfile.open(fileobj=stream, mode="r:") as archive:
            for info in archive:
                if info.isdir():
                    continue
                found: Blob | ReadError = ReadError("no file but a link or a device", "unsupported_format")
                if info.isreg():
                    found = Blob(info.name, blob.max_bytes, partial(_open_tarred, archive, info))
                yield printable(info.name), info.size, found
    except tarfile.TarError as fault:
        raise ReadError(f"broken tar: {fault}") from fault


def _open_tarred(archive: tarfile.TarFile, info: tarfile.TarInfo) -> BinaryIO:
    member = archive.extractfile(info)
    if member is None:
        raise ReadError("broken tar: a member without content")
    return cast(BinaryIO, member)
