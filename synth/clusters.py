"""What can be wrong with the settings of the runner, told before anything is started. Imports no cluster."""

from collections.abc import Iterator
from importlib.util import find_spec
from urllib.parse import urlsplit

from synth.config import RunConfig

PACKAGES = {"dask": "distributed", "ray": "ray"}
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def faults_of(config: RunConfig) -> Iterator[str]:
    """A package that is not there, an address without meaning, workers that could not reach this machine."""
    package = PACKAGES.get(config.runner)
    if package and find_spec(package) is None:
        yield f"runner: {config.runner} is not installed; pip install 'synth[{config.runner}]'."
    if config.runner_address and package is None:
        yield f"runner_address: {config.runner} has no address; name dask or ray as runner, or leave it out."
    host = host_of(config.runner_address)
    # All of 127.… is this machine. A head of Ray has to be at 127.0.0.2, as Ray replaces 127.0.0.1.
    elsewhere = host not in ("", "auto", *LOOPBACK) and not host.startswith("127.")
    if elsewhere and config.runner_host in LOOPBACK:
        why = f"workers of {config.runner_address} cannot reach {config.runner_host}"
        yield f"runner_host: {why}; name an address of this machine that they reach."


def host_of(address: str) -> str:
    """The host of `tcp://host:port` or `host:port`."""
    return urlsplit(address if "//" in address else f"//{address}").hostname or ""
