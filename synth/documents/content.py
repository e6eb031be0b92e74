"""What readers hand over: the content of a file or row, or why there is none."""

import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

import charset_normalizer

_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
# Guessing needs letters, not the whole file.
_GUESS_BYTES = 1 << 16
# A few damaged bytes in UTF-8 are marked; with more of them it is no UTF-8.
_MAX_DAMAGE = 0.01
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
    text = _decode(raw, declared)
    if "\x00" in text or len(_CONTROLS.findall(text)) > _FEW_CONTROLS + _MAX_CONTROLS * len(text):
        raise ReadError("binary content, not text")
    return text


def _decode(raw: bytes, declared: str | None) -> str:
    for mark, encoding in _BOMS:
        if raw.startswith(mark):
            return raw.decode(encoding, errors="replace")
    if b"\x00" in raw:
        raise ReadError("binary content, not text")
    text = raw.decode("utf-8", errors="replace")
    foreign = len(text) - sum(map(str.isascii, text)) if "\ufffd" in text else 0
    if text.count("\ufffd") <= _MAX_DAMAGE * foreign:
        return text
    for encoding in filter(None, (declared, _guess(raw))):
        try:
            return raw.decode(encoding)
        except (LookupError, UnicodeDecodeError):
            continue
    raise ReadError("neither UTF-8 nor another known encoding")


def _guess(raw: bytes) -> str | None:
    head = raw[:_GUESS_BYTES]
    # A cut after a line end never splits a character.
    best = charset_normalizer.from_bytes(head[: head.rfind(b"\n") + 1] or head).best()
    return best.encoding if best else None
