"""`synth weaknesses`: what a student keeps failing, from training logs."""

from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from flows.commands import options
from flows.terminal import line, note, print_json, say, table

if TYPE_CHECKING:
    import pyarrow as pa

    from synth.sws.find import Found

SHOWN = 10
SHOWN_CHARS = 60
SHOWN_CATEGORIES = 30
MOST_DIGITS = 15


def weaknesses(
    inputs: Annotated[
        list[Path],
        typer.Argument(
            metavar="IN...",
            help="Training logs, or folders of them: Parquet, JSON Lines, CSV, the last two also gzipped.",
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Folder for weaknesses, categories and rejected.")
    ],
    rule: Annotated[
        Literal["auto", "trend", "rate"],
        typer.Option(
            "--rule",
            help="`trend`: highest accuracy and slope; `rate`: pass rate of one visit; `auto`: by the log.",
        ),
    ] = "auto",
    max_accuracy: Annotated[
        float,
        typer.Option("--max-accuracy", min=0, max=1, help="Highest accuracy of a weakness at any visit."),
    ] = 0.5,
    max_slope: Annotated[float, typer.Option("--slope", help="Highest slope of a weakness, a visit.")] = 0.0,
    max_pass_rate: Annotated[
        float,
        typer.Option("--max-pass-rate", min=0, max=1, help="Highest pass rate where there is one visit."),
    ] = 0.25,
    merged: Annotated[
        Literal["refuse", "split", "drop"],
        typer.Option("--merged", help="What is done with a problem that has several histories that differ."),
    ] = "drop",
    budget: Annotated[
        int, typer.Option("--budget", min=0, help="Problems to share out over the categories.")
    ] = 1_000,
    total: Annotated[
        list[str] | None,
        typer.Option(
            "--total", metavar="CATEGORY=N", help="All problems of a category, if the log has failures only."
        ),
    ] = None,
    concepts: Annotated[
        list[str] | None,
        typer.Option(
            "--concepts", metavar="CATEGORY=N", help="Distinct concepts of a category: they cap its budget."
        ),
    ] = None,
    col: Annotated[
        list[str] | None,
        typer.Option(
            "--col",
            metavar="ROLE=COLUMN",
            help="Which column holds what, where its name does not say it: problem, accuracy, visit, sample,"
            " answer, label, category, model, attempts, truncated, log.",
        ),
    ] = None,
    strip: Annotated[
        list[str] | None,
        typer.Option("--strip", metavar="TEXT", help="Instruction to take off the end of each problem."),
    ] = None,
    strip_start: Annotated[
        list[str] | None,
        typer.Option("--strip-start", metavar="TEXT", help="Instruction to take off its beginning."),
    ] = None,
    right_at: Annotated[
        float | None,
        typer.Option("--right-at", metavar="SCORE", help="Scores from this on are right, all others wrong."),
    ] = None,
    scale: Annotated[
        tuple[float, float] | None,
        typer.Option(
            "--scale",
            metavar="LOW HIGH",
            help="Scores that stand for 0 and for 1, those between in proportion: 0 100 for percent.",
        ),
    ] = None,
    student: Annotated[
        str | None, typer.Option("--student", metavar="MODEL", help="Which model, if the log has several.")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Find what a student keeps failing in training, and share out a budget over its categories.

    Reads accuracies by checkpoint (a list a problem, or a row a visit) and records of single attempts, as
    verl, TRL and `synth` write them. Writes weaknesses.parquet, categories.parquet and rejected.parquet.
    """
    from synth.config_weakness import WeaknessConfig
    from synth.errors import ConfigError
    from synth.sws.find import find
    from synth.sws.read import Reading

    if not all(map(isfinite, (max_accuracy, max_slope, max_pass_rate, right_at or 0, *(scale or ())))):
        raise ConfigError("A threshold is no number; give --max-accuracy, --slope and their like as numbers.")
    if scale and not scale[0] < scale[1]:
        raise ConfigError(f"--scale {scale[0]:g} {scale[1]:g}: give the score that stands for 0 first.")
    config = WeaknessConfig(
        rule=rule, max_accuracy=max_accuracy, max_slope=max_slope, max_pass_rate=max_pass_rate, merged=merged
    )
    reading = Reading(_pairs("--col", col), strip_start or (), strip or (), merged, right_at, student, scale)
    done = find(
        inputs, out, reading=reading, config=config, budget=budget,
        totals=_counts("--total", total), concepts=_counts("--concepts", concepts),
    )  # fmt: skip
    if as_json:
        print_json(done.summary(out))
    else:
        _show(done, out)


def _pairs(option: str, given: list[str] | None) -> dict[str, str]:
    from synth.errors import ConfigError

    pairs = [text.rpartition("=") for text in given or ()]
    for (name, _, value), text in zip(pairs, given or (), strict=True):
        if not name or not value:
            raise ConfigError(f"{option} {text}: give NAME=VALUE.")
    return {name: value for name, _, value in pairs}


def _counts(option: str, given: list[str] | None) -> dict[str, int]:
    from synth.errors import ConfigError

    pairs = _pairs(option, given)
    for name, value in pairs.items():
        if not value.isascii() or not value.isdigit() or len(value) > MOST_DIGITS:
            raise ConfigError(
                f"{option} {name}={line(value, 40)}: give a whole number, of 15 digits at most."
            )
    return {name: int(value) for name, value in pairs.items()}


def _show(done: "Found", out: Path) -> None:
    _failed(done.weaknesses, str(done.weaknesses["definition"][0]))
    shares = done.categories.sort_by([("budget", "descending"), ("category", "ascending")])
    table(
        ("category", "problems", "failed", "rate", "share", "budget", "capped"),
        [
            (
                line(row["category"], SHOWN_CHARS), row["problems"], row["failed"], f"{row['rate']:.1%}",
                f"{row['share']:.1%}", row["budget"], "by its concepts" if row["capped"] else "",
            )
            for row in shares.slice(0, SHOWN_CATEGORIES).to_pylist()
        ],
        "categories",
    )  # fmt: skip
    if (left := shares.num_rows - SHOWN_CATEGORIES) > 0:
        say(f"Categories that are in categories.parquet alone: {left:,}, with the smallest budgets.")
    _fallen(done.rejected)
    for warning in done.warnings:
        note(warning)
    say(f"Wrote weaknesses, categories and rejected rows to {out}")


def _failed(weaknesses: "pa.Table", definition: str) -> None:
    """The weaknesses that are the furthest from being solved."""
    failed = weaknesses.filter(weaknesses["is_weakness"]).sort_by(
        [("mean_accuracy", "ascending"), ("slope", "ascending"), ("problem_id", "ascending")]
    )
    table(
        ("problem", "visits", "max", "mean", "slope", "variance", "category", "text"),
        [
            (
                row["problem_id"], row["visits"], f"{row['max_accuracy']:.3g}", f"{row['mean_accuracy']:.3f}",
                f"{row['slope']:+.4f}", f"{row['variance']:.4f}", line(row["category"] or "", SHOWN_CHARS),
                line(row["problem"], SHOWN_CHARS),
            )
            for row in failed.slice(0, SHOWN).to_pylist()
        ],
        f"weaknesses: {failed.num_rows:,} of {weaknesses.num_rows:,} histories ({definition})",
    )  # fmt: skip


def _fallen(rejected: "pa.Table") -> None:
    if not rejected.num_rows:
        return
    reasons = rejected.group_by(["reason", "detail"]).aggregate([([], "count_all")])
    shown = reasons.sort_by([("count_all", "descending"), ("detail", "ascending")]).slice(0, SHOWN)
    rows = [(row["count_all"], row["reason"], row["detail"]) for row in shown.to_pylist()]
    table(("rejected", "reason", "detail"), rows)
