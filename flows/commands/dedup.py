"""`synth dedup`: duplicates in any table, with proof, and an index of what was kept before."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from flows.commands import options
from flows.terminal import note, print_json, say, table
from synth.text import counted

if TYPE_CHECKING:
    from synth.dedup.deduplicate import Summary


def dedup(
    inputs: Annotated[
        list[Path], typer.Argument(metavar="IN...", help="Tables: Parquet, JSON Lines (also .gz) or CSV.")
    ],
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Folder for kept.parquet and removed.parquet.")
    ],
    text: Annotated[str, typer.Option("--text", metavar="COL", help="Column of the texts.")] = "question",
    threshold: Annotated[
        float, typer.Option("--threshold", min=0.01, max=1, help="Jaccard similarity from which a row goes.")
    ] = 0.7,
    index: Annotated[
        Path | None,
        typer.Option("--index", metavar="DIR", help="Index of rows kept before; these are added to it."),
    ] = None,
    identity: Annotated[
        str | None,
        typer.Option("--id", metavar="COL", help="Column of the ids that `dup_of` names."),
    ] = None,
    quality: Annotated[
        str | None,
        typer.Option("--quality", metavar="COL", help="Column of numbers: the higher stays."),
    ] = None,
    twins: Annotated[
        Literal["keep", "alike", "remove"],
        typer.Option(
            "--twins",
            help="Texts that are equal but for their numbers: `keep` tells them in `twin_of`; `alike` treats "
            "them as any other pair; `remove` leaves one of them.",
        ),
    ] = "keep",
    shingle: Annotated[int, typer.Option("--shingle", min=1, max=50, help="Words of an n-gram.")] = 5,
    permutations: Annotated[
        int, typer.Option("--permutations", min=1, max=1024, help="MinHash functions.")
    ] = 128,
    bands: Annotated[
        int,
        typer.Option("--bands", min=1, max=256, help="Bands; more of them, with fewer rows, see more pairs."),
    ] = 25,
    rows: Annotated[int, typer.Option("--rows", min=1, max=64, help="MinHash values of a band.")] = 5,
    memory_rows: Annotated[
        int,
        typer.Option("--memory-rows", min=1_000, help="More rows than this are worked through on the disk."),
    ] = 1_500_000,
    force: Annotated[bool, typer.Option("--force", help="Overwrite results that are there.")] = False,
    as_json: options.Json = False,
) -> None:
    """Remove near-duplicates, each with the row it repeats and their exact similarity.

    Writes kept.parquet and removed.parquet. The better row stays, then the longer one, then that with the
    smaller id.
    """
    from flows.counting import counting
    from synth.dedup.choosing import Rules
    from synth.dedup.deduplicate import Options, deduplicate
    from synth.dedup.input import Columns
    from synth.dedup.measuring import Scheme
    from synth.errors import ConfigError

    if bands * rows > permutations:
        raise ConfigError(f"--bands {bands} times --rows {rows} is more than --permutations {permutations}.")
    chosen = Options(
        Columns(text, identity, quality), Scheme(shingle, permutations, bands, rows), Rules(threshold, twins),
        index, memory_rows, force,
    )  # fmt: skip
    with counting("rows") as progress:
        done = deduplicate(inputs, out, chosen, progress)
    if as_json:
        print_json(done._asdict())
    else:
        _show(done)


def _show(done: "Summary") -> None:
    what = {
        "equal": "removed: the same text once normalised",
        "near": "removed: near-duplicates",
        "twin": "removed: the same but for numbers",
    }
    counts = [("kept", done.kept), *((what[how], count) for how, count in done.how.items())]
    table(
        ("rows", "count", "share"),
        [(name, count, f"{count / done.rows:.1%}" if done.rows else "") for name, count in counts],
        counted(done.rows, "row"),
    )
    if done.clusters:
        table(("kept row", "rows like it, with it"), done.clusters, "largest clusters")
    if done.stored is not None:
        say(f"{counted(done.known, 'row')} repeated the index; it now holds {counted(done.stored, 'text')}.")
    if done.twins:
        say(
            f"{counted(done.twins, 'kept row')} equal an earlier kept one but for numbers (column `twin_of`)."
        )
    if done.without_text:
        say(f"{counted(done.without_text, 'row')} without a word or number stayed, compared with nothing.")
    if done.left_out:
        note(
            f"{counted(done.crowded, 'bucket')} of over 1,000 rows took in the first unlike ones only: "
            f"{counted(done.left_out, 'kept row')} may have a duplicate among later rows that was not seen."
        )
    for old, new in done.renamed.items():
        say(f"The column `{old}` of the input is now called `{new}`.")
    say(f"Wrote {done.kept_path} and {done.removed_path}")
