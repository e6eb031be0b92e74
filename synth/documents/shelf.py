"""What has been read already, by content: a file that has not changed is never read again.

A folder of segments, each a Parquet file of readings, beside each an index of the files that ended in
it. Both are written whole or not at all, so a run that is killed reads again what was not on disk, and
nothing else; what has come to harm on disk is read again as well. A file is known by its bytes and its
suffix, wherever it lies and whatever it is called.

In: readings as they come, in any order. Out: segments, to be gone through as often as needed without
ever holding more than one.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from synth.config import Config
from synth.documents.reading import Piece, Reading, Sketch
from synth.errors import StoreError
from synth.ids import digest
from synth.store import write_table
from synth.text import sha_or_fault
from synth.writing import write_json

# A segment is a tenth of a second to write; a run that is killed loses the one that is not full. So it is
# full as well where reading it has taken long.
SEGMENT_CHARS = 16_000_000
SEGMENT_ROWS = 2_000
SEGMENT_SECONDS = 10.0
_NAME = re.compile(r"read-([0-9]{6,12})\.(?:json|parquet)")
_DAMAGED = "{} cannot be read ({}); delete it, and run the same command again."
# Numbers of segments that one process of several may use.
RANGE = 100_000
# Segments whose texts are kept at hand while near-duplicates are compared.
_HELD = 4

_TEXTS = ("file", "place", "format", "reason", "detail", "language", "document_id", "text")
_MAYBE = ("title", "licence", "url", "date", "masked", "sketch")
_PIECES = pa.list_(
    pa.struct(
        [
            pa.field("start", pa.int64(), False),
            pa.field("end", pa.int64(), False),
            pa.field("headings", pa.list_(pa.string()), False),
            pa.field("passage_id", pa.string(), False),
        ]
    )
)
SCHEMA = pa.schema(
    [
        *(pa.field(name, pa.string(), False) for name in _TEXTS),
        *(pa.field(name, pa.string()) for name in _MAYBE),
        pa.field("chars", pa.int64(), False),
        pa.field("pieces", _PIECES, False),
    ]
)
LIGHT = tuple(name for name in SCHEMA.names if name != "text")


class Index(Config):
    """Beside a segment: where each file lies that ended in it, and a seal on that and on the segment."""

    seal: str
    files: dict[str, list[int]]


class Shelved(NamedTuple):
    """A reading on the shelf: its file's key, its place there, and its columns (`text` if asked for)."""

    segment: int
    row: int
    columns: Mapping[str, Any]


class Shelf:
    """The readings of one set of reading settings.

    Several processes may add to one folder at a time, each in a `range_` of numbers of its own: new segments
    then have the free numbers from range_ * RANGE on.
    """

    def __init__(self, folder: Path, range_: int | None = None) -> None:
        self.folder = folder
        self._ends: dict[str, list[int]] = {}
        # Files whose reading may come out otherwise another time, as nothing of them is kept.
        self.passing: set[str] = set()
        names = (_NAME.fullmatch(path.name) for path in folder.glob("read-*"))
        numbers = sorted({int(name[1]) for name in names if name})
        indexes = {number: _read_index(self._path(number)) for number in numbers}
        whole = {number for number, index in indexes.items() if index}
        for index in filter(None, indexes.values()):
            self._ends.update({f: held for f, held in index.files.items() if held and whole.issuperset(held)})
        # A number that a torn segment has is not given again.
        self._last = max([*numbers, -1])
        if range_ is not None:
            first = range_ * RANGE
            self._last = max([first - 1, *(n for n in numbers if first <= n < first + RANGE)])
        self._rows: list[dict[str, Any]] = []
        self._chars = 0
        self._seconds = 0.0
        self._open: dict[str, list[int]] = {}
        self._ended: dict[str, list[int]] = {}
        self._texts = lru_cache(_HELD)(self._read_texts)

    @property
    def free_range(self) -> int:
        """The first range from which on no number is in use."""
        return self._last // RANGE + 1

    def __contains__(self, file: str) -> bool:
        return file in self._ends

    def put(self, file: str, reading: Reading) -> None:
        """Keep a reading; on disk it is once its segment is full."""
        row = reading.model_dump(exclude={"sketch", "pieces", "masked", "lasting"})
        masked = json.dumps(reading.masked) if reading.masked else None
        sketch = reading.sketch.model_dump_json() if reading.sketch else None
        pieces = [piece._asdict() for piece in reading.pieces]
        self._rows.append(
            {
                **row,
                "file": file,
                "masked": masked,
                "sketch": sketch,
                "pieces": pieces,
                "chars": len(reading.text),
            }
        )
        self._chars += len(reading.text)
        segments = self._open.setdefault(file, [])
        if self._last + 1 not in segments:
            segments.append(self._last + 1)
        if self._chars >= SEGMENT_CHARS or len(self._rows) >= SEGMENT_ROWS:
            self.flush()

    def end(self, file: str, seconds: float = 0.0, lasting: bool = True) -> None:
        """All readings of a file have been put; where they are not `lasting`, the next run reads it again.

        `seconds` is what reading it has cost.
        """
        segments = self._open.pop(file, [])
        (self._ended if lasting else self._ends)[file] = segments
        if not lasting:
            self.passing.add(file)
        self._seconds += seconds
        if self._seconds >= SEGMENT_SECONDS:
            self.flush()

    def forget(self, file: str) -> None:
        """What has been put of a file that has not ended is not to be used."""
        # Readings are found by file and segment, so what comes next of this file goes into another one.
        self._rows = [row for row in self._rows if row["file"] != file]
        self.flush()
        self._open.pop(file, None)

    def flush(self) -> None:
        """Write what is held: the segment first, then the files that ended with it."""
        number = self._last + 1
        if self._rows:
            write_table(self._path(number), pa.Table.from_pylist(self._rows, schema=SCHEMA))
        if self._rows or self._ended:
            index = Index(seal=_seal(self._path(number), self._ended), files=self._ended)
            write_json(self._path(number).with_suffix(".json"), index.model_dump())
            self._last = number
        self._ends.update(self._ended)
        self._rows, self._chars, self._seconds, self._ended = [], 0, 0.0, {}

    def segments(self, files: Mapping[str, object], text: bool = False) -> Iterator[Sequence[Shelved]]:
        """The readings of some files, segment by segment."""
        holding = {number for file in files for number in self._ends.get(file, ())}
        for number in sorted(holding):
            columns = None if text else list(LIGHT)
            rows = self._table(number, columns).to_pylist()
            yield [
                Shelved(number, place, row)
                for place, row in enumerate(rows)
                if row["file"] in files and number in self._ends.get(row["file"], ())
            ]

    def text(self, segment: int, row: int) -> str:
        """The text of one reading."""
        return str(self._texts(segment)[row].as_py())

    def _read_texts(self, segment: int) -> pa.ChunkedArray:
        return self._table(segment, ["text"])["text"]

    def _table(self, number: int, columns: list[str] | None) -> pa.Table:
        """A segment, which was whole when the shelf was opened."""
        try:
            return pq.read_table(self._path(number), columns=columns)
        except (OSError, pa.ArrowException) as fault:
            raise StoreError(_DAMAGED.format(self._path(number), fault)) from fault

    def _path(self, number: int) -> Path:
        return self.folder / f"read-{number:06d}.parquet"


def masked_in(shelved: Shelved) -> dict[str, int]:
    """How much of what kind was masked in a shelved reading."""
    written = shelved.columns["masked"]
    return json.loads(written) if written else {}


def sketch_of(shelved: Shelved) -> Sketch | None:
    """The sketch of a shelved reading; None where it has no text."""
    written = shelved.columns["sketch"]
    return Sketch.model_validate_json(written) if written else None


def pieces_of(shelved: Shelved) -> tuple[Piece, ...]:
    """The passages of a shelved reading."""
    return tuple(
        Piece(p["start"], p["end"], tuple(p["headings"]), p["passage_id"]) for p in shelved.columns["pieces"]
    )


def _seal(segment: Path, files: Mapping[str, list[int]]) -> str:
    """What changes with any byte of a segment (which has no rows where it is not there) and of its index."""
    return digest(sha_or_fault(segment), dict(files))


def _read_index(segment: Path) -> Index | None:
    """The index of a segment; None where it or the segment is torn."""
    try:
        index = Index.model_validate_json(segment.with_suffix(".json").read_bytes())
    except (OSError, ValidationError):
        return None
    return index if index.seal == _seal(segment, index.files) else None
