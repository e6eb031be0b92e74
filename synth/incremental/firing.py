"""One firing: an ordinary run over what the store has not seen, then a version of all its runs' rows.

In: a configuration with `store.name`, and a function that carries out a run. Out: a finished run more, its
record in the store, and a new version; or nothing, where nothing is new. The name of the run follows from the
store, so that a firing which was killed is taken up by the next, with whatever has come in meanwhile.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from synth.config import RunConfig
from synth.documents.seen import left
from synth.errors import ConfigError, NothingNew
from synth.incremental.remembered import remember
from synth.incremental.store import Record, Store, records, seen_file, stores
from synth.incremental.taken import record_of, seen_of
from synth.incremental.whole import finished, publish_all
from synth.sws.files import logs
from synth.text import counted
from synth.versions import Version
from synth.writing import sha256_of

Say = Callable[[str], None]
Make = Callable[[RunConfig, str], object]


class Fired(NamedTuple):
    """What came of a firing: its run, where anything was new; the newest version, where there is one."""

    run: Path | None
    version: Version | None
    said: str


class Next(NamedTuple):
    """The run that is next; `logs` are the sums of those that it takes, `new` counts files or logs."""

    config: RunConfig
    name: str
    logs: tuple[str, ...]
    new: int

    @property
    def what(self) -> str:
        """What it takes, counted."""
        return counted(self.new, "log" if self.config.aims else "file")


def fire(config: RunConfig, runs: Path, make: Make, say: Say = lambda said: None) -> Fired:
    """Take what is new. `make` runs or resumes a run of a name to its dataset.

    Raises:
        ConfigError: the configuration has no store.
        StoreError: another process is at work with the store, or something of it is lost.
        SynthError, Stopped: as the run raises them; the next firing goes on with it.
    """
    with Store(store_of(config)) as store:
        before = finished(runs, store)  # before anything is paid for
        index = remember(store.folder, before, config.screen)
        one = _screened(next_run(config, runs), index, before)
        made = None
        if one.new:
            say(f"{one.what} not seen before: run {one.name}.")
            made = _made(one, runs, make, store)
        version = publish_all(config, runs, store)
    return Fired(made, version, _said(one, made, version))


def next_run(config: RunConfig, runs: Path) -> Next:
    """The run that is next, or was begun and not finished: its name follows from what is finished."""
    folder = store_of(config)
    done = records(folder)
    seen = tuple(str(seen_file(folder, number)) for number in range(1, len(done) + 1))
    name = f"{folder.name}-{len(done) + 1:04d}"
    update = {
        "store": config.store.model_copy(update={"name": None, "seen": () if config.aims else seen}),
        "publish": config.publish.model_copy(update={"dataset": None}),
        "reuse": (*config.reuse, *_reused(done, runs)),
    }
    inner = config.model_copy(update=update)
    if not config.aims:
        return Next(inner, name, (), len(left(inner).sources))
    # Documents stand behind whatever is failed: all of them, each time.
    new = _new_logs(config, done)
    paths = inner.rollouts.model_copy(update={"paths": tuple(map(str, new))})
    return Next(inner.model_copy(update={"rollouts": paths}), name, tuple(sorted(new.values())), len(new))


def _screened(one: Next, index: Path, before: Sequence[Path]) -> Next:
    """The run, whose questions may repeat none of the runs before it."""
    if not before:
        return one
    update = {"index": str(index), "runs": tuple(folder.name for folder in before)}
    store = one.config.store.model_copy(update=update)
    return one._replace(config=one.config.model_copy(update={"store": store}))


def store_of(config: RunConfig) -> Path:
    """The folder of the store that a configuration names.

    Raises:
        ConfigError: it names none, or nothing that a run could be made of.
    """
    if not config.store.name:
        raise ConfigError("store.name: name the store that says what was seen.")
    if not config.aims and not config.documents.paths:
        fix = "add --documents PATH or set it in the recipe"
        raise ConfigError(f"documents.paths: no documents were given; {fix}.")
    return stores() / config.store.name


def _new_logs(config: RunConfig, done: list[Record]) -> dict[Path, str]:
    """The logs whose bytes no run has taken, each with their sum."""
    taken = {sha for record in done for sha in record.logs}
    found = {log.path: sha256_of(log.path) for log in logs([Path(path) for path in config.rollouts.paths])}
    return {path: sha for path, sha in found.items() if sha not in taken}


def _made(one: Next, runs: Path, make: Make, store: Store) -> Path | None:
    """The finished run; None where its files held nothing new, which is remembered as well."""
    folder = runs / one.name
    try:
        make(one.config, one.name)
    except NothingNew:
        store.add(Record(run=one.name, rows=None), seen_of(folder, one.config))
        return None
    store.add(record_of(folder, one.config, one.logs), seen_of(folder, one.config))
    return folder


def _said(one: Next, made: Path | None, version: Version | None) -> str:
    where = f"{version.dataset} {version.folder.name}" if version else "no version"
    if made is None:
        why = "nothing in them was new" if one.new else "every file was seen before"
        return (
            f"Nothing new, as {why}; {where} {'is published now' if version and version.is_new else 'stays'}."
        )
    told = "published as" if version and version.is_new else "the same as"
    return f"{one.what} taken by {one.name}; all runs of the store {told} {where}."


def _reused(done: list[Record], runs: Path) -> list[str]:
    """The newest run that is still there: its answers serve equal calls."""
    there = [record.run for record in done if (runs / record.run / "run.toml").is_file()]
    return there[-1:]
