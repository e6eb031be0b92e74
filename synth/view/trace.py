"""The way back of a row, found by look-ups in the files instead of reading tables whole."""

from collections.abc import Sequence

from synth.lineage import Lineage, Row, lineage
from synth.view.engine import Engine, quoted
from synth.view.sources import Source


def trace(engine: Engine, source: Source, id: str) -> Lineage:
    """The lineage of a row of a run."""

    def look(name: str, column: str, values: Sequence[str]) -> list[Row]:
        table = source.tables.get(name)
        if table is None or not values or column not in table.schema.names:
            return []
        asked = ", ".join("?" * len(values))
        sql = f"SELECT * FROM read_parquet(?, union_by_name = true) WHERE {quoted(column)} IN ({asked})"  # noqa: S608
        return engine.dicts(sql, [table.paths, *values])

    return lineage(source.folder, id, look)
