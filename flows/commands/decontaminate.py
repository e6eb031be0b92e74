"""`synth decontaminate`: tables without the rows that overlap a benchmark."""

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from flows.commands import options
from flows.commands.run import spread
from flows.terminal import note, print_json, say, table
from synth.text import counted

STAGE = "decontaminate"

if TYPE_CHECKING:
    from synth.dedup.decontaminate import Summary


class DecontaminateCommand(TyperCommand):
    """A command whose `--against` takes all paths that follow it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Repeat `--against` before each of its paths."""
        return super().parse_args(ctx, spread(args, "--against"))


def decontaminate(
    inputs: Annotated[
        list[Path], typer.Argument(metavar="IN...", help="Tables: Parquet, JSON Lines (also .gz) or CSV.")
    ],
    benchmarks: Annotated[
        list[str],
        typer.Option(
            "--against",
            metavar="BENCH...",
            help="Benchmarks: Parquet, JSON Lines, JSON, CSV, TSV, also .gz; files, folders or globs.",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option("--out", metavar="DIR", help="Folder for kept.parquet, removed.parquet, report.json."),
    ],
    columns: Annotated[
        list[str] | None,
        typer.Option(
            "--text",
            metavar="COL",
            help="Column of the texts; may be repeated. Left out: question, problem, prompt and so on.",
        ),
    ] = None,
    benchmark_column: Annotated[
        str | None,
        typer.Option("--benchmark-column", metavar="COL", help="Column of the benchmarks' questions."),
    ] = None,
    ngram: Annotated[
        int, typer.Option("--ngram", min=3, max=50, help="Words in a run that two texts may share.")
    ] = 10,
    jaccard: Annotated[
        float,
        typer.Option("--jaccard", min=0.05, max=1, help="From this similarity on a text is an edited copy."),
    ] = 0.5,
    paraphrases: Annotated[
        bool, typer.Option("--paraphrases/--no-paraphrases", help="Look for items in other words as well.")
    ] = True,
    embedder: options.Embedder = "wordllama",
    judge: options.Judge = None,
    cosine: Annotated[
        float, typer.Option("--cosine", min=0, max=1, help="Least cosine of a paraphrase, for this embedder.")
    ] = 0.65,
    agreement: Annotated[
        float,
        typer.Option("--agreement", min=0.05, max=1, help="Least share of numbers that a paraphrase keeps."),
    ] = 0.6,
    overrides: options.Overrides = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite results that are there.")] = False,
    as_json: options.Json = False,
) -> None:
    """Remove rows that overlap a benchmark: copies, edited copies, other numbers, other words.

    Needs no endpoint, unless a judge is named. Each removed row is named with the item and the tier that
    found it; no text of a benchmark is written.
    """
    from flows.counting import counting
    from synth.dedup.benchmarks import read_benchmarks, repeated
    from synth.dedup.decontaminate import decontaminate as write
    from synth.dedup.embedding import asking
    from synth.dedup.tiers import Settings, Tiers
    from synth.errors import ConfigError

    settings = Settings(ngram, jaccard, cosine, agreement)
    items = read_benchmarks(benchmarks, benchmark_column)
    if judge and not paraphrases:
        raise ConfigError("--judge: a judge decides on paraphrases alone; leave out --no-paraphrases.")
    asked = asking(STAGE, embedder, judge, overrides or (), out) if paraphrases else nullcontext()
    with asked as found:
        tiers = Tiers(items, settings, found and found.embed, found and found.judge)
        with counting("rows") as progress:
            told = _told(benchmarks, benchmark_column, found and found.embedder)
            done = write(inputs, items, tiers, settings, out, columns or (), progress, force, told)
    if as_json:
        print_json({**done._asdict(), "asked": tiers.asked})
    else:
        _show(done, tiers.names())
        for name, other in repeated(items):
            say(f"{name} holds the same items as {other}: what overlaps them is counted for that one.")
        if judge:
            say(f"The judge was asked about {counted(tiers.asked, 'pair')}; its answers: {out / 'calls'}")


def _told(benchmarks: Sequence[str | Path], column: str | None, embedder: str | None) -> dict[str, object]:
    """What the report says of the benchmarks, and of who embeds: the least cosine belongs to that one."""
    from synth.dedup.benchmarks import named
    from synth.writing import sha256_of

    files = {name: {"file": path.name, "sha256": sha256_of(path)} for name, path in named(benchmarks).items()}
    return {"embedder": embedder, "benchmark_column": column, "benchmarks": files}


def _show(done: "Summary", tiers: list[str]) -> None:
    from synth.dedup.decontaminate import KEPT, REMOVED, REPORT, tier_rows

    rows = [
        (name, done.items[name], *(found.get(tier, 0) for tier in tiers), sum(found.values()))
        for name, found in tier_rows(done.found)
    ]
    table(("benchmark", "items", *tiers, "removed"), rows, f"{counted(done.rows, 'row')} checked")
    if done.rejected:
        note(f"{counted(done.rejected, 'line')} left out, as no rows of the tables: see rejected.parquet.")
    if done.empty:
        say(f"{counted(done.empty, 'row')} without text: kept, and not checked.", style="yellow")
    share = f" ({done.removed / done.rows:.2%})" if done.rows else ""
    say(
        f"Removed {done.removed:,}{share}, kept {done.kept:,}.",
        f"Wrote {done.out / KEPT}, {REMOVED} and {REPORT} beside it.",
    )
    say("What each tier finds and what it cannot: docs/contamination.md.")
