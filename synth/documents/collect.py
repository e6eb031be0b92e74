"""Brings files to the shelf: each is read once, however often the run is started or extended.

In: sources. Out: the shelf with all of them on it, and for each source the key that its file has there.
"""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from synth.config import DocumentsConfig
from synth.documents.find import Source
from synth.documents.formats.added import added_readers
from synth.documents.reading import Reading
from synth.documents.shelf import Shelf
from synth.documents.slot import End
from synth.documents.workers import Readers
from synth.ids import digest
from synth.store import write_json
from synth.text import sha_or_fault

_FILES = "files.json"
# Raised whenever the same bytes would be read in another way.
VERSION = 1
# What says how a file is read; other settings choose among what was read.
_SETTINGS = {"max_bytes", "max_members", "text_column", "mask", "formats", "passage_chars", "passage_overlap"}
# A new Python per reader costs half a second; fewer files than this are not worth a second one.
_FILES_PER_READER = 20


def shelf_for(folder: Path, config: DocumentsConfig) -> Shelf:
    """The shelf of these settings; each set of settings, and of readers of others, has its own."""
    settings = config.model_dump(mode="json", include=_SETTINGS)
    return Shelf(folder / "read" / digest("read", VERSION, settings, added_readers())[:12])


def file_keys(sources: Sequence[Source]) -> dict[str, str]:
    """The key of each source's file, by the source's name: its SHA-256 and what its name says of its kind."""
    return {s.name: f"{sha_or_fault(s.path)}{_kind(s.name)}" for s in sources}


def compared(folder: Path, keys: Mapping[str, str]) -> str:
    """What has become of the files since this run last read any, as a sentence; empty the first time."""
    before: dict[str, str] = _remembered(folder)
    both = before.keys() & keys.keys()
    counts = {
        "new": len(keys) - len(both),
        "changed": sum(before[name] != keys[name] for name in both),
        "gone": len(before) - len(both),
    }
    if not before or not any(counts.values()):
        return ""
    said = ", ".join(f"{count:,} {what}" for what, count in counts.items())
    return f"Files since the last time: {said}, {len(both) - counts['changed']:,} as they were."


def remember(folder: Path, keys: Mapping[str, str]) -> None:
    """Keep which files a run was made of, to be compared with those of the next."""
    write_json(folder / "read" / _FILES, dict(keys))


def _remembered(folder: Path) -> dict[str, str]:
    try:
        found = json.loads((folder / "read" / _FILES).read_bytes())
    except (OSError, ValueError):
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
    """The suffixes, which decide which reader reads a file."""
    return "".join(PurePosixPath(name).suffixes[-2:]).lower()


def _readers(config: DocumentsConfig, files: int) -> int:
    wanted = config.readers or os.cpu_count() or 1
    return max(1, min(wanted, -(-files // _FILES_PER_READER)))
