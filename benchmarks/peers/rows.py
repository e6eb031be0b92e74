"""What every contender is asked to do. Runs in the environment of any of them, so it imports nothing of theirs.

In: the endpoint, how many rows, how many calls at one time, a folder. Out: Parquet files below the folder, one
row a call; the prompts are distinct, so that no cache has an answer.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

MODEL = "gpt-4o-mini"  # a name that every contender knows; the endpoint serves any
TIMEOUT_S = 30


class Task(NamedTuple):
    """One whole run."""

    url: str
    rows: int
    in_flight: int
    folder: Path


def task() -> Task:
    """The task that the command line names; it ends with who gave it, and so do the processes that it starts."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    url, rows, in_flight, folder = sys.argv[1:]
    return Task(url, int(rows), int(in_flight), Path(folder))


def prompts(rows: int) -> Iterator[str]:
    """Prompts of some 0.6 kB, each different."""
    for n in range(rows):
        yield f"<question>\nWhat is {n} + {n}?\n</question>\n" + "Think of every step. " * 25


def _end_with_parent() -> None:
    """The suite holds the other end of standard input, and each contender has a session of its own."""
    os.read(0, 1)  # the file object's lock would be in the way of a regular end
    os.killpg(0, signal.SIGKILL)


class Words:
    """In place of tiktoken's table, which would be downloaded: words for tokens, which cost less to count."""

    def encode(self, text: str, **_: object) -> list[str]:
        """One token a word."""
        return text.split()


def without_download() -> None:
    """Have tiktoken count words."""
    import tiktoken

    tiktoken.get_encoding = tiktoken.encoding_for_model = lambda *_: Words()
