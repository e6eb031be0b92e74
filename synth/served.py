"""A process that does dangerous work, seen from outside: it is started, spoken to, sent to rest or ended.

In: the module that serves (with `processes` on its side) and lines for it. Out: what it writes. What it says
means something else to each kind of work, so reading it is left to those who build on this.
"""

import os
import selectors
import subprocess
import sys

from synth import resting
from synth.errors import SynthError
from synth.processes import RESTS, cause, environment, signalled

_BYTES = 1 << 16


class Served:
    """One process and those that it forks.

    `does` is what it does (`reads documents`), for sentences when it fails.

    Raises:
        SynthError: it cannot be started.
    """

    def __init__(self, module: str, does: str) -> None:
        self._module = module
        self._does = does
        self._killed = False
        around = environment()
        self._key = (sys.executable, *sorted(around.items()))
        if (found := resting.take(module, self._key)) and self._speaks_to(found) and self._rests():
            return
        if found:  # it ended while it was taken, as nobody had wanted it
            self._end()
        self._speaks_to(self._started(around))

    def _speaks_to(self, process: "subprocess.Popen[bytes]") -> bool:
        assert process.stdout
        self._process = process
        self._output = process.stdout.fileno()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._output, selectors.EVENT_READ)
        return True

    def _started(self, around: dict[str, str]) -> "subprocess.Popen[bytes]":
        try:
            # In a group of its own, so that Ctrl-C comes to us alone, and we end all of it at once; without
            # the folder one stands in on its path, as that may hold anything.
            return subprocess.Popen(
                [sys.executable, "-P", "-m", self._module],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=around, process_group=0,
            )  # fmt: skip
        except OSError as fault:
            raise SynthError(f"The process that {self._does} cannot be started: {fault}.") from fault

    def kill(self) -> None:
        """End it and all that it forked, whatever they do."""
        self._killed = True
        signalled(os.killpg, self._process.pid)

    def close(self) -> None:
        """Let it rest, as it has nothing to do any more; end it where it cannot."""
        if not self._killed and self._rests():
            self._selector.close()
            resting.put(self._module, self._key, self._process)
        else:
            self._end()

    def _end(self) -> None:
        self._selector.close()
        resting.close(self._process)

    def _rests(self) -> bool:
        """Whether it says that all that it did is over, and that it waits for other settings."""
        said = b""
        try:
            self._send(b"")
            while block := self._block(_BYTES, resting.CLOSE_S):
                said = (said + block)[-_BYTES:]
                if (b"\n" + said).endswith(b"\n" + RESTS + b"\n"):
                    return True
        except SynthError:
            return False
        return False

    def _send(self, line: bytes) -> None:
        """Say one line.

        Raises:
            SynthError: it has ended.
        """
        assert self._process.stdin
        try:
            self._process.stdin.write(line + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError as fault:
            raise self._gone() from fault

    def _block(self, size: int, seconds: float) -> bytes | None:
        """What it says next, or None where it says nothing for so long.

        Raises:
            SynthError: it has ended.
        """
        if not self._selector.select(seconds):
            return None
        if block := os.read(self._output, size):
            return block
        raise self._gone()

    def _gone(self) -> SynthError:
        """Why it has ended."""
        return self._ended(self._wait_for_end())

    def _ended(self, code: int) -> SynthError:
        """The sentence for an exit code; a signal is a negative one."""
        return SynthError(
            f"A process that {self._does} has ended ({cause(-code)}); run the same command again."
        )

    def _wait_for_end(self) -> int:
        try:
            return self._process.wait(resting.CLOSE_S)
        except subprocess.TimeoutExpired:
            self.kill()
            return self._process.wait()
