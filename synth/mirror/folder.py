"""A folder as a store: a disk that several machines share, or a second one of this machine.

In: paths and bytes. Out: files, each whole or not there; one that is created only where none is. The client
of `fsspec` for local files does neither: it writes in place, and looks before it creates.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from synth.errors import StoreError
from synth.writing import atomic


class Folder:
    """What `Objects` asks of a store; faults are `OSError`."""

    def invalidate_cache(self) -> None:
        """There is none."""

    def find(self, root: str, detail: bool) -> dict[str, dict[str, Any]]:
        """Sizes of all files below, by their paths; of those that go meanwhile, nothing."""
        found: dict[str, dict[str, Any]] = {}
        for folder, _, names in os.walk(root):
            for name in names:
                path = Path(folder, name)
                try:
                    found[path.as_posix()] = {"size": path.stat().st_size}
                except FileNotFoundError:
                    continue
        return found

    def cat_file(self, path: str) -> bytes:
        """The content of a file."""
        return Path(path).read_bytes()

    def get_file(self, path: str, to: str) -> None:
        """Copy a file from here."""
        shutil.copyfile(path, to)

    def put_file(self, source: str, path: str) -> None:
        """Copy a file to here, whole or not at all."""
        with _whole(path) as temporary:
            shutil.copyfile(source, temporary)

    def pipe_file(self, path: str, content: bytes, mode: str = "overwrite") -> None:
        """Write a file, whole or not at all.

        Raises:
            FileExistsError: it is there, and was to be created.
        """
        if mode != "create":
            with _whole(path) as temporary:
                temporary.write_bytes(content)
            return
        mark = Path(path).with_name(f".{Path(path).name}.{os.urandom(8).hex()}.new")
        try:
            with _whole(str(mark)) as temporary:
                temporary.write_bytes(content)
            os.link(mark, path)  # of several exactly one succeeds
        finally:
            mark.unlink(missing_ok=True)

    def rm_file(self, path: str) -> None:
        """Remove a file."""
        Path(path).unlink()


@contextmanager
def _whole(path: str) -> Iterator[Path]:
    """As `atomic`; a fault is that of the disk, which may be full only for a while."""
    try:
        with atomic(Path(path)) as temporary:
            yield temporary
    except StoreError as fault:
        raise fault.__cause__ or fault from None
