"""The lock of a run folder: one process at a time, and gone with it, however it ends."""

import fcntl
import os
import threading
from pathlib import Path

# Whoever asks whether a run is locked holds its lock for an instant; that is no process at work.
TRIES, PAUSE_S = 10, 0.05


def take(run_folder: Path, tries: int = TRIES) -> int:
    """Lock a run folder, which is made where there is none; the open file that holds the lock.

    Between two of the `tries` pass 0.05 seconds.

    Raises:
        BlockingIOError: another process holds it.
        OSError: the folder cannot be written.
    """
    run_folder.mkdir(parents=True, exist_ok=True)
    file = os.open(run_folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _take(file, tries)
    except BaseException:
        os.close(file)
        raise
    return file


def _take(file: int, tries: int) -> None:
    for left in reversed(range(tries)):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not left:
                raise
            threading.Event().wait(PAUSE_S)
        else:
            return


def is_locked(run_folder: Path) -> bool:
    """Whether a process is at work in a run; that of a killed process is gone with it."""
    try:
        file = os.open(run_folder / ".lock", os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False
