"""`synth dedup`: duplicates in any table, with proof, and an index of what was kept before."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from flows.commands import options
from flows.terminal import note, print_json, say, table
from synth.text import counted

if TYPE_CHECKING:
    from synth.dedup.deduplicate import Summary


def dedup(
    inputs: Annotated[
        list[Path] | None,
        typer.Argument(metavar="IN...", help="Tables: Parquet, JSON Lines (also .gz) or CSV; or folders."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder for kept.parquet and removed.parquet.")
    ] = None,
    text: Annotated[str, typer.Option("--text", metavar="COL", help="Column of the texts.")] = "question",
    threshold: Annotated[
        float, typer.Option("--threshold", min=0.01, max=1, help="Jaccard similarity from which a row goes.")
    ] = 0.7,
    index: Annotated[
        Path | None,
        typer.Option("--index", metavar="DIR", help="Index of rows kept before; these are added to it."),
    ] = None,
    merge: Annotated[
        Path | None,
        typer.Option("--merge", metavar="DIR", help="Another index, to be taken into that of --index first."),
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
    semantic: Annotated[
        bool,
        typer.Option("--semantic", help="Look for rows that say the same in other words as well."),
    ] = False,
    cosine: Annotated[
        float, typer.Option("--cosine", min=0, max=1, help="Least cosine of such rows, for this embedder.")
    ] = 0.7,
    agreement: Annotated[
        float, typer.Option("--agreement", min=0.05, max=1, help="Least share of numbers that both have.")
    ] = 0.75,
    embedder: options.Embedder = "wordllama",
    judge: options.Judge = None,
    overrides: options.Overrides = None,
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
    ui: Annotated[
        bool, typer.Option("--ui", help="As a Prefect flow: a task a table, to be watched and resumed.")
    ] = False,
    runner: Annotated[
        Literal["threads", "processes"], typer.Option("--runner", help="What the tasks of --ui run in.")
    ] = "threads",
    tasks: Annotated[
        int, typer.Option("--tasks", min=1, max=200, help="Tasks of --ui that are at work at once.")
    ] = 2,
    as_json: options.Json = False,
) -> None:
    """Remove near-duplicates, each with the row it repeats and their exact similarity.

    Writes kept.parquet and removed.parquet. The better row stays, then that of more words and signs, then
    that with the smaller id. With --merge and no table two indexes become one.
    """
    from synth.errors import ConfigError

    if bands * rows > permutations:
        raise ConfigError(f"--bands {bands} times --rows {rows} is more than --permutations {permutations}.")
    if judge and not semantic:
        raise ConfigError("--judge: a judge decides on rows of the same meaning alone; add --semantic.")
    if merge is not None:
        _merge(index, merge)
        if not inputs:
            return
    if not inputs or out is None:
        raise ConfigError("Name one or more tables, and with --out a folder for the results.")
    asked = {
        "text": text, "id": identity, "quality": quality, "threshold": threshold, "twins": twins,
        "index": index, "semantic": semantic, "cosine": cosine, "agreement": agreement, "embedder": embedder,
        "judge": judge, "overrides": overrides or (), "shingle": shingle, "permutations": permutations,
        "bands": bands, "rows": rows, "memory_rows": memory_rows, "force": force,
    }  # fmt: skip
    done = _watched(inputs, out, asked, runner, tasks) if ui else _plainly(inputs, out, asked)
    if as_json:
        print_json(done._asdict())
    else:
        _show(done, judge is not None)


def _plainly(inputs: list[Path], out: Path, asked: dict[str, Any]) -> "Summary":
    """In this process, without Prefect."""
    from flows.counting import counting
    from synth.dedup.deduplicate import deduplicate
    from synth.dedup.tables import asking_for, options_of, tables_in

    options = options_of(**asked)
    with asking_for(out, **asked) as found, counting("rows") as progress:
        return deduplicate(tables_in(inputs), out, options, progress, found)


def _watched(inputs: list[Path], out: Path, asked: dict[str, Any], runner: str, tasks: int) -> "Summary":
    """As a Prefect flow."""
    from flows.work import deduplicated
    from synth.config_dedup import DedupConfig

    paths = {
        "inputs": tuple(map(str, inputs)),
        "out": str(out),
        "index": asked["index"] and str(asked["index"]),
    }
    return deduplicated(DedupConfig(**{**asked, **paths, "runner": runner, "tasks": tasks}))


def _merge(index: Path | None, other: Path) -> None:
    from synth.dedup.index import Index, scheme_of
    from synth.errors import ConfigError

    if index is None:
        raise ConfigError(f"--merge {other}: name the index that it goes into with --index.")
    theirs = scheme_of(other)
    if theirs is None:
        raise ConfigError(f"--merge {other}: there is no index here; make it by `synth dedup --index`.")
    mine = Index(index, scheme_of(index) or theirs)
    taken = mine.take_over(Index(other, mine.scheme))
    say(f"Took {counted(taken, 'text')} of {other} into {index}.")
    say(f"It now holds {counted(mine.rows, 'text')}.")


def _show(done: "Summary", judged: bool) -> None:
    what = {
        "equal": "removed: the same text once normalised",
        "near": "removed: near-duplicates",
        "twin": "removed: the same but for numbers",
        "meaning": "removed: the same in other words, by numbers",
        "judged": "removed: the same in other words, by the judge",
    }
    found = {how: count for how, count in done.how.items() if count or how not in ("meaning", "judged")}
    counts = [("kept", done.kept), *((what[how], count) for how, count in found.items())]
    table(
        ("rows", "count", "share"),
        [(name, count, f"{count / done.rows:.1%}" if done.rows else "") for name, count in counts],
        counted(done.rows, "row"),
    )
    if done.clusters:
        table(("kept row", "rows like it, with it"), done.clusters, "largest clusters")
    if done.stored is not None:
        say(f"{counted(done.known, 'row')} repeated the index; it now holds {counted(done.stored, 'text')}.")
    if done.own_id:
        note(
            f"{counted(done.own_id, 'row')} went for a stored one of the same id: was this table taken in "
            "before, under another name or by other columns?"
        )
    if done.twins:
        say(f"Kept rows that equal an earlier kept one but for numbers: {done.twins:,} (column `twin_of`).")
    if done.without_text:
        say(f"{counted(done.without_text, 'row')} without a word or number stayed, compared with nothing.")
    if done.rejected:
        note(f"{counted(done.rejected, 'line')} left out, as no rows of the tables: see rejected.parquet.")
    if done.same_id:
        note(
            f"{counted(done.same_id, 'row')} share their id with another one: `dup_of` may name several rows."
        )
    if judged:
        say(f"The judge was asked about {counted(done.asked, 'pair')}.")
    if done.left_out:
        note(
            f"{counted(done.crowded, 'bucket')} of over 1,000 rows took in the first unlike ones only: "
            f"{counted(done.left_out, 'kept row')} may have a duplicate among later rows that was not seen."
        )
    for old, new in done.renamed.items():
        say(f"The column `{old}` of the input is now called `{new}`.")
    say(f"Wrote {done.kept_path} and {done.removed_path}")
