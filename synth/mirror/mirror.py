"""The copy of a run in a store: sent as the run is made, taken from there where the run goes on elsewhere.

In: a run's folder, which stays what all work is done in. Out: the same files as objects. What says that
others are whole goes last: records of parts after their tables, manifests after records, a dataset's
checksums after its files. So whatever the moment of a kill, what the store has is a run that can be resumed.
"""

import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from synth.errors import StoreError
from synth.mirror.lease import BEAT_S, Lease
from synth.mirror.objects import Objects
from synth.publish.folder import SUMS

# Never changed once they have their name: parts of stages, readings, sealed answers.
LASTING = re.compile(r"(?!dataset/).*(?:/(?:part|read)-[^/]*\.parquet|\.sealed)")
# Files that the run itself removes; others stay.
CHANGING = ("calls/", "dataset/")
SEND_S = 30.0


class _Seen(NamedTuple):
    size: int
    mtime_ns: int | None = None


class Mirror:
    """One run's copy, from `open` to `close`."""

    def __init__(self, url: str, folder: Path) -> None:
        self._folder = folder
        self._objects = Objects(f"{url.rstrip('/')}/{folder.name}")
        self._lease = Lease(self._objects, folder)
        self._there: dict[str, _Seen] = {}
        self._mutex = threading.Lock()
        self._over = threading.Event()
        self._fault: StoreError | None = None
        # Two, as sending may take longer than a lease lasts.
        self._threads = [
            threading.Thread(target=self._each, args=pair, name="mirror", daemon=True)
            for pair in ((BEAT_S, self._lease.beat), (SEND_S, self._send_new))
        ]

    def open(self, say: Callable[[str], None] = lambda said: None) -> None:
        """Take the right to write, then what another folder has done meanwhile; `say` hears of a long wait.

        Raises:
            StoreError: another process is at work, or the store does not answer.
        """
        self._lease.take(say)
        there = self._objects.sizes()
        self._there = {name: _Seen(size) for name, size in there.items() if _is_kept(name)}
        try:
            if not self._lease.was_ours:
                self._pull()
        except BaseException:
            with suppress(StoreError):
                self._lease.give_back()
            raise
        for thread in self._threads:
            thread.start()

    @property
    def is_open(self) -> bool:
        """Whether this process may write."""
        return any(thread.is_alive() for thread in self._threads)

    def send(self) -> None:
        """Send what is new; when it returns, all that was there is in the store.

        Raises:
            StoreError: the store does not answer, or another process has taken over.
        """
        if self._fault is not None:
            raise self._fault
        self._send_new()

    def close(self) -> None:
        """Send the rest, and let others write."""
        self._over.set()
        for thread in self._threads:
            thread.join()
        self.send()
        self._lease.give_back()

    def _each(self, seconds: float, work: Callable[[], None]) -> None:
        while not self._over.wait(seconds):
            try:
                work()
            except (StoreError, OSError) as fault:  # raised where the run sends the next time
                self._fault = fault if isinstance(fault, StoreError) else _unread(self._folder, fault)
                return

    def _send_new(self) -> None:
        with self._mutex:
            self._send()

    def _pull(self) -> None:
        for name in sorted(self._there, key=_order):
            path = self._folder / name
            lasting = LASTING.fullmatch(name) and path.is_file()
            if not lasting or path.stat().st_size != self._there[name].size:
                self._objects.fetch(name, path)
                self._there[name] = _seen(path)

    def _send(self) -> None:
        # Looked at in the opposite order, so that what a manifest speaks of is there when it is sent.
        last: dict[str, bytes] = {}
        for name, path in self._files():
            if _order(name)[0]:
                with suppress(FileNotFoundError):
                    last[name] = path.read_bytes()
        files = dict(self._files())
        new = {name for name, path in files.items() if self._is_new(name, path)}
        gone = {name for name in self._there.keys() - files.keys() if name.startswith(CHANGING)}
        if not new and not gone:
            return
        self._lease.look()
        sums = f"dataset/{SUMS}"
        if sums in self._there and any(name.startswith("dataset/") for name in new | gone):
            self._objects.delete(sums)  # until it is back, the dataset in the store is none
            del self._there[sums]
            new |= {sums} & files.keys()
        for name in sorted(new, key=_order):
            self._put(name, files[name], last.get(name))
        for name in gone:
            self._objects.delete(name)
            self._there.pop(name, None)

    def _put(self, name: str, path: Path, content: bytes | None) -> None:
        seen = None
        with suppress(FileNotFoundError):  # sealed or replaced meanwhile: the next time
            seen = _seen(path)
            if content is not None:
                self._objects.write(name, content)
            elif not _order(name)[0]:
                self._objects.send(name, path)
            else:
                return  # it came after we looked
        if seen is not None:
            self._there[name] = seen

    def _is_new(self, name: str, path: Path) -> bool:
        before = self._there.get(name)
        if before is None:
            return True
        try:
            now = _seen(path)
        except FileNotFoundError:
            return False
        unknown = before.mtime_ns is None and LASTING.fullmatch(name)
        return now.size != before.size or (not unknown and now.mtime_ns != before.mtime_ns)

    def _files(self) -> Iterator[tuple[str, Path]]:
        for folder, inner, files in os.walk(self._folder):  # which bears that a dataset changes places
            inner.sort()
            for path in (Path(folder, file) for file in sorted(files)):
                name = path.relative_to(self._folder).as_posix()
                if _is_kept(name) and path.is_file():
                    yield name, path


def _seen(path: Path) -> _Seen:
    found = path.stat()
    return _Seen(found.st_size, found.st_mtime_ns)


def _unread(folder: Path, fault: OSError) -> StoreError:
    said = fault.strerror or str(fault)
    return StoreError(
        f"{folder} cannot be copied ({said}); look at its disk, and run the same command again."
    )


def _is_kept(name: str) -> bool:
    """Whether a file belongs to the run; what begins with a dot is of this machine or half written."""
    return not any(part.startswith(".") for part in name.split("/"))


def _order(name: str) -> tuple[int, str]:
    """What says that others are whole comes after them."""
    if name == f"dataset/{SUMS}":
        return 3, name
    if name.endswith("/_manifest.json"):
        return 2, name
    return (1 if "/_parts/" in name else 0), name
