"""Processes that do dangerous work and may be killed: what their two sides share.

Who serves speaks lines over pipes, is forked from a parent that has loaded its libraries, and bounds its own
memory and processor time by the kernel, so that it dies even if nobody is left to kill it. The parent is told
the settings first; after an empty line it rests: nobody who served is left, and other settings may follow.
"""

import mmap
import os
import resource
import select
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

_MEGABYTE = 1 << 20
# The line of a parent that rests; no other line has this letter.
RESTS = b"Z"
# Whoever rests so long without being wanted ends.
_REST_S = 60
Lines = Iterator[bytes]

_KEPT = (
    *("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TZ", "LD_LIBRARY_PATH"),
    *("PYTHONHOME", "PYTHONDONTWRITEBYTECODE"),
)


def environment() -> dict[str, str]:
    """Ours without keys, which no worker needs, and with the same packages wherever they were found."""
    home = str(Path(__file__).parents[1])
    # What is needed may lie in a folder that only this process was told of.
    found = [home, *(folder for folder in sys.path if Path(folder).is_absolute() and folder != home)]
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    threads = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
    # Arrow's own allocator lays claim to a gigabyte of addresses at once, which the bound on memory forbids.
    arrow = {"ARROW_DEFAULT_MEMORY_POOL": "system"}
    return {**kept, **threads, **arrow, "PYTHONPATH": os.pathsep.join(found), "PYTHONHASHSEED": "0"}


def channels() -> tuple[BinaryIO, BinaryIO]:
    """Input and output of a worker's own: what a library prints goes nowhere.

    Input is not buffered, so that a worker that dies takes no line with it that it had not begun.
    """
    requests = cast(BinaryIO, os.fdopen(os.dup(0), "rb", buffering=0))
    replies = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    return requests, replies


def serve(requests: BinaryIO, replies: BinaryIO, work: Callable[[bytes, Lines], int]) -> None:
    """Fork who works by the settings that come, and a successor whenever one dies, until the input ends.

    `work` gets the line of the settings and an iterator over the lines that ask; it gives an exit code.
    """
    while settings := _settings(requests):
        if settings == b"\n":  # whoever takes one that rests asks whether it still does
            say(replies, RESTS)
            continue
        # Both sides see it. An exit code cannot tell who rests: libraries of others have any.
        resting = mmap.mmap(-1, 1)
        while not resting[0] and not _ended(requests):
            child = os.fork()
            if child == 0:
                os._exit(work(settings, _lines(requests, resting)))
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            try:
                # A line that the dead one had begun ends here.
                say(replies, b"\nD%d" % code)
            except BrokenPipeError:
                return
        if not resting[0]:
            return
        say(replies, b"\n" + RESTS)


def _settings(requests: BinaryIO) -> bytes:
    """The line that says how to work; nothing where nobody says it for long."""
    if not select.select([requests], [], [], _REST_S)[0]:
        return b""
    return requests.readline()


def _lines(requests: BinaryIO, resting: mmap.mmap) -> Lines:
    """What is asked for, until the input ends or an empty line says that these settings are done with."""
    while line := requests.readline():
        if line == b"\n":
            resting[0] = 1
            return
        yield line


def _ended(requests: BinaryIO) -> bool:
    """Whether nobody will ask for anything more. An exit code cannot say so: libraries of others have any."""
    state = select.poll()
    state.register(requests, select.POLLIN)
    found = dict(state.poll(0)).get(requests.fileno(), 0)
    return bool(found & select.POLLHUP) and not found & select.POLLIN


def say(replies: BinaryIO, line: bytes) -> None:
    """One line, at once."""
    replies.write(line + b"\n")
    replies.flush()


def bound_memory(megabytes: int) -> None:
    """No more than so much beyond what the libraries already take; unbounded where that is not known."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        _lower(resource.RLIMIT_AS, taken + megabytes * _MEGABYTE)
    except (OSError, ValueError):
        return


def bound_processor(seconds: int) -> None:
    """So much processor time from now on; the kernel ends who takes more."""
    _lower(resource.RLIMIT_CPU, int(used()) + 1 + seconds)


def _lower(kind: int, limit: int) -> None:
    """Set a limit, unless a lower one is given from outside."""
    hard = resource.getrlimit(kind)[1]
    resource.setrlimit(kind, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


def used() -> float:
    """Seconds of processor time of this process so far."""
    found = resource.getrusage(resource.RUSAGE_SELF)
    return found.ru_utime + found.ru_stime


def cause(code: int) -> str:
    """A signal by its name, or an exit code (as a negative number)."""
    try:
        return signal.Signals(code).name if code > 0 else f"exit code {-code}"
    except ValueError:
        return f"signal {code}"


def signalled(send: Callable[[int, int], None], target: int) -> None:
    """End a process or a group, if it is still there: `send` is `os.kill` or `os.killpg`."""
    try:
        send(target, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
