"""`synth verify`: responses against gold answers, on any table."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from flows.commands import options
from flows.terminal import note, print_json, say, table
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
            "`free` takes the last formula or number of any other. A run reads its answers as `stated`.",
        ),
    ] = "free",
    workers: Annotated[
        int, typer.Option("--workers", min=1, max=64, help="Processes of computer algebra, or runs of code.")
    ] = 2,
    seconds: Annotated[
        float,
        typer.Option("--seconds", min=0.1, max=600, help="Most seconds for a comparison or a run of code."),
    ] = 5.0,
    kind: Annotated[
        Literal["math", "choice", "code"],
        typer.Option(
            "--kind",
            help="What answers are: mathematics; options of a choice; code, with tests in the gold column "
            "(`assert` lines, or JSON cases with input and output).",
        ),
    ] = "math",
    question: Annotated[
        str | None,
        typer.Option(
            "--question", metavar="COL", help="Column of the questions, which show the options of a choice."
        ),
    ] = None,
    run_code: Annotated[
        bool, typer.Option("--run-code", help="Run code of --kind code, in a sandbox; Linux only.")
    ] = False,
    memory_mb: Annotated[
        int, typer.Option("--memory-mb", min=64, max=65_536, help="Most memory of each process of code.")
    ] = 512,
    weak: Annotated[
        bool,
        typer.Option(
            "--weak-sandbox",
            help="Where the kernel allows no namespaces: only limits; code reads files and has a network.",
        ),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite verdicts that are there.")] = False,
    as_json: options.Json = False,
) -> None:
    """Compare final answers with gold answers, without trusting either.

    Writes verdicts.parquet: the rows in their order, with the extracted answer, `correct` (true, false, null
    where it could not be decided) and the reason.
    """
    from flows.counting import counting
    from synth.verify.code.sandbox import Limits, Sandbox
    from synth.verify.verdicts import verify as write

    limits = Limits(seconds=seconds, memory_mb=memory_mb)
    sandbox = Sandbox(limits, "limits" if weak else "namespaces") if run_code and kind == "code" else None
    with counting("rows") as progress:
        done = write(
            inputs, response, gold, out, mode, workers, seconds, progress,
            kind=kind, question=question, sandbox=sandbox, force=force,
        )  # fmt: skip
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
    if done.rejected:
        note(f"{counted(done.rejected, 'line')} left out, as no rows of the tables: see rejected.parquet.")
    for old, new in done.renamed.items():
        say(f"The column `{old}` of the input is now called `{new}`.")
    say(f"Wrote {done.path}")
