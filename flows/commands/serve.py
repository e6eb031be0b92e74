"""`synth serve`: serves a table of deployments with their schedules; `synth repair`: marks killed ones."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands import options
from flows.terminal import copy, note, say, table
from synth.errors import ConfigError, SynthError
from synth.text import counted

if TYPE_CHECKING:
    from flows.table import Entry, Table

NOTHING_LEFT = "No flow run of this machine was left behind by a killed process."
# Between two looks for a server of another machine.
WAIT_SECONDS = 10.0
File = Annotated[
    Path | None,
    typer.Argument(metavar="[FILE]", help="A table of deployments; without one, that of the package."),
]


def serve(
    file: File = None,
    out: options.Out = None,
    check: Annotated[bool, typer.Option("--check", help="Look for faults, and serve nothing.")] = False,
    yaml: Annotated[
        bool, typer.Option("--yaml", help="Print it as prefect.yaml, for a work pool on a cluster.")
    ] = False,
    example: Annotated[
        bool, typer.Option("--example", help="Print the table of the package, to be edited.")
    ] = False,
) -> None:
    """Serve deployments with their schedules on this machine, until Ctrl-C.

    Each firing is a process of its own; at most one of a deployment is at work.
    """
    if example:
        _print_example()
        return
    from flows.environment import prepare

    prepare()
    from flows.table import read_table

    table_of, runs = read_table(file), options.runs_folder(out)
    entries = table_of.entries
    if yaml:
        from flows.yaml_table import RUNS, as_yaml

        # What this machine calls its home says nothing of the worker's.
        typer.echo(as_yaml(entries, str(out) if out else RUNS), nl=False)
        return
    active = _checked(entries, runs, strict=file is not None or check)
    if check:
        _show(entries, active, "Checked")
        say(f"{counted(len(entries), 'deployment')}: nothing is wrong.")
        return
    _serve(table_of, runs, active)


def repair() -> None:
    """Mark flow runs as crashed whose process was killed, so that the UI offers to retry them."""
    from flows.alive import left_behind
    from flows.server import ensure_server, started_here

    if not left_behind():  # then no server has to be asked, or even started
        say(NOTHING_LEFT)
        return
    before = started_here()
    ensure_server(note)
    from flows.repair import repair as mark

    found = mark()
    for run in found:
        say(f"{run.name}: marked as crashed, with {counted(run.inside, 'run')} of stages and parts in it.")
    if not found:
        say(NOTHING_LEFT)
    if before is None and (pid := started_here()):
        say("The Prefect server that was started for this stays. To stop it:")
        copy(f"kill {pid}")


def _print_example() -> None:
    from importlib import resources

    typer.echo(resources.files("flows").joinpath("deployments.toml").read_text("utf-8"), nl=False)


def _checked(entries: "list[Entry]", runs: Path, strict: bool) -> list[bool]:
    """Whether each schedule can be active: with a table of one's own every fault ends the command.

    Raises:
        ConfigError: with the faults of all deployments.
    """
    from flows.table import faults_of

    faults = {entry.name: faults_of(entry, runs) for entry in entries}
    if strict and any(faults.values()):
        raise ConfigError(*(said for found in faults.values() for said in found))
    for name, found in faults.items():
        for said in found:
            note(said)
        if found:
            note(f"{name} is not scheduled; it can be run by hand in the UI, with other values.")
    return [not faults[entry.name] for entry in entries]


def _serve(table_of: "Table", runs: Path, active: list[bool]) -> None:
    from flows.server import ensure_server, is_away

    api_url = ensure_server(note)
    from prefect.context import refresh_global_settings_context

    while True:
        # Schedules were looked at by Prefect's own code, so it was imported before there was an address: by
        # itself it would now start a second server, which knows nothing of the slots of the first.
        refresh_global_settings_context()
        try:
            _serve_at(api_url, table_of, runs, active)
            return
        except Exception as fault:
            if not is_away(fault):
                raise
        note("The Prefect server does not answer; schedules go on once it does. Ctrl-C ends it.")
        api_url = _answering()


def _answering() -> str:
    """The address of the server once it answers; one of this machine is started where none does."""
    from flows.server import ensure_server

    while True:
        try:
            return ensure_server(note)
        except SynthError:
            time.sleep(WAIT_SECONDS)


def _serve_at(api_url: str, table_of: "Table", runs: Path, active: list[bool]) -> None:
    from flows.serve import Served
    from flows.server import started_here
    from flows.watching import watch_over

    head, entries = table_of
    watched = watch_over(head.notify, head.no_progress_minutes)
    served = Served(entries, runs, active)
    for run in served.crashed:
        note(f"{run.name}: its process was killed; marked as crashed.")
    if served.missed:
        note(f"{counted(served.missed, 'missed slot')} skipped: only what comes from now on is made.")
    _show(entries, active, "Served")
    say("Deployments in the Prefect UI:")
    copy(f"{api_url.removesuffix('/api')}/deployments")
    say(f"Watched over, as automations: {', '.join(name.removeprefix('synth: ') for name in watched)}.")
    served.serve(api_url, lambda: say("Ctrl-C ends it, and pauses the schedules."))
    say("Stopped; the schedules are paused until they are served again.")
    if pid := started_here():
        say("The Prefect server stays, so that you can look around. To stop it:")
        copy(f"kill {pid}")


def _show(entries: "list[Entry]", active: list[bool], title: str) -> None:
    rows = [
        (
            entry.name,
            entry.of.flow,
            entry.of.recipe,
            entry.of.when if is_active else f"{entry.of.when} (not scheduled)",
            entry.of.description,
        )
        for entry, is_active in zip(entries, active, strict=True)
    ]
    table(("deployment", "flow", "recipe", "when", "what"), rows, title)
