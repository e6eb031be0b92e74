"""The fake endpoint in a process of its own, so that its cost is not the client's."""

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self


class Server:
    """`with Server("--latency", "1") as server:` runs one; it ends with the block."""

    def __init__(self, *options: str) -> None:
        self._command = [sys.executable, "-m", "synth.llm.fake_server", "--with-parent", *options]

    def __enter__(self) -> Self:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(self._command, stdin=pipe, stdout=pipe, text=True)
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def stats(self) -> dict[str, Any]:
        """What it has counted."""
        with urllib.request.urlopen(self.url.removesuffix("/v1") + "/stats") as answer:
            return dict(json.load(answer))

    def cpu_s(self) -> float | None:
        """Its CPU seconds so far, where the system tells."""
        try:
            fields = Path(f"/proc/{self._process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            return None
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
