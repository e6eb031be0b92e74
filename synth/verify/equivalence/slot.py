"""One process that asks the library, seen from outside: a pair in, an outcome out, in limited time.

What the process says is a stream of lines (`worker`). Whoever takes longer than the limit is killed, and its
successor, forked from a parent that has loaded everything, takes the next pair.
"""

import json
import os

from synth.processes import cause, signalled
from synth.served import Served
from synth.verify.equivalence.outcome import LATE, Outcome

# The worker asks for a successor: its memory is used up.
WORN_OUT = 3
FAULT = "the library failed"
# Loading the library takes two seconds of processor time, and more of the clock where others work too.
_START_S = 120
_READ_BYTES = 1 << 16
_STILLBORN = 5


class Late(Exception):
    """Nothing was said in time."""


class Slot(Served):
    """One worker and the process that replaces it; used by one thread at a time."""

    def __init__(self, seconds: float, memory_mb: int) -> None:
        super().__init__("synth.verify.equivalence.worker", "compares answers")
        self._seconds = seconds
        self._memory_mb = memory_mb
        self._number = 0
        self._pid = 0
        self._rest = b""
        self._send(json.dumps({"seconds": seconds, "memory_mb": memory_mb}).encode())

    def check(self, gold: str, answer: str) -> Outcome:
        """What the library says of a pair, or why it said nothing.

        Raises:
            SynthError: the process was ended by somebody else, or cannot be replaced.
        """
        self._number += 1
        self._begin([self._number, gold, answer])
        try:
            kind, said = self._line(self._seconds)
        except Late:
            self._end_worker()
            return Outcome(None, f"{LATE} {self._seconds:g} s")
        if kind == b"V":
            return Outcome(*json.loads(said))
        if kind == b"M":
            self._end_worker()
            return Outcome(None, f"it takes more than {self._memory_mb:,} MB of memory")
        self._pid = 0
        return Outcome(None, f"its process ended ({cause(-int(said))})")

    def _begin(self, request: list[object]) -> None:
        """Ask, and wait until the worker says that it has begun; another is asked where it died before."""
        self._ask(request)
        for _ in range(_STILLBORN):
            kind, said = self._begun(request[0])
            if kind == b"S":
                return
            self._pid = 0
            self._ask(request)
        self.kill()
        raise self._ended(int(said))

    def _ask(self, request: list[object]) -> None:
        self._send(json.dumps(request).encode())

    def _begun(self, number: object) -> tuple[bytes, bytes]:
        while True:
            try:
                kind, said = self._line(_START_S)
            except Late:
                self.kill()
                raise self._gone() from None
            if kind == b"P":
                self._pid = int(said)
            elif kind == b"D" or (kind == b"S" and int(said) == number):
                return kind, said

    def _end_worker(self) -> None:
        """Kill the worker, and wait for its death: until then it might take the next pair with it."""
        if self._pid:
            signalled(os.kill, self._pid)
        try:
            while self._line(_START_S)[0] != b"D":
                pass
        except Late:
            self.kill()
            raise self._gone() from None
        self._pid = 0

    def _line(self, seconds: float) -> tuple[bytes, bytes]:
        """The next line: its letter, and the rest of it. Lines are short, so each comes in one piece."""
        while True:
            line, end, rest = self._rest.partition(b"\n")
            if end:
                self._rest = rest
                if line:
                    return line[:1], line[1:]
                continue
            if (block := self._block(_READ_BYTES, seconds)) is None:
                raise Late
            self._rest += block
