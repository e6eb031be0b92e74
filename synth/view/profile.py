"""What the columns of a table are like: numbers, categories, lists, texts, ids; and how their values spread.

In: a table. Out: a shape for each column, worked out once, and histograms for the heads of columns and the
facets beside them.
"""

import enum
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pyarrow as pa

from synth.view.engine import PARQUET, Engine, QueryFault, quoted
from synth.view.sources import Table

SAMPLE = 5_000
# A text column is a category where so few values, none of them longer, stand in the sample.
MOST_VALUES, MOST_CHARS = 24, 80
LONG_CHARS = 40.0
# A name that ends in `_id` and holds words of this length names rows.
ID_CHARS = 16
BINS = 20
# DuckDB tells no more columns of grouping sets apart.
MOST_AT_ONCE = 60
# Facets with so many values show the most frequent only.
MOST_BARS = 12


class Kind(enum.StrEnum):
    """What a column can be asked."""

    NUMBER = "number"
    FLAG = "flag"
    CATEGORY = "category"
    TAGS = "tags"
    ID = "id"
    TEXT = "text"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Shape:
    """One column: its kind, its meaning, and for numbers the ends of their range."""

    name: str
    kind: Kind
    doc: str = ""
    low: float = 0.0
    high: float = 0.0
    whole: bool = False
    varies: bool = True
    chars: float = 0.0

    @property
    def ends(self) -> tuple[str, str]:
        """Both ends of its range, no finer than can be told apart in a histogram."""
        if self.whole:
            return f"{self.low:,.0f}", f"{self.high:,.0f}"
        span = self.high - self.low
        digits = max(0, 2 - math.floor(math.log10(span))) if 0 < span < math.inf else 2
        return f"{round(self.low, digits):g}", f"{round(self.high, digits):g}"

    @property
    def is_long(self) -> bool:
        """Whether it is something to read, rather than a word or two."""
        return self.kind is Kind.TEXT and self.chars > LONG_CHARS

    @property
    def sorts(self) -> bool:
        """Whether rows can be sorted by it."""
        return self.kind not in (Kind.TAGS, Kind.OTHER)

    @property
    def facets(self) -> bool:
        """Whether its values are counted beside the table."""
        return self.varies and self.kind in (Kind.CATEGORY, Kind.FLAG, Kind.TAGS) and not self.names_rows

    @property
    def is_main(self) -> bool:
        """Whether the table shows it unless asked otherwise."""
        return self.varies and self.kind not in (Kind.ID, Kind.OTHER) and not self.names_rows

    @property
    def is_trail(self) -> bool:
        """Whether it only leads back to other rows, so that a reader comes to it last."""
        return self.kind is Kind.ID or self.names_rows

    @property
    def names_rows(self) -> bool:
        """Whether it lists ids of other rows."""
        return self.kind is Kind.TAGS and self.name.endswith(("_ids", "references"))


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its value as a filter has it, what is said of it, how many rows."""

    value: str
    label: str
    count: int
    share: float = 0.0


def shapes(engine: Engine, table: Table) -> dict[str, Shape]:
    """The shape of each column, in the order of the files."""
    kinds = {field.name: _kind(field.type) for field in table.schema}
    if not table.rows:
        return {name: Shape(name, kind or Kind.TEXT, table.doc_of(name)) for name, kind in kinds.items()}
    texts = [name for name, kind in kinds.items() if kind is None]
    numbers = [name for name, kind in kinds.items() if kind is Kind.NUMBER]
    seen, ends = _look(engine, table, texts), _ends(engine, table, numbers)
    found = {}
    for name, kind in kinds.items():
        doc, whole = table.doc_of(name), pa.types.is_integer(table.schema.field(name).type)
        if kind is Kind.NUMBER:
            low, high = ends.get(name, (0.0, 0.0))
            found[name] = Shape(name, kind, doc, low, high, whole, varies=low < high)
        elif kind is None:
            text, varies, chars = seen.get(name, (Kind.TEXT, True, math.inf))
            # A key may be a word as well, as the name of a category is.
            named = name == table.key and (name == "id" or name.endswith("_id"))
            found[name] = Shape(name, Kind.ID if named else text, doc, varies=varies, chars=chars)
        else:
            found[name] = Shape(name, kind, doc)
    return found


def _kind(type: pa.DataType) -> Kind | None:
    """The kind that follows from the type; None for text, which has to be looked at."""
    if pa.types.is_boolean(type):
        return Kind.FLAG
    if pa.types.is_integer(type) or pa.types.is_floating(type) or pa.types.is_decimal(type):
        return Kind.NUMBER
    if pa.types.is_dictionary(type):
        return _kind(type.value_type)
    if _is_text(type):
        return None
    if (pa.types.is_list(type) or pa.types.is_large_list(type)) and _is_text(type.value_type):
        return Kind.TAGS
    return Kind.OTHER


def _is_text(type: pa.DataType) -> bool:
    kinds = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return any(is_one(type) for is_one in kinds)


def _look(engine: Engine, table: Table, names: list[str]) -> dict[str, tuple[Kind, bool, float]]:
    """Category, id or text, by a sample of the first rows."""
    found: dict[str, tuple[Kind, bool, float]] = {}
    for name, (rows, told, values, longest, mean, spaced) in _sampled(engine, table, names).items():
        if "sha" in name.split("_") or name.startswith("sha"):
            found[name] = Kind.ID, True, mean or 0
        elif told and not spaced and name.endswith("_id") and mean > ID_CHARS:
            found[name] = Kind.ID, True, mean
        elif told and longest <= MOST_CHARS and values <= min(MOST_VALUES, max(1, told // 2)):
            found[name] = Kind.CATEGORY, values > 1 or told < rows, mean
        else:
            found[name] = Kind.TEXT, bool(told), mean or 0
    return found


def _sampled(engine: Engine, table: Table, names: list[str]) -> dict[str, tuple[Any, ...]]:
    """Rows, values, different ones, longest, mean length and whether any has a space; in one reading.

    Of texts too long for memory nothing is told, and the other columns are looked at one by one.
    """
    if not names:
        return {}
    said = ", ".join(
        f"""count(*), count({c}), count(DISTINCT {c}), max(length({c})), avg(length({c})),
        coalesce(bool_or({c} LIKE '% %'), false)"""
        for c in map(quoted, names)
    )
    columns = ", ".join(map(quoted, names))
    sql = f"""
        SELECT {said} FROM (SELECT {columns} FROM {PARQUET} LIMIT {SAMPLE})
    """
    try:
        row = engine.rows(sql, [table.paths])[0]
    except QueryFault:
        if len(names) == 1:
            return {}
        return {k: v for name in names for k, v in _sampled(engine, table, [name]).items()}
    return {name: row[6 * i : 6 * i + 6] for i, name in enumerate(names)}


def _ends(engine: Engine, table: Table, names: list[str]) -> dict[str, tuple[float, float]]:
    """The least and the greatest of numbers: by the statistics of the files, else in one scan for all."""
    told = {name: ends for name in names if (ends := _told(table, name)) is not None}
    names = [name for name in names if name not in told]
    if not names:
        return told
    asked = ", ".join(f"min({_finite(n)}), max({_finite(n)})" for n in names)
    sql = f"SELECT {asked} FROM {PARQUET}"
    row = engine.rows(sql, [table.paths])[0]
    pairs = zip(names, row[::2], row[1::2], strict=True)
    return told | {name: (float(low), float(high)) for name, low, high in pairs if low is not None}


def _told(table: Table, name: str) -> tuple[float, float] | None:
    """The ends that the files state, where they are numbers; `+ 0.0` makes zero of a negative zero."""
    try:
        low, high = map(float, table.range_of(name) or ())
    except (TypeError, ValueError, OverflowError):
        return None
    return (low + 0.0, high + 0.0) if math.isfinite(low) and math.isfinite(high) else None


def _finite(name: str) -> str:
    column = f"CAST({quoted(name)} AS DOUBLE)"
    return f"CASE WHEN isfinite({column}) THEN {column} END"


Ask = Callable[[str, list[object]], list[tuple[Any, ...]]]


def bars(ask: Ask, source: str, values: list[object], shape: Shape) -> list[Bar]:
    """How the values of one column spread over the rows of `source`, a FROM clause with its values."""
    return (_bins if shape.kind is Kind.NUMBER else _values)(ask, source, values, shape)


def _values(ask: Ask, source: str, values: list[object], shape: Shape) -> list[Bar]:
    return (
        words(ask, source, values, [shape])[shape.name]
        if shape.kind is not Kind.TAGS
        else items(ask, source, values, shape, None)
    )


def words(ask: Ask, source: str, values: list[object], shapes: Sequence[Shape]) -> dict[str, list[Bar]]:
    """The most frequent values of several columns of words, found in one reading of the rows."""
    return counted(ask, source, values, shapes)[1] if shapes else {}


def counted(
    ask: Ask, source: str, values: list[object], shapes: Sequence[Shape]
) -> tuple[int, dict[str, list[Bar]]]:
    """How many rows there are, and what `words` finds in them; all in one reading, or a few."""
    if len(shapes) > MOST_AT_ONCE:
        total, first = counted(ask, source, values, shapes[:MOST_AT_ONCE])
        return total, first | counted(ask, source, values, shapes[MOST_AT_ONCE:])[1]
    said = [f"CAST({quoted(shape.name)} AS VARCHAR) AS c{i}" for i, shape in enumerate(shapes)]
    names = [f"c{i}" for i in range(len(shapes))]
    whole = f"GROUPING({', '.join(names)}) = {(1 << len(names)) - 1}" if names else "true"
    sql = f"""
        SELECT {", ".join([*names, whole])}, count(*) FROM (SELECT {", ".join(said) or "1"} {source})
        GROUP BY GROUPING SETS ({", ".join(["()", *(f"({name})" for name in names)])})
    """
    found: dict[str, list[tuple[str, int]]] = {shape.name: [] for shape in shapes}
    total = 0
    for *cells, whole, count in ask(sql, values):
        if whole:
            total = count
            continue
        for shape, cell in zip(shapes, cells, strict=True):
            if cell is not None:  # in each row all columns but one are null
                found[shape.name].append((cell, count))
    return total, {name: _as_bars(pairs) for name, pairs in found.items()}


def items(ask: Ask, source: str, values: list[object], shape: Shape, most: int | None) -> list[Bar]:
    """The most frequent items of a column of lists, among the first `most` rows where that is given."""
    return all_items(ask, source, values, [shape], most)[shape.name]


def all_items(
    ask: Ask, source: str, values: list[object], shapes: Sequence[Shape], most: int | None
) -> dict[str, list[Bar]]:
    """The same for several columns; rows are read once where there are at most so many of them."""
    if not shapes:
        return {}
    if most is None and len(shapes) > 1:  # too many to be held at once
        return {s.name: items(ask, source, values, s, None) for s in shapes}
    columns = ", ".join(f"{quoted(shape.name)} AS c{i}" for i, shape in enumerate(shapes))
    limit = f"LIMIT {most:d}" if most else ""
    parts = [
        f"""(SELECT {i} AS place, item, count(*) AS n FROM (SELECT unnest(c{i}) AS item FROM chosen)
        WHERE item IS NOT NULL GROUP BY item ORDER BY n DESC, item LIMIT {MOST_VALUES})"""
        for i in range(len(shapes))
    ]
    kept = "MATERIALIZED" if most else "NOT MATERIALIZED"
    sql = f"WITH chosen AS {kept} (SELECT {columns} {source} {limit}) {' UNION ALL '.join(parts)}"
    found: dict[str, list[tuple[str, int]]] = {shape.name: [] for shape in shapes}
    for place, item, count in ask(sql, values):
        found[shapes[place].name].append((item, count))
    return {name: _as_bars(pairs) for name, pairs in found.items()}


def _as_bars(pairs: Iterable[tuple[Any, ...]]) -> list[Bar]:
    counts = sorted(pairs, key=lambda pair: (-pair[1], pair[0]))[:MOST_VALUES]
    most = max((count for _, count in counts), default=1)
    return [Bar(value, value, count, count / most) for value, count in counts]


def edges(shape: Shape) -> list[float]:
    """The bounds of the bins of a histogram: one for each whole number where there are few."""
    span = shape.high - shape.low
    if shape.whole and span < BINS:
        return [shape.low + i for i in range(int(span) + 2)]
    step = span / BINS
    if shape.whole:
        step = math.ceil(step)
        return [shape.low + i * step for i in range(math.ceil((span + 1) / step) + 1)]
    return [shape.low + i * step for i in range(BINS + 1)]


def _bins(ask: Ask, source: str, values: list[object], shape: Shape) -> list[Bar]:
    bounds = edges(shape)
    step, last = bounds[1] - bounds[0], len(bounds) - 2
    if not 0 < step < math.inf:  # ends so far apart have no distance that a float can hold
        return []
    column = f"CAST({quoted(shape.name)} AS DOUBLE)"
    sql = f"""
        SELECT least(greatest(floor(({column} - ?) / ?), 0), ?)::INTEGER AS bin, count(*)
        {source.replace("WHERE", f"WHERE isfinite({column}) AND", 1)} GROUP BY bin
    """
    counts: dict[int, int] = dict(ask(sql, [shape.low, step, last, *values]))
    most = max(counts.values(), default=1)
    return [
        Bar(
            _range(shape, low, high, i == last),
            _label(shape, low, high),
            counts.get(i, 0),
            counts.get(i, 0) / most,
        )
        for i, (low, high) in enumerate(pairwise(bounds))
    ]


def _range(shape: Shape, low: float, high: float, last: bool) -> str:
    if shape.whole:
        return f"{low:.0f}..{high - 1:.0f}"
    return f"{low!r}..{shape.high!r}" if last else f"{low!r}..{math.nextafter(high, -math.inf)!r}"


def _label(shape: Shape, low: float, high: float) -> str:
    if shape.whole:
        return f"{low:,.0f}" if high - low <= 1 else f"{low:,.0f} to {high - 1:,.0f}"
    return f"{low:.4g} to {high:.4g}"


def plain_source(table: Table) -> tuple[str, list[object]]:
    """A FROM clause of all rows of a table."""
    return f"FROM {PARQUET} WHERE true", [table.paths]


def heads(engine: Engine, table: Table, known: Mapping[str, Shape]) -> dict[str, list[Bar]]:
    """The spread of each column over the whole table, for its head."""
    source, values = plain_source(table)
    found = words(engine.rows, source, values, [s for s in known.values() if is_words(s)])
    for shape in known.values():
        if shape.varies and (shape.kind is Kind.NUMBER or (shape.kind is Kind.TAGS and shape.facets)):
            found[shape.name] = bars(engine.rows, source, values, shape)
    return found


def is_words(shape: Shape) -> bool:
    """Whether it is a facet of single words."""
    return shape.facets and shape.kind is not Kind.TAGS
