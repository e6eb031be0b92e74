"""What is to be opened: in, what was given to `synth view`; out, a folder or file, and its first page."""

from pathlib import Path

from synth.errors import ConfigError
from synth.places import find_run, home
from synth.view.links import link


def place_of(given: str | None) -> tuple[Path, str]:
    """The folder to serve, and the address of its first page.

    Raises:
        ConfigError: there is no such run, folder or file.
    """
    if given is None:
        runs = home() / "runs"
        if not runs.is_dir():
            raise ConfigError(f"{runs}: there are no runs yet; `synth demo` makes one, or name a folder.")
        return runs, "/"
    path = Path(given)
    if path.exists() and not (path / "run.toml").is_file():
        return path, "/"
    run = find_run(given)
    # With its neighbours, so that it can be compared with them.
    return run.resolve().parent, link(run.resolve().name)
