"""Readers of others: functions that a distribution names under the entry points `synth.readers`.

In: the suffix of a file. Out: its reader, in the form that all readers have. A reader of others takes the
bytes of a file and gives one `Content`, or several; whatever else it does costs its own file only.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from synth.config import DocumentsConfig
from synth.documents.content import Blob, Content, ReadError

Rows = Iterator[tuple[str, Content | ReadError]]
Read = Callable[[Blob, DocumentsConfig], Rows]
GROUP = "synth.readers"


@cache
def added() -> dict[str, Callable[[], Read]]:
    """Readers of others by suffix; each is loaded when its first file comes."""
    return {_suffix(point): _loader(point) for point in _points()}


def added_readers() -> list[list[str]]:
    """Which readers of others there are, and of which version: what they read may differ with it."""
    return [[_suffix(point), point.value, *_distribution(point)] for point in _points()]


def _points() -> list[EntryPoint]:
    """In an order of their own; of two readers for one suffix the last stands."""
    return sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value))


def _suffix(point: EntryPoint) -> str:
    return f".{point.name.lower().lstrip('.')}"


def _distribution(point: EntryPoint) -> tuple[str, str]:
    return (point.dist.name, point.dist.version) if point.dist else ("", "")


def _loader(point: EntryPoint) -> Callable[[], Read]:
    return cache(lambda: _adapted(point.load()))


def _adapted(read: Callable[[bytes], Content | Iterable[Content]]) -> Read:
    """A reader of others as one of ours."""

    def rows(blob: Blob, config: DocumentsConfig) -> Rows:
        found = read(blob.read())
        if isinstance(found, Content):
            yield "", _checked(found)
            return
        if not isinstance(found, Iterable) or isinstance(found, str | bytes):
            raise ReadError(f"its reader gave no Content but {type(found).__name__}")
        for number, content in enumerate(found):
            if number == config.max_members:
                raise ReadError(f"its reader gave more than {number:,} documents", "too_large")
            yield f"#{number}", _checked(content)

    return rows


def _checked(content: Any) -> Content | ReadError:
    """What a reader gave, or what is wrong with it."""
    if not isinstance(content, Content):
        return ReadError(f"its reader gave no Content but {type(content).__name__}")
    if not isinstance(content.text, str):
        return ReadError(f"its reader gave no text but {type(content.text).__name__}")
    stated = (content.title, content.language, content.licence, content.url, content.date)
    if not all(isinstance(value, str | None) for value in stated):
        return ReadError("its reader stated something that is no text")
    return content
