"""Objects of a store below one URL, by whatever fsspec speaks to (`s3://bucket/runs/name`, `file:///mnt/runs/name`).

In: names and bytes. Out: objects, each whole or not there. A store that is busy or away is asked again, with
longer and longer waits; then one sentence says so. Addresses and keys come from its client's environment.
"""

import threading
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

import fsspec

from synth.errors import StoreError, without_secrets
from synth.writing import atomic

T = TypeVar("T")

# Between tries; the clients of stores try again themselves within each.
WAITS_S = (1, 2, 4, 8, 16, 32)


def fault_of(url: str) -> str | None:
    """Why a URL cannot be used, in one sentence, or None; asks nobody."""
    scheme = url.partition("://")[0]
    if scheme not in fsspec.available_protocols():
        return f"mirror: {without_secrets(url)} is no address of a store, such as s3://bucket/runs."
    if scheme == "s3" and find_spec("s3fs") is None:
        return "mirror: s3:// needs a package that is not installed; pip install 'synth[s3]'."
    return None


class Objects:
    """The objects whose names begin with one URL; safe to use from many threads."""

    def __init__(self, url: str) -> None:
        self.url = without_secrets(url)
        # What others write must be seen.
        self._store, self._root = fsspec.core.url_to_fs(
            url, use_listings_cache=False, skip_instance_cache=True
        )
        self._stopped = threading.Event()

    def sizes(self, below: str = "") -> dict[str, int]:
        """Sizes in bytes by name, of all objects or of those in a folder."""
        root = f"{self._root}/{below}".rstrip("/")

        def find() -> dict[str, int]:
            self._store.invalidate_cache()
            found = self._store.find(root, detail=True)
            return {name.removeprefix(f"{self._root}/"): int(one["size"] or 0) for name, one in found.items()}

        return self._tried("listed", find)

    def read(self, name: str) -> bytes:
        """The content of a small object."""
        return self._tried("read", lambda: bytes(self._store.cat_file(self._path(name))))

    def fetch(self, name: str, path: Path) -> None:
        """Write an object to a file, whole or not at all."""

        def get() -> None:
            with atomic(path) as temporary:
                self._store.get_file(self._path(name), str(temporary))

        self._tried("read", get)

    def write(self, name: str, content: bytes) -> None:
        """An object of these bytes, in the place of any that was there."""
        self._tried("written", lambda: self._store.pipe_file(self._path(name), content))

    def send(self, name: str, path: Path) -> None:
        """An object of a file's bytes."""

        def put() -> None:
            self._store.makedirs(self._path(name).rpartition("/")[0], exist_ok=True)
            self._store.put_file(str(path), self._path(name))

        self._tried("written", put)

    def create(self, name: str, content: bytes) -> bool:
        """Write an object that nobody else has written; False where it is there. Of several, one succeeds."""

        def create() -> bool:
            self._store.makedirs(self._path(name).rpartition("/")[0], exist_ok=True)
            try:
                self._store.pipe_file(self._path(name), content, mode="create")
            except FileExistsError:
                return False
            except OSError as fault:
                if "PreconditionFailed" in repr(fault.__cause__) + str(fault):
                    return False
                raise
            return True

        return self._tried("written", create)

    def delete(self, name: str) -> None:
        """Remove an object, if it is there."""

        def remove() -> None:
            try:
                self._store.rm_file(self._path(name))
            except FileNotFoundError:
                return

        self._tried("written", remove)

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _tried(self, what: str, work: Callable[[], T]) -> T:
        for wait in (*WAITS_S, None):
            try:
                return work()
            except StoreError:  # the disk on our side
                raise
            except (PermissionError, FileNotFoundError) as fault:  # waiting helps neither
                raise self._fault(
                    what, fault, "see that it is there and that you may write to it, then"
                ) from fault
            except Exception as fault:
                if wait is None:
                    raise self._fault(what, fault, "once it answers,") from fault
                self._stopped.wait(wait)
        raise AssertionError

    def _fault(self, what: str, fault: Any, fix: str) -> StoreError:
        said = without_secrets(str(fault).splitlines()[0] if str(fault) else type(fault).__name__)
        return StoreError(f"{self.url} could not be {what} ({said[:200]}); {fix} run the same command again.")
