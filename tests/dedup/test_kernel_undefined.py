"""The kernel does nothing that C leaves undefined: built so that each such step ends the process."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PROGRAM = """
import ctypes, sys
from synth.dedup import kernel
library = kernel._declared(ctypes.CDLL(sys.argv[1]))
kernel._loaded = lambda: library
from synth.dedup.measuring import Measurer, Scheme
for text in ("\\\\frac12", "{}", "$$", "", "\\\\text{}", "one two", "x^{2}", "1,000"):
    Measurer(Scheme()).measure([text, None])  # a new worker each time: its buffers are empty
print("measured")
"""


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
def test_no_step_is_undefined(tmp_path: Path) -> None:
    built = tmp_path / "kernel.so"
    checks = ["-fsanitize=undefined", "-fsanitize-undefined-trap-on-error"]
    sources = map(str, sorted((ROOT / "synth/dedup/native").glob("*.c")))
    subprocess.run(["gcc", "-O1", "-std=c11", "-shared", "-fPIC", *checks, "-o", built, *sources], check=True)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(built)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "SYNTH_KERNEL": "on"},
    )
    assert (done.returncode, done.stdout) == (0, "measured\n"), done.stderr
