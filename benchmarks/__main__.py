"""`make bench`: measure and print the tables of docs/benchmarks.md."""

import argparse

from rich.console import Console
from rich.table import Table

from benchmarks import calls, graph, road, screen
from benchmarks.measure import Figure

SUITES = {"road": road.figures, "calls": calls.figures, "graph": graph.figures, "screen": screen.figures}


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
    chosen = parser.parse_args().suites or list(SUITES)
    console = Console(width=110)
    for name in chosen:
        show(console, name, SUITES[name]())


if __name__ == "__main__":
    main()
