"""`synth select`: problems of a pool that lie nearest to what a student keeps failing."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands import options
from flows.terminal import copy, print_json, say, table
from synth.text import counted

if TYPE_CHECKING:
    from synth.sws.select import Selected


def select(
    inputs: Annotated[
        list[Path],
        typer.Argument(
            metavar="POOL...",
            help="Problems with their labels: Parquet, JSON Lines, CSV, the last two also gzipped.",
        ),
    ],
    weak: Annotated[
        str,
        typer.Option("--weak", metavar="DIR", help="Folder of `synth weaknesses`, or a run of `sws-…`."),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for selected and rejected.")],
    budget: Annotated[
        int, typer.Option("--budget", min=1, help="Problems to select, by the failure rates of categories.")
    ] = 1_000,
    embedder: options.Embedder = "wordllama",
    problem: options.Problem = None,
    label: options.Label = None,
    category: options.Category = None,
    strip: options.Strip = None,
    overrides: options.Overrides = None,
    as_json: options.Json = False,
) -> None:
    """Select from a pool the problems nearest to failed ones, category by category, without generation.

    Writes selected.parquet, which is a file of seeds too, and rejected.parquet.
    """
    from synth.rollouts.seeds import read_seeds
    from synth.sws.select import embedder_of
    from synth.sws.select import select as work_out
    from synth.sws.weak import read_weak

    entry, config = embedder_of(embedder, overrides or ())
    known = read_weak(weak)
    columns = {"problem": problem, "label": label, "category": category}
    pool = read_seeds(inputs, {role: name for role, name in columns.items() if name}, strip or ())
    done = work_out(known, pool, budget, entry, config, out)
    if as_json:
        print_json(
            {"folder": str(out), "rejected": done.rejected, "copies": done.copies, "categories": _rows(done)}
        )
    else:
        _show(done, out)


def _rows(done: "Selected") -> list[dict[str, object]]:
    """For each category its budget, how many were selected, and how far they lie from failures."""
    found: dict[str, list[float]] = {name: [] for name in done.shares}
    for name, far in zip(
        *(done.table[column].to_pylist() for column in ("category", "distance")), strict=True
    ):
        found[name].append(far)
    return [
        {
            "category": name, "budget": done.shares[name].budget, "selected": len(far),
            "nearest": min(far, default=None), "farthest": max(far, default=None),
        }
        for name, far in found.items()
    ]  # fmt: skip


def _show(done: "Selected", out: Path) -> None:
    rows = [list(row.values()) for row in _rows(done)]
    cells = [[*row[:3], *("" if far is None else f"{far:.3f}" for far in row[3:])] for row in rows]
    table(("category", "budget", "selected", "nearest", "farthest"), cells, "Distances are 1 - cosine")
    wanted = sum(share.budget for share in done.shares.values())
    if done.table.num_rows < wanted:
        say(f"The pool has only {counted(done.table.num_rows, 'problem')} for them.", style="yellow")
    if done.copies:
        say(
            f"Of {counted(done.table.num_rows, 'selected problem')} {done.copies:,} look like copies of a"
            " failed one: they hold its whole text, or lie within 0.01 of it. Look at `distance` before you"
            " train on them; --strip takes off an instruction, here and in `synth weaknesses`.",
            style="yellow",
        )
    if done.rejected:
        say(f"Rejected: {', '.join(f'{reason} {count:,}' for reason, count in done.rejected.items())}.")
    say(f"Wrote {out / 'selected.parquet'}", "", "Next, to see which of them the student can learn from:")
    copy(f"synth rollouts {out / 'selected.parquet'} --model ID --out tried")
