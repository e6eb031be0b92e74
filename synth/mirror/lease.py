"""Who may write a run's copy: one process, though many machines may see the store.

In: the objects of a run. Out: a lease, or a sentence. A lease is an object with the next number, which only
one process can create; the highest number counts. Its holder writes a new count into it every few seconds.
Whoever finds that the count stays as it is takes the next number. No two clocks are ever compared.
"""

import json
import re
import secrets
import threading
from collections.abc import Callable
from pathlib import Path

from synth.errors import StoreError
from synth.mirror.objects import Objects
from synth.writing import write_bytes

FOLDER = ".lease"
BEAT_S = 10.0
# Four beats that did not come: its holder is gone, or has lost the store.
DEAD_S = 45.0
_NAME = re.compile(rf"{re.escape(FOLDER)}/([0-9]{{6}})\.json")


class Lease:
    """The right to write, from `take` to `give_back`; `was_ours` says whether this folder wrote last."""

    def __init__(self, objects: Objects, folder: Path) -> None:
        self._objects, self._file = objects, folder / FOLDER
        self._token = secrets.token_hex(8)
        self._number, self._count = 0, 0
        self.was_ours = True

    def take(self, say: Callable[[str], None] = lambda said: None) -> None:
        """Take the next number, once nobody is at work; `say` hears that this takes a while, and why.

        Raises:
            StoreError: somebody is.
        """
        newest = self._newest()
        if newest:
            before = self._found(newest)
            # The folder's lock is ours: whoever left that token here is gone.
            self.was_ours = before["token"] == self._last_here()
            if not before["given_back"] and not self.was_ours:
                say(
                    f"{self._objects.url} is in the hands of another command, or of one that was killed; "
                    f"waiting {DEAD_S:.0f} s to see which."
                )
                threading.Event().wait(DEAD_S)
                if self._newest() != newest or self._read(newest) != before:
                    raise self._held()
        self._number = newest + 1
        if not self._objects.create(self._name(self._number), self._said()):
            raise self._held()
        write_bytes(self._file, self._token.encode())
        for number in range(max(1, newest - 1), newest + 1):
            self._objects.delete(self._name(number))

    def beat(self) -> None:
        """Say that this process is alive, after a look whether it still may write."""
        self.look()
        self._count += 1
        self._objects.write(self._name(self._number), self._said())

    def look(self) -> None:
        """Whether this process still may write.

        Raises:
            StoreError: another has taken over.
        """
        if self._newest() != self._number:
            why = "this one was silent for too long, and writes nothing more"
            raise StoreError(f"Another process has taken over {self._objects.url}: {why}.")

    def give_back(self) -> None:
        """Let others write at once."""
        self.look()
        self._objects.write(self._name(self._number), self._said(given_back=True))

    def _said(self, given_back: bool = False) -> bytes:
        said = {"token": self._token, "count": self._count, "given_back": given_back}
        return json.dumps(said).encode()

    def _found(self, number: int) -> dict[str, object]:
        try:
            return self._read(number)
        except StoreError as fault:
            if isinstance(fault.__cause__, FileNotFoundError):  # somebody has just made the next one
                raise self._held() from None
            raise

    def _read(self, number: int) -> dict[str, object]:
        try:
            found = json.loads(self._objects.read(self._name(number)))
            return {key: found[key] for key in ("token", "count", "given_back")}
        except (ValueError, TypeError, KeyError) as fault:
            raise StoreError(f"{self._objects.url}/{self._name(number)} is damaged; delete it.") from fault

    def _newest(self) -> int:
        names = (_NAME.fullmatch(name) for name in self._objects.sizes(FOLDER))
        return max((int(name[1]) for name in names if name), default=0)

    def _last_here(self) -> str:
        return self._file.read_text() if self._file.is_file() else ""

    def _held(self) -> StoreError:
        return StoreError(
            f"Another process is at work in {self._objects.url}; wait for it or choose another --name."
        )

    @staticmethod
    def _name(number: int) -> str:
        return f"{FOLDER}/{number:06d}.json"
