"""The folder of `synth rollouts`: held by one process, with the journal of its calls and a client for them.

In: visits and a path. Out: what makes calls, under the ceilings of the budget less what earlier tries spent.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from synth import lock
from synth.bill import cost_of, unbilled
from synth.errors import ConfigError, StoreError
from synth.llm.budget import Budget, Densities
from synth.llm.client import Client
from synth.llm.journal import Journal
from synth.llm.prices import Cost, Prices
from synth.llm.spent import spent_before, who_answers
from synth.prompts.library import PromptLibrary
from synth.rollouts.visits import Visits, prompts_dir
from synth.stages.calls import Services

CALLS = "calls"


class Folder(NamedTuple):
    """An open folder: what makes calls, and who the entries are by who answers."""

    services: Services
    journal: Journal
    visits: Visits
    answering: dict[str, str]

    def cost(self, entry: str) -> Cost:
        """What all calls to an entry cost that lie in the journal, of this try and of earlier ones."""
        config, prices = self.visits.config, self.services.client.prices
        lines = unbilled([], self.journal, self.answering, prices, config)
        return cost_of(line for line in lines if line.entry == entry)


@contextmanager
def held(visits: Visits, path: Path, reuse: Sequence[Path], alarm: Callable[[str], None]) -> Iterator[Folder]:
    """The folder, for as long as the block lasts.

    Raises:
        ConfigError: it is a file; a folder to be reused has no journal.
        StoreError: another process holds it, or it cannot be written.
    """
    if path.exists() and not path.is_dir():
        raise ConfigError(f"--out {path}: this is a file; name a folder.")
    earlier = list(map(_journal, reuse))
    config = visits.config
    models = {name: config.models[name] for name in visits.entries}
    prices = Prices.of(config)
    locked = _locked(path)
    try:
        _sweep(path)
        with (
            Journal(path / CALLS, reuse=earlier) as journal,
            Client(models, journal, prices=prices, on_alarm=alarm) as client,
        ):
            answering = who_answers(models, client.model)
            if config.budget.is_set:
                client.budget = _budget(visits, client, journal, answering)
            services = Services(client, PromptLibrary(prompts_dir(config)), path)
            yield Folder(services, journal, visits, answering)
    finally:
        os.close(locked)


def _journal(folder: Path) -> Path:
    if not (folder / CALLS).is_dir():
        raise ConfigError(f"--reuse {folder}: there is no journal in it; name the folder of a run.")
    return folder / CALLS


def _locked(path: Path) -> int:
    try:
        return lock.take(path)
    except BlockingIOError as fault:
        raise StoreError(
            f"Another process is at work in {path}; wait for it or choose another --out."
        ) from fault
    except OSError as fault:
        raise StoreError(f"Cannot write {path}: {fault.strerror}; choose another --out.") from fault


def _sweep(path: Path) -> None:
    """Remove what a killed process was in the middle of writing."""
    for leftover in path.glob(".*.tmp"):
        leftover.unlink(missing_ok=True)


def _budget(visits: Visits, client: Client, journal: Journal, answering: dict[str, str]) -> Budget:
    ceilings, densities, spent = visits.config.budget, Densities(), None
    if ceilings.looks_back:
        spent = spent_before(journal, answering, client.prices, densities, priced=bool(ceilings.money))
    return Budget(ceilings, client.prices, visits.config.currency, client.now, spent, densities)
