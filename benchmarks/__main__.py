"""`make bench`: measure and print the tables of docs/benchmarks.md."""

import argparse
from functools import partial

from rich.console import Console
from rich.table import Table

from benchmarks import calls, graph, reading, road, screen
from benchmarks.measure import Figure

SUITES = {
    "road": road.figures,
    "reading": reading.figures,
    "calls": calls.figures,
    "graph": graph.figures,
    "screen": screen.figures,
}


def show(console: Console, name: str, figures: list[Figure]) -> None:
    """One table; the ratio is to the first figure of the same group."""
    table = Table(title=name, title_justify="left")
    for head in ("what", "items", "CPU s", "per item", "ratio"):
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
    parser.add_argument(
        "--files", type=int, default=reading.MANY_FILES, help="small files for the memory of reading"
    )
    options = parser.parse_args()
    suites = {**SUITES, "reading": partial(reading.figures, options.files)}
    console = Console(width=110)
    for name in options.suites or list(suites):
        show(console, name, suites[name]())


if __name__ == "__main__":
    main()
