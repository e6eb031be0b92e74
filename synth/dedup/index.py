"""An index of texts that were kept, which outlives the run: later texts are compared with it.

In: a folder, and measured texts with their ids. Out: for each new text the stored one that is most like it.
The folder holds segments (`segments`), each the rows that one source added, and `manifest.json`, which comes
last and names them: so a process that is killed at any moment leaves the old index or the new one. An index
of another normaliser, shingle or banding is refused, never mixed.
"""

import json
import os
import shutil
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from synth import lock
from synth.dedup.checking import is_entry
from synth.dedup.choosing import Rules
from synth.dedup.meanings import Known
from synth.dedup.measuring import Gathered, Measured, Numbers, Scheme
from synth.dedup.near import SCHEME, SEED
from synth.dedup.normalise import VERSION
from synth.dedup.probing import Match, matches
from synth.dedup.segments import (
    EMBEDDER,
    Meant,
    Segment,
    copy_segment,
    read_meant,
    read_segment,
    write_segment,
)
from synth.errors import ConfigError, StoreError
from synth.ids import digest
from synth.writing import remove_temporary, write_json

FORMAT = 1
MANIFEST = "manifest.json"
# What a person sets where a manifest says it otherwise.
CALLED = {"width": "--shingle (screen.shingle_words)"}


class Found(NamedTuple):
    """Rows that repeat a stored text, by their place; and rows that crowded buckets were not searched for."""

    matches: dict[int, Match]
    left_out: Numbers  # places of rows that repeat nothing that was seen


class Index:
    """An index as it lies on the disk; segments are read when they are first asked for."""

    def __init__(self, folder: Path, scheme: Scheme) -> None:
        """Open an index, which may not be there yet.

        Raises:
            ConfigError: it was made in another way, or is none.
        """
        self.folder, self.scheme = folder, scheme
        self._names = _manifest(folder, scheme)
        self._read: dict[str, Segment] = {}
        self._held = False

    @property
    def rows(self) -> int:
        """How many texts it holds."""
        return sum(entry["rows"] for entry in self._names)

    def stored(self) -> Iterator[tuple[pa.Array, Measured]]:
        """The ids of all texts and what was measured of them but for their keys, segment by segment."""
        return ((segment.ids, segment.rows) for segment in self._segments())

    def load(self) -> None:
        """Read all segments now."""
        for _ in self._segments():
            pass

    @property
    def fingerprint(self) -> str:
        """A digest of all that it holds."""
        return digest(_identity(self.scheme), [entry["name"] for entry in self._names])

    def search(
        self, measured: Measured, rules: Rules, source: str | None = None, own: Sequence[str] | None = None
    ) -> dict[int, Match]:
        """The rows that repeat a stored text, by their place, with the most similar (of equals: smaller id).

        Of a `source` that is stored already only those before it count: so it finds the same again. `own` are
        the ids of the rows; a stored text of the same id is the row itself, and is not what it repeats.
        """
        return self.searched(measured, rules, source, own).matches

    def searched(
        self, measured: Measured, rules: Rules, source: str | None = None, own: Sequence[str] | None = None
    ) -> Found:
        """The same, and the rows of which a crowded bucket may hide a near-duplicate.

        A text that is equal once normalised is found whatever the bucket holds. Of a bucket of more than
        `rules.crowded` rows of a segment near-duplicates are looked for among the first `rules.leaders`.
        """
        best: dict[int, Match] = {}
        partly = np.zeros(len(measured.tokens), np.bool_)
        for segment in self._segments(before=source):
            for row, match in matches(segment, measured, rules, partly):
                if own is not None and own[row] == match.id:
                    continue
                if row not in best or (-match.jaccard, match.id) < (-best[row].jaccard, best[row].id):
                    best[row] = match
        partly[list(best)] = False
        return Found(best, np.flatnonzero(partly))

    def crowded(self, rules: Rules, source: str | None = None) -> int:
        """How many buckets hold more rows than are all compared with; of the sources before one."""
        return sum(segment.crowded(rules.crowded) for segment in self._segments(before=source))

    def known(self, embedder: str, before: str | None = None) -> Known:
        """The stored texts whose meanings are known, of the sources before one that is named.

        Raises:
            ConfigError: they were embedded by another model.
            StoreError: a file of them is damaged.
        """
        self._embedded_by(embedder)
        found = [read_meant(self.folder, entry) for entry in self._before(before) if EMBEDDER in entry]
        found = [one for one in found if len(one.ids)]
        if not found:
            return Known([], np.empty((0, 0), np.float32), [])
        if len({one.vectors.shape[1] for one in found}) > 1:
            raise StoreError(f"{self.folder}: its meanings have several lengths; build the index anew.")
        ids = [name for one in found for name in one.ids]
        said = [said for one in found for said in one.said]
        return Known(ids, np.concatenate([one.vectors for one in found]), said)

    def only(self, sources: Collection[str]) -> "Index":
        """The index as if it held these sources alone; for reading."""
        found = copy(self)
        found._names = [entry for entry in self._names if entry["source"] in sources]
        return found

    @property
    def sources(self) -> list[str]:
        """The names of what was added, in that order."""
        return [entry["source"] for entry in self._names]

    def add(self, source: str, ids: Sequence[str], measured: Measured, meant: Meant | None = None) -> None:
        """Store texts; what the same source stored before is replaced.

        Raises:
            ConfigError: their meanings were embedded by another model than those that are stored.
            StoreError: another process writes, or the disk is full.
        """
        with self.held():
            if meant is not None:
                self._embedded_by(meant.embedder)
            entries = list(self._names)
            place = next((i for i, entry in enumerate(entries) if entry["source"] == source), len(entries))
            # Even without rows its place is kept, so that it is compared with the same sources again.
            entries[place : place + 1] = [write_segment(self.folder, source, ids, measured, meant)]
            self._publish(entries)

    def merge(self) -> None:
        """Join all segments into one, under the name of all: its rows have no source of their own any more.

        Raises:
            StoreError: another process writes, or the disk is full.
        """
        with self.held():
            segments = list(self._segments())
            if len(segments) > 1:
                ids = [name for segment in segments for name in segment.ids.to_pylist()]
                embedder = next((entry[EMBEDDER] for entry in self._names if EMBEDDER in entry), None)
                meant = Meant(embedder, self.known(embedder)) if embedder else None
                self._publish([write_segment(self.folder, "", ids, _joined(segments, self.scheme), meant)])

    def take_over(self, other: "Index") -> int:
        """Store all that another index holds, behind what is here; how many texts that is.

        A source that both have and that stored the same is taken once; one that stored something else there
        comes under another name, so that nothing of either is lost.

        Raises:
            ConfigError: it is this index, or its meanings were embedded by another model.
            StoreError: it is damaged, another process writes here, or the disk is full.
        """
        if self.folder.resolve() == other.folder.resolve():
            raise ConfigError(f"{other.folder}: this is the index itself; name another one to be merged in.")
        with self.held():
            for embedder in {entry[EMBEDDER] for entry in other._names if EMBEDDER in entry}:
                self._embedded_by(embedder)
            there = {entry["name"] for entry in self._names}
            sources = set(self.sources)
            new = [entry for entry in other._names if entry["name"] not in there]
            for entry in new:
                copy_segment(other.folder, entry, self.folder)
            named = [
                {**entry, "source": f"merged {entry['name']}"} if entry["source"] in sources else entry
                for entry in new
            ]
            self._publish([*self._names, *named])
        return sum(entry["rows"] for entry in new)

    def _embedded_by(self, embedder: str) -> None:
        for entry in self._names:
            if entry.get(EMBEDDER, embedder) != embedder:
                raise ConfigError(
                    f"{self.folder}: the meanings in this index are those of {entry[EMBEDDER]}, and not of"
                    f" {embedder}; name that embedder, or another folder."
                )

    def _before(self, source: str | None) -> list[dict[str, Any]]:
        """The entries of the sources that were there before one; all where none is named."""
        return list(takewhile(lambda entry: source is None or entry["source"] != source, self._names))

    def _segments(self, before: str | None = None) -> Iterator[Segment]:
        for entry in self._before(before):
            name = entry["name"]
            if name not in self._read:
                self._read[name] = read_segment(self.folder, entry, self.scheme)
            yield self._read[name]

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nobody else writes while the block lasts, so what is searched is what is added to.

        Raises:
            ConfigError: another has made an index of another kind there since this one was opened.
            StoreError: another process writes, or the folder cannot be written.
        """
        if self._held:
            yield
            return
        try:
            file = lock.take(self.folder)
        except BlockingIOError as fault:
            raise StoreError(
                f"{self.folder}: another process writes this index; wait until it is done."
            ) from fault
        except OSError as fault:
            raise StoreError(
                f"Cannot write {self.folder}: {fault.strerror}; choose another folder."
            ) from fault
        self._held = True
        try:
            self._names = _manifest(self.folder, self.scheme)  # another may have written since it was opened
            for there in (self.folder, *(self.folder / "segments").glob("*")):
                remove_temporary(there)
            yield
        finally:
            self._held = False
            os.close(file)

    def _publish(self, entries: list[dict[str, Any]]) -> None:
        write_json(self.folder / MANIFEST, {**_identity(self.scheme), "segments": entries})
        self._names = entries
        named = {entry["name"] for entry in entries}
        for folder in (self.folder / "segments").glob("*"):
            if folder.name not in named:  # replaced, or left by a process that was killed
                shutil.rmtree(folder, ignore_errors=True)
        self._read = {name: segment for name, segment in self._read.items() if name in named}


def scheme_of(folder: Path) -> Scheme | None:
    """How the texts of an index were measured; None where there is no index.

    Raises:
        ConfigError: its manifest is none.
    """
    path = folder / MANIFEST
    try:
        found = json.loads(path.read_bytes())
        return Scheme(*(int(found[name]) for name in Scheme._fields))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as fault:
        raise ConfigError(
            f"{path}: this is no manifest of an index; restore it, or build the index anew."
        ) from fault


def _identity(scheme: Scheme) -> dict[str, Any]:
    """All that two indexes must have in common to be one."""
    return {
        "format": FORMAT,
        "normaliser": VERSION,
        "hash": "blake2b-8, polynomial modulo 2^64",
        "minhash": SCHEME,
        "seed": SEED,
        **scheme._asdict(),
    }


def _manifest(folder: Path, scheme: Scheme) -> list[dict[str, Any]]:
    """The segments that an index names; none where there is no index yet."""
    path = folder / MANIFEST
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder}: this is a file, and an index is a folder; name a folder.")
    if not path.exists():
        ours = ("segments", ".lock", f".{MANIFEST}")
        if not folder.exists() or all(path.name.startswith(ours) for path in folder.iterdir()):
            return []
        raise ConfigError(
            f"{folder}: this folder holds other files and no index; name an empty one or an index."
        )
    try:
        found = json.loads(path.read_bytes())
        entries: list[dict[str, Any]] = list(found["segments"])
        known = all(map(is_entry, entries))
    except (ValueError, KeyError, TypeError, RecursionError):
        known = False
    if not known:
        raise ConfigError(f"{path}: this is no manifest of an index; restore it, or build the index anew.")
    for name, wanted in _identity(scheme).items():
        if found.get(name) != wanted:
            called = CALLED.get(name, name)
            raise ConfigError(
                f"{folder}: this index has {called} {found.get(name)!r}, and {wanted!r} is asked for; use "
                f"the settings it was made with, or another folder."
            )
    return entries


def _joined(segments: Sequence[Segment], scheme: Scheme) -> Measured:
    gathered = Gathered(scheme, sum(len(segment.rows.tokens) for segment in segments))
    for segment in segments:
        gathered.add(segment.with_keys())
    return gathered.measured()
