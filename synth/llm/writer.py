"""The writer of the journal's one segment that this process fills.

In: lines. Out: their places. A line is with the kernel when `write` returns, and on the disk a second later.
"""

import fcntl
import os
import threading
from pathlib import Path

from synth.errors import StoreError
from synth.llm.segments import new_segment, store_error

SYNC_SECONDS = 1.0


class Writer:
    """A segment under its lock, and the thread that brings it to the disk.

    Raises:
        StoreError: the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.size = 0
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.segment = new_segment(folder)
        except OSError as fault:
            raise StoreError(f"{folder}: no journal can be made there ({fault.strerror}).") from fault
        self._file = self.segment.file
        self._dirty = False
        self._fault: OSError | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sync_often, name="journal-sync", daemon=True)
        self._thread.start()

    def write(self, lines: bytes) -> int:
        """Append whole lines; returns their offset. Half of them is taken back before the error is raised."""
        try:
            if self._fault is not None:
                raise self._fault
            done = os.write(self._file, lines)
            while done < len(lines):  # a short write comes before "disk full", or on a signal
                done += os.write(self._file, lines[done:])
        except OSError as fault:
            os.ftruncate(self._file, self.size)
            raise store_error(self.segment.path, fault) from fault
        offset, self.size = self.size, self.size + len(lines)
        self._dirty = True
        return offset

    def close(self) -> None:
        """Bring everything to the disk and give up the lock; the segment can still be read.

        Raises:
            StoreError: something could not be brought to the disk.
        """
        self._stop.set()
        self._thread.join()
        self._sync()
        fcntl.flock(self._file, fcntl.LOCK_UN)
        if self._fault is not None:
            raise store_error(self.segment.path, self._fault)

    def _sync_often(self) -> None:
        while not self._stop.wait(SYNC_SECONDS):
            self._sync()

    def _sync(self) -> None:
        if self._dirty:
            self._dirty = False
            try:
                os.fdatasync(self._file)
            except OSError as fault:  # seen by the next write: what was acknowledged may be gone
                self._fault = fault
