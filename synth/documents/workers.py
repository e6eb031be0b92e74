"""Reads files in processes that may be killed, several at a time.

In: sources. Out: for each what its reader found, and its end. A reader that crashes, takes too much
time or memory, or falls silent costs its own file: that file ends with a reason, its neighbours are
read by a successor. Whoever stops listening in the middle ends all readers at once.
"""

import queue
import threading
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import NamedTuple, Self

from synth.config import DocumentsConfig
from synth.documents.find import Source
from synth.documents.reading import Reading
from synth.documents.slot import End, Slot

# Readings that nobody has taken yet; more would fill the memory while the disk is slow.
_AHEAD = 32
# How often a thread whose readings nobody takes looks whether anybody still wants them, in seconds.
_LOOK_S = 0.2


class Read(NamedTuple):
    """One reading of a source, or its end."""

    source: Source
    found: Reading | End


class Readers:
    """A pool of readers; use as a context manager, and once."""

    def __init__(self, config: DocumentsConfig, count: int) -> None:
        self._config = config
        self._count = count
        self._slots: list[Slot] = []
        self._threads: list[threading.Thread] = []
        self._found: queue.Queue[Read | BaseException | None] = queue.Queue(_AHEAD)
        self._stopped = threading.Event()

    def __enter__(self) -> Self:
        try:
            for _ in range(self._count):
                self._slots.append(Slot(self._config))
        except BaseException:
            self._close(kill=True)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, value: object, trace: TracebackType | None) -> None:
        self._close(kill=kind is not None or any(thread.is_alive() for thread in self._threads))

    def read(self, sources: Sequence[Source]) -> Iterator[Read]:
        """Everything in the sources, in whatever order it comes; each source ends once.

        Raises:
            SynthError: the readers cannot be started, or were ended by somebody else.
        """
        waiting: queue.SimpleQueue[Source] = queue.SimpleQueue()
        for source in sources:
            waiting.put(source)
        for slot in self._slots:
            thread = threading.Thread(target=self._feed, args=(slot, waiting), daemon=True)
            self._threads.append(thread)
            thread.start()
        busy = len(self._slots)
        while busy:
            found = self._found.get()
            if found is None:
                busy -= 1
            elif isinstance(found, BaseException):
                raise found
            else:
                yield found
        for thread in self._threads:
            thread.join()

    def _feed(self, slot: Slot, waiting: "queue.SimpleQueue[Source]") -> None:
        """Give one reader file after file until none is left or wanted."""
        try:
            while not self._stopped.is_set():
                source = waiting.get_nowait()
                for found in slot.read(source):
                    self._offer(Read(source, found))
        except queue.Empty:
            self._offer(None)
        except BaseException as fault:  # noqa: BLE001  (the thread that waits for us raises it)
            self._offer(fault)

    def _offer(self, found: Read | BaseException | None) -> None:
        while not self._stopped.is_set():
            try:
                self._found.put(found, timeout=_LOOK_S)
            except queue.Full:
                continue
            return

    def _close(self, kill: bool) -> None:
        """End the readers, at once or as they see that no file is left."""
        self._stopped.set()
        if kill:
            for slot in self._slots:
                slot.kill()
        # Whoever reads from a pipe has to be done before it is closed: its number may be given anew.
        for thread in self._threads:
            thread.join()
        for slot in self._slots:
            slot.close()
