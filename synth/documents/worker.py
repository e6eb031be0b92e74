"""A process that reads files and may be killed: `python -m synth.documents.worker`.

In, on standard input: the settings as one line of JSON, then one line for each file: its number and its
path in hexadecimal. Out, on standard output, lines that begin with a letter: the process id of who reads
(P), the number of the file that is begun (S), a `Reading` as JSON for each document (R), the end of a file
and what it cost in milliseconds of processor time (E; M where memory ran out), the exit code of who read
(D). A file that crashes its reader, or takes too much time or memory, ends that reader only: the process
that started it makes the next one by forking, which costs milliseconds where a new Python would cost half
a second.
"""

import os
import resource
import select
import signal
import sys
from pathlib import Path
from typing import BinaryIO, cast

from synth.config import DocumentsConfig
from synth.documents.language import load_language_model
from synth.documents.readers import read
from synth.documents.slot import SILENT_S, UNREADY, WORN_OUT

_MEGABYTE = 1 << 20


def main() -> None:
    """Serve until the input ends; fork a new reader whenever one dies."""
    requests, replies = _channels()
    config = DocumentsConfig.model_validate_json(requests.readline())
    try:
        # Before any reader is forked, so that all share it, and that no file is blamed for its want.
        load_language_model()
    except Exception:  # noqa: BLE001  (whatever it is, nothing can be read here)
        sys.exit(UNREADY)
    while not _ended(requests):
        child = os.fork()
        if child == 0:
            os._exit(_serve(requests, replies, config))
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        try:
            # A line that the dead reader had begun ends here.
            _say(replies, b"\nD%d" % code)
        except BrokenPipeError:
            return


def _channels() -> tuple[BinaryIO, BinaryIO]:
    """Input and output of our own: what a library prints goes nowhere.

    Input is not buffered, so that a reader that dies takes no line with it that it had not begun.
    """
    requests = cast(BinaryIO, os.fdopen(os.dup(0), "rb", buffering=0))
    replies = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    return requests, replies


def _ended(requests: BinaryIO) -> bool:
    """Whether nobody will ask for anything more. An exit code cannot say so: readers of others have any."""
    state = select.poll()
    state.register(requests, select.POLLIN)
    found = dict(state.poll(0)).get(requests.fileno(), 0)
    return bool(found & select.POLLHUP) and not found & select.POLLIN


def _serve(requests: BinaryIO, replies: BinaryIO, config: DocumentsConfig) -> int:
    """Read files until the input ends; the exit code."""
    _bound_memory(config.max_memory_mb)
    _say(replies, b"P%d" % os.getpid())
    while line := requests.readline():
        number, path = line.split()
        _say(replies, b"S" + number)
        before = _used()
        _bound_time(config.max_seconds)
        try:
            for reading in read(Path(os.fsdecode(bytes.fromhex(path.decode()))), config):
                signal.alarm(0)
                _say(replies, b"R" + reading.model_dump_json().encode())
                # The limit is for one document, not for all that a table or an archive holds.
                _bound_time(config.max_seconds)
        except MemoryError:
            _say(replies, b"\nM")
            return WORN_OUT
        except BrokenPipeError:
            return 0
        signal.alarm(0)
        _say(replies, b"E%d" % (1000 * (_used() - before)))
    return 0


def _bound_memory(megabytes: int) -> None:
    """No more than so much beyond what the libraries already take; unbounded where that is not known."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        _lower(resource.RLIMIT_AS, taken + megabytes * _MEGABYTE)
    except (OSError, ValueError):
        return


def _bound_time(seconds: int) -> None:
    """So much processor time from now on; the kernel ends who takes more, and who falls silent."""
    _lower(resource.RLIMIT_CPU, int(_used()) + 1 + seconds)
    signal.alarm(max(SILENT_S, seconds))


def _lower(kind: int, limit: int) -> None:
    """Set a limit, unless a lower one is given from outside."""
    hard = resource.getrlimit(kind)[1]
    resource.setrlimit(kind, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


def _used() -> float:
    """Seconds of processor time so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _say(replies: BinaryIO, line: bytes) -> None:
    replies.write(line + b"\n")
    replies.flush()


if __name__ == "__main__":
    main()
    sys.exit(0)
