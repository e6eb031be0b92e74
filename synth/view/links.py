"""Addresses of pages, with every part made safe for an address."""

from urllib.parse import quote


def link(source: str, *parts: object) -> str:
    """The address of a page of a source."""
    return "/d/" + "/".join(quote(str(part), safe="") for part in (source, *parts))


def to_row(source: str, id: object) -> str:
    """The address of whatever row has an id."""
    return link(source, "row", id)
