"""In which encoding a text was written.

In: bytes, and the encoding that they or their page declare. Out: text. UTF-8 proves itself; what is
not UTF-8 is as declared, else as it looks. A file that was put together from several is decoded line
by line.
"""

import codecs
import re

import chardet
from chardet import EncodingEra

_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe\x00\x00", "utf-32"), (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"),
)  # fmt: skip
# How Japanese, Korean and Chinese mail switches alphabets: valid ASCII, and unreadable as such.
_SWITCH = re.compile(rb"\x1b(?:\$[@AB]|\$\([A-D]|\$\)[ACG]|\(J)")
_WIDE = ("utf-16", "utf-32")
# Guessing needs letters, not the whole file.
_GUESS_BYTES = 1 << 15
# Mainframes and old Macintoshes wrote no files that are read today, but explain any few bytes.
_ERAS = EncodingEra.MODERN_WEB | EncodingEra.LEGACY_ISO | EncodingEra.LEGACY_REGIONAL | EncodingEra.DOS
# A word or two could be anything.
_MIN_CONFIDENCE = 0.1
_COMMONEST = "cp1252"
# Some damaged characters are marked; with more of them it is another encoding.
_MAX_DAMAGE = 0.01
# What a page may declare; the others are no encodings of text (`unicode_escape`).
_DECLARED = re.compile(r"(?:utf-?_?(?:8|16|32)|iso|cp|koi8|kz|ptcp|gb|hz|big5|euc|shift|johab|mac|tis|latin)")
# What is written as one is often its superset, as browsers know.
_SUPERSETS = {
    "ascii": "cp1252", "iso8859-1": "cp1252", "iso8859-9": "cp1254", "iso8859-11": "cp874",
    "tis-620": "cp874", "gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932", "euc_kr": "cp949",
}  # fmt: skip


def to_text(raw: bytes, declared: str | None = None) -> str | None:
    """The text of bytes; None where no encoding fits."""
    for mark, encoding in _MARKS:
        if raw.startswith(mark):
            return raw.decode(encoding, errors="replace")
    if b"\x00" in raw:
        return _wide(raw)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return _mixed(raw) or _decoded(raw, _known(declared)) or _decoded(raw, _guess(raw))
    return _decoded(raw, _guess(raw)) or text if _SWITCH.search(raw) else text


def _wide(raw: bytes) -> str | None:
    """UTF-16 and UTF-32 without a mark; binary content is neither."""
    encoding = (chardet.detect(raw[:_GUESS_BYTES])["encoding"] or "").lower()
    text = _decoded(raw, encoding) if encoding.startswith(_WIDE) else None
    if text is None:
        return None
    head = text[:_GUESS_BYTES]
    printable = sum(c.isprintable() or c.isspace() for c in head)
    return text if len(head) - printable <= _MAX_DAMAGE * len(head) else None


def _mixed(raw: bytes) -> str | None:
    """A text that is mostly UTF-8, with lines in another encoding or damaged ones; None for others."""
    legacy = [line for line in _foreign_lines(raw) if not _sound(line)]
    if sum(map(len, _foreign_lines(raw))) < 2 * sum(map(len, legacy)):
        return None
    encoding = _guess(b"\n".join(legacy)) or _COMMONEST

    def decoded(line: bytes) -> str:
        if line.isascii() or _sound(line):
            return line.decode("utf-8", errors="replace")
        return _decoded(line, encoding) or line.decode(_COMMONEST, errors="replace")

    return "\n".join(map(decoded, raw.split(b"\n")))


def _foreign_lines(raw: bytes) -> list[bytes]:
    return [line for line in raw.split(b"\n") if not line.isascii()]


def _sound(line: bytes) -> bool:
    """Whether a line is UTF-8: one that mostly is, is so where a character of it is damaged."""
    text = line.decode("utf-8", errors="replace")
    return _foreign(text) > 2 * text.count("\ufffd")


def _foreign(text: str) -> int:
    """How many characters are beyond ASCII."""
    return len(text) - len(text.encode("ascii", errors="ignore"))


def _known(declared: str | None) -> str | None:
    try:
        name = codecs.lookup(declared or "").name
    except (LookupError, ValueError):
        return None
    return _SUPERSETS.get(name, name) if _DECLARED.match(name) else None


def _guess(raw: bytes) -> str | None:
    """The encoding that the lines with foreign letters are most likely in."""
    head = b"\n".join(_foreign_lines(raw))[:_GUESS_BYTES] or raw[:_GUESS_BYTES]
    found = chardet.detect(head, encoding_era=_ERAS)
    if found["encoding"] is not None and found["confidence"] < _MIN_CONFIDENCE:
        return _COMMONEST
    return _known(found["encoding"])


def _decoded(raw: bytes, encoding: str | None) -> str | None:
    """The text in an encoding; None where more than a few bytes are not of it."""
    if encoding is None:
        return None
    text = raw.decode(encoding, errors="replace")
    if "\ufffd" not in text:
        return text
    return text if text.count("\ufffd") <= _MAX_DAMAGE * _foreign(text) else None
