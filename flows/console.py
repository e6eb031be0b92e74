"""The two consoles of the command line: results on standard output, everything beside them on standard error.

Apart from `flows.terminal`, so that Rich is imported only where something is printed with it.
"""

import os

from rich.console import Console, ConsoleDimensions

# Wide enough that no id, path or reason is cut where there is no screen to fit.
PIPE_WIDTH = 200


class _Console(Console):
    """A console whose reader may leave: it falls silent then, and the work goes on."""

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, markup=False, highlight=False, emoji=False)
        # Rich keeps what `COLUMNS` was when the console was made; it is asked each time instead.
        self._width = self._height = None

    def on_broken_pipe(self) -> None:
        """Throw away what follows, also what Python flushes at its end."""
        self.quiet = True
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, self.file.fileno())
        os.close(silence)

    @property
    def size(self) -> ConsoleDimensions:
        """The screen's size, `COLUMNS`, or for a pipe as wide as a table needs."""
        known = super().size
        if self.is_terminal or os.environ.get("COLUMNS"):
            return known
        return ConsoleDimensions(PIPE_WIDTH, known.height)

    @size.setter
    def size(self, new_size: tuple[int, int]) -> None:
        self._width, self._height = new_size


out = _Console()
err = _Console(stderr=True)
