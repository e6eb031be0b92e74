"""The table of deployments: which flow runs when, with what. `synth serve` and prefect.yaml are made of it.

In: TOML, the file `deployments.toml` beside this one or a person's own. Out: deployments, and every fault in
them at once.
"""

import asyncio
import json
import tomllib
import warnings
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import Field, ValidationError, field_validator, model_validator

from synth.check import check
from synth.config import Config, RunConfig
from synth.config_dedup import DedupConfig
from synth.config_publish import FolderName
from synth.dedup.tables import tables_in
from synth.errors import ConfigError, SynthError
from synth.incremental.firing import store_of
from synth.llm.address import secrets_in
from synth.mirror import objects
from synth.pipeline import flatten
from synth.rounds.plan import Loop
from synth.settings import anchored, asked_of, build
from synth.verify.tables import check as verified

Tree = dict[str, Any]
# Of a deployment; Prefect takes none of them in a name.
FORBIDDEN = "/%&<>"
SHIPPED = "deployments.toml"
ZONE = "timezone"
NO_PROGRESS_MINUTES = 60.0
# What a firing may be late by, unless its interval is shorter.
LATE_MINUTES = 60.0
# From a second to ten years: beyond them neither Prefect nor a calendar has a time for the next firing.
LEAST_MINUTES, MOST_MINUTES = 1 / 60, 60.0 * 24 * 3650


class Deployment(Config):
    """One line of the table."""

    description: str = Field("", description="What it makes, for people.")
    flow: Literal["incremental", "rounds", "run", "dedup"] = Field(
        "incremental", description="What is made each time."
    )
    recipe: str = Field("", description="A file, or the name of a shipped recipe; `dedup` has none.")
    documents: tuple[str, ...] = Field((), description="Files, folders or globs, instead of the recipe's.")
    rollouts: tuple[str, ...] = Field((), description="Training logs, for recipes that aim.")
    model: str | None = Field(None, description="As --model of `synth run`.")
    set: dict[str, Any] = Field(default_factory=dict, description="Settings by their dotted names.")
    store: FolderName | None = Field(None, description="The store of an incremental build.")
    name: FolderName | None = Field(None, description="Name of the run, or of the rounds.")
    cron: str | None = Field(None, description="A schedule as cron writes it.")
    every_minutes: float | None = Field(
        None, ge=LEAST_MINUTES, le=MOST_MINUTES, description="Minutes from one firing to the next."
    )
    timezone: str = Field("UTC", description="Of the schedule, as in Europe/Berlin.")
    skip_after_minutes: float | None = Field(
        None, gt=0, le=MOST_MINUTES, description="A later firing is skipped."
    )
    tags: tuple[str, ...] = Field((), description="By which the UI finds it.")

    @field_validator("set")
    @classmethod
    def _is_of_settings(cls, given: dict[str, Any]) -> dict[str, Any]:
        """TOML has dates and times, which no setting is."""
        try:
            json.dumps(given)
        except (TypeError, ValueError, RecursionError) as fault:
            raise ValueError(
                "dates and times are no settings; write a number, or a text in quotes"
            ) from fault
        return given

    @model_validator(mode="after")
    def _has_one_schedule(self) -> "Deployment":
        if self.cron and self.every_minutes:
            raise ValueError("cron and every_minutes are both given; leave one of them out")
        if self.flow != "dedup" and not self.recipe:
            raise ValueError("recipe: name a file or a shipped recipe")
        if self.flow == "incremental" and not (self.store or "store.name" in self.set):
            raise ValueError("store: name the store that says what was seen")
        return self

    @property
    def late_minutes(self) -> float:
        """How late a firing may begin."""
        return self.skip_after_minutes or min(LATE_MINUTES, (self.every_minutes or 2 * LATE_MINUTES) / 2)

    @property
    def when(self) -> str:
        """Its schedule, for people."""
        if self.cron:
            return f"{self.cron} {self.timezone}"
        return f"every {self.every_minutes:g} min" if self.every_minutes else "by hand"

    def tree(self) -> Tree:
        """The settings of its configuration, as they are written.

        Raises:
            ConfigError: there is no such recipe, or a setting is none.
        """
        if self.flow == "dedup":
            return dict(self.set)
        overrides = [
            f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in flatten(self.set).items()
        ]
        named = [f"store.name={self.store}"] if self.store else []
        return asked_of(self.recipe, self.documents, self.model, None, [*overrides, *named], self.rollouts)

    def config(self) -> RunConfig | DedupConfig:
        """Its configuration, with paths that lead to the same files from any folder.

        Raises:
            ConfigError: a setting is none, or is wrong.
        """
        if self.flow == "dedup":
            return placed(dedup_of(self.tree()))
        return anchored(build(self.tree()))


class Entry(NamedTuple):
    """A deployment under its name."""

    name: str
    of: Deployment


class Head(Config):
    """What holds for the whole table, and stands above its sections."""

    timezone: str = Field("UTC", description="Of every schedule that names no other.")
    notify: str | None = Field(None, description="A notification block of the server, as KIND/NAME.")
    no_progress_minutes: float = Field(
        NO_PROGRESS_MINUTES,
        ge=1,
        le=MOST_MINUTES,
        description="A run that shows no progress for so long is told of.",
    )


class Table(NamedTuple):
    """Deployments, and what holds for all of them."""

    head: Head
    entries: list[Entry]


def read_table(file: Path | None = None) -> Table:
    """The deployments of a file, or those that come with the package.

    Raises:
        ConfigError: with every fault that can be found without looking at inputs and endpoints.
    """
    shown = file or SHIPPED
    try:
        tree = tomllib.loads((file or resources.files("flows").joinpath(SHIPPED)).read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as fault:
        raise ConfigError(
            f"There is no table {shown}, or it cannot be read ({type(fault).__name__})."
        ) from fault
    except tomllib.TOMLDecodeError as fault:
        raise ConfigError(f"{shown} is not TOML: {fault}.") from fault
    except RecursionError as fault:
        raise ConfigError(f"{shown} is not TOML that can be read: its brackets lie too deep.") from fault
    faults: list[str] = []
    head = _head({key: tree.pop(key) for key in Head.model_fields if key in tree}, faults)
    entries = [entry for name, one in tree.items() if (entry := _entry(name, one, head.timezone, faults))]
    if not tree:
        faults.append(f"{shown}: there is no deployment in it; write a section for each, as in [nightly].")
    if faults:
        raise ConfigError(*faults)
    return Table(head, entries)


def faults_of(entry: Entry, runs: Path) -> list[str]:
    """What is wrong with the inputs, endpoints and settings of a deployment, each with its name before it."""
    try:
        config = entry.of.config()
        if isinstance(config, DedupConfig):
            verified(tables_in([Path(path) for path in config.inputs]), [config.text])
        elif entry.of.flow == "incremental":
            store_of(config)
            bare = config.model_copy(update={"store": config.store.model_copy(update={"name": None})})
            check(bare, runs)
        elif entry.of.flow == "rounds":
            first = Loop(config, runs, entry.of.name).round(1)
            check(first.config, runs, logs=first.visits is None)
        else:
            check(config, runs)
    except ConfigError as fault:
        return [f"{entry.name}: {said}" for said in fault.faults]
    except SynthError as fault:
        return [f"{entry.name}: {fault}"]
    return []


def parameters(entry: Entry, config: Any, runs: str) -> Tree:
    """What the flow of a deployment is called with."""
    of = entry.of
    if of.flow == "dedup":
        return {"config": config, "skip_after_minutes": of.late_minutes}
    given: Tree = {"config": config, "runs": runs}
    if of.flow != "incremental" and of.name:
        given["name"] = of.name
    if of.flow != "run":
        given["skip_after_minutes"] = of.late_minutes
    return given


def flow_path(entry: Entry) -> tuple[str, str]:
    """Module and function of the flow of a deployment."""
    if entry.of.flow == "incremental":
        return "flows.incremental", "incremental"
    if entry.of.flow == "rounds":
        return "flows.sws", "sws_rounds"
    if entry.of.flow == "dedup":
        return "flows.dedup", "dedup"
    aims = entry.of.tree().get("flow") == "sws"
    return ("flows.sws", "sws") if aims else ("flows.synthllm", "synthllm")


def schedule(of: Deployment) -> Tree | None:
    """The schedule as Prefect writes it; None where there is none."""
    if of.cron:
        return {"cron": of.cron, "timezone": of.timezone}
    if of.every_minutes:
        return {"interval": of.every_minutes * 60, "timezone": of.timezone}
    return None


def dedup_of(tree: Tree) -> DedupConfig:
    """The settings of a deduplication.

    Raises:
        ConfigError: with every fault that was found.
    """
    try:
        return DedupConfig.model_validate(tree)
    except ValidationError as fault:
        raise ConfigError(*(_place(error, DedupConfig) for error in fault.errors())) from fault


def placed(config: DedupConfig) -> DedupConfig:
    """The same with paths that lead to the same files from any folder."""
    paths: Tree = {"inputs": tuple(map(_absolute, config.inputs)), "out": _absolute(config.out)}
    return config.model_copy(update=paths | ({"index": _absolute(config.index)} if config.index else {}))


def _absolute(path: str) -> str:
    return str(Path(path).expanduser().absolute())


def _head(given: Tree, faults: list[str]) -> Head:
    try:
        return Head.model_validate(given)
    except ValidationError as fault:
        faults += [_place(error) for error in fault.errors()]
        return Head()


def _entry(name: str, one: Any, zone: str, faults: list[str]) -> Entry | None:
    if not isinstance(one, dict):
        faults.append(f"{name}: is no section; write [{name}], and below it recipe and schedule.")
        return None
    if not name.strip() or not name.isprintable() or set(name) & set(FORBIDDEN):
        faults.append(f"[{name!r:.60}]: no name of a deployment; use letters, digits, spaces and dashes.")
        return None
    found = _deployment(name, {ZONE: zone, **one}, faults)
    if found is None:
        return None
    try:
        faults += _secrets(name, found.config())
    except ConfigError as fault:
        faults += [f"{name}: {said}" for said in fault.faults]
    faults += [f"{name}.{said}" for said in _schedule_faults(found)]
    return Entry(name, found)


def _secrets(name: str, config: RunConfig | DedupConfig) -> Iterator[str]:
    """Secrets among the settings: they would stand in prefect.yaml and in the server's database."""
    if not isinstance(config, RunConfig):
        return
    if config.mirror and (said := objects.secret_in(config.mirror)):
        yield f"{name}: {said}"
    for model, entry in config.models.items():
        yield from (
            f"{name}: models.{model}: {said}." for said in secrets_in(entry.base_url, entry.api_key_env)
        )


def _deployment(name: str, given: Tree, faults: list[str]) -> Deployment | None:
    """A deployment; where keys of it are wrong, what it is without them, so that they hide no other fault."""
    try:
        return Deployment.model_validate(given)
    except ValidationError as fault:
        faults += [f"{name}.{_place(error)}" for error in fault.errors()]
        wrong = {str(error["loc"][0]) for error in fault.errors() if error["loc"]}
    if not wrong or wrong & {"flow", "recipe"}:  # all others depend on these
        return None
    try:
        return Deployment.model_validate({key: value for key, value in given.items() if key not in wrong})
    except ValidationError:
        return None


def _place(error: Any, of: type[Config] = Deployment) -> str:
    where = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        known = ", ".join(of.model_fields)
        if of is not Deployment:
            return f"{where}: there is no such key, only {known}."
        return f"{where}: there is no such key, only {known}; settings of the recipe go below `set`."
    said = error["msg"].removeprefix("Value error, ")
    return f"{where}: {said}." if where else f"{said}."


def _schedule_faults(of: Deployment) -> Iterator[str]:
    """What Prefect would not take; it is imported only here, as it takes seconds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its home need not be there yet
        from prefect.client.schemas.schedules import CronSchedule

    try:
        CronSchedule(cron=of.cron or "0 0 * * *", timezone=of.timezone)
        if of.cron and not _comes(of):  # it is taken all the same, and the server fails each time it plans
            yield f"cron: {of.cron!r:.60} never comes; write a day that is there, as in '0 2 * * *'."
    except ValidationError as fault:
        for error in fault.errors():
            yield f"{error['loc'][0]}: {error['msg'].removeprefix('Value error, ')}."


def _comes(of: Deployment) -> bool:
    """Whether a cron that can be read names any day, as the server itself finds it."""
    from prefect.server.schemas.schedules import CronSchedule

    try:
        return bool(asyncio.run(CronSchedule(cron=str(of.cron), timezone=of.timezone).get_dates(1)))
    except ValueError:  # croniter's faults are of this kind
        return False
