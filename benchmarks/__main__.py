"""`make bench`: measure and print the tables of docs/benchmarks.md."""

import argparse

from rich.console import Console
from rich.table import Table

from benchmarks import (
    broker,
    calls,
    control,
    decontamination,
    equivalence,
    firings,
    graph,
    growth,
    journal,
    kills,
    load,
    measure,
    overhead,
    reading,
    replay,
    road,
    rollouts,
    screen,
    soak,
    targets,
    transports,
    viewing,
    weaknesses,
    workers,
)
from benchmarks.duplicates import suite as duplicates
from benchmarks.peers import suite as peers

SUITES = {
    "road": road,
    "reading": reading,
    "calls": calls,
    "journal": journal,
    "transports": transports,
    "load": load,
    "broker": broker,
    "control": control,
    "soak": soak,
    "kills": kills,
    "replay": replay,
    "peers": peers,
    "graph": graph,
    "targets": targets,
    "screen": screen,
    "decontamination": decontamination,
    "dedup": duplicates,
    "rollouts": rollouts,
    "weaknesses": weaknesses,
    "equivalence": equivalence,
    "viewing": viewing,
    "firings": firings,
    "growth": growth,
    "overhead": overhead,
    "workers": workers,
}


def show(console: Console, name: str) -> None:
    """One table; the ratio is to the first figure of the same group."""
    figures = SUITES[name].figures()
    table = Table(title=name, title_justify="left")
    for head in getattr(SUITES[name], "HEADS", measure.HEADS):
        table.add_column(head, justify="left" if head == "what" else "right")
    for figure in figures:
        table.add_row(*figure.cells(figures))
    console.print(table)


def main() -> None:
    """Run the suites that were named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "suites", nargs="*", choices=[*SUITES, []], help="which to run; all where none is named"
    )
    chosen = parser.parse_args().suites or list(SUITES)
    console = Console(width=120)
    for name in chosen:
        show(console, name)


if __name__ == "__main__":
    main()
