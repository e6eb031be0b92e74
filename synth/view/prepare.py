"""What the viewer would work out on first use, worked out before: in, a run; out, files beside it.

`synth index` calls this; the viewer does the same when a page asks for it.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from synth.view.drawing import drawing
from synth.view.place import place_of
from synth.view.site import Site

# Hears the table, the rows that are done and those there are.
Progress = Callable[[str, int, int], None]
# What is searched most; the other tables are indexed when they are searched.
MAIN = ("dataset", "questions", "rejected", "passages")


class Prepared(NamedTuple):
    """One thing that was worked out, or was there already."""

    what: str
    rows: int
    made: bool


def prepare(given: str | None, progress: Progress) -> Iterator[Prepared]:
    """Build the search indexes of a run, or of Parquet, and lay out its concept graph.

    Raises:
        ConfigError: there is no such run, folder or file.
    """
    place, address = place_of(given)
    site = Site(place)
    name = Path(address).name if address != "/" else None
    for one in [name] if name else site.library.names():
        yield from _of(site, one, progress)
    site.close()


def figures(run_folder: Path) -> None:
    """Work out the spread of a run's columns and the picture of its graph, and keep both beside it."""
    site = Site(run_folder)
    try:
        source = site.source(site.library.names()[0])
        if (table := source.first) is not None and table.rows:
            site.heads(table)
        if {"concepts", "incidence"} <= source.tables.keys():
            drawing(source)
    finally:
        site.close()


def _of(site: Site, name: str, progress: Progress) -> Iterator[Prepared]:
    source = site.source(name)
    tables = [t for t in source.tables.values() if t.name in MAIN or not source.is_run]
    for table in tables:

        def count(done: int, of: str = table.name, rows: int = table.rows) -> None:
            progress(of, done, rows)

        if table.rows:
            site.heads(table)
        made = site.indexes.prepare(source, table, site.shapes(table), count)
        yield Prepared(f"{name}: {table.name}", table.rows, made)
    if {"concepts", "incidence"} <= source.tables.keys():
        drawn = drawing(source)
        yield Prepared(f"{name}: concept graph", len(drawn["nodes"]), True)
