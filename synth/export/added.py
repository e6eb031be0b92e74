"""Forms of others: what a distribution names under the entry points `synth.exporters`.

In: the name of a form. Out: its exporter: an `Exporter`, or a plain function of a row and the options.
"""

from collections.abc import Iterator
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from synth.errors import ConfigError
from synth.export.forms import BUILT_IN
from synth.export.options import Exporter

GROUP = "synth.exporters"
# The dataset's rows as they are: no function shapes them.
RAW = ("jsonl", "parquet")


@cache
def added() -> dict[str, EntryPoint]:
    """Forms of others by name; each is loaded when it is asked for."""
    points = sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value))
    return {point.name: point for point in points}


def names() -> Iterator[str]:
    """Every form there is, ours first."""
    yield from (*BUILT_IN, *RAW, *(name for name in added() if name not in BUILT_IN and name not in RAW))


def exporter(form: str) -> Exporter:
    """The form of a name.

    Raises:
        ConfigError: there is none of that name, or that of another distribution cannot be loaded.
    """
    if form in BUILT_IN:
        return BUILT_IN[form]
    if form not in added():
        raise ConfigError(f"--format {form}: there is no such form; use one of {', '.join(names())}.")
    try:
        loaded: Any = added()[form].load()
    except Exception as fault:
        raise ConfigError(
            f"--format {form}: its package cannot be loaded ({fault}); install it again."
        ) from fault
    if not isinstance(loaded, Exporter) and not callable(loaded):
        raise ConfigError(f"--format {form}: its package names no function but {type(loaded).__name__}.")
    return loaded if isinstance(loaded, Exporter) else Exporter(loaded)
