"""On which scale a log has its scores: from 0 to 1, or as it was told, else nobody can tell right from wrong.

In: the scores of each column of each log, as they are read. Out: which of them count as they are, what is
assumed of the others in words, or a fault. Single odd values cost their rows; where they are more, rejecting
them would turn the log upside down: of rewards of 1 and -1 only the right answers would be left.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from synth.errors import ConfigError
from synth.sws.scores import Floats

Mask = npt.NDArray[np.bool_]
# So many values beyond 0 and 1 are slips of the pen: one, or this share of all.
SLIPS = 0.01
HAIR = 1e-6
_TOLD = "--right-at SCORE (in a recipe rollouts.right_at)"
_SCALE = "--scale LOW HIGH (rollouts.scale; 0 1 rejects what lies beyond)"


class Scored(NamedTuple):
    """A column of scores of one log; `single` where a row of it is one attempt."""

    log: str
    column: str
    single: bool


@dataclass
class Tally:
    """What the scores of one column are like."""

    values: int = 0
    beyond: int = 0
    between: int = 0
    signs: int = 0
    low: float = np.inf
    high: float = -np.inf

    def add(self, scores: Floats) -> None:
        """Some more of them; what is not a number does not count."""
        scores = scores[~np.isnan(scores)]
        if not len(scores):
            return
        self.values += len(scores)
        self.beyond += int(beyond(scores).sum())
        self.between += int(((scores > 0) & (scores < 1)).sum())
        self.signs += int((np.abs(scores) == 1).sum())
        self.low, self.high = min(self.low, float(scores.min())), max(self.high, float(scores.max()))

    @property
    def is_slips(self) -> bool:
        """Whether what lies beyond 0 and 1 is so little that it costs its rows only."""
        return self.beyond <= max(1, SLIPS * self.values)

    @property
    def is_signs(self) -> bool:
        """Whether all are -1 or 1, and both are there: 0 or -1 alone may stand for something else."""
        return self.signs == self.values and self.low == -1 and self.high == 1


class Scales:
    """The scores of all logs; `told` where the reader has said how they count."""

    def __init__(self, told: bool) -> None:
        self._told = told
        self._tallies: dict[Scored, Tally] = {}

    def add(self, scored: Scored, scores: Floats) -> None:
        """Some scores of a column."""
        self._tallies.setdefault(scored, Tally()).add(scores)

    def are_signs(self, scored: Scored) -> bool:
        """Whether 1 is right there and -1 is wrong, and nobody has said otherwise."""
        return not self._told and scored.single and self._tallies[scored].is_signs

    def check(self) -> None:
        """Look whether all scores can be understood.

        Raises:
            ConfigError: with a sentence for each log that has another scale.
        """
        odd = [
            _fault(scored, tally)
            for scored, tally in self._tallies.items()
            if not (self._told or tally.is_slips or self.are_signs(scored))
        ]
        if odd:
            raise ConfigError(*odd)

    def warnings(self) -> Iterator[str]:
        """What is assumed of scores that are not plainly right or wrong."""
        for scored, tally in self._tallies.items():
            name = f"{scored.log}: `{scored.column}`"
            if self.are_signs(scored):
                yield f"{name} is -1 or 1, so 1 counts as right and -1 as wrong; {_TOLD} says otherwise."
            elif scored.single and tally.between and not self._told:
                part = f"{tally.between:,} of {tally.values:,} attempts"
                yield f"{name} lies between 0 and 1 for {part}, which count as partly right; {_TOLD} decides."


def _fault(scored: Scored, tally: Tally) -> str:
    what = f"{scored.log}: `{scored.column}` runs from {tally.low:g} to {tally.high:g}"
    odd = f"{tally.beyond:,} of its {tally.values:,} values are not between 0 and 1"
    means = f"what stands for 0 and for 1 with {_SCALE}"
    fix = f"from which score on an answer is right with {_TOLD}, or {means}" if scored.single else means
    return f"{what}, and {odd}; say {fix}."


def beyond(scores: Floats) -> Mask:
    """Which scores are no accuracies."""
    found: Mask = (scores < 0) | (scores > 1)
    return found


def rescaled(scores: Floats, scale: tuple[float, float] | None) -> Floats:
    """Scores from `scale[0]`, which becomes 0, to `scale[1]`, which becomes 1; None leaves them.

    A mean of single precision may lie a hair beyond an end: it is taken for the end.
    """
    low, high = scale or (0.0, 1.0)
    scores = (scores - low) / (high - low)
    scores = np.where((scores < 0) & (scores > -HAIR), 0.0, scores)
    return np.where((scores > 1) & (scores < 1 + HAIR), 1.0, scores)
