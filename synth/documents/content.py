"""What readers hand over: the content of a file or row, or why there is none."""

import gzip
import hashlib
import re
import zlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

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


@dataclass(frozen=True, slots=True)
class Content:
    """Text of one document, and what the source itself says of it."""

    text: str
    title: str | None = None
    language: str | None = None
    licence: str | None = None
    url: str | None = None


class ReadError(Exception):
    """A file or row that cannot be read; `reason` is one of `schemas.REASONS`."""

    def __init__(self, detail: str, reason: str = "unreadable") -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(detail)


def load(path: Path, max_bytes: int) -> tuple[bytes, str]:
    """The bytes of a file, unpacked where it is gzipped, and the SHA-256 of the file itself.

    Raises:
        ReadError: it is larger than `max_bytes`, packed or unpacked, or it cannot be read.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(max_bytes + 1)
    except OSError as fault:
        raise ReadError(f"cannot be opened: {fault.strerror}") from fault
    _check_size(raw, max_bytes, "")
    sha = hashlib.sha256(raw).hexdigest()
    if path.suffix.lower() != ".gz":
        return raw, sha
    try:
        with gzip.GzipFile(fileobj=BytesIO(raw)) as packed:
            raw = packed.read(max_bytes + 1)
    except (OSError, EOFError, zlib.error) as fault:
        raise ReadError(f"broken gzip: {fault}") from fault
    _check_size(raw, max_bytes, " unpacked")
    return raw, sha


def _check_size(raw: bytes, max_bytes: int, how: str) -> None:
    if len(raw) > max_bytes:
        raise ReadError(f"more than {max_bytes:,} bytes{how}", "too_large")


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
