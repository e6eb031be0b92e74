"""Processes of the product that begin by forking one that has imported it: a kill costs a fork, not a second.

In: a program as text, as `python -c` would take it, or arguments of the command line. Out: a process of its own
that runs it from its beginning, in the folder and environment of the test, which may be killed at any instant.
Where a program has to be seen to import what it needs, and in tests that bound it before it begins, a new
Python is started instead.
"""

import multiprocessing
import os
import signal
import sys
from functools import cache
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import NamedTuple

COMMAND = "import flows.cli; flows.cli.main()"
# What a whole run imports, also where it is first needed.
LOADED = (
    *(
        "synth",
        "synth.facade",
        "flows.cli",
        "synth.llm.fake",
        "synth.incremental.firing",
        "synth.graph.export",
    ),
    *("openai", "networkx", "matplotlib.backends.backend_agg"),
)


@cache
def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(LOADED))
    return context


def _run(code: str, argv: list[str], environment: dict[str, str], folder: str, said: str | None) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = argv
    if said is not None:
        file = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for stream in (1, 2):
            os.dup2(file, stream)
    try:
        exec(code, {"__name__": "__main__"})
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


class Child:
    """A process that runs a program; like those of `subprocess`, in a session of its own."""

    def __init__(self, code: str, *arguments: object, said: Path | None = None, **more: str) -> None:
        argv = ["-c", *map(str, arguments)]
        given = (code, argv, {**os.environ, **more}, str(Path.cwd()), None if said is None else str(said))
        # A daemon, so that a test that fails leaves nobody who would be waited for.
        self._process = _context().Process(target=_run, args=given, daemon=True)
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit code, or a signal as a negative number; None while it runs."""
        return self._process.exitcode

    poll = returncode.fget

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        assert self.returncode is not None, f"it has not ended after {timeout} s"
        return self.returncode


class Ended(NamedTuple):
    """What a command said, on both streams together, and its exit code."""

    returncode: int
    said: str


def command(*arguments: object, folder: Path, timeout: float = 120, **more: str) -> Ended:
    """Run `synth …` to its end; what it says goes through a file in the folder."""
    said = folder / "said.txt"
    said.unlink(missing_ok=True)
    code = Child(COMMAND, *arguments, said=said, **more).wait(timeout)
    return Ended(code, said.read_text())
