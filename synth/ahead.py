"""What of a part is done ahead of it, in shares, by whoever is free; the part then finds it done.

In: a desk, which says of which run, stage and part. Out: files in the stage's folder, each whole or not at
all. A stage that has such work says so (`Stage.ahead`). What was not done ahead the part does by itself, with
the same result; so shares are only ever a matter of time.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from synth.config import RunConfig
from synth.ids import canonical_json, digest
from synth.prompts.library import PromptLibrary
from synth.writing import remove, write_bytes

Report = Callable[[int, int], None]
# What begins with a dot is of this machine alone, and goes to no mirror.
FOLDER = ".ahead"
_SEAL_BYTES = 32


class Share(Protocol):
    """A share, small enough to be sent to a worker; `size` is how much it is of the whole."""

    @property
    def size(self) -> int: ...  # noqa: D102


class Desk(NamedTuple):
    """Where shares are done: configuration, prompts, the stage's folder, and the tables before it.

    `key` is that of the part: another input or setting has another one. `count` tells rows without reading.
    """

    config: RunConfig
    prompts: PromptLibrary
    folder: Path
    key: str
    table: Callable[[str, Sequence[str] | None], pa.Table]
    count: Callable[[str], int]


class Ahead(NamedTuple):
    """`shares` tells those that are left, for so many workers; `make` does one, or finds it done."""

    shares: Callable[[Desk, int], Sequence[Share]]
    make: Callable[[Desk, Any, Report], object]


class Done:
    """Tables of the shares of one part, each under the rows that it is of."""

    def __init__(self, folder: Path, key: str) -> None:
        self._all, self._key = folder / FOLDER, key
        self._folder = self._all / digest("ahead", key)[:12]

    def find(self, first: int, last: int) -> pa.Table | None:
        """The table of these rows, if it is there and whole."""
        try:
            written = self._path(first, last).read_bytes()
        except OSError:
            return None
        seal, content = written[:_SEAL_BYTES], written[_SEAL_BYTES:]
        # A part without a key has no shares.
        if not self._key or seal != self._seal(first, last, content):
            return None
        return pq.read_table(pa.BufferReader(content))

    def put(self, first: int, last: int, table: pa.Table) -> None:
        """Keep a table: who finds it finds all of it."""
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd")
        content = sink.getvalue().to_pybytes()
        write_bytes(self._path(first, last), self._seal(first, last, content) + content)

    def there(self) -> Iterator[tuple[int, int]]:
        """The rows of all tables that are there."""
        for path in sorted(self._folder.glob("*.share")):
            if named := re.fullmatch(r"(\d+)-(\d+)\.share", path.name):
                yield int(named[1]), int(named[2])

    def forget_others(self) -> None:
        """Remove what was done for a part with another key."""
        for path in self._all.glob("*"):
            if path != self._folder:
                remove(path)

    def _path(self, first: int, last: int) -> Path:
        return self._folder / f"{first:09d}-{last:09d}.share"

    def _seal(self, first: int, last: int, content: bytes) -> bytes:
        """What changes with any byte, and with what it is of."""
        return hashlib.sha256(canonical_json([self._key, first, last]) + content).digest()


def forget(folder: Path) -> None:
    """Remove all shares of a stage, whose part is done."""
    remove(folder / FOLDER)
