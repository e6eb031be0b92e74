"""The fake endpoint in a process of its own, which ends with the tests."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from synth.config import ModelConfig

PLANTED_KEY = "sk-planted-0123456789abcdef"


class FakeEndpoint(NamedTuple):
    url: str

    def stats(self) -> dict[str, int]:
        with urllib.request.urlopen(self.url.removesuffix("/v1") + "/stats", timeout=10) as answer:
            return dict(json.load(answer))

    def config(self, **settings: Any) -> ModelConfig:
        return ModelConfig(**{"base_url": self.url, "model": "fake", "structured": "json_schema", **settings})


@pytest.fixture(scope="session")
def start_fake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., FakeEndpoint]]:
    running: list[subprocess.Popen[bytes]] = []

    def start(*options: str) -> FakeEndpoint:
        url_file = tmp_path_factory.mktemp("endpoint") / "url"
        command = [
            sys.executable,
            "-m",
            "synth.llm.fake_server",
            "--url-file",
            str(url_file),
            "--with-parent",
        ]
        process = subprocess.Popen(
            [*command, *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "FAKE_KEY": PLANTED_KEY},
        )
        running.append(process)
        while not url_file.exists():
            assert process.poll() is None, "the fake endpoint did not start"
            time.sleep(0.02)
        return FakeEndpoint(url_file.read_text())

    yield start
    for process in running:
        process.kill()
        process.communicate()
