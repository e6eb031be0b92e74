"""Logs of one row an attempt, or one row a visit, as histories: sorted once, then sums over runs of rows.

In: columns as numbers. Out: histories, and the problems whose rows contradict each other. What cannot be
decided enters no accuracy; a visit at which nothing was decided is none.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from synth.errors import ConfigError
from synth.sws.codes import NONE, Codes, Texts
from synth.sws.histories import Found, Words
from synth.sws.scores import Floats, Numbers

Mask = npt.NDArray[np.bool_]
_SHOWN = 3


class Rows(NamedTuple):
    """Rows of a log, an entry of each array a row; -1 and not a number stand for what is not there."""

    problem: Codes
    visit: Floats
    value: Floats
    sample: Codes
    answer: Codes
    category: Codes
    label: Codes
    model: Codes
    log: Codes
    attempts: Codes


class Fallen(NamedTuple):
    """What was wrong with the rows of one problem in one log, and how many they are."""

    problem: int
    log: int
    reason: str
    detail: str
    rows: int


class Reduced(NamedTuple):
    """Histories, and what fell out."""

    found: Found
    fallen: list[Fallen]


class _Runs:
    """Sorted rows in runs: cells are the rows of one visit, curves the cells of one problem in one log."""

    def __init__(self, rows: Rows, words: Words, means: bool) -> None:
        visits, places = np.unique(rows.visit, return_inverse=True)
        self.visits = len(visits)
        logs = max(len(words.log), 1)
        curve = rows.problem.astype(np.int64) * logs + rows.log
        cell = curve * self.visits + places
        samples = np.zeros_like(rows.sample) if means else _small(rows.sample)
        # 0/1 add up to the same in any order; other numbers do only if they are added in one.
        exact = bool(np.isin(rows.value, (0.0, 1.0)).all())
        # A row without a number is an attempt of its own.
        key = cell * (int(samples.max(initial=NONE)) + 2) + samples + 1
        self.order: Numbers = np.argsort(key, kind="stable") if exact else np.lexsort((rows.value, key))
        self.cell = cell[self.order]
        self.rows = rows
        key = key[self.order]
        again = np.append(False, key[1:] == key[:-1]) & (samples[self.order] >= 0)
        self.differs = again & ~self._as_before(means)
        self.again = again & ~self.differs
        # Where each cell begins among the rows, and each curve among the cells and among the rows.
        self.starts = _starts(self.cell)
        self.curves = self.cell[self.starts] // self.visits
        self.begins = _starts(self.curves)
        self.curves = self.curves[self.begins]
        self.firsts = self.starts[self.begins]

    def _as_before(self, means: bool) -> Mask:
        """Whether each row says the same as the one before it; of a visit, also of how many attempts."""
        value, answer = self.rows.value[self.order], self.rows.answer[self.order]
        same = (value[1:] == value[:-1]) | (np.isnan(value[1:]) & np.isnan(value[:-1]))
        if means:
            attempts = self.rows.attempts[self.order]
            same &= attempts[1:] == attempts[:-1]
        return np.append(False, same & (answer[1:] == answer[:-1]))

    def students(self) -> Codes:
        """For each curve the student of its last visit; a row without one does not count beside others."""
        each: Codes = np.maximum.reduceat(self.rows.model[self.order], self.starts)
        found: Codes = each[np.append(self.begins[1:], len(self.starts)) - 1]
        return found


def reduced(rows: Rows, words: Words, *, means: bool) -> Reduced:
    """The histories of rows that are attempts, or with `means` accuracies of a visit each."""
    if not len(rows.problem):
        return Reduced(none(), [])
    runs = _Runs(rows, words, means)
    decided = ~np.isnan(rows.value[runs.order]) & ~runs.again
    counts = np.add.reduceat(decided.astype(np.int64), runs.starts)
    sums = np.add.reduceat(np.where(decided, rows.value[runs.order], 0.0), runs.starts)
    label, labels = _named(runs, rows.label, words.label)
    conflict = np.logical_or.reduceat(runs.differs, runs.firsts)
    empty = np.add.reduceat(counts, runs.begins) == 0
    good = ~(conflict | labels | empty)
    cells = (counts > 0) & np.repeat(good, np.diff(np.append(runs.begins, len(counts))))
    problem, log = np.divmod(runs.curves, max(len(words.log), 1))
    found = Found(
        problem=problem[good].astype(np.int32),
        category=_named(runs, rows.category, words.category)[0][good],
        label=label[good],
        model=runs.students()[good],
        log=log[good].astype(np.int32),
        row=np.zeros(int(good.sum()), np.int64),
        lengths=np.add.reduceat(cells.astype(np.int64), runs.begins)[good],
        values=sums[cells] / counts[cells],
        attempts=(rows.attempts[runs.order][runs.starts].astype(np.int64) if means else counts)[cells],
        unanimity=_unanimity(runs, words.answer)[cells],
    )
    return Reduced(found, list(_fallen(runs, problem, log, conflict, labels, empty)))


def one_student(rows: Rows, words: Words, student: str | None) -> Rows:
    """The rows of one student; of several only where each visit is of one: checkpoints of one training.

    Raises:
        ConfigError: a visit has rows of several models and none was named, or the one named has no row.
    """
    if student is not None:
        mine = rows.model == words.model.code(student)
        if not mine.any():
            raise ConfigError(f"There is no row of the model {student!r}; there are {_models(words.model)}.")
        return Rows._make(column[mine] for column in rows)
    if len(words.model) > 1:
        visits, places = np.unique(rows.visit, return_inverse=True)
        pairs = np.unique(places * (len(words.model) + 1) + rows.model + 1)
        if len(pairs) > len(visits):
            raise ConfigError(
                f"The log has several models at one visit ({_models(words.model)}); name one with --student."
            )
    return rows


def _models(models: Texts) -> str:
    names = ", ".join(repr(name) for name in models.sorted()[:_SHOWN])
    return f"{names} and {len(models) - _SHOWN} more" if len(models) > _SHOWN else names or "none"


def _small(samples: Codes) -> Codes:
    """Numbers of attempts, made small where they are not: they become part of a sort key."""
    if samples.max() <= len(samples):
        return samples
    known, places = np.unique(samples, return_inverse=True)
    return (places - int(known[0] == NONE)).astype(np.int32)


def _starts(values: npt.NDArray[np.int64]) -> Numbers:
    """Where each run of equal values begins."""
    return (
        np.flatnonzero(np.append(True, values[1:] != values[:-1])) if len(values) else np.empty(0, np.int64)
    )


def _named(runs: _Runs, codes: Codes, texts: Texts) -> tuple[Codes, Mask]:
    """For each curve the first text of its rows by the alphabet, and whether they have several."""
    if not len(texts):
        return np.full(len(runs.firsts), NONE, np.int32), np.zeros(len(runs.firsts), bool)
    ranks = np.append(texts.ranks(), len(texts))[codes[runs.order]]
    least = np.minimum.reduceat(ranks, runs.firsts)
    most = np.maximum.reduceat(np.where(ranks == len(texts), -1, ranks), runs.firsts)
    back = np.empty(len(texts) + 1, np.int32)
    back[np.append(texts.ranks(), len(texts))] = [*range(len(texts)), NONE]
    return back[least], (most >= 0) & (least != most)


def _unanimity(runs: _Runs, answers: Texts) -> Floats:
    """Of each cell the share of attempts that give its most frequent answer; those without one count."""
    shares = np.full(len(runs.starts), np.nan)
    if not len(answers):
        return shares
    sizes = np.diff(np.append(runs.starts, len(runs.order)))
    cells = np.repeat(np.arange(len(sizes)), sizes)
    codes = runs.rows.answer[runs.order]
    held = (codes >= 0) & ~runs.again
    pairs = np.sort(cells[held] * len(answers) + codes[held])
    if not len(pairs):
        return shares
    begins = _starts(pairs)
    times = np.diff(np.append(begins, len(pairs)))
    owners = pairs[begins] // len(answers)
    first = _starts(owners)
    attempts = np.add.reduceat((~runs.again).astype(np.int64), runs.starts)
    of = owners[first]
    shares[of] = np.maximum.reduceat(times, first) / attempts[of]
    return shares


def _fallen(
    runs: _Runs, problem: Numbers, log: Numbers, conflict: Mask, labels: Mask, empty: Mask
) -> Iterator[Fallen]:
    again = np.add.reduceat(runs.again.astype(np.int64), runs.firsts)
    many = np.diff(np.append(runs.firsts, len(runs.order)))
    for at in np.flatnonzero(conflict | labels | empty | (again > 0)):
        reason, detail = "duplicate", f"{again[at]:,} of its rows say the same attempt again"
        if conflict[at]:
            reason, detail = (
                "conflicting",
                "its rows say two things of one visit or attempt: logs were merged",
            )
        elif labels[at]:
            reason, detail = "conflicting", "its rows name several right answers"
        elif empty[at]:
            reason, detail = "undecided", "none of its attempts was decided"
        yield Fallen(int(problem[at]), int(log[at]), reason, detail, int(many[at]))


def none() -> Found:
    """No history."""
    codes, numbers, floats = np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0)
    return Found(codes, codes, codes, codes, codes, numbers, numbers, floats, numbers, floats)
