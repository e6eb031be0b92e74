"""Reading shared among workers: each brings some files to the shelf, which the stage then finds full.

In: a configuration and the folder of the stage. Out: shares of what is not on the shelf yet, and their
readings on it. How files are shared changes no row: a file is read by itself, and known by its bytes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from synth.ahead import Ahead
from synth.config import DocumentsConfig, RunConfig
from synth.documents.collect import collect, shelf_for
from synth.documents.find import Source
from synth.documents.seen import left
from synth.documents.shelf import Shelf

# A share is lost with its worker, and has to be worth the start of a reader.
LEAST_FILES = 20
# For each worker, so that none waits long for the last one.
SHARES_PER_WORKER = 4


@dataclass(frozen=True, slots=True)
class Share:
    """Some files to be read, with their keys, and the range of segments that is theirs."""

    folder: Path
    config: DocumentsConfig
    sources: tuple[Source, ...]
    keys: dict[str, str]
    range_: int

    @property
    def size(self) -> int:
        """How many files."""
        return len(self.sources)


def shares_of(config: RunConfig, folder: Path, workers: int) -> list[Share]:
    """What is not on the shelf, in shares; none where one reader would do."""
    found = left(config)
    shelf = shelf_for(folder, config.documents)
    missing = sorted(
        {found.keys[s.name]: s for s in found.sources if found.keys[s.name] not in shelf}.items()
    )
    count = min(workers * SHARES_PER_WORKER, len(missing) // LEAST_FILES)
    if count < 2:
        return []
    # Every so manieth, so that a folder of large files is not one share.
    dealt = [missing[place::count] for place in range(count)]
    free = shelf.free_range
    return [
        Share(folder, config.documents, tuple(s for _, s in hand), {s.name: k for k, s in hand}, free + place)
        for place, hand in enumerate(dealt)
    ]


def read_share(share: Share, report: Callable[[int, int], None]) -> int:
    """Read what is not on the shelf of a share; the number of files read."""
    # One reader for each worker, unless it was said otherwise: its neighbours use the other processors.
    config = share.config.model_copy(update={"readers": share.config.readers or 1})
    shelf = Shelf(shelf_for(share.folder, share.config).folder, share.range_)
    return collect(share.sources, share.keys, shelf, config, report)


AHEAD = Ahead(
    shares=lambda desk, workers: shares_of(desk.config, desk.folder, workers),
    make=lambda desk, share, report: read_share(share, report),
)
