"""`synth export`: the dataset of a run as a trainer reads it."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from flows.commands import options
from flows.terminal import say
from synth.places import find_run
from synth.text import counted


def export(
    run: options.RunFolder,
    form: Annotated[
        Literal["sft", "jsonl", "parquet"],
        typer.Option("--format", help="Chat messages for training, plain rows, or one Parquet file."),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="PATH", help="File to write, or a folder for it.")],
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file if it is there.")] = False,
) -> None:
    """Write the dataset of a run as one file."""
    from synth.export import export as write

    done = write(find_run(run), form, out, force)
    say(f"Wrote {counted(done.rows, 'row')} to {done.path}")
