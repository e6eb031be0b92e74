"""The folder of a store: which runs it has, and what they have taken. One process at a time writes to it.

`runs/0001.json`, `0002.json`, … say which runs are finished, in their order; `seen/0001.parquet`, … hold what
each of them took. The record comes last: a run without one is not finished, and the next firing goes on with
it. Nothing there is changed once it is written.
"""

import os
from pathlib import Path
from typing import Self

from pydantic import ValidationError

from synth import lock
from synth.config import Config
from synth.documents.seen import Seen, write_seen
from synth.errors import StoreError
from synth.places import home
from synth.writing import remove, write_bytes

_MOST = 1_000_000


class Record(Config):
    """A finished run: its name, what it took, and its published rows; None where nothing new was in it."""

    run: str
    rows: int | None
    files: int = 0
    documents: int = 0
    passages: int = 0
    logs: tuple[str, ...] = ()


class Store:
    """A store, held by this process. Use as a context manager."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.name = folder, folder.name
        try:
            self._lock: int | None = lock.take(folder)
        except BlockingIOError as fault:
            fix = "wait for it, and run the same command again"
            raise StoreError(f"Another process is at work with the store {folder}; {fix}.") from fault
        except OSError as fault:
            raise StoreError(
                f"Cannot write {folder}: {fault.strerror}; choose another $SYNTH_HOME."
            ) from fault
        for leftover in list(folder.rglob(".*.tmp")):
            remove(leftover)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def add(self, record: Record, seen: Seen) -> None:
        """Take note of a finished run."""
        number = len(records(self.folder)) + 1
        write_seen(seen_file(self.folder, number), seen)
        write_bytes(_record(self.folder, number), (record.model_dump_json(indent=2) + "\n").encode())


def stores() -> Path:
    """The folder of all stores."""
    return home() / "stores"


def records(folder: Path) -> list[Record]:
    """The finished runs of a store, the oldest first; also while another process works with it.

    Raises:
        StoreError: a record is damaged, or one of several is missing.
    """
    found: list[Record] = []
    for number in range(1, _MOST):
        path = _record(folder, number)
        try:
            found.append(Record.model_validate_json(path.read_bytes()))
        except FileNotFoundError:
            break
        except (OSError, ValidationError) as fault:
            fix = "restore it, or begin a new store"
            raise StoreError(f"{path} is damaged ({type(fault).__name__}); {fix}.") from fault
    there = len(list((folder / "runs").glob("*.json")))
    if there > len(found):
        missing = _record(folder, len(found) + 1)
        raise StoreError(f"{missing} is missing, and later runs are there; restore it, or begin a new store.")
    return found


def seen_file(folder: Path, number: int) -> Path:
    """The ids that a finished run has taken."""
    return folder.absolute() / "seen" / f"{number:04d}.parquet"


def _record(folder: Path, number: int) -> Path:
    return folder / "runs" / f"{number:04d}.json"
