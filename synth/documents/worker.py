"""A process that reads files and may be killed: `python -m synth.documents.worker`.

In, on standard input: the settings as one line of JSON, then one line for each file: its number and its
path in hexadecimal. Out, on standard output, lines that begin with a letter: the process id of who reads
(P), the number of the file that is begun (S), a `Reading` as JSON for each document (R), the end of a file
and what it cost in milliseconds of processor time (E; M where memory ran out), the exit code of who read
(D). An empty line ends the reading with these settings (Z); others may follow. A file that crashes its
reader, or takes too much time or memory, ends that reader only: the process that started it makes the next
one by forking, which costs milliseconds where a new Python would cost a second.
"""

import os
import signal
import sys
from functools import partial
from pathlib import Path
from typing import BinaryIO

from synth.config import DocumentsConfig
from synth.documents.language import load_language_model
from synth.documents.readers import read
from synth.documents.slot import SILENT_S, UNREADY, WORN_OUT
from synth.processes import Lines, bound_memory, bound_processor, channels, say, serve, used


def main() -> None:
    """Serve until the input ends."""
    requests, replies = channels()
    try:
        # Before any reader is forked, so that all share it, and that no file is blamed for its want.
        load_language_model()
    except Exception:  # noqa: BLE001  (whatever it is, nothing can be read here)
        sys.exit(UNREADY)
    serve(requests, replies, partial(_read, replies))


def _read(replies: BinaryIO, settings: bytes, requests: Lines) -> int:
    """Read files until no more is asked for; the exit code."""
    config = DocumentsConfig.model_validate_json(settings)
    bound_memory(config.max_memory_mb)
    say(replies, b"P%d" % os.getpid())
    for line in requests:
        number, path = line.split()
        say(replies, b"S" + number)
        before = used()
        _bound_time(config.max_seconds)
        try:
            for reading in read(Path(os.fsdecode(bytes.fromhex(path.decode()))), config):
                signal.alarm(0)
                say(replies, b"R" + reading.model_dump_json().encode())
                # The limit is for one document, not for all that a table or an archive holds.
                _bound_time(config.max_seconds)
        except MemoryError:
            say(replies, b"\nM")
            return WORN_OUT
        except BrokenPipeError:
            return 0
        signal.alarm(0)
        say(replies, b"E%d" % (1000 * (used() - before)))
    return 0


def _bound_time(seconds: int) -> None:
    """So much processor time from now on; the kernel ends who takes more, and who falls silent."""
    bound_processor(seconds)
    signal.alarm(max(SILENT_S, seconds))


if __name__ == "__main__":
    main()
    sys.exit(0)
