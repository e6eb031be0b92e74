"""How far a tool of its own has come: a counter on a terminal, and nothing elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def counting(what: str) -> Iterator[Callable[[int], None]]:
    """A function to tell how many are done; a terminal shows it from the second second on."""
    from flows.console import err

    if not err.is_terminal:
        yield lambda done: None
        return
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.completed:,.0f} {task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=err, refresh_per_second=4, transient=True) as drawn:
        shown = drawn.add_task(what, total=None)
        yield lambda done: drawn.update(shown, completed=done)
