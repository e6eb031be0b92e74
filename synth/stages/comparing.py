"""Candidates of one question brought together by their answers.

In: candidates, and an engine that compares two answers. Out: clusters of places, the largest first. What a
solver says of the question instead of answering it is compared with the same words only.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from synth.config import RunConfig
from synth.stages.candidates import FAULTY, Candidate
from synth.verify.equivalence.decide import form_of
from synth.verify.equivalence.engine import MEMORY_MB, SECONDS, Equivalence
from synth.verify.votes import clusters

# No answer can begin with it: control characters are taken out of replies.
_MARK = "\x00"


class Comparison(NamedTuple):
    """Clusters of places, and the place of each candidate's cluster among them, None where it has none."""

    found: list[list[int]]
    cluster: list[int | None]

    @property
    def sizes(self) -> list[int]:
        """Candidates in each cluster, the largest first."""
        return [len(places) for places in self.found]


@contextmanager
def comparer(config: RunConfig) -> Iterator[Equivalence | None]:
    """The engine for a stage's answers; None where they are not compared.

    Raises:
        ConfigError: math-verify is needed and not installed.
    """
    if not config.answers.compares:
        yield None
        return
    with Equivalence(1, SECONDS, MEMORY_MB) as engine:
        yield engine


def compared(candidates: Sequence[Candidate], engine: Equivalence | None) -> Comparison:
    """Who agrees with whom; nobody, where nothing is compared."""
    said = [_said(one) if engine else None for one in candidates]

    def same(one: str, other: str) -> bool | None:
        if _MARK in (one[:1], other[:1]) or engine is None:
            return one == other
        return engine.same(one, other).equal

    found = sorted(clusters(said, same, form), key=lambda places: (-len(places), places[0]))
    cluster: list[int | None] = [None] * len(said)
    for number, places in enumerate(found):
        for place in places:
            cluster[place] = number
    return Comparison(found, cluster)


def form(answer: str) -> str:
    """The normal form of an answer, or a mark as it is."""
    return answer if answer.startswith(_MARK) else form_of(answer)


def _said(candidate: Candidate) -> str | None:
    return _MARK + candidate.outcome if candidate.outcome in FAULTY else candidate.final


def kept_of(candidates: Sequence[Candidate], places: Sequence[int]) -> Candidate:
    """The response that stands for a cluster.

    Of the answer in the form that most of it wrote, the response of middle length, the shorter of two, then
    that of the lower sample. The label is then the cluster's own words; the shortest responses leave out
    steps, and the longest go astray and come back.
    """
    forms = [form_of(candidates[place].final or "") for place in places]
    often, _ = Counter(forms).most_common(1)[0]  # of equal counts the first that was met
    alike = [place for place, written in zip(places, forms, strict=True) if written == often]
    alike.sort(key=lambda place: (len(candidates[place].response), place))
    return candidates[alike[(len(alike) - 1) // 2]]
