"""What came of some visits, in numbers: counted as the rows pass by, so that no table is read again."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from synth.llm.prices import Cost


class Tally(NamedTuple):
    """One visit: attempts by what became of them; `cost` is that of its calls in all tries."""

    visit: int
    entry: str
    model: str
    problems: int
    right: int
    wrong: int
    truncated: int
    undecided: int
    failed: int
    cost: Cost

    @property
    def attempts(self) -> int:
        """Attempts that were made."""
        return self.right + self.wrong + self.truncated + self.undecided

    @property
    def pass_rate(self) -> float | None:
        """Right ones of those decided; None where none was."""
        decided = self.right + self.wrong
        return self.right / decided if decided else None


class Counts:
    """Sums over the rows of one visit."""

    def __init__(self) -> None:
        self._kinds: Counter[str] = Counter()
        self._problems: set[str] = set()

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Count rows of `SAMPLED`."""
        for row in rows:
            self._problems.add(row["problem_id"])
            self._kinds[_kind(row)] += 1

    def tally(self, visit: int, entry: str, model: str, failed: int, cost: Cost) -> Tally:
        """The sums so far."""
        kinds = {name: self._kinds[name] for name in ("right", "wrong", "truncated", "undecided")}
        problems = len(self._problems)
        return Tally(visit, entry, model, problems=problems, failed=failed, cost=cost, **kinds)


def _kind(row: Mapping[str, Any]) -> str:
    """What cut short is neither right nor wrong, as in `rates`."""
    if row["truncated"]:
        return "truncated"
    return "undecided" if row["correct"] is None else "right" if row["correct"] else "wrong"
