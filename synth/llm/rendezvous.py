"""Where the broker of an endpoint is met, and how one is started where none is there.

In: an entry. Out: a connected socket. The folder belongs to the user alone; a broker holds the lock beside
its socket for as long as it lives, so there is one, and only it makes or removes the socket. Starters take
turns by a second lock, so that many workers start one process. Imports little: the broker begins here too.
"""

import fcntl
import os
import re
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from synth.errors import ConfigError, EndpointError

if TYPE_CHECKING:
    from synth.config import ModelConfig

VARIABLE = "SYNTH_RUNTIME_DIR"
# Raised with what is said over the socket, and with what lies in the folder.
VERSION = 1
MOST_PATH = 103  # bytes that a socket's path may have on every system
START_S = 60.0
PAUSE_S = 0.02
_ROOT = Path(__file__).resolve().parents[2]
_SECRET = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS)$", re.IGNORECASE)


class Place(NamedTuple):
    """The files of one broker: its socket, the lock of its life, the lock of its starters, its log."""

    folder: Path
    name: str

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return self.folder / f"{self.name}.sock"

    @property
    def lock(self) -> Path:
        """Held by the broker as long as it lives."""
        return self.folder / f"{self.name}.lock"

    @property
    def starting(self) -> Path:
        """Held by who starts one."""
        return self.folder / f"{self.name}.start"

    @property
    def log(self) -> Path:
        """What it has to say to people; no keys and no texts."""
        return self.folder / f"{self.name}.log"


def is_brokered(config: "ModelConfig") -> bool:
    """Whether calls to this entry go through a broker; only an endpoint over HTTP has one."""
    return config.broker and config.base_url.partition(":")[0] not in ("fake", "embedded", "wordllama")


def folder() -> Path:
    """The user's folder for what runs now."""
    if named := os.environ.get(VARIABLE):
        return Path(named).absolute()
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and Path(runtime).is_dir():
        return Path(runtime) / "synth"
    return Path(tempfile.gettempdir()) / f"synth-{os.getuid()}"


def place_of(config: "ModelConfig") -> Place:
    """Where the broker of an endpoint is: another address, user, version or installation has another."""
    parts = (config.base_url, str(os.getuid()), str(VERSION), _version(), sys.prefix, str(_ROOT))
    written = "\0".join(parts).encode("utf-8", errors="surrogatepass")
    return Place(folder(), blake2b(written, digest_size=10).hexdigest())


def fault_of(place: Place) -> str | None:
    """Why a broker's folder cannot be used, in one sentence, or None; one that is not there can be made."""
    if len(os.fsencode(place.socket)) > MOST_PATH:
        return f"{place.folder}: the path is too long for a socket; name a shorter folder in {VARIABLE}."
    try:
        found = place.folder.lstat()
    except FileNotFoundError:
        return None
    except OSError as fault:
        return f"{place.folder}: no broker can be met there ({fault.strerror}); name another in {VARIABLE}."
    if not stat.S_ISDIR(found.st_mode):
        return f"{place.folder} is no folder; name one of your own in {VARIABLE}."
    if found.st_uid != os.geteuid():
        return f"{place.folder} belongs to somebody else; name a folder of your own in {VARIABLE}."
    if found.st_mode & 0o077:
        return f"{place.folder} can be used by others; run `chmod 700 {place.folder}` or set {VARIABLE}."
    return None


def reach(place: Place, secret: str | None = None) -> socket.socket:
    """A connection to the broker, which is started where there is none; blocks, for a minute at most.

    `secret` is the variable of the key, which the broker does not inherit.

    Raises:
        ConfigError: the folder cannot be used.
        EndpointError: no broker could be started.
    """
    _prepare(place)
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        if (connected := connect(place)) is not None:
            return connected
        with _turn(place, until):
            if (connected := connect(place)) is not None:
                return connected
            _start(place, _environment(os.environ, secret))
    raise EndpointError(f"No broker answers at {place.socket}; see {place.log}, or set broker = false.")


def connect(place: Place) -> socket.socket | None:
    """A connection, or None where no broker listens.

    Raises:
        ConfigError: somebody else listens there.
    """
    asking = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        asking.connect(os.fspath(place.socket))
    except OSError:
        asking.close()
        return None
    if not is_same_user(asking):
        asking.close()
        raise ConfigError(f"{place.socket} is another user's; name a folder of your own in {VARIABLE}.")
    return asking


def is_same_user(connected: socket.socket) -> bool:
    """Whether the other side is this user's; where the system does not tell, the folder's mode must do."""
    if not hasattr(socket, "SO_PEERCRED"):
        return True
    size = struct.calcsize("iII")
    told = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    return bool(struct.unpack("iII", told)[1] == os.geteuid())


def hold(path: Path) -> int | None:
    """An open file with its lock, which goes with its process; None where another has it."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        return None
    return file


def _prepare(place: Place) -> None:
    try:
        place.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as fault:
        raise ConfigError(
            f"{place.folder}: cannot be made ({fault.strerror}); name another folder in {VARIABLE}."
        ) from None
    if said := fault_of(place):
        raise ConfigError(said)


@contextmanager
def _turn(place: Place, until: float) -> Iterator[None]:
    """The turn to start a broker, or, once it is too late for that, none."""
    file = hold(place.starting)
    while file is None and time.monotonic() < until:
        time.sleep(PAUSE_S)
        file = hold(place.starting)
    try:
        yield
    finally:
        if file is not None:
            os.close(file)


def _start(place: Place, environment: dict[str, str]) -> None:
    """Start a process that lets go of us once it listens; what it says at its start goes to its log."""
    command = [sys.executable, "-m", "synth.llm.broker", os.fspath(place.folder), place.name]
    log = os.open(place.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            cwd=place.folder,
            env=environment,
            start_new_session=True,
            timeout=START_S,
            check=False,
        ).returncode
    except (OSError, subprocess.TimeoutExpired) as fault:
        raise EndpointError(
            f"No broker could be started ({type(fault).__name__}); see {place.log}, or set broker = false."
        ) from None
    finally:
        os.close(log)
    if done != 0:
        raise EndpointError(
            f"The broker ended as it began (exit code {done}); see {place.log}, or set broker = false."
        )


def _environment(given: Mapping[str, str], secret: str | None) -> dict[str, str]:
    """What the broker inherits: proxies and certificates, but nothing that sounds like a secret."""
    kept = {name: value for name, value in given.items() if name != secret and not _SECRET.search(name)}
    paths = [path for path in given.get("PYTHONPATH", "").split(os.pathsep) if Path(path).is_absolute()]
    if not _ROOT.name.endswith("-packages"):  # what is not installed was found by where its user stood
        paths.insert(0, os.fspath(_ROOT))
    return {**kept, "PYTHONPATH": os.pathsep.join(paths)}


def _version() -> str:
    """The version of this package, where it is installed."""
    from importlib import metadata

    try:
        return metadata.version("synth")
    except metadata.PackageNotFoundError:
        return "none"
