"""A process that asks the library and may be killed: `python -m synth.verify.equivalence.worker`.

In, on standard input: the limits as one line of JSON, then one line for each pair: its number and both
answers as JSON. Out, on standard output, lines that begin with a letter: the process id of who answers (P),
the number of the pair that is begun (S), an outcome as JSON (V; M where memory ran out), the exit code of
who answered (D). An empty line ends the work within these limits (Z); others may follow.
The process that was started loads the library once, and forks a successor for whoever dies.
"""

import json
import logging
import os
import sys
from functools import partial
from typing import BinaryIO

from synth.processes import Lines, bound_memory, bound_processor, channels, say, serve
from synth.verify.equivalence import library
from synth.verify.equivalence.slot import FAULT, WORN_OUT

# Processor time is the kernel's bound, for the case that nobody is left to kill: wall time is the real one.
_SPARE_S = 5


def main() -> None:
    """Serve until the input ends."""
    requests, replies = channels()
    logging.disable(logging.CRITICAL)  # what the library says of a text would hold that text
    library.warm()
    serve(requests, replies, partial(_answer, replies))


def _answer(replies: BinaryIO, settings: bytes, requests: Lines) -> int:
    """Answer until no more is asked; the exit code."""
    limits = json.loads(settings)
    bound_memory(limits["memory_mb"])
    try:
        say(replies, b"P%d" % os.getpid())
        for line in requests:
            number, gold, answer = json.loads(line)
            say(replies, b"S%d" % number)
            bound_processor(int(limits["seconds"]) + _SPARE_S)
            if (found := _outcome(gold, answer)) is None:
                say(replies, b"\nM")
                return WORN_OUT
            say(replies, b"V" + json.dumps(found).encode())
    except BrokenPipeError:
        return 0
    return 0


def _outcome(gold: str, answer: str) -> tuple[bool | None, str] | None:
    """What the library says; None where memory ran out, after which nothing here is to be trusted."""
    try:
        return library.same(gold, answer)
    except MemoryError:
        return None
    except RecursionError:
        return None, "formulas nested too deeply"
    except Exception:  # noqa: BLE001  (whatever it is, the pair is not decided)
        return None, FAULT


if __name__ == "__main__":
    main()
    sys.exit(0)
