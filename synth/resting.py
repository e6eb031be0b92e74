"""Processes that have loaded their libraries and have nothing to do: the next who needs such a one takes it.

In: a process that has said that it rests. Out: the same, to whoever would start one of the same program in
the same environment; a second run in one Python so saves the second that loading takes. One of each program
rests at a time; it ends by itself when nobody wants it for a minute (`processes`), and with this process.
"""

import atexit
import os
import subprocess
import threading
from collections.abc import Hashable
from typing import NamedTuple

from synth.processes import signalled

CLOSE_S = 5


class Resting(NamedTuple):
    """A process, and what one that is to do the same work has in common with it."""

    process: "subprocess.Popen[bytes]"
    key: Hashable


_RESTING: dict[str, Resting] = {}
_LOCK = threading.Lock()
# A child that was forked would talk to the same process at the same time.
os.register_at_fork(after_in_child=_RESTING.clear)


def take(module: str, key: Hashable) -> "subprocess.Popen[bytes] | None":
    """A process that rests and is alive, or None; one of another environment goes on resting."""
    with _LOCK:
        found = _RESTING.get(module)
        if found is None or found.key != key:
            return None
        del _RESTING[module]
    if found.process.poll() is None:
        return found.process
    close(found.process)
    return None


def put(module: str, key: Hashable, process: "subprocess.Popen[bytes]") -> None:
    """Keep a process that rests, in place of the one that did so far."""
    with _LOCK:
        before = _RESTING.pop(module, None)
        _RESTING[module] = Resting(process, key)
    if before is not None:
        close(before.process)


def close(process: "subprocess.Popen[bytes]") -> None:
    """End a process by closing its pipes; all that it forked as well, where that does not help."""
    for pipe in (process.stdin, process.stdout):
        if pipe:
            try:
                pipe.close()
            except BrokenPipeError:
                continue
    try:
        process.wait(CLOSE_S)
    except subprocess.TimeoutExpired:
        signalled(os.killpg, process.pid)
        process.wait()


@atexit.register
def close_all() -> None:
    """End whatever rests."""
    while _RESTING:
        close(_RESTING.popitem()[1].process)
