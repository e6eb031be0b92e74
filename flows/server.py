"""A Prefect server to look at: the one that answers, else one that is started here and found again next time.

A server that was started here holds a lock on `synth-server.json` for as long as it lives, because it
inherits the open file. So a lock that is taken means that the process named in the file is alive and is ours:
no process id is ever trusted that another program may have been given since.
"""

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener

from flows.environment import LOOPBACK, prefect_home, prepare
from synth.errors import SynthError

Report = Callable[[str], None]

START_SECONDS = 180.0
STOP_SECONDS = 20.0
_PAUSE_SECONDS = 0.25
# Kept so that a server started by this process can be waited for when it is stopped by it.
_children: dict[int, "subprocess.Popen[bytes]"] = {}


class _Known(NamedTuple):
    """A server that was started here and is alive."""

    pid: int
    url: str
    version: str


def ensure_server(report: Report = lambda sentence: None) -> str:
    """The API address of a server that answers; it is also set as `PREFECT_API_URL`.

    Raises:
        SynthError: the server that the environment names is not there, or none could be started.
    """
    prepare()
    given = os.environ.get("PREFECT_API_URL", "").rstrip("/")
    if given and is_healthy(given):
        with suppress(OSError):  # said by whoever writes there; Prefect makes it too, but none of its parents
            prefect_home().mkdir(parents=True, exist_ok=True)
        return _use(given)
    if given and urlsplit(given).hostname not in LOOPBACK:
        raise SynthError(
            f"No Prefect server answers at {given}; start it, or unset PREFECT_API_URL, or use --no-ui."
        )
    return _use(_found_or_started(urlsplit(given).port if given else None, report))


def stop_server() -> bool:
    """End the server that was started here, and only that; whether there was one."""
    known = _alive()
    if known is None:
        return False
    _hand_over()
    for sign in (signal.SIGTERM, signal.SIGKILL):
        os.kill(known.pid, sign)
        if _gone(STOP_SECONDS):
            break
    if known.pid in _children:
        _children.pop(known.pid).wait()
    _file().unlink(missing_ok=True)
    return True


def started_here() -> int | None:
    """The process of the server that was started by `synth` and is alive, if there is one."""
    known = _alive()
    return known.pid if known else None


def is_healthy(api_url: str) -> bool:
    """Whether a Prefect server answers at an API address."""
    try:
        return _get(f"{api_url}/health") is True
    except (OSError, ValueError, HTTPException):
        return False


def is_away(fault: BaseException) -> bool:
    """Whether all that went wrong is that the server was away, or could not answer."""
    import httpx

    if isinstance(fault, BaseExceptionGroup):
        return all(map(is_away, fault.exceptions))
    if isinstance(fault, httpx.HTTPStatusError):
        return fault.response.status_code >= 500
    # What serves gives up after some tries with an error of no kind of its own.
    gave_up = isinstance(fault, RuntimeError) and (
        "error threshold" in str(fault) or "to start" in str(fault)
    )
    return isinstance(fault, httpx.TransportError) or gave_up


def run_url(api_url: str, flow_run_id: str) -> str:
    """The page of a flow run, for a person's browser."""
    return f"{api_url.removesuffix('/api')}/runs/flow-run/{flow_run_id}"


def log_file() -> Path:
    """What the server that was started here has written."""
    return prefect_home() / "synth-server.log"


def _use(api_url: str) -> str:
    os.environ["PREFECT_API_URL"] = api_url
    return api_url


def _found_or_started(port: int | None, report: Report) -> str:
    with _starting():
        known = _alive()
        if known and known.version == metadata.version("prefect"):
            _wait(known.url, lambda: _alive() is not None, report)
            return known.url
        if known:
            report("The Prefect server is of another version; it is started anew.")
            stop_server()
        url = f"http://127.0.0.1:{_free_port(port or int(os.environ['PREFECT_SERVER_API_PORT']))}/api"
        first = not (prefect_home() / "prefect.db").exists()
        report("Starting a Prefect server" + ("; its first start takes up to a minute." if first else "."))
        child = _start(url)
        _wait(url, lambda: child.poll() is None, report)
        return url


def _start(url: str) -> "subprocess.Popen[bytes]":
    port = str(urlsplit(url).port)
    own = ",".join(f"http://{host}:{port}" for host in LOOPBACK)
    environment = {
        **os.environ,
        "PREFECT_API_URL": url,
        "PREFECT_SERVER_API_PORT": port,
        # By default any page in the user's browser may read the API of a server on this machine.
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": os.environ.get("PREFECT_SERVER_CORS_ALLOWED_ORIGINS", own),
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "INFO",
    }
    with _file().open("a+b") as lock, log_file().open("wb") as log:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        child = subprocess.Popen(
            [sys.executable, "-m", "prefect", "server", "start"], env=environment, cwd=prefect_home(),
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            start_new_session=True, pass_fds=(lock.fileno(),),
        )  # fmt: skip
        known = _Known(child.pid, url, metadata.version("prefect"))
        lock.truncate(0)
        lock.write(json.dumps(known._asdict()).encode())
    _children[child.pid] = child
    return child


def _wait(url: str, lives: Callable[[], bool], report: Report) -> None:
    began = told = time.monotonic()
    while not is_healthy(url):
        now = time.monotonic()
        if not lives():
            raise SynthError(f"The Prefect server ended at once; read {log_file()}, or use --no-ui.")
        if now - began > START_SECONDS:
            raise SynthError(
                f"The Prefect server did not answer within {START_SECONDS:.0f} s, and is still starting; "
                f"run the same command again, read {log_file()}, or use --no-ui."
            )
        if now - told > 10:
            told = now
            report(f"Waiting for the Prefect server ({now - began:.0f} s).")
        time.sleep(_PAUSE_SECONDS)


def _alive() -> _Known | None:
    """The server that was started here, if the file's lock is held by it."""
    try:
        with _file().open("rb") as lock:
            if not _is_locked(lock.fileno()):
                return None
            return _Known(**json.loads(lock.read()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _is_locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(handle, fcntl.LOCK_UN)
    return False


def _hand_over() -> None:
    """Send what this process still has to tell the server, if it ever spoke to one."""
    if "prefect" not in sys.modules:
        return
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    for worker in (APILogWorker, EventsWorker):
        worker.drain_all(timeout=STOP_SECONDS, at_exit=False)


def _gone(seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if _alive() is None:
            return True
        time.sleep(_PAUSE_SECONDS)
    return False


@contextmanager
def _starting() -> Iterator[None]:
    """Only one process looks for and starts a server at a time; a second one then finds it."""
    folder = prefect_home()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (folder / "synth-server.lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
    except OSError as fault:
        raise SynthError(
            f"Cannot start a Prefect server in {folder}: {fault}; set PREFECT_HOME, or use --no-ui."
        ) from fault


def _free_port(wanted: int) -> int:
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK[0], port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise SynthError("No port is free on this machine; use --no-ui.")


def _file() -> Path:
    return prefect_home() / "synth-server.json"


def _get(url: str) -> Any:
    """A JSON answer, asked for directly: a proxy does not know this machine."""
    opener = build_opener(ProxyHandler({})) if urlsplit(url).hostname in LOOPBACK else build_opener()
    try:
        with opener.open(url, timeout=5) as reply:
            return json.loads(reply.read())
    except URLError as fault:
        raise OSError(str(fault)) from fault
