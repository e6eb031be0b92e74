"""The broker's process: `python -m synth.llm.broker FOLDER NAME`, started by whoever needs one first.

It takes the lock of its life, makes the socket, goes its own way (so that whoever started it may be killed)
and serves until nobody has needed it for a while. Until then it imports little, as the starter waits for it.
"""

import asyncio
import faulthandler
import os
import resource
import signal
import socket
import sys
import threading
import time
import traceback
from pathlib import Path
from types import TracebackType

from synth.llm.rendezvous import PAUSE_S, START_S, Place, connect, fault_of, hold

BACKLOG = 512
MOST_LOG_BYTES = 100_000


def main(folder: str, name: str) -> int:
    """Listen and serve; 0 as soon as somebody does, here or in a broker that was quicker."""
    place = Place(Path(folder), name)
    if said := fault_of(place):
        print(said, file=sys.stderr)
        return 2
    lock = _alone(place)
    if lock is None:
        return 0
    place.socket.unlink(missing_ok=True)  # of one that was killed: the living hold the lock
    listening = _listen(place)
    if os.fork():
        return 0
    os.ftruncate(lock, 0)
    os.write(lock, b"%d\n" % os.getpid())  # for who wants to end it
    log = _let_go(place)
    # Only now, as this takes a while, and threads that libraries start do not survive a fork.
    from synth.llm.serving import serve

    try:
        asyncio.run(serve(place, listening, log))
    finally:
        os.close(lock)
    return 0


def _alone(place: Place) -> int | None:
    """The lock, once a broker that leaves has let go of it; None where one answers."""
    until = time.monotonic() + START_S
    while (lock := hold(place.lock)) is None:
        if (other := connect(place)) is not None:
            other.close()
            return None
        if time.monotonic() > until:
            raise TimeoutError(f"{place.lock}: a broker that leaves does not let go of it; end that process.")
        time.sleep(PAUSE_S)
    return lock


def _listen(place: Place) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        listening.bind(os.fspath(place.socket))
    finally:
        os.umask(mask)
    listening.listen(BACKLOG)
    return listening


class Log:
    """Lines for people: what happened and how often; never a key, a prompt or a reply."""

    def __init__(self, file: int) -> None:
        self.file = file

    def say(self, what: str) -> None:
        """Write one line; where that fails, there is nobody to tell."""
        try:
            os.write(self.file, f"{os.getpid()}: {what}\n".encode("utf-8", errors="replace"))
        except OSError:
            return

    def fault(self, fault: BaseException | None) -> None:
        """The kind of a fault and where it was raised; its text may repeat what was asked."""
        where = traceback.extract_tb(fault.__traceback__)[-1:] if fault is not None else []
        self.say(
            f"{type(fault).__name__}" + "".join(f" in {at.name}, {at.filename}:{at.lineno}" for at in where)
        )


def _let_go(place: Place) -> Log:
    """Nothing of the starter is held any more: terminal, streams, core files."""
    log = os.open(place.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    if os.fstat(log).st_size > MOST_LOG_BYTES:
        os.ftruncate(log, 0)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # the key is in memory
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    faulthandler.enable(log, all_threads=True)
    told = Log(log)

    def fallen(kind: type[BaseException], fault: BaseException, trace: TracebackType | None) -> None:
        told.fault(fault)

    sys.excepthook = fallen
    threading.excepthook = lambda given: told.fault(given.exc_value)
    return told


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
