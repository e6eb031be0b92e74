"""How far the parts of a stage are together: one count of what is done, and of what there is to do.

In: the sizes of the parts, and what each tells of itself. Out: sums over all of them. A part that has not
begun is taken to have as much to do as those that have, for its size; one that was done before has nothing.
"""

from collections.abc import Sequence


class Parts:
    """Counts of one stage; whoever shares it between threads locks it."""

    def __init__(self, sizes: Sequence[int]) -> None:
        self._sizes = {place: max(1, size) for place, size in enumerate(sizes)}
        self._to_come = sum(self._sizes.values())
        self._over: set[int] = set()
        self._told: dict[int, tuple[int, int]] = {}
        self._done = self._total = self._size = 0

    @property
    def begun(self) -> int:
        """Parts that have told of themselves."""
        return len(self._told)

    def count(self, part: int, done: int, total: int) -> tuple[int, int]:
        """A part has come so far; the sums."""
        if part not in self._told:
            self._size += self._sizes.get(part, 0)
            self.end(part)
        before = self._told.get(part, (0, 0))
        self._told[part] = (done, total)
        self._done += done - before[0]
        self._total += total - before[1]
        return self.sums()

    def end(self, part: int) -> None:
        """A part is done, whether or not it told anything."""
        if part not in self._over:
            self._over.add(part)
            self._to_come -= self._sizes.get(part, 0)

    def sums(self) -> tuple[int, int]:
        """What is done, and what there is to do as far as it can be known."""
        more = self._total * self._to_come // self._size if self._size else 0
        return self._done, self._total + more
