"""What earlier runs of a store have taken: files by their bytes, documents and passages by their ids.

In: files of ids, one for each earlier run, that are never changed. Out: which sources are left to be read. A
file that is seen is left out unread; of a new file, documents and passages that are seen fall, with a reason:
a table that grew by ten rows gives ten documents.
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from synth.config import RunConfig
from synth.documents.collect import file_keys
from synth.documents.find import Source, find_sources
from synth.errors import StoreError
from synth.store import write_table
from synth.text import counted

REASON = "seen_before"
DETAIL = "an earlier run of the store has taken it"


class Seen(NamedTuple):
    """Keys of files, ids of documents and of passages."""

    files: frozenset[str] = frozenset()
    documents: frozenset[str] = frozenset()
    passages: frozenset[str] = frozenset()


class Left(NamedTuple):
    """The sources that are not seen, the keys of their files, and how many others were left out."""

    sources: list[Source]
    keys: dict[str, str]
    seen: int

    def note(self) -> str:
        """How many files were left out; nothing where none was."""
        are = "is" if self.seen == 1 else "are"
        return (
            f"{counted(self.seen, 'file')} {are} left out: earlier runs of the store took them."
            if self.seen
            else ""
        )


def left(config: RunConfig) -> Left:
    """What is to be read of `documents.paths`."""
    sources = find_sources(config.documents.paths)
    seen = read_seen(config.store.seen)
    keys = file_keys(sources)
    new = [source for source in sources if keys[source.name] not in seen.files]
    return Left(new, {source.name: keys[source.name] for source in new}, len(sources) - len(new))


@lru_cache(maxsize=1)
def read_seen(paths: Sequence[str]) -> Seen:
    """All that stands in some files of ids.

    Raises:
        StoreError: one is missing or damaged.
    """
    found: dict[str, set[str]] = {kind: set() for kind in Seen._fields}
    for path in paths:
        try:
            table = pq.read_table(path, columns=["kind", "id"], partitioning=None)
            if set(table.schema.types) != {pa.string()}:
                raise pa.ArrowInvalid("its columns hold no texts")
        except (OSError, pa.ArrowException, KeyError) as fault:
            fix = "restore it, or begin a new store"
            raise StoreError(f"{path} is missing or damaged ({type(fault).__name__}); {fix}.") from fault
        for kind, ids in found.items():
            ids.update(table.filter(pc.equal(table["kind"], kind))["id"].to_pylist())
    return Seen(*map(frozenset, found.values()))


def write_seen(path: Path, seen: Seen) -> None:
    """Write a file of ids: same ids, same bytes."""
    rows = [(kind, key) for kind in Seen._fields for key in sorted(getattr(seen, kind))]
    kinds, ids = zip(*rows, strict=True) if rows else ((), ())
    columns = [pa.array(kinds, pa.string()), pa.array(ids, pa.string())]
    write_table(path, pa.Table.from_arrays(columns, names=["kind", "id"]))
