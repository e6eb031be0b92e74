"""What each round is: a configuration and a name of its own, both from the recipe and the round's number.

In: a configuration, and the folder of runs. Out: for each number the configuration of that round, which is an
ordinary run: `{round}` and `{previous}` are put in, the seed is another one so that it draws other sets, and
answers of the round before serve equal calls.
"""

from collections.abc import Iterator
from itertools import count, islice, takewhile
from pathlib import Path
from typing import NamedTuple

from synth.config import ModelConfig, RunConfig
from synth.config_rounds import PREVIOUS, ROUND
from synth.errors import ConfigError
from synth.ids import digest
from synth.pipeline import flatten, is_excluded
from synth.places import dataset_of
from synth.rollouts.visits import Visits, as_text, asked_of, visits_in
from synth.runs import default_name
from synth.store import StageStore
from synth.writing import sha256_of

SAMPLED = "sampled"
_NAMED = ("model", "identity", "base_url")
MOST_DIGITS = 9  # of the number of a round


class Round(NamedTuple):
    """One round: its run, the folder of the one before, and who tries the seeds; None where it reads logs."""

    number: int
    config: RunConfig
    folder: Path
    before: Path
    visits: Visits | None

    @property
    def sampled(self) -> Path:
        """The folder of the rollouts that the round samples, inside of its run."""
        return self.folder / SAMPLED

    @property
    def is_finished(self) -> bool:
        """Whether its dataset is published, or nothing was failed in it: it is never made again."""
        return dataset_of(self.folder).is_dir() or self.is_empty

    @property
    def is_empty(self) -> bool:
        """Whether nothing was failed in it, so that it has no dataset."""
        return nothing_failed(self.folder)


class Loop:
    """The rounds of one configuration; `folder` is where the report across them lies."""

    def __init__(self, config: RunConfig, runs: Path, name: str | None = None) -> None:
        if faults := [*_faults(config)]:
            raise ConfigError(*faults)
        self.config, self.runs = config, runs
        self.name = name or _default_name(config)
        self.folder = runs / f"{self.name}-rounds"
        if config.rounds.seeds and _same_student(self._at(1).visits, self._at(2).visits):
            fix = f"write {ROUND} in its `model`, its `identity` or its `base_url`"
            raise ConfigError(
                f"rounds.visits: each round would ask the very same student and get the same answers; {fix}."
            )

    def round(self, number: int) -> Round:
        """The round of this number, from 1 on."""
        found = self._at(number)
        if (found.before / "run.toml").is_file():
            reuse = (*found.config.reuse, found.before.name)
            found = found._replace(config=found.config.model_copy(update={"reuse": reuse}))
        return found

    def finished(self) -> list[Round]:
        """The rounds that are finished: earlier ones may have been removed."""
        ends = (folder.name.rpartition("-round")[2] for folder in self.runs.glob("*-round*"))
        numbers = {int(end) for end in ends if end.isdecimal() and len(end) <= MOST_DIGITS}
        return [one for one in map(self.round, sorted(numbers - {0})) if one.is_finished]

    def missing(self, rounds: int) -> Iterator[Round]:
        """The rounds up to the one of this number that are not finished; 0: the first such round alone."""
        open_ = (one for one in map(self.round, count(1)) if not one.is_finished)
        return takewhile(lambda one: one.number <= rounds, open_) if rounds else islice(open_, 1)

    def _folder(self, number: int) -> Path:
        return self.runs / f"{self.name}-round{number}"

    def _at(self, number: int) -> Round:
        config = _put_in(self.config, number)
        folder = self._folder(number)
        visits = _visits(config) if config.rounds.seeds else None
        if visits:
            path = str(folder / SAMPLED / "rollouts.parquet")
            read = config.rollouts.model_copy(update={"paths": (path,)})
            config = config.model_copy(update={"rollouts": read})
        return Round(number, config, folder, self._folder(number - 1), visits)


def nothing_failed(folder: Path) -> bool:
    """Whether a run found that its student fails nothing."""
    store = StageStore(folder, "weaknesses")
    return store.manifest() is not None and not any(store.read("weaknesses")["is_weakness"].to_pylist())


def said_in(text: str, number: int) -> str:
    """A text with the number of the round, and of the one before it, in their places."""
    return text.replace(ROUND, str(number)).replace(PREVIOUS, str(number - 1))


def _put_in(config: RunConfig, number: int) -> RunConfig:
    paths = tuple(said_in(path, number) for path in config.rollouts.paths)
    return config.model_copy(
        update={
            "seed": config.seed + number - 1,
            "models": {name: _entry(entry, number) for name, entry in config.models.items()},
            "rollouts": config.rollouts.model_copy(update={"paths": paths}),
        }
    )


def _entry(entry: ModelConfig, number: int) -> ModelConfig:
    said = {name: getattr(entry, name) for name in _NAMED}
    return entry.model_copy(
        update={name: said_in(text, number) for name, text in said.items() if isinstance(text, str)}
    )


def _visits(config: RunConfig) -> Visits:
    names = config.rounds.visits or ((config.roles.student,) if config.roles.student else ())
    entries = config.endpoints()
    if missing := [name for name in names if name not in entries]:
        listed = ", ".join(entries)
        raise ConfigError(f"rounds.visits: there is no model entry {missing[0]!r}, only {listed}.")
    if not names:
        raise ConfigError("rounds.visits: nobody tries the seeds; name entries here, or roles.student.")
    return visits_in(config, {name: as_text(entries[name]) for name in names}, config.rounds.attempts, names)


def _same_student(one: Visits | None, other: Visits | None) -> bool:
    """Whether two rounds end with the same checkpoint, as far as can be seen."""
    if not (one and other):
        return False
    last, later = (asked_of(visits.config.models[visits.entries[-1]]) for visits in (one, other))
    return last == later


def _faults(config: RunConfig) -> Iterator[str]:
    paths, seeds = config.rollouts.paths, config.rounds.seeds
    if not config.aims:
        yield "--rounds: only a recipe that aims at weaknesses has rounds; take `sws-recommended`."
    elif not (paths or seeds):
        yield f"rounds.seeds: name problems for the student to try, or logs with {ROUND} by --rollouts."
    elif paths and seeds:
        yield "rounds.seeds: logs are named as well (rollouts.paths); leave one of them out."
    elif paths and not any(ROUND in path for path in paths):
        yield f"rollouts.paths: each round would read the same logs; write {ROUND} where its number stands."
    for seed in seeds:
        if not Path(seed).is_file():
            yield f"rounds.seeds: there is no file {seed}."


def _default_name(config: RunConfig) -> str:
    """Recipe and 8 characters of what all rounds have in common: the same command goes on."""
    bare = config.model_copy(update={"rollouts": config.rollouts.model_copy(update={"paths": ()})})
    entries = {name: config.endpoints()[name].model_dump(mode="json") for name in config.rounds.visits}
    models = {key: text for key, text in flatten({"models": entries}).items() if not is_excluded(key)}
    seeds = sorted(sha256_of(Path(seed)) for seed in config.rounds.seeds)
    rounds = config.rounds.model_dump(mode="json", exclude={"seeds"})
    asked = [default_name(bare), config.rollouts.paths, rounds, seeds, models]
    return f"{config.recipe}-{digest('rounds', asked)[:8]}"
