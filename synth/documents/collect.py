"""Brings files to the shelf: each is read once, however often the run is started or extended.

In: sources. Out: the shelf with all of them on it, and for each source the key that its file has there.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from synth.config import DocumentsConfig
from synth.documents.find import Source
from synth.documents.shelf import Shelf
from synth.documents.workers import Readers
from synth.ids import digest
from synth.text import sha_or_fault

# Raised whenever the same bytes would be read in another way.
VERSION = 1
# What says how a file is read; other settings choose among what was read.
_SETTINGS = {"max_bytes", "max_members", "text_column", "formats", "passage_chars"}
# A new Python per reader costs half a second; fewer files than this are not worth a second one.
_FILES_PER_READER = 20


def shelf_for(folder: Path, config: DocumentsConfig) -> Shelf:
    """The shelf of these settings; each set of settings has its own."""
    settings = config.model_dump(mode="json", include=_SETTINGS)
    return Shelf(folder / "read" / digest("read", VERSION, settings)[:12])


def file_keys(sources: Sequence[Source]) -> dict[str, str]:
    """The key of each source's file, by the source's name: its SHA-256 and what its name says of its kind."""
    return {s.name: f"{sha_or_fault(s.path)}{_kind(s.name)}" for s in sources}


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
        with Readers(config, _readers(config, len(missing))) as readers:
            costly = set()
            for source, reading in readers.read(missing):
                if reading is not None:
                    shelf.put(keys[source.name], reading)
                    if reading.reason == "too_costly":
                        costly.add(source.name)
                    continue
                # A faster machine, or a higher limit, may do it another time.
                shelf.end(keys[source.name], lasting=source.name not in costly)
                done += 1
                report(done, len(sources))
    shelf.flush()
    return len(missing)


def _kind(name: str) -> str:
    """Suffixes decide which reader reads a file, and a few names say that it is no document."""
    path = PurePosixPath(name)
    return "".join(path.suffixes[-2:]).lower() or f"/{path.name}"


def _readers(config: DocumentsConfig, files: int) -> int:
    wanted = config.readers or os.cpu_count() or 1
    return max(1, min(wanted, -(-files // _FILES_PER_READER)))
