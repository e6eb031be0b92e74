"""`synth compare`: what changed between two runs."""

from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands import options
from flows.terminal import print_json, say, table
from synth.places import find_run
from synth.text import counted

if TYPE_CHECKING:
    from synth.compare import Comparison

Run = Annotated[str, typer.Argument(metavar="RUN", help="Folder of a run, or its name among the runs.")]


def compare(a: Run, b: Run, as_json: options.Json = False) -> None:
    """Show what changed from one run to another.

    Settings, stages, the spread of the rows, and which rows are the same; `synth view` shows it as a page.
    """
    from synth.compare import compare as work_out

    found = work_out(find_run(a), find_run(b))
    if as_json:
        lists = {
            name: [row._asdict() for row in getattr(found, name)]
            for name in ("settings", "stages", "shifts", "means")
        }
        print_json({**found._asdict(), **lists})
        return
    _show(found)


def _show(found: "Comparison") -> None:
    a, b = found.names
    rows = (("in both, equal", found.same), ("in both, changed", found.changed))
    only = ((f"only in {a}", found.only_a), (f"only in {b}", found.only_b))
    table(
        ("rows", "number"),
        [*rows, *only],
        f"{a} ({counted(found.rows[0], 'row')}) and {b} ({found.rows[1]:,})",
    )
    if found.changed_columns:
        said = ", ".join(f"{name} {count:,}" for name, count in found.changed_columns.items())
        say(f"Columns that changed: {said}.")
    if found.settings:
        table(("setting", a, b), [tuple(one) for one in found.settings], "Settings")
    else:
        say("All settings are the same.")
    table(("stage", f"out, {a}", b, f"rejected, {a}", b), [tuple(one) for one in found.stages], "Stages")
    if found.shifts:
        shares = [
            (one.column, "none" if one.value is None else one.value, f"{one.a:.1%}", f"{one.b:.1%}")
            for one in found.shifts
        ]
        table(("column", "value", a, b), shares, "Shares of rows")
    if found.means:
        heads = ("column", f"mean, {a}", f"mean, {b}", f"median, {a}", f"median, {b}")
        table(heads, [tuple(one) for one in found.means], "Numbers")
