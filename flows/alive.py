"""Which flow runs have a process: each holds a lock on a file of its own for as long as its process lives.

In: the id of a flow run. Out: a file below Prefect's home, whose lock goes with the process.
So a file that is not locked is a flow run whose process was killed, and no process id is ever trusted.
"""

import atexit
import fcntl
import os
from pathlib import Path
from uuid import UUID

from flows.environment import prefect_home

_held: dict[Path, int] = {}


def hold(flow_run_id: str) -> None:
    """Lock the file of a flow run until this process ends: only then its last state has been told."""
    path = _file(flow_run_id)
    if path in _held:
        return  # it is tried again in the same process
    path.parent.mkdir(parents=True, exist_ok=True)
    while (handle := _locked(path)) is None:
        pass  # whoever repairs removed the file before it was locked
    if not _held:
        atexit.register(_release)
    _held[path] = handle


def left_behind() -> list[str]:
    """The flow runs of this machine whose process is gone without having ended as it should."""
    found = sorted(_folder().glob("*.lock")) if _folder().is_dir() else []
    return [path.stem for path in found if _is_flow_run(path.stem) and not _is_held(path)]


def forget(flow_run_id: str) -> None:
    """The flow run has been seen to."""
    _file(flow_run_id).unlink(missing_ok=True)


def _locked(path: Path) -> int | None:
    """The open file, locked and under its name; None where it is to be tried again."""
    fresh = path.with_name(f".{path.stem}.{os.getpid()}.tmp")
    is_new = not path.exists()
    # A new file is locked before it has its name: a repair takes what is not locked for left behind.
    place = fresh if is_new else path
    try:
        handle = os.open(place, os.O_RDWR | (os.O_CREAT if is_new else 0), 0o644)
    except FileNotFoundError:
        return None
    fcntl.flock(handle, fcntl.LOCK_EX)
    if is_new:
        fresh.rename(path)
    if path.exists() and path.stat().st_ino == os.fstat(handle).st_ino:
        return handle
    os.close(handle)
    return None


def _is_flow_run(name: str) -> bool:
    try:
        return str(UUID(name)) == name
    except ValueError:
        return False


def _release() -> None:
    for path, handle in _held.items():
        path.unlink(missing_ok=True)
        os.close(handle)
    _held.clear()


def _is_held(path: Path) -> bool:
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return True  # it ended well just now
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def _folder() -> Path:
    return prefect_home() / "alive"


def _file(flow_run_id: str) -> Path:
    return _folder() / f"{flow_run_id}.lock"
