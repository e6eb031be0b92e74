"""A process that reads files and may be killed: `python -m synth.documents.worker`.

In, on standard input: the settings as one line of JSON, then one line for each file: its path in
hexadecimal. Out, on standard output, lines that begin with a letter: the process id of who reads (P),
a `Reading` as JSON for each document (R), the end of each file (E; M where memory ran out), the death
of who reads (D). A file that crashes its reader, or takes too much time or memory, ends that reader
only: the process that started it makes the next one by forking, which costs milliseconds where a new
Python would cost half a second.
"""

import os
import resource
import sys
from pathlib import Path
from typing import BinaryIO

from synth.config import DocumentsConfig
from synth.documents.readers import read

# The reader asks for a successor: its memory is used up, though it could still say so.
WORN_OUT = 3
_MEGABYTE = 1 << 20


def main() -> None:
    """Serve until the input ends; fork a new reader whenever one dies."""
    requests, replies = _channels()
    config = DocumentsConfig.model_validate_json(requests.readline())
    while True:
        child = os.fork()
        if child == 0:
            os._exit(_serve(requests, replies, config))
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if code == 0:
            return
        if code != WORN_OUT:
            # A line that the dead reader had begun ends here.
            _say(replies, b"\nD%d" % code)


def _channels() -> tuple[BinaryIO, BinaryIO]:
    """Input and output of our own: what a library prints goes nowhere."""
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    return requests, replies


def _serve(requests: BinaryIO, replies: BinaryIO, config: DocumentsConfig) -> int:
    """Read files until the input ends; the exit code."""
    _bound_memory(config.max_memory_mb)
    _say(replies, b"P%d" % os.getpid())
    while line := requests.readline():
        _bound_time(config.max_seconds)
        try:
            for reading in read(Path(os.fsdecode(bytes.fromhex(line.decode()))), config):
                _say(replies, b"R" + reading.model_dump_json().encode())
        except MemoryError:
            _say(replies, b"\nM")
            return WORN_OUT
        _say(replies, b"E")
    return 0


def _bound_memory(megabytes: int) -> None:
    """No more than so much beyond what the libraries already take."""
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if sys.platform == "linux" else 0
    limit = pages * resource.getpagesize() + megabytes * _MEGABYTE
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _bound_time(seconds: int) -> None:
    """So much processor time from now on; the kernel ends who takes more."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime) + 1 + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def _say(replies: BinaryIO, line: bytes) -> None:
    replies.write(line + b"\n")
    replies.flush()


if __name__ == "__main__":
    main()
