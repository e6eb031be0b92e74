"""Candidates of one question brought together by their answers.

In: candidates of a question, and what compares answers of their kind. Out: clusters of places, the largest
first. What a solver says of the question instead of answering it is compared with the same words only.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from synth.config import RunConfig
from synth.stages.candidates import FAULTY, Candidate
from synth.verify.equivalence.decide import form_of
from synth.verify.equivalence.engine import MEMORY_MB, SECONDS, Equivalence
from synth.verify.kinds import Answers
from synth.verify.votes import clusters

# What compares answers to a question, given its text; None where they are not compared.
Comparer = Callable[[str], Answers | None]
# No answer can begin with it: control characters are taken out of replies.
_MARK = "\x00"
# Pairs in which an answer may run out of time before it is given up.
PATIENCE = 2


class Comparison(NamedTuple):
    """Clusters of places, and the place of each candidate's cluster among them, None where it has none."""

    found: list[list[int]]
    cluster: list[int | None]

    @property
    def sizes(self) -> list[int]:
        """Candidates in each cluster, the largest first."""
        return [len(places) for places in self.found]


class Patient:
    """Compares answers to one question, and gives up those that only cost time.

    Each pair that hangs the library takes seconds until it is ended, and many answers make many pairs. An
    answer that ran out of time with two others and was decided with none is not tried again: undecided it is.
    """

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._late: Counter[str] = Counter()
        self._decided: set[str] = set()

    def same(self, one: str, other: str) -> bool | None:
        """Whether two answers are the same; None where that could not be decided, or was given up."""
        if any(self._late[text] >= PATIENCE and text not in self._decided for text in (one, other)):
            return None
        found = self._answers.same(one, other)
        if found.is_late:
            self._late.update((one, other))
        elif found.equal is not None:
            self._decided.update((one, other))
        return found.equal


@contextmanager
def comparer(config: RunConfig) -> Iterator[Comparer]:
    """For each question what compares its answers: of a choice it knows the options.

    Raises:
        ConfigError: math-verify is needed and not installed.
    """
    if not config.answers.compares:
        yield lambda question: None
        return
    with Equivalence(1, SECONDS, MEMORY_MB) as engine:
        yield lambda question: Answers(config.answers.kind, engine, question)


def compared(candidates: Sequence[Candidate], answers: Answers | None) -> Comparison:
    """Who agrees with whom; nobody, where nothing is compared."""
    if answers is None:
        return Comparison([], [None] * len(candidates))
    said = [_said(one, answers) for one in candidates]
    patient = Patient(answers)

    def same(one: str, other: str) -> bool | None:
        return one == other if _MARK in (one[:1], other[:1]) else patient.same(one, other)

    def form(answer: str) -> str:
        return answer if answer.startswith(_MARK) else answers.form(answer)

    found = sorted(clusters(said, same, form), key=lambda places: (-len(places), places[0]))
    cluster: list[int | None] = [None] * len(said)
    for number, places in enumerate(found):
        for place in places:
            cluster[place] = number
    return Comparison(found, cluster)


def _said(candidate: Candidate, answers: Answers) -> str | None:
    """What is compared; a choice that names none of the options agrees with nothing."""
    if candidate.outcome in FAULTY:
        return _MARK + candidate.outcome
    final = candidate.final
    if final is None or (answers.kind == "choice" and answers.fault(final)):
        return None
    return final


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
