"""The command `synth`: its commands, and how every fault becomes one sentence and an exit code.

Modules of commands import nothing heavy at their head, so that `synth --help` answers at once.
"""

import errno
import io
import os
import sys
import traceback
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from flows.commands import (
    check,
    compare,
    decontaminate,
    dedup,
    demo,
    endpoint,
    explain,
    export,
    inspect,
    models,
    rollouts,
    run,
    select,
    serve,
    verify,
    view,
    weaknesses,
)
from flows.terminal import complain
from synth.errors import SynthError

DEBUG = "SYNTH_DEBUG"


class Synth(TyperGroup):
    """The group of all commands: a fault that is ours is told in its own words, without a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command.

        Raises:
            typer.Exit: with the exit code of the fault.
        """
        try:
            return super().invoke(ctx)
        except SynthError as fault:
            _tell(str(fault))
            raise typer.Exit(fault.exit_code) from None
        except KeyboardInterrupt:
            _tell("Interrupted; what was finished is kept, and the same command goes on from there.")
            raise typer.Exit(1) from None
        except OSError as fault:
            if fault.errno == errno.EPIPE:  # the reader has left, which is no fault
                from flows.console import out

                out.on_broken_pipe()
                raise typer.Exit(0) from None
            where = f"{fault.filename}: " if fault.filename else ""
            _tell(f"{where}{fault.strerror or fault}; make room, or check the folder and its permissions.")
            raise typer.Exit(1) from None


def _tell(fault: str) -> None:
    if os.environ.get(DEBUG):
        traceback.print_exc()
    complain(fault)


app = typer.Typer(
    cls=Synth,
    name="synth",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"synth {version('synth')}")
        raise typer.Exit


@app.callback()
def synth(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", hidden=True, help="Show the traceback of a fault.")
    ] = False,
) -> None:
    """Turns documents and a model endpoint into new, varied, clean training questions.

    Begin with `synth demo`, which needs no key, and no network once its small model is there.
    """
    if debug:
        os.environ[DEBUG] = "1"


app.command()(demo.demo)
app.command(cls=run.RunCommand)(run.run)
app.command()(check.init)
app.command(cls=run.RunCommand)(check.check)
app.command()(inspect.status)
app.command()(inspect.stats)
app.command()(explain.explain)
app.command()(serve.serve)
app.command()(serve.repair)
app.command()(view.view)
app.command()(view.index)
app.command()(compare.compare)
app.command()(export.export)
app.command()(verify.verify)
app.command()(dedup.dedup)
app.command()(rollouts.rollouts)
app.command()(weaknesses.weaknesses)
app.command()(select.select)
app.command(cls=decontaminate.DecontaminateCommand)(decontaminate.decontaminate)
app.add_typer(models.app)
app.command("fake-endpoint")(endpoint.fake_endpoint)


def main() -> None:
    """Entry point."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that lacks a letter is no reason to fail
    app(prog_name="synth")


if __name__ == "__main__":
    main()
