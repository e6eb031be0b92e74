"""Several histories of one problem, and one history of several problems: signs of logs that were merged.

In: histories as they were found. Out: those that are kept, and the others with what was done. The trainer of
the paper keys its log by row numbers, so two sets share entries: 360 of the 1,905 released failures have
twice the visits of the others, and most of these stand under two problems. Histories are never
put behind each other: the slope of such a chain means nothing.
"""

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from synth.errors import ConfigError
from synth.sws.histories import Found, Words, chosen
from synth.sws.scores import Numbers
from synth.text import one_line

Mask = npt.NDArray[np.bool_]
# Histories of one training differ by a few visits: 7 to 13 in the paper's log, 44 to 57 in 1-shot RLVR.
LONG = 1.5


class Settled(NamedTuple):
    """Histories to go on with, those that fell (row, reason, detail), and what the reader is warned of."""

    found: Found
    fallen: list[tuple[int, str, str]]
    warnings: list[str]


def settled(found: Found, words: Words, merged: Literal["refuse", "split", "drop"]) -> Settled:
    """One history a problem, or with `split` several.

    Raises:
        ConfigError: with `refuse`, if any log looks merged.
    """
    again, several = _repeated(found, words)
    long = found.lengths > LONG * np.median(found.lengths) if len(found.lengths) else np.zeros(0, bool)
    shared = long & _shared(found) & ~again if long.any() else long
    told = _signs(several, shared)
    if told and merged == "refuse":
        example = one_line(words.problem.values[int(found.problem[np.flatnonzero(several | shared)[0]])], 80)
        raise ConfigError(
            f"The logs look merged ({'; '.join(told)}; for example of {example!r}); give one log, or decide"
            " with --merged drop or --merged split."
        )
    fallen = [(int(at), "duplicate", "the same history as another row") for at in np.flatnonzero(again)]
    if merged == "drop":
        fallen += _dropped(several, shared)
    gone = np.zeros(len(found.problem), bool)
    gone[[at for at, _, _ in fallen]] = True
    return Settled(chosen(found, np.flatnonzero(~gone)), fallen, _warnings(several, shared, long, merged))


def _signs(several: Mask, shared: Mask) -> list[str]:
    counts = (
        ("histories that differ from another one of their problem", int(several.sum())),
        ("long histories that stand under several problems", int(shared.sum())),
    )
    return [f"{what}: {count:,}" for what, count in counts if count]


def _dropped(several: Mask, shared: Mask) -> list[tuple[int, str, str]]:
    other = "its problem has another history, which differs: logs were merged"
    same = "it has more visits than the others and stands under several problems: logs were merged"
    found = [(int(at), "conflicting", other) for at in np.flatnonzero(several)]
    return found + [(int(at), "conflicting", same) for at in np.flatnonzero(shared & ~several)]


def _warnings(several: Mask, shared: Mask, long: Mask, merged: str) -> list[str]:
    """What was done with each sign, one sentence for each."""
    done = "they were rejected" if merged == "drop" else "each is kept as a row of its own"
    said = [f"Merged logs: {sign}; {done}." for sign in _signs(several, shared)]
    rest = int((long & ~shared & ~several).sum())
    if rest:
        said.append(
            f"Histories with more than {LONG:g} times the usual visits: {rest:,}; if two logs were put behind"
            " each other there, their slopes mean nothing."
        )
    return said


def _repeated(found: Found, words: Words) -> tuple[Mask, Mask]:
    """Histories that repeat another one of their problem, and those that differ from another of it.

    Of equal ones that by the alphabet stays, whatever the order of lines: first of logs, then of categories,
    then of models.
    """
    keys = _contents(found) * (int(found.label.max(initial=0)) + 2) + found.label + 1
    model, category, log = (
        texts.places(codes)
        for texts, codes in (
            (words.model, found.model),
            (words.category, found.category),
            (words.log, found.log),
        )
    )
    order = np.lexsort((found.row, model, category, log, keys, found.problem))
    problem, key = found.problem[order], keys[order]
    first = np.append(True, problem[1:] != problem[:-1])[: len(order)]
    equal = np.append(False, (problem[1:] == problem[:-1]) & (key[1:] == key[:-1]))[: len(order)]
    again, several = (np.zeros(len(order), bool) for _ in range(2))
    again[order] = equal
    kinds = np.add.reduceat((~equal).astype(np.int64), np.flatnonzero(first)) if len(order) else np.empty(0)
    groups = np.cumsum(first) - 1
    several[order] = kinds[groups] > 1 if len(order) else False
    return again, several & ~again


def _shared(found: Found) -> Mask:
    """Histories that are not level and stand under several problems."""
    keys = _contents(found)
    starts = np.cumsum(found.lengths) - found.lengths
    level = np.minimum.reduceat(found.values, starts) == np.maximum.reduceat(found.values, starts)
    problems = int(found.problem.max(initial=0)) + 1
    times = np.bincount(np.unique(keys * problems + found.problem) // problems)
    shared: Mask = ~level & (times[keys] > 1)
    return shared


def _contents(found: Found) -> Numbers:
    """A number a history, the same for the same values."""
    starts = np.cumsum(found.lengths) - found.lengths
    pieces = (found.values[at : at + n].tobytes() for at, n in zip(starts, found.lengths, strict=True))
    known: dict[bytes, int] = {}
    return np.array([known.setdefault(piece, len(known)) for piece in pieces], np.int64)
