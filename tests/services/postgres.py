"""A real PostgreSQL of the test's own, on loopback: made by `initdb`, started, restarted, and gone with the test."""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

START_SECONDS = 60


class Postgres:
    """One cluster of databases in a folder; `url` is for Prefect's server."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs, self._data, self._log = programs, folder / "data", folder / "log"
        self._as: dict[str, Any] = _not_root()
        self._port = _free_port()
        self._password = secrets.token_hex(16)
        self._process: subprocess.Popen[bytes] | None = None
        if self._as:
            os.chown(folder, self._as["user"], self._as["group"])
        self._make(folder / "password")

    @property
    def url(self) -> str:
        return f"postgresql+asyncpg://synth:{self._password}@127.0.0.1:{self._port}/postgres"

    def start(self) -> None:
        settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off"}
        told = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = [self._programs / "postgres", "-D", self._data, "-p", str(self._port), *told]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", **self._as
            )
        end = time.monotonic() + START_SECONDS
        while not self._answers():
            assert self._process.poll() is None and time.monotonic() < end, self._log.read_text()
            time.sleep(0.1)

    def stop(self, sign: signal.Signals = signal.SIGINT) -> None:
        """End it; connections are cut (SIGINT: what PostgreSQL calls a fast shutdown)."""
        if self._process is not None:
            self._process.send_signal(sign)
            self._process.wait(START_SECONDS)
            self._process = None

    def asked(self, statement: str) -> list[tuple[Any, ...]]:
        """Rows of a statement, by the driver that Prefect uses."""
        import asyncio

        import asyncpg  # type: ignore[import-untyped]

        async def ask() -> list[tuple[Any, ...]]:
            connection = await asyncpg.connect(self.url.replace("+asyncpg", ""))
            try:
                return [tuple(row) for row in await connection.fetch(statement)]
            finally:
                await connection.close()

        return asyncio.run(ask())

    def _make(self, password: Path) -> None:
        password.write_text(self._password)
        if self._as:
            os.chown(password, self._as["user"], self._as["group"])
        subprocess.run(
            [self._programs / "initdb", "-D", self._data, "-U", "synth", "--pwfile", password,
             "-A", "scram-sha-256", "-E", "UTF8", "--no-sync", "--locale", "C"],
            check=True, capture_output=True, cwd="/", **self._as,
        )  # fmt: skip

    def _answers(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", self._port)) == 0


@contextmanager
def running() -> Iterator[Postgres]:
    """A PostgreSQL that is there for the block; skips the test where the machine has none."""
    programs = _programs()
    if programs is None:
        pytest.skip("no PostgreSQL on this machine: install the package `postgresql`")
    # Not below pytest's own folder, which only its user may enter: PostgreSQL refuses to be root's.
    folder = Path(tempfile.mkdtemp(prefix="synth-postgres-"))
    try:
        postgres = Postgres(programs, folder)
        postgres.start()
        try:
            yield postgres
        finally:
            postgres.stop()
    finally:
        shutil.rmtree(folder)


def _programs() -> Path | None:
    found = [Path(one).resolve() for one in filter(None, [shutil.which("initdb")])]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)
    return found[0].parent if found else None


def _not_root() -> dict[str, Any]:
    """As whom it runs: as we do, but never as root."""
    if os.geteuid() != 0:
        return {}
    names = {one.pw_name: one for one in pwd.getpwall()}
    user = names.get("postgres") or names["nobody"]
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
