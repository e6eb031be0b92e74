"""What a process costs with all that it starts: CPU, wall time and memory, within a bound of time.

In: a command. Out: its CPU seconds (user and system, children included), wall seconds and the most memory that
its processes held together, each page that they share counted once. The command gets a session of its own, so
that nothing of it is left behind. Without /proc there is CPU only, and that of children who were waited for.
"""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

LOOK_S = 0.5


class Cost(NamedTuple):
    """What a command took; `ended` is its exit code, or None where its time was up."""

    ended: int | None
    cpu_s: float
    wall_s: float
    peak_mb: float


def cost_of(command: Sequence[str], environment: Mapping[str, str], log: Path, bound_s: float) -> Cost:
    """Run a command to its end, or to its bound."""
    began, cpu_s, peak_mb, usage = time.monotonic(), 0.0, 0.0, None
    with log.open("wb") as said:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=said,
            stderr=said,
            env=environment,
            start_new_session=True,
        )
    try:
        while usage is None and time.monotonic() - began < bound_s:
            seen_s, seen_mb = _look(process.pid)
            cpu_s, peak_mb = max(cpu_s, seen_s), max(peak_mb, seen_mb)
            usage = _ended(process, min(LOOK_S, bound_s))
    finally:
        wall_s = time.monotonic() - began
        _end(process.pid)
        # Not Popen's own waiting, which does not tell what the process and its children have used.
        usage, in_time = usage or os.wait4(process.pid, 0)[1:], usage is not None
    status, spent = usage
    assert process.stdin is not None
    process.stdin.close()
    process.returncode = os.waitstatus_to_exitcode(status)
    cpu_s = max(cpu_s, spent.ru_utime + spent.ru_stime)
    return Cost(process.returncode if in_time else None, cpu_s, wall_s, peak_mb or spent.ru_maxrss / 1024)


def _ended(process: "subprocess.Popen[bytes]", within_s: float) -> tuple[int, "os.struct_rusage"] | None:
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        pid, *usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            return usage[0], usage[1]
        time.sleep(0.02)
    return None


def _end(session: int) -> None:
    """End what is left of a session: the children of a contender that crashed or was too slow."""
    with suppress(ProcessLookupError):
        os.killpg(session, signal.SIGKILL)


def _look(session: int) -> tuple[float, float]:
    """CPU seconds and MB of the living processes of a session, with the CPU of those they waited for."""
    ticks, mb = 0, 0.0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
            if int(fields[3]) != session:
                continue
            ticks += sum(map(int, fields[11:15]))
            mb += _share_kb(folder) / 1024
        except OSError:  # it ended just now
            continue
    return ticks / os.sysconf("SC_CLK_TCK"), mb


def _share_kb(folder: Path) -> int:
    """Memory of one process; of pages that several share, its part."""
    lines = (folder / "smaps_rollup").read_text().splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
