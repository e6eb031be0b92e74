"""A process that does dangerous work, seen from outside: it is started, spoken to, ended.

In: the module that serves (with `processes` on its side) and lines for it. Out: what it writes. What it says
means something else to each kind of work, so reading it is left to those who build on this.
"""

import os
import selectors
import subprocess
import sys

from synth.errors import SynthError
from synth.processes import cause, environment, signalled

CLOSE_S = 5


class Served:
    """One process and those that it forks.

    `does` is what it does (`reads documents`), for sentences when it fails.

    Raises:
        SynthError: it cannot be started.
    """

    def __init__(self, module: str, does: str) -> None:
        self._does = does
        try:
            # In a group of its own, so that Ctrl-C comes to us alone, and we end all of it at once; without
            # the folder one stands in on its path, as that may hold anything.
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", module],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(), process_group=0,
            )  # fmt: skip
        except OSError as fault:
            raise SynthError(f"The process that {does} cannot be started: {fault}.") from fault
        assert self._process.stdout
        self._output = self._process.stdout.fileno()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._output, selectors.EVENT_READ)

    def kill(self) -> None:
        """End it and all that it forked, whatever they do."""
        signalled(os.killpg, self._process.pid)

    def close(self) -> None:
        """End it when it has nothing to do any more."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue
        self._selector.close()
        self._wait_for_end()

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
            return self._process.wait(CLOSE_S)
        except subprocess.TimeoutExpired:
            self.kill()
            return self._process.wait()
