"""What an address asks of a table. In: a query string. Out: filters, search, sort, page and columns, checked.

Every state of a page is an address, and the other way round. Names of columns are looked up in the schema.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal
from urllib.parse import urlencode

from synth.errors import SynthError
from synth.view.profile import Kind, Shape

SIZES = (25, 50, 100)
MOST_FILTERS, MOST_CHARS = 40, 400


class BadRequest(SynthError):
    """The address asks for what cannot be; answered with 400 and this sentence."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition on one column: it has this value, lies in this range (`lo..hi`), or is missing."""

    column: str
    kind: Literal["is", "range", "none"]
    value: str = ""
    low: float = -math.inf
    high: float = math.inf

    @property
    def pair(self) -> tuple[str, str]:
        """As it stands in an address."""
        return ("none", self.column) if self.kind == "none" else (f"f.{self.column}", self.value)


@dataclass(frozen=True, slots=True)
class State:
    """One page of one table."""

    filters: tuple[Filter, ...] = ()
    search: str = ""
    sort: str = ""
    down: bool = False
    page: int = 1
    size: int = SIZES[1]
    columns: tuple[str, ...] = ()

    def address(self, **changed: object) -> str:
        """The query string of this state, changed in some of its parts; a change leads to page 1."""
        other = replace(self, **{"page": 1, **changed})  # type: ignore[arg-type]
        pairs = [filter.pair for filter in other.filters]
        if other.search:
            pairs.append(("q", other.search))
        if other.sort:
            pairs.append(("sort", ("-" if other.down else "") + other.sort))
        pairs += [("col", column) for column in other.columns]
        if other.size != SIZES[1]:
            pairs.append(("size", str(other.size)))
        if other.page > 1:
            pairs.append(("page", str(other.page)))
        return "?" + urlencode(pairs)

    def with_more(self, **more: object) -> str:
        """The query string of this page of the state with what else is to stand there."""
        return f"{self.address(page=self.page)}&{urlencode(more)}".replace("?&", "?", 1)

    def with_filter(self, filter: Filter) -> str:
        """The address with one more condition, or one fewer where it is there; a range replaces another."""
        if filter in self.filters:
            return self.without(filter)
        kept = [f for f in self.filters if filter.kind != "range" or f.column != filter.column]
        return self.address(filters=(*kept, filter))

    def without(self, *filters: Filter) -> str:
        """The address without some conditions."""
        return self.address(filters=tuple(f for f in self.filters if f not in filters))

    def sorted_by(self, column: str) -> str:
        """The address sorted by a column: up, then down, then as the rows stand."""
        if self.sort != column:
            return self.address(sort=column, down=False)
        return self.address(sort="", down=False) if self.down else self.address(down=True)

    @property
    def is_plain(self) -> bool:
        """Whether it shows all rows as they stand."""
        return not (self.filters or self.search or self.sort)

    def on(self, column: str) -> tuple[Filter, ...]:
        """The conditions on one column."""
        return tuple(f for f in self.filters if f.column == column)


def read(query: Iterable[tuple[str, str]], shapes: Mapping[str, Shape]) -> State:
    """The state that a query string asks for; parameters that mean nothing here are passed over.

    Raises:
        BadRequest: a column that there is not, a number that is none.
    """
    filters: list[Filter] = []
    columns: list[str] = []
    given: dict[str, str] = {}
    for name, value in query:
        if name.startswith("f.") and value:
            filters.append(_filter(_shape(shapes, name[2:]), value))
        elif name == "none":
            filters.append(Filter(_shape(shapes, value).name, "none"))
        elif name == "col":
            columns.append(_shape(shapes, value).name)
        elif name in ("q", "sort", "page", "size"):
            given[name] = value
    if len(filters) > MOST_FILTERS:
        raise BadRequest(f"At most {MOST_FILTERS} conditions can be set at once.")
    sort = given.get("sort", "")
    down = sort.startswith("-") and sort not in shapes
    column = sort[1:] if down else sort
    if column and not _shape(shapes, column).sorts:
        raise BadRequest(f"The column {column!r} holds lists or parts, and cannot be sorted by.")
    size = _whole(given.get("size", str(SIZES[1])), "size")
    if size not in SIZES:
        raise BadRequest(f"A page has {', '.join(map(str, SIZES))} rows.")
    return State(
        filters=tuple(dict.fromkeys(filters)),
        search=_search(given.get("q", "")),
        sort=column,
        down=down,
        page=read_page(given.get("page", "1")),
        size=size,
        columns=tuple(dict.fromkeys(columns)),
    )


def read_page(text: str) -> int:
    """The number of a page.

    Raises:
        BadRequest: it is no whole number.
    """
    return max(1, _whole(text, "page"))


def _search(text: str) -> str:
    if len(text) > MOST_CHARS:
        raise BadRequest(f"A search has at most {MOST_CHARS} characters.")
    return " ".join(text.replace("\x00", " ").split())


def _shape(shapes: Mapping[str, Shape], name: str) -> Shape:
    if name not in shapes:
        raise BadRequest(f"There is no column {name[:60]!r} in this table.")
    return shapes[name]


def _filter(shape: Shape, value: str) -> Filter:
    if len(value) > MOST_CHARS:
        raise BadRequest(f"A condition has at most {MOST_CHARS} characters.")
    if shape.kind is Kind.NUMBER:
        low, dots, high = value.partition("..")
        first = _number(low, -math.inf)
        last = _number(high, math.inf) if dots else first
        return Filter(shape.name, "range", value, first, last)
    if shape.kind is Kind.FLAG and value not in ("true", "false"):
        raise BadRequest(f"The column {shape.name!r} is true or false.")
    if shape.kind is Kind.OTHER:
        raise BadRequest(f"The column {shape.name!r} cannot be filtered by.")
    return Filter(shape.name, "is", value)


def _number(text: str, otherwise: float) -> float:
    if not text.strip():
        return otherwise
    try:
        number = float(text)
    except ValueError:
        raise BadRequest(f"{text[:40]!r} is no number; a range is written 1..2.") from None
    if math.isnan(number):
        raise BadRequest("A range needs numbers.")
    return number


def _whole(text: str, name: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 12:
        raise BadRequest(f"{name} is no whole number.")
    return int(text)
