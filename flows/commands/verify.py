"""`synth verify`: responses against gold answers, on any table."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from flows.commands import options
from flows.terminal import print_json, say, table
from synth.text import counted

if TYPE_CHECKING:
    from synth.verify.verdicts import Summary

REASONS_SHOWN = 12


def verify(
    inputs: Annotated[
        list[Path], typer.Argument(metavar="IN...", help="Tables: Parquet, JSON Lines (also .gz) or CSV.")
    ],
    response: Annotated[str, typer.Option("--response", metavar="COL", help="Column of the responses.")],
    gold: Annotated[str, typer.Option("--gold", metavar="COL", help="Column of the right answers.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for verdicts.parquet.")],
    mode: Annotated[
        Literal["free", "stated"],
        typer.Option(
            "--mode",
            help="`stated` takes an answer only where a response marks it (boxed, `####`, `the answer is`); "
            "`free` takes the last formula or number of any other.",
        ),
    ] = "free",
    workers: Annotated[
        int, typer.Option("--workers", min=1, max=64, help="Processes of computer algebra.")
    ] = 2,
    seconds: Annotated[
        float, typer.Option("--seconds", min=0.1, max=600, help="Most seconds for one comparison.")
    ] = 5.0,
    as_json: options.Json = False,
) -> None:
    """Compare final answers with gold answers, without trusting either.

    Writes verdicts.parquet: the rows in their order, with the extracted answer, `correct` (true, false, null
    where it could not be decided) and the reason.
    """
    from flows.counting import counting
    from synth.verify.verdicts import verify as write

    with counting("rows") as progress:
        done = write(inputs, response, gold, out, mode, workers, seconds, progress)
    if as_json:
        print_json(done._asdict())
    else:
        _show(done)


def _show(done: "Summary") -> None:
    shares = (("correct", done.correct), ("wrong", done.wrong), ("not decided", done.undecided))
    table(
        ("verdict", "rows", "share"),
        [(name, count, f"{count / done.rows:.1%}" if done.rows else "") for name, count in shares],
        counted(done.rows, "row"),
    )
    reasons = list(done.reasons.items())
    table(("rows", "reason"), [(count, reason) for reason, count in reasons[:REASONS_SHOWN]])
    for old, new in done.renamed.items():
        say(f"The column `{old}` of the input is now called `{new}`.")
    say(f"Wrote {done.path}")
