"""Boxes: fresh Python processes that reach no file, no network and no other process, and are always ended.

In: a runner of ours, what it reads, limits. Out: what it wrote, and how it ended. What is in the box is the
matter of `launcher`; this side starts it with an empty environment, takes at most so much output, and ends
it with all that it started when its time is over. Linux only: elsewhere it says so.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Literal, NamedTuple

from synth.config_code import CodeConfig
from synth.errors import ConfigError, SynthError
from synth.verify.code import launcher

Isolation = Literal["namespaces", "limits"]
MB = 1 << 20
OUTPUT_BYTES = 1 * MB
FILES = 64
_IMPORT = "from synth.verify.code.plain import NotPlain, dumps, loads\n"


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one box: `seconds` by the clock and of processor time, memory of each process, files, processes."""

    seconds: float = 10.0
    memory_mb: int = 512
    file_mb: int = 16
    processes: int = 4


class Ended(NamedTuple):
    """How a box ended: what it wrote, its exit code, and which limit ended it, if one did."""

    output: str
    code: int
    late: bool = False
    loud: bool = False


class Box:
    """One program in its box; end it by leaving `boxed`."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self.late = self.loud = False

    def kill(self) -> None:
        """End it, and with it all that it started."""
        # Only the launcher, and only while it is ours: the kernel ends what is in its box with it.
        self._process.kill()

    def close(self) -> None:
        """Let go of a box that has ended."""
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._process.wait()

    def run_out(self) -> None:
        """Its time is over."""
        self.late = True
        self.kill()

    def ended(self) -> Ended:
        """Wait for its end, taking what it writes."""
        pieces, size = [], 0
        assert self._process.stdout is not None
        while piece := self._process.stdout.read1(65_536):  # type: ignore[attr-defined]
            pieces.append(piece)
            size += len(piece)
            if size > OUTPUT_BYTES:
                self.loud = True
                self.kill()
                break
        code = self._process.wait()
        return Ended(b"".join(pieces).decode("utf-8", "replace"), code, self.late, self.loud)


class Sandbox:
    """Makes boxes with the same limits; safe to use from many threads."""

    def __init__(self, limits: Limits | None = None, isolation: Isolation = "namespaces") -> None:
        self.limits = limits or Limits()
        self.isolation = isolation

    def require(self) -> None:
        """Nothing where boxes can be made here; tried once.

        Raises:
            ConfigError: they cannot.
        """
        if fault := _fault(self.isolation):
            raise ConfigError(fault)

    @contextmanager
    def boxed(
        self, runner: Literal["served", "asserted"], given: dict[str, Any], ends: Sequence[int] = ()
    ) -> Iterator[Box]:
        """A runner of ours in a box: it reads `given`, and `ends` become its descriptors from 3 on."""
        with self._started(_source(runner), json.dumps(given), ends) as box:
            yield box

    @contextmanager
    def _started(self, source: str, given: str, ends: Sequence[int]) -> Iterator[Box]:
        with tempfile.TemporaryFile() as stdin, _folder() as folder:
            stdin.write(given.encode("utf-8", "surrogatepass"))
            stdin.seek(0)
            if self.isolation == "limits" and os.geteuid() == 0:
                Path(folder).chmod(0o777)  # it gives up its rights
            box = Box(self._popen(source, stdin.fileno(), ends, folder))
            timer = threading.Timer(self.limits.seconds, box.run_out)
            timer.daemon = True
            timer.start()
            try:
                yield box
            finally:
                timer.cancel()
                box.kill()
                box.close()

    def _popen(self, source: str, stdin: int, ends: Sequence[int], folder: str) -> "subprocess.Popen[bytes]":
        python = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
        settings = {
            "isolation": self.isolation,
            "parent": os.getpid(),
            "ends": list(ends),
            "limits": self._rlimits(),
            "python": python,
            "shown": [sys.base_prefix, python],
            "file_mb": self.limits.file_mb,
        }
        command = [
            python,
            "-I",
            "-S",
            "-B",
            "-X",
            "utf8",
            str(launcher.__file__),
            json.dumps(settings),
            source,
        ]
        try:
            return subprocess.Popen(
                command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={}, cwd=folder,
                pass_fds=tuple(ends), start_new_session=True,
            )  # fmt: skip
        except OSError as fault:
            raise SynthError(
                f"No process for code can be started ({fault.strerror}); lower the load."
            ) from fault

    def _rlimits(self) -> dict[str, int]:
        limits = self.limits
        # Without namespaces nothing ends what a process leaves behind, so it may start none.
        processes = 0 if self.isolation == "limits" else limits.processes + 1
        return {
            "RLIMIT_CPU": int(limits.seconds) + 1,
            "RLIMIT_AS": limits.memory_mb * MB,
            "RLIMIT_FSIZE": limits.file_mb * MB,
            "RLIMIT_NPROC": processes,
            "RLIMIT_NOFILE": FILES,
            "RLIMIT_CORE": 0,
            "RLIMIT_MEMLOCK": 0,
            "RLIMIT_MSGQUEUE": 0,
        }


def sandbox_of(config: CodeConfig) -> Sandbox | None:
    """The sandbox of a configuration; None where no code is to be run."""
    if not config.enabled:
        return None
    return Sandbox(Limits(seconds=config.seconds, memory_mb=config.memory_mb), config.isolation)


def ready_sandbox(config: CodeConfig) -> Sandbox:
    """The sandbox in which answers are run; one box was made in it.

    Raises:
        ConfigError: code is not to be run, or no box can be made here.
    """
    sandbox = sandbox_of(config)
    if sandbox is None:
        raise ConfigError(
            "answers.kind: answers of the kind `code` are run to be checked, which nobody has allowed; set "
            "code.enabled to true, or another answers.kind."
        )
    sandbox.require()
    return sandbox


def _folder() -> "tempfile.TemporaryDirectory[str]":
    """Where a box without a file system of its own may write; taken away after it."""
    return tempfile.TemporaryDirectory(prefix="synth-code-", ignore_cleanup_errors=True)


@cache
def _source(runner: str) -> str:
    """A runner with what it imports above it: a box has nothing of ours in it."""
    texts = {
        name: resources.files(__package__).joinpath(f"{name}.py").read_text("utf-8")
        for name in ("plain", runner)
    }
    return texts["plain"] + "\n\n" + texts[runner].replace(_IMPORT, "")


@cache
def _fault(isolation: Isolation) -> str | None:
    """Why no box can be made here, in one sentence, or None."""
    if sys.platform != "linux":
        return f"Code is run on Linux only, and this is {sys.platform}; leave out code.enabled (--run-code)."
    if isolation == "namespaces" and platform.machine() not in launcher.CALLS:
        return f"code.isolation: sealed boxes are not made on {platform.machine()}; set it to limits."
    sandbox = Sandbox(Limits(seconds=30.0), isolation)
    with sandbox._started("print('ready')", "", ()) as box:
        ended = box.ended()
    if ended.output == "ready\n" and ended.code == 0:
        return None
    why = launcher.FAULTS.get(ended.code, f"a box ended with code {ended.code}")
    if isolation == "limits" and _fault("namespaces") is None:
        fix = "sealed boxes can, so leave out --weak-sandbox or set it to namespaces"
        return f"code.isolation: no box with limits only can be made here: {why}; {fix}."
    if isolation == "limits":
        return f"code.isolation: no box can be made here: {why}; leave code out, or run as another user."
    return (
        f"code.isolation: no sealed box can be made here: {why}. Allow it, or set code.isolation to limits "
        "(--weak-sandbox), with which code can read files and reach the network."
    )
