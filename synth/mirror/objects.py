"""Objects of a store below one URL, by whatever fsspec speaks to (`s3://bucket/runs/name`, `file:///mnt/runs/name`).

In: names and bytes. Out: objects, each whole or not there. A store that is busy or away is asked again, with
longer and longer waits; then one sentence says so. Addresses and keys come from its client's environment.
"""

import re
import threading
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

import fsspec

from synth.errors import ConfigError, StoreError, without_secrets
from synth.mirror.folder import Folder
from synth.writing import atomic

T = TypeVar("T")

# Stores whose clients create an object only where none is: with others two commands could hold one run.
SAFE = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "file", "local", "memory")
_SECRET = re.compile(r"//[^/]*@|[?#]")

# Between tries; the clients of stores try again themselves within each.
WAITS_S = (1, 2, 4, 8, 16, 32)


def fault_of(url: str) -> str | None:
    """Why a URL cannot be used, in one sentence, or None; asks nobody."""
    scheme, _, rest = url.partition("://")
    if fault := secret_in(url):
        return fault
    if scheme not in fsspec.available_protocols() or not rest.strip("/"):
        return f"mirror: {url} is no address of a store, such as s3://bucket/runs."
    if scheme not in SAFE:
        return (
            f"mirror: {scheme}:// cannot hold off a second writer; use one of {', '.join(SAFE[:-1])}, as in"
            " s3://bucket/runs."
        )
    if scheme == "s3" and find_spec("s3fs") is None:
        return "mirror: s3:// needs a package that is not installed; pip install 'synth[s3]'."
    try:
        fsspec.get_filesystem_class(scheme)
    except ImportError as fault:
        return f"mirror: {scheme}:// needs a package that is not installed ({str(fault).strip('.')})."
    return None


def secret_in(url: str) -> str | None:
    """Why a URL may not be shown, in one sentence, or None: it would stand in files and databases."""
    if not _SECRET.search(url):
        return None
    shown = re.split("[?#]", without_secrets(url))[0]
    return (
        f"mirror: {shown} holds credentials or a query; keys come from the environment of the store's client,"
        " such as AWS_ACCESS_KEY_ID."
    )


def opened(url: str) -> tuple[Any, str]:
    """The store of a URL, and what its objects' names begin with.

    Raises:
        ConfigError: its client takes no such address.
    """
    try:
        # What others write must be seen.
        store, root = fsspec.core.url_to_fs(url, use_listings_cache=False, skip_instance_cache=True)
    except Exception as fault:
        said = without_secrets(f"{type(fault).__name__}: {fault}".splitlines()[0])[:200]
        raise ConfigError(f"mirror: {without_secrets(url)} cannot be used ({said}).") from fault
    return (Folder() if "file" in _protocols(store) else store), root


def _protocols(store: Any) -> tuple[str, ...]:
    return (store.protocol,) if isinstance(store.protocol, str) else tuple(store.protocol)


class Objects:
    """The objects whose names begin with one URL; safe to use from many threads."""

    def __init__(self, url: str) -> None:
        self.url = without_secrets(url)
        self._store, self._root = opened(url)
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
        """An object of a file's bytes.

        Raises:
            FileNotFoundError: the file went meanwhile.
        """
        try:
            self._tried("written", lambda: self._store.put_file(str(path), self._path(name)))
        except StoreError as fault:
            if isinstance(fault.__cause__, FileNotFoundError) and not path.exists():
                raise fault.__cause__ from None
            raise

    def create(self, name: str, content: bytes) -> bool:
        """Write an object that nobody else has written; False where it is there. Of several, one succeeds."""

        def create() -> bool:
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
