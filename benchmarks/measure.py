"""CPU seconds, not wall: other work on the machine then costs less truth."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

ROUNDS = 3
# Where `python -m benchmarks.…` is found, from wherever a suite is started.
ROOT = Path(__file__).resolve().parents[1]
HEADS = ("what", "items", "CPU s", "per item", "ratio")


class Figure(NamedTuple):
    """One measurement: what, of which group, over how many items, in CPU seconds."""

    what: str
    group: str
    items: int
    seconds: float

    def cells(self, others: list["Figure"]) -> tuple[str, ...]:
        """The row of a table."""
        first = next(f for f in others if f.group == self.group)
        ratio = (self.seconds / self.items) / (first.seconds / first.items)
        each = self.seconds / self.items * 1e6
        said = f"{each / 1000:,.2f} ms" if each >= 1000 else f"{each:,.1f} µs"
        return (
            self.what,
            f"{self.items:,}",
            f"{self.seconds:,.3f}",
            said,
            "" if self is first else f"{ratio:,.1f}",
        )


def interleaved(group: str, items: int, contenders: dict[str, Callable[[], object]]) -> list[Figure]:
    """The smallest CPU time of each contender, in turns, so that a busy minute hits all alike."""
    best = dict.fromkeys(contenders, float("inf"))
    for _ in range(ROUNDS):
        for name, work in contenders.items():
            began = time.process_time()
            work()
            best[name] = min(best[name], time.process_time() - began)
    return [Figure(name, group, items, seconds) for name, seconds in best.items()]
