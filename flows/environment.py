"""The settings of Prefect, put into the environment before Prefect is imported.

In: `prefect.env` beside this file, and the environment, which wins. Out: `os.environ`. Prefect reads its
settings once, when it is imported, so nothing here may import it.
"""

import os
from importlib import resources
from pathlib import Path
from urllib.request import getproxies

LOOPBACK = ("127.0.0.1", "localhost")


def settings() -> dict[str, str]:
    """The pinned settings, as they stand in `prefect.env`."""
    text = resources.files("flows").joinpath("prefect.env").read_text(encoding="utf-8")
    lines = (line.strip() for line in text.splitlines())
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, _, value in pairs}


def prefect_home() -> Path:
    """Where Prefect keeps its database and logs: `$PREFECT_HOME`, else `prefect` beside the runs."""
    if given := os.environ.get("PREFECT_HOME"):
        return Path(given).expanduser()
    from synth.places import home

    return (home() / "prefect").absolute()


def prepare(verbose: bool = False) -> None:
    """Set what the environment does not set; `verbose` lets Prefect's log through to the terminal."""
    pinned = settings()
    if verbose:
        pinned["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] = "INFO"
    for name, value in {**pinned, "PREFECT_HOME": str(prefect_home())}.items():
        os.environ.setdefault(name, value)
    _spare_loopback()


def _spare_loopback() -> None:
    """Keep requests to this machine away from a proxy, which could not answer them."""
    if not getproxies():
        return
    for name in ("no_proxy", "NO_PROXY"):
        known = [host for host in os.environ.get(name, "").split(",") if host]
        os.environ[name] = ",".join([*known, *(host for host in LOOPBACK if host not in known)])
