"""The parts of a multipart form, as uploads of files send them; strict, and for the fake endpoint only.

In: a request's content type and body. Out: for each field its bytes, and the name of its file or None.
"""

import re
from typing import NamedTuple

_BOUNDARY = re.compile(r'multipart/form-data\s*;.*?boundary="?([!-~]{1,70}?)"?\s*(?:;.*)?', re.IGNORECASE)
_NAME = re.compile(r'form-data\s*;.*?\bname="([^"]{1,200})"', re.IGNORECASE)
_FILE = re.compile(r'\bfilename="([^"]{0,500})"', re.IGNORECASE)


class Part(NamedTuple):
    """One field; `file` is the name that was given to it where it is a file."""

    file: str | None
    content: bytes


def parts_of(content_type: str, body: bytes) -> dict[str, Part]:
    """All fields by name.

    Raises:
        ValueError: it is no such form.
    """
    found = _BOUNDARY.fullmatch(content_type.strip())
    if found is None:
        raise ValueError("the content type is no multipart/form-data with a boundary")
    before, *pieces = (b"\r\n" + body).split(b"\r\n--" + found[1].encode("ascii"))
    if before or not pieces or pieces[-1].strip(b"\r\n") != b"--":
        raise ValueError("the form does not begin or end with its boundary")
    parts: dict[str, Part] = {}
    for piece in pieces[:-1]:
        name, part = _part(piece)
        if name in parts:
            raise ValueError(f"the field {name!r} stands twice")
        parts[name] = part
    return parts


def _part(piece: bytes) -> tuple[str, Part]:
    head, gap, content = piece.partition(b"\r\n\r\n")
    lines = head.decode("utf-8").split("\r\n")
    told = [line.partition(":")[2] for line in lines if line.lower().startswith("content-disposition:")]
    name = _NAME.match(told[0].strip()) if len(told) == 1 else None
    if not gap or lines[0] or name is None:
        raise ValueError("a part of the form has no name")
    file = _FILE.search(told[0])
    return name[1], Part(file[1] if file else None, content)
