"""What readers hand over: the content of a file or row, or why there is none."""

import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

from synth.documents.encodings import to_text

# Stray control characters occur in text; in binary content they abound.
_MAX_CONTROLS = 0.02
_FEW_CONTROLS = 8
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f]")


# Bytes unpacked at once.
_BUFFER = 1 << 16


@dataclass(frozen=True, slots=True)
class Content:
    """Text of one document, and what the source itself says of it."""

    text: str
    title: str | None = None
    language: str | None = None
    licence: str | None = None
    url: str | None = None
    date: str | None = None


class ReadError(Exception):
    """A file or row that cannot be read; `reason` is one of `schemas.REASONS`.

    `licence` is what a file that is no document states of those beside it.
    """

    def __init__(self, detail: str, reason: str = "unreadable", licence: str | None = None) -> None:
        self.reason = reason
        self.licence = licence
        self.detail = detail
        super().__init__(detail)


@dataclass(frozen=True, slots=True)
class Blob:
    """The bytes of a file on disk or in an archive; `name` is what it is called there.

    No reader gets more than `max_bytes` at once, and none more than `max_total` from one stream.
    """

    name: str
    max_bytes: int
    opener: Callable[[], BinaryIO]
    max_total: int | None = None

    def open(self) -> BinaryIO:
        """Its bytes as a stream, for readers that go row by row.

        Raises:
            ReadError: it cannot be opened.
        """
        try:
            stream = self.opener()
        except OSError as fault:
            raise ReadError(f"cannot be opened: {fault.strerror or fault}") from fault
        if self.max_total is None:
            return stream
        return io.BufferedReader(_Bounded(stream, self.max_total), _BUFFER)

    def read(self) -> bytes:
        """All its bytes.

        Raises:
            ReadError: there are more than `max_bytes` of them, or they cannot be read.
        """
        try:
            with self.open() as stream:
                raw = stream.read(self.max_bytes + 1)
        except OSError as fault:
            raise ReadError(f"cannot be read: {fault.strerror or fault}") from fault
        if len(raw) > self.max_bytes:
            raise ReadError(f"more than {self.max_bytes:,} bytes", "too_large")
        return raw


class _Bounded(io.RawIOBase):
    """A stream of what was packed: an error ends it where it is broken, and where it has given enough."""

    def __init__(self, stream: BinaryIO, limit: int) -> None:
        self._stream = stream
        self._limit = limit
        self._given = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            block = self._stream.read(len(buffer))
        except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, zipfile.BadZipFile) as fault:
            raise ReadError(f"broken packing: {fault}") from fault
        self._given += len(block)
        if self._given > self._limit:
            raise ReadError(f"unpacks to more than {self._limit:,} bytes", "too_large")
        buffer[: len(block)] = block
        return len(block)

    def close(self) -> None:
        self._stream.close()
        super().close()


def decode(raw: bytes, declared: str | None = None) -> str:
    """The text of bytes: by byte-order mark, else UTF-8, else as declared, else as it looks.

    Raises:
        ReadError: the bytes are no text in any encoding.
    """
    text = to_text(raw, declared)
    if text is None and b"\x00" not in raw:
        raise ReadError("neither UTF-8 nor another known encoding")
    if text is None or _is_binary(text):
        raise ReadError("binary content, not text")
    return text


def _is_binary(text: str) -> bool:
    return "\x00" in text or len(_CONTROLS.findall(text)) > _FEW_CONTROLS + _MAX_CONTROLS * len(text)
