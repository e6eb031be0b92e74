"""Options that several commands share, and what they are turned into."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from synth.errors import ConfigError
from synth.places import home

if TYPE_CHECKING:
    from synth.config import RunConfig

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

Recipe = Annotated[
    str, typer.Argument(metavar="RECIPE", help="A TOML file, or the name of a shipped recipe.")
]
Documents = Annotated[
    list[str] | None,
    typer.Option(
        "--documents", metavar="PATH...", help="Files, folders or globs to read, instead of the recipe's."
    ),
]
Rollouts = Annotated[
    list[str] | None,
    typer.Option(
        "--rollouts", metavar="PATH...", help="Training logs of a student, for recipes that aim (`sws-…`)."
    ),
]
Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="ID",
        help="Model that extracts, writes and answers: `fake`, `embedded`, an entry of the recipe, or the "
        "name of a model at $OPENAI_BASE_URL.",
    ),
]
Name = Annotated[
    str | None,
    typer.Option(
        "--name", help="Name of the run; without it, recipe and fingerprint, so the same command resumes."
    ),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="FOLDER", help="Folder of runs; $SYNTH_HOME/runs or data/runs without it."),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="a.b=c", help="Change one setting; may be given several times."),
]
Sample = Annotated[
    int | None,
    typer.Option("--sample", min=1, metavar="N", help="Use only N passages, drawn by the seed."),
]
NoUi = Annotated[bool, typer.Option("--no-ui", help="Run without Prefect: no server, nothing to look at.")]
StopServer = Annotated[
    bool,
    typer.Option("--stop-server", help="End the Prefect server afterwards, if it was started by `synth`."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Embedder = Annotated[
    str,
    typer.Option(
        "--embedder",
        metavar="ID",
        help="`wordllama`, an entry of --set, or an embedding model at $OPENAI_BASE_URL.",
    ),
]
Judge = Annotated[
    str | None,
    typer.Option(
        "--judge",
        metavar="ID",
        help="Model that decides on texts that are near: an entry of --set, or a model at $OPENAI_BASE_URL.",
    ),
]
RunFolder = Annotated[str, typer.Argument(metavar="RUN", help="Folder of a run, or its name among the runs.")]

# Which columns of a table of problems hold what, for the commands that read seeds or a pool.
Problem = Annotated[
    str | None,
    typer.Option("--problem", metavar="COLUMN", help="Column of the problem: problem, question, prompt."),
]
Label = Annotated[
    str | None,
    typer.Option("--label", metavar="COLUMN", help="Right answer: label, final_answer, gold, answer."),
]
Category = Annotated[
    str | None,
    typer.Option("--category", metavar="COLUMN", help="Category, if any: category, subject, topic."),
]
Strip = Annotated[
    list[str] | None,
    typer.Option("--strip", metavar="TEXT", help="Instruction to take off the end of each problem."),
]


def configuration(
    recipe: str,
    documents: list[str] | None = None,
    model: str | None = None,
    sample: int | None = None,
    overrides: list[str] | None = None,
    rollouts: list[str] | None = None,
) -> "RunConfig":
    """The configuration that a command was asked for.

    Raises:
        ConfigError: with every fault of the recipe and of the options.
    """
    from synth.settings import load

    return load(recipe, documents or (), model, sample, overrides or (), rollouts or ())


def warn(config: "RunConfig") -> None:
    """Say what is allowed and may be regretted."""
    from flows.terminal import note
    from synth.check import warnings_of

    for said in warnings_of(config):
        note(said)


def runs_folder(out: Path | None) -> Path:
    """The folder of runs."""
    return out or home() / "runs"


def check_name(name: str | None) -> None:
    """A name becomes a folder: it must not lead anywhere else.

    Raises:
        ConfigError: it is no plain name.
    """
    if name is not None and not _NAME.fullmatch(name):
        raise ConfigError(f"--name {name}: use letters, digits, `.`, `_` and `-`, at most 100 of them.")
