"""What a stage is: its tables, its settings, and the function that does the work.

`settings` name what can change the rows of a stage; with the fingerprints of what it reads, the
hashes of its prompts, the identities of its models and `version`, they make its fingerprint.
`version` is raised whenever the code of a stage changes what it makes. `ahead` is work that others may do
before its part, in shares.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa

from synth.ahead import Ahead
from synth.config import Role, RunConfig
from synth.stages.base import Output
from synth.stages.calls import Services

Tables = Mapping[str, pa.Table]
Work = Callable[[Tables, RunConfig, Services], Output | Iterable[Output]]


class Needs(NamedTuple):
    """What a stage depends on beside what it always does, under some settings."""

    settings: tuple[str, ...] = ()
    prompts: tuple[str, ...] = ()
    roles: tuple[Role, ...] = ()
    reads: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage. `cut` names the input table that is cut into parts; None: one part does it all.

    `reads` and `cut` may name tables of stages that a configuration leaves out: `road` settles that.
    """

    name: str
    version: int
    reads: tuple[str, ...]
    settings: tuple[str, ...]
    work: Work
    cut: str | None = None
    prompts: tuple[str, ...] = ()
    roles: tuple[Role, ...] = ()
    outside: Callable[[RunConfig], str] = lambda config: ""
    more: Callable[[RunConfig], Needs] = lambda config: Needs()
    ahead: Ahead | None = None
