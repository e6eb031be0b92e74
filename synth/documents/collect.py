"""Brings files to the shelf: each is read once, however often the run is started or extended.

In: sources. Out: the shelf with all of them on it, and for each source the key that its file has there.
"""

import json
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path, PurePosixPath

from synth.config import DocumentsConfig
from synth.documents.find import Source
from synth.documents.formats.added import added_readers
from synth.documents.packing import PACKED
from synth.documents.reading import Reading
from synth.documents.shelf import Shelf
from synth.documents.slot import End
from synth.documents.workers import Readers
from synth.ids import digest
from synth.text import sha_or_fault
from synth.writing import write_json

_FILES = "files.json"
# How a note begins that depends on what a run was before, and so is no property of its dataset.
FILES_NOTE = "Files since the last time"
_NAMED = 3
# Raised whenever the same bytes would be read in another way.
VERSION = 1
# What says how a file is read; other settings choose among what was read.
_SETTINGS = {
    "max_bytes", "max_members", "max_rows", "text_column", "mask", "formats", "passage_chars",
    "passage_overlap",
}  # fmt: skip
# Another version of one of these may read the same bytes in another way.
_LIBRARIES = ("pypdfium2", "html-to-markdown", "selectolax", "chardet", "py3langid")
# A new Python per reader costs half a second; fewer files than this are not worth a second one.
_FILES_PER_READER = 20


def shelf_for(folder: Path, config: DocumentsConfig) -> Shelf:
    """The shelf of these settings; each set of settings, and of readers of others, has its own."""
    settings = config.model_dump(mode="json", include=_SETTINGS)
    libraries = {name: version(name) for name in _LIBRARIES}
    return Shelf(folder / "read" / digest("read", VERSION, settings, added_readers(), libraries)[:12])


def file_keys(sources: Sequence[Source]) -> dict[str, str]:
    """The key of each source's file, by the source's name: its SHA-256 and what its name says of its kind."""
    return {s.name: f"{sha_or_fault(s.path)}{_kind(s.name)}" for s in sources}


def compared(folder: Path, keys: Mapping[str, str]) -> str:
    """What has become of the files since this run last read any, as a sentence; empty the first time."""
    before: dict[str, str] = remembered(folder)
    both = before.keys() & keys.keys()
    found = {
        "new": keys.keys() - both,
        "changed": {name for name in both if before[name] != keys[name]},
        "gone": before.keys() - both,
    }
    if not before or not any(found.values()):
        return ""
    said = ", ".join(f"{len(names):,} {what}{_some(names)}" for what, names in found.items())
    return f"{FILES_NOTE}: {said}, {len(both) - len(found['changed']):,} as they were."


def _some(names: Collection[str]) -> str:
    first = sorted(names)[:_NAMED]
    more = [f"{len(names) - _NAMED:,} more"] if len(names) > _NAMED else []
    return f" ({', '.join([*first, *more])})" if names else ""


def remember(folder: Path, keys: Mapping[str, str]) -> None:
    """Keep which files a run was made of, to be compared with those of the next."""
    write_json(folder / "read" / _FILES, dict(keys))


def remembered(folder: Path) -> dict[str, str]:
    """The keys of the files that a run was last made of, by their names; empty where nothing is known."""
    try:
        found = json.loads((folder / "read" / _FILES).read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def collect(
    sources: Sequence[Source],
    keys: Mapping[str, str],
    shelf: Shelf,
    config: DocumentsConfig,
    report: Callable[[int, int], None],
) -> int:
    """Read what is not on the shelf; the number of files read."""
    missing = list({keys[s.name]: s for s in sources if keys[s.name] not in shelf}.values())
    done = len(sources) - len(missing)
    if missing:
        passing: set[str] = set()
        try:
            with Readers(config, _readers(config, len(missing))) as readers:
                for source, found in readers.read(missing):
                    key = keys[source.name]
                    if isinstance(found, Reading):
                        shelf.put(key, found)
                        passing |= set() if found.lasting else {key}
                        continue
                    _end(shelf, source, key, found._replace(lasting=found.lasting and key not in passing))
                    done += 1
                    report(done, len(sources))
        finally:
            # Whoever is stopped in the middle keeps what was read.
            shelf.flush()
    return len(missing)


def _end(shelf: Shelf, source: Source, key: str, end: End) -> None:
    """The end of a file, which has to be the one whose key it goes by."""
    if f"{sha_or_fault(source.path)}{_kind(source.name)}" == key:
        shelf.end(key, end.seconds, end.lasting)
        return
    shelf.forget(key)
    fault = "was changed or removed while it was read; run the same command again"
    shelf.put(key, Reading(place="", format="", reason="unreadable", detail=fault, lasting=False))
    shelf.end(key, end.seconds, lasting=False)


def _kind(name: str) -> str:
    """What decides which reader reads a file: its suffix; of a packed one the suffix before as well."""
    suffixes = [suffix.lower() for suffix in PurePosixPath(name).suffixes]
    return "".join(suffixes[-2:] if suffixes and suffixes[-1] in PACKED else suffixes[-1:])


def _readers(config: DocumentsConfig, files: int) -> int:
    wanted = config.readers or os.cpu_count() or 1
    return max(1, min(wanted, -(-files // _FILES_PER_READER)))
