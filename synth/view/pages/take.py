"""Taking rows away: the rows of a state as a file, and the same rows as code."""

import base64
import os
import tempfile
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from synth.view import rows as of
from synth.view.pages.table import opened
from synth.view.rows import Place
from synth.view.site import NotThere, Site
from synth.view.sources import Table

MOST_ROWS, CHUNK = 100_000, 2_000
AS_LINES = orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS
TYPES = {"parquet": "application/vnd.apache.parquet", "jsonl": "application/jsonl"}


def take(site: Site, request: Request) -> Response:
    """The rows of a state, at most a hundred thousand, with all columns, as Parquet or JSON Lines."""
    source, table, shapes, state = opened(site, request)
    kind = request.path_params["kind"]
    if kind not in TYPES:
        raise NotThere(f"Rows can be taken as {' or '.join(TYPES)}.")
    found = site.indexes.find(source, table, shapes, state, all_of_them=True)
    chosen = of.select(table, shapes, state, found.hits)
    places = of.places(site.engine, chosen, state, 0, MOST_ROWS)
    handle, name = tempfile.mkstemp(suffix=f".{kind}", prefix="synth-view-")
    os.close(handle)
    path = Path(name)
    try:
        (_parquet if kind == "parquet" else _lines)(site, table, places, path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    called = "".join(c if c.isalnum() or c in "-_" else "-" for c in f"{source.name}-{table.name}")[:80]
    done = BackgroundTask(path.unlink, missing_ok=True)
    return FileResponse(path, media_type=TYPES[kind], filename=f"{called}.{kind}", background=done)


def _parquet(site: Site, table: Table, places: list[Place], path: Path) -> None:
    everywhere = frozenset.intersection(*(table.columns_of(file) for file in range(len(table.files))))
    schema = pa.schema([_written(one, one.nullable or one.name not in everywhere) for one in table.schema])
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for chunk in _chunks(places):
            writer.write_table(of.fetch_arrow(site.engine, table, chunk, schema))


def _written(field: pa.Field, nullable: bool = True) -> pa.Field:
    """A column, or a part of one, as it is written; what DuckDB reads of parts may always be missing."""
    return pa.field(field.name, _type(field.type), nullable, field.metadata)


def _type(of_file: pa.DataType) -> pa.DataType:
    """A type as it is written: numbers of more than 38 digits are floating ones, as DuckDB reads them."""
    if pa.types.is_decimal256(of_file):
        return pa.float64()
    if pa.types.is_struct(of_file):
        return pa.struct([_written(part) for part in of_file])
    if pa.types.is_list(of_file):
        return pa.list_(_written(of_file.value_field))
    return of_file


def _lines(site: Site, table: Table, places: list[Place], path: Path) -> None:
    with path.open("wb") as file:
        for chunk in _chunks(places):
            for row in of.fetch(site.engine, table, chunk, table.schema.names):
                file.write(orjson.dumps(row, default=_plain, option=AS_LINES))


def _plain(value: object) -> str:
    """What JSON has no form for; bytes in base64, as others write them."""
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


def _chunks(places: list[Place]) -> list[list[Place]]:
    return [places[i : i + CHUNK] for i in range(0, len(places), CHUNK)]
