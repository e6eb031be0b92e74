"""Published versions of a dataset: folders `v0001`, `v0002`, …, and the file `latest`, which names one.

In: the folder of a dataset, and a function that fills the folder of a version. Out: a version that nobody
changes again. It is written beside the others under a temporary name, brought to the disk, renamed, and only
then named by `latest`: whoever is killed in between leaves the old version under `latest`, and never a half.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from synth import lock
from synth.errors import StoreError
from synth.places import home
from synth.writing import remove, sha256_of, sync_folder, write_bytes

LATEST = "latest"
SUMS = "checksums.sha256"
# How long a second writer waits for the first, which copies a dataset: about a minute.
TRIES = 1200
_VERSION = re.compile(r"v(\d{4,})")
_READ_ONLY = 0o444


class Version(NamedTuple):
    """A version; `is_new` where it was not there before."""

    folder: Path
    number: int
    is_new: bool

    @property
    def dataset(self) -> str:
        """The name of its dataset."""
        return self.folder.parent.name


def datasets() -> Path:
    """The folder of all published datasets."""
    return home() / "datasets"


def numbers(place: Path) -> list[int]:
    """The versions that are there, the oldest first."""
    if not place.is_dir():
        return []
    found = (_VERSION.fullmatch(path.name) for path in place.iterdir() if path.is_dir())
    return sorted(int(match[1]) for match in found if match)


def latest(place: Path) -> Path | None:
    """The version that `latest` names; None where nothing was published.

    Raises:
        StoreError: `latest` names none that is there.
    """
    try:
        named = (place / LATEST).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None
    if not _VERSION.fullmatch(named) or not (place / named).is_dir():
        there = ", ".join(map(_name, numbers(place))) or "none"
        raise StoreError(
            f"{place / LATEST} names {named!r:.40}, and there is {there}; write one of them in it."
        )
    return place / named


def version_in(folder: Path) -> Path | None:
    """The version that a folder is, or the newest of the dataset that it is; None where it is neither.

    Raises:
        StoreError: `latest` names none that is there.
    """
    if _VERSION.fullmatch(folder.name) and (folder / SUMS).is_file():
        return folder
    return latest(folder) if (folder / LATEST).is_file() else None


def publish_version(
    place: Path, fill: Callable[[Path], None], keep: int = 0, is_same: Callable[[Path], bool] | None = None
) -> Version:
    """The next version, filled by `fill`, unless the newest is the same; `keep` newest ones stay, 0: all.

    `is_same` is asked of the newest before anything is written; without it, or where it says no, sums of all
    files decide.

    Raises:
        StoreError: another process publishes there, or the disk is full.
    """
    try:
        with _held(place):
            version = _next(place, fill, is_same)
            _prune(place, keep)
    except OSError as fault:
        raise StoreError(f"Cannot publish to {place}: {_reason(fault)}; make room and run again.") from fault
    return version


def publish_run(place: Path, dataset: Path, keep: int = 0) -> Version:
    """The dataset of a run, as it is, as the next version.

    Raises:
        StoreError: another process publishes there, or the disk is full.
    """

    def fill(folder: Path) -> None:
        shutil.copytree(dataset, folder, copy_function=shutil.copyfile)

    def is_same(newest: Path) -> bool:
        return sums_of(newest) == sums_of(dataset) and _is_as_written(newest)

    return publish_version(place, fill, keep, is_same)


def _reason(fault: OSError) -> str:
    """One reason: copying a folder gives a list of them, with two paths in each."""
    if isinstance(fault, shutil.Error) and fault.args and isinstance(fault.args[0], list):
        return re.sub(r"^\[Errno \d+\] ", "", str(fault.args[0][0][2])).split(": ")[0]
    return fault.strerror or str(fault)


def sums_of(folder: Path) -> bytes:
    """The sums of a dataset's files; empty where there are none."""
    try:
        return (folder / SUMS).read_bytes()
    except FileNotFoundError:
        return b""


def _is_as_written(version: Path) -> bool:
    """Whether the files of a version are those that its sums speak of: one that was damaged is made anew."""
    lines = sums_of(version).decode("utf-8", "replace").splitlines()
    sums = [line.partition("  ") for line in lines]
    try:
        return all(sha256_of(version / name) == sha for sha, _, name in sums if name)
    except OSError:
        return False


def _next(place: Path, fill: Callable[[Path], None], is_same: Callable[[Path], bool] | None) -> Version:
    there = numbers(place)
    newest = place / _name(there[-1]) if there else None
    if newest and is_same and is_same(newest):
        return Version(newest, there[-1], _point(place, newest))
    number = there[-1] + 1 if there else 1
    fresh, target = place / f".{_name(number)}.tmp", place / _name(number)
    try:
        fill(fresh)
        if newest and sums_of(newest) == sums_of(fresh) and _is_as_written(newest):
            return Version(newest, there[-1], _point(place, newest))
        _settle(fresh)
        fresh.rename(target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)  # where the disk is full, half a dataset fills it more
    sync_folder(place)
    return Version(target, number, _point(place, target))


def _point(place: Path, version: Path) -> bool:
    """Have `latest` name a version; whether it did not already.

    One that was whole when its writer was killed is named by the next who publishes the same.
    """
    line = f"{version.name}\n".encode()
    path = place / LATEST
    if path.is_file() and path.read_bytes() == line:
        return False
    write_bytes(path, line)
    return True


def _settle(folder: Path) -> None:
    """Bring all of a folder to the disk, and let nobody write to its files."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir():
            sync_folder(path)
            continue
        with path.open("rb") as file:
            os.fsync(file.fileno())
        path.chmod(_READ_ONLY)
    sync_folder(folder)


def _prune(place: Path, keep: int) -> None:
    """Remove the oldest versions, never that which `latest` names."""
    named = latest(place)
    for number in numbers(place)[:-keep] if keep else ():
        old = place / _name(number)
        if old != named:
            gone = old.with_name(f".{old.name}.tmp")
            old.rename(gone)  # it is whole or not there, whenever we are killed
            shutil.rmtree(gone)


@contextmanager
def _held(place: Path) -> Iterator[None]:
    """One writer at a time; what a killed one left is removed."""
    try:
        file = lock.take(place, TRIES)
    except BlockingIOError as fault:
        raise StoreError(f"Another process publishes to {place}; run the same command again.") from fault
    try:
        for leftover in place.glob(".*.tmp"):
            remove(leftover)
        yield
    finally:
        os.close(file)


def _name(number: int) -> str:
    return f"v{number:04d}"
