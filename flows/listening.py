"""A socket to serve from, and the address by which it is reached."""

import secrets
import socket
from urllib.parse import quote

from synth.errors import ConfigError

LOOPBACK = ("127.0.0.1", "localhost", "::1")
TRIES = 20
# Where the viewer listens unless it is told otherwise or something else does.
VIEWER_PORT = 8100


def open_socket(host: str, port: int) -> socket.socket:
    """A listening socket on a port, or on one of the next where it is taken; 0 takes any.

    Raises:
        ConfigError: the address is none of this machine, or all those ports are taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    last: OSError | None = None
    for at in range(port, min(port + (TRIES if port else 1), 65536)):
        try:
            return socket.create_server((host, at), family=family)
        except OSError as fault:
            last = fault
    raise ConfigError(f"--host {host} --port {port}: cannot listen there ({last}); choose others.")


def token_for(host: str) -> str | None:
    """A token where others can reach the address; None on this machine alone."""
    return None if host in LOOPBACK else secrets.token_urlsafe(24)


def address(listening: socket.socket, path: str, token: str | None) -> str:
    """The address of a page, as a browser takes it."""
    host, port = listening.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104 - it is only compared with
        host = socket.gethostname()
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}{path}{'?token=' + quote(token) if token else ''}"
