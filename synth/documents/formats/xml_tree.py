"""XML of files that nobody vouches for, as a tree.

In: the bytes of a document. Out: its elements, with names and attributes without their namespaces.
Entities are refused, nothing is fetched, and depth is bounded, so that a tree may be walked by
functions that call themselves.
"""

from typing import Any
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from synth.documents.content import ReadError

# Deeper than documents that people write; a few calls for each level stay far below Python's bound.
MAX_DEPTH = 150


def parse_xml(raw: bytes, name: str) -> Element:
    """The root of the document; `name` is what it is called in faults.

    Raises:
        ReadError: it is broken, declares entities, or is nested too deeply.
    """
    builder = TreeBuilder()
    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True
    depth = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > MAX_DEPTH:
            raise ReadError(f"{name} is nested more than {MAX_DEPTH} deep")
        builder.start(_local(tag), {_local(key): value for key, value in attributes.items()})

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(_local(tag))

    def refuse(*_: Any) -> None:
        raise ReadError(f"{name} declares entities")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(raw, True)
    except expat.ExpatError as fault:
        raise ReadError(f"{name} is no XML: {fault}") from fault
    except (ValueError, LookupError) as fault:
        raise ReadError(f"{name} is in an unknown encoding") from fault
    return builder.close()


def text_of(element: Element | None) -> str:
    """All text in an element, on one line."""
    return " ".join("".join(element.itertext()).split()) if element is not None else ""


def _local(name: str) -> str:
    return name.rpartition("}")[2]
