"""`synth init` and `synth check`: a recipe to begin with, and everything that can be wrong with one."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands import options
from flows.terminal import copy, say, table
from synth.errors import ConfigError
from synth.text import counted

if TYPE_CHECKING:
    from synth.config import ModelConfig, RunConfig


def init(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Recipe to write.")] = Path("recipe.toml"),
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file if it is there.")] = False,
) -> None:
    """Write an editable recipe with every setting explained."""
    from synth.recipes.template import template
    from synth.writing import write_bytes

    if file.exists() and not force:
        raise ConfigError(f"{file} exists already; choose another name, or overwrite it with --force.")
    write_bytes(file, template().encode())
    say(f"Wrote {file}. Name your documents in it and a model, then:")
    copy(f"synth check {file}", f"synth run {file}")


def check(
    recipe: options.Recipe,
    documents: options.Documents = None,
    rollouts: options.Rollouts = None,
    model: options.Model = None,
    name: options.Name = None,
    out: options.Out = None,
    overrides: options.Overrides = None,
    sample: options.Sample = None,
) -> None:
    """Find everything that can be wrong with a run.

    Configuration, documents, prompts, endpoints and disk are looked at, all at once, and nothing is paid for.
    """
    from synth.check import check as look

    options.check_name(name)
    config = options.configuration(recipe, documents, model, sample, overrides, rollouts)
    runs = options.runs_folder(out)
    look(config, runs)
    options.warn(config)
    _show(config, name, runs)


def _show(config: "RunConfig", name: str | None, runs: Path) -> None:
    from synth.documents.find import find_sources
    from synth.runs import default_name
    from synth.sws.files import logs

    folder = runs / (name or default_name(config))
    entries = config.endpoints()
    rows: list[tuple[str, object]] = [
        ("recipe", f"{config.recipe} ({config.preset}), {config.domain}, seed {config.seed}"),
    ]
    if config.aims:
        rows.append(("rollouts", counted(len(logs([Path(path) for path in config.rollouts.paths])), "log")))
    if config.has_documents:
        rows.append(("documents", counted(len(find_sources(config.documents.paths)), "file")))
    for role, entry in config.played().items():
        rows.append((role, _model(entry, entries[entry])))
    rows += [("broker", said) for name, entry in config.in_use().items() if (said := _broker(name, entry))]
    if config.runner != "threads":
        rows.append(("runner", _runner(config)))
    if config.mirror:
        rows.append(("mirror", f"{config.mirror}, asked when the run begins"))
    rows.append(("run", f"{folder} ({'resumed' if (folder / 'run.toml').is_file() else 'new'})"))
    say("Nothing is wrong. This would run:")
    table(("what", "value"), rows)


def _broker(name: str, entry: "ModelConfig") -> str | None:
    from synth.llm.rendezvous import is_brokered

    if not entry.broker:
        return None
    if not is_brokered(entry):
        return f"models.{name}: needs none, as nothing is sent over HTTP; the setting is ignored"
    return f"models.{name}: one process for all runs, which leaves {entry.broker_linger_s:g} s after the last"


def _runner(config: "RunConfig") -> str:
    if config.runner_address:
        return f"{config.runner} at {config.runner_address}, asked when the run begins"
    each = "one worker for each processor"
    workers = counted(config.runner_workers, "worker") if config.runner_workers else each
    return f"{config.runner}, {workers} on this machine"


def _model(name: str, entry: "ModelConfig") -> str:
    """An entry as a person names it: a built-in one by its name, others by model and address."""
    if entry.base_url in ("fake:", "embedded:", "wordllama:"):
        return entry.model if entry.model == name else f"{entry.model} ({name})"
    return f"{entry.model} at {entry.base_url} (models.{name})"
