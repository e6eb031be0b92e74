"""`synth rollouts`: attempts of a student at seed problems, checkpoint by checkpoint."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.commands import options
from flows.terminal import copy, note, print_json, say, table
from synth.text import counted

if TYPE_CHECKING:
    from synth.rollouts.sampling import Sampled
    from synth.rollouts.seeds import Seeds
    from synth.rollouts.visits import Visits


def rollouts(
    inputs: Annotated[
        list[Path],
        typer.Argument(
            metavar="SEEDS...",
            help="Problems with their labels: Parquet, JSON Lines, CSV, the last two also gzipped.",
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Folder for rollouts and rejected; it resumes.")
    ],
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            metavar="ID",
            help="A visit: an entry of --visits or --set, `fake`, or a model at $OPENAI_BASE_URL; repeat it"
            " for each checkpoint, the oldest first. Left out: the recipe's student, else all its entries.",
        ),
    ] = None,
    visits: Annotated[
        str | None,
        typer.Option("--visits", metavar="RECIPE", help="A recipe; its [models] are the checkpoints."),
    ] = None,
    attempts: Annotated[
        int | None, typer.Option("--attempts", metavar="N", help="Attempts at each problem a visit; else 8.")
    ] = None,
    problem: options.Problem = None,
    label: options.Label = None,
    category: options.Category = None,
    strip: options.Strip = None,
    temperature: Annotated[
        float | None, typer.Option("--temperature", min=0, max=2, help="Of the sampling; else 1.")
    ] = None,
    top_p: Annotated[
        float | None, typer.Option("--top-p", min=0, max=1, help="Of the sampling; else 1.")
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option("--max-tokens", min=1, help="Longest response, in tokens; else 4096.")
    ] = None,
    overrides: options.Overrides = None,
    reuse: Annotated[
        list[Path] | None,
        typer.Option(
            "--reuse", metavar="DIR", help="Folder of a run, or of rollouts, whose answers serve equal calls."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say how many calls and tokens it takes, without a call.")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Let a student try seed problems several times at each of several checkpoints.

    Compares each answer with the label, and writes rollouts.parquet (a row an attempt) for
    `synth weaknesses`. The same command goes on where it was ended.
    """
    from synth.rollouts.seeds import read_seeds
    from synth.rollouts.visits import visits_of

    sampling: dict[str, Any] = {"temperature": temperature, "top_p": top_p, "max_tokens": max_tokens}
    told = {name: value for name, value in sampling.items() if value is not None}
    asked = visits_of(model or (), visits, overrides or (), attempts, told)
    columns = {"problem": problem, "label": label, "category": category}
    seeds = read_seeds(inputs, {role: name for role, name in columns.items() if name}, strip or ())
    if dry_run:
        show_expected(seeds, asked, as_json)
        return
    _tell_seeds(seeds)
    from flows.counting import counting
    from synth.rollouts.sampling import sample

    with counting("attempts") as progress:
        done = sample(seeds, asked, out, reuse=reuse or (), progress=progress, alarm=note)
    if as_json:
        print_json({"folder": str(out), **done.summary()})
    else:
        _show(done, out)


def _tell_seeds(seeds: "Seeds") -> None:
    if seeds.open_labels:
        note(
            f"{counted(seeds.open_labels, 'label')} of {len(seeds.problems):,} can hardly be compared,"
            " being no closed answers; pass rates there mean little."
        )


def show_expected(seeds: "Seeds", visits: "Visits", as_json: bool) -> None:
    """What sampling takes at most, by visit."""
    from flows.course import duration
    from synth.bill import as_tree
    from synth.rollouts.expected import expected

    found = expected(seeds, visits)
    if as_json:
        print_json({"visits": [{**one._asdict(), "cost": as_tree(one.cost)} for one in found]})
        return
    table(
        ("visit", "entry", "model", "problems", "calls", "prompt", "reply", "time", "cost"),
        [
            (
                *one[:7], "unknown" if one.seconds is None else duration(one.seconds),
                one.cost.said(visits.config.currency),
            )
            for one in found
        ],
        "Forecast: at most; prompt and reply in tokens",
    )  # fmt: skip
    say("Tokens are estimates. No call was made and nothing was written.")


def _show(done: "Sampled", out: Path) -> None:
    table(
        ("visit", "entry", "problems", "attempts", "pass rate", "truncated", "undecided", "failed", "cost"),
        [
            (
                one.visit, one.entry, one.problems, one.attempts,
                "" if one.pass_rate is None else f"{one.pass_rate:.1%}",
                one.truncated, one.undecided, one.failed, one.cost.said(done.currency),
            )
            for one in done.tallies
        ],
        f"{counted(len(done.seeds.problems), 'problem')} of {counted(done.seeds.rows, 'row')}",
    )  # fmt: skip
    if done.rejected:
        say(f"Rejected: {', '.join(f'{reason} {count:,}' for reason, count in done.rejected.items())}.")
    if failed := sum(one.failed for one in done.tallies):
        said = f"{counted(failed, 'attempt')} failed; the same command makes those again whose call failed."
        say(said, style="yellow")
    say(f"Wrote {out / 'rollouts.parquet'}", "", "Next:")
    copy(f"synth weaknesses {out / 'rollouts.parquet'} --out weaknesses")
