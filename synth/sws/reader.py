"""What is held while logs are read: texts once each, and a few numbers a row.

In: files of logs, and how they are to be read. Out: rows of attempts or of visits, histories that stand in
a row as a list, and the rows that fell out. What scores mean is known when all are read.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np

from synth.errors import ConfigError
from synth.rollouts.read import reject
from synth.stages.base import Rejected
from synth.sws import cells, wide
from synth.sws.codes import NONE, Codes
from synth.sws.files import Block, Log, blocks
from synth.sws.histories import Found, Words
from synth.sws.long import Rows
from synth.sws.roles import MEANS, Roles
from synth.sws.scale import Scales, Scored, beyond, rescaled
from synth.sws.scores import Floats, Numbers
from synth.text import one_line

SHOWN_CHARS = 300  # characters of a problem in a rejected row
_CODES = ("problem", "category", "label", "model", "answer")


class Reading(NamedTuple):
    """How logs are read: the defaults suit what trainers write."""

    columns: Mapping[str, str] = {}  # role to column, where the names do not say it
    strip_start: Sequence[str] = ()  # instructions around each problem
    strip_end: Sequence[str] = ()
    merged: Literal["refuse", "split", "drop"] = "drop"
    right_at: float | None = None  # attempts that score so much are right, all others wrong
    student: str | None = None
    scale: tuple[float, float] | None = None  # scores that stand for 0 and for 1


def both_scales(how: Reading) -> str | None:
    """A sentence where the reader says in two ways how scores count."""
    if how.scale and how.right_at is not None:
        return "rollouts.right_at and rollouts.scale (--right-at, --scale) exclude each other; leave one out."
    return None


class _Part(NamedTuple):
    """Rows of one block, with their number in the file: a score may turn out to be none at the end."""

    scored: Scored
    file: str
    numbers: Numbers
    rows: Rows


class Reader:
    """Logs while they are read; `hurt` are the problems of which some row fell."""

    def __init__(self, how: Reading) -> None:
        if fault := both_scales(how):
            raise ConfigError(fault)
        self.how = how
        self.words = Words(how.strip_start, how.strip_end)
        self.rejected: list[Rejected] = []
        self.hurt: set[int] = set()
        self.scales = Scales(told=bool(how.scale) or how.right_at is not None)
        self.wide: list[Found] = []
        self.parts: list[_Part] = []
        self.rows = 0

    def read(self, log: Log, name: str) -> None:
        """All rows of one file, of the log `name`."""
        roles: Roles = {}
        for block in blocks(log, self.how.columns, self.rejected, roles):
            self.rows += len(block.rows)
            codes = self._codes(block, name)
            if wide.is_wide(block.columns["accuracy"]):
                self._wide(log, block, codes, Scored(name, roles["accuracy"], single=False))
            else:
                means = roles["accuracy"] in MEANS and not {"response", "sample"} & set(roles)
                self._long(log, block, codes, Scored(name, roles["accuracy"], single=not means))

    def _codes(self, block: Block, name: str) -> dict[str, Codes]:
        def of(role: str) -> Codes:
            if role not in block.columns:
                return np.full(len(block.rows), NONE, np.int32)
            column = block.columns[role]
            text = cells.prompts(column) if role == "problem" else cells.texts(column)
            found: Codes = getattr(self.words, role).codes(text)
            return found

        found = {role: of(role) for role in _CODES}
        own = of("log") if "log" in block.columns else None
        whole = np.full(len(block.rows), self.words.log.code(name), np.int32)
        found["log"] = whole if own is None else np.where(own == NONE, whole, own)
        return found

    def _wide(self, log: Log, block: Block, codes: dict[str, Codes], scored: Scored) -> None:
        if self.how.right_at is not None:
            raise ConfigError(
                f"{log.path}: --right-at (rollouts.right_at) is for single attempts, and `{scored.column}`"
                " holds lists of accuracies; leave it out, or say what stands for 0 and for 1 with"
                " --scale LOW HIGH (rollouts.scale)."
            )
        lists = cells.lists(block.columns["accuracy"])
        lists = lists._replace(values=rescaled(lists.values, self.how.scale))
        self.scales.add(scored, lists.values)
        found, faults = wide.of_block(lists, block.rows, codes)
        self.wide.append(found)
        self._reject(log, block, codes["problem"], faults)

    def _long(self, log: Log, block: Block, codes: dict[str, Codes], scored: Scored) -> None:
        values, faults = self._values(block, scored)
        visit = self._visits(block, faults)
        for at in np.flatnonzero(codes["problem"] == NONE):
            faults[int(at)] = "it has no problem"
        whole = {
            role: cells.whole(block.columns[role]).astype(np.int32)
            if role in block.columns
            else np.full(len(block.rows), NONE, np.int32)
            for role in ("sample", "attempts")
        }
        rows, numbers = Rows(visit=visit, value=values, **codes, **whole), block.rows
        if faults:
            good = np.ones(len(block.rows), bool)
            good[list(faults)] = False
            rows, numbers = Rows._make(column[good] for column in rows), numbers[good]
            self._reject(log, block, codes["problem"], sorted(faults.items()))
        self.scales.add(scored, rows.value)
        self.parts.append(_Part(scored, log.name, numbers, rows))

    def _values(self, block: Block, scored: Scored) -> tuple[Floats, dict[int, str]]:
        """The score of each row, not a number where it is undecided; and the rows at fault."""
        found = cells.truths(block.columns["accuracy"])
        values, name = found.numbers, scored.column
        faults = {
            int(at): f"{name} is neither a number nor true or false" for at in np.flatnonzero(found.bad)
        }
        if not scored.single:
            faults |= {int(at): f"{name} is empty" for at in np.flatnonzero(np.isnan(values) & ~found.bad)}
        if self.how.right_at is not None:
            values = np.where(np.isnan(values), np.nan, values >= self.how.right_at)
        values = rescaled(values, self.how.scale)
        if "truncated" in block.columns:  # neither right nor wrong, as in pass rates
            cut = cells.truths(block.columns["truncated"]).numbers == 1
            values = np.where(cut, np.nan, values)
        return values, faults

    def _visits(self, block: Block, faults: dict[int, str]) -> np.ndarray:
        if "visit" not in block.columns:
            return np.zeros(len(block.rows))
        found = cells.visits(block.columns["visit"])
        for at in np.flatnonzero(found.bad | np.isnan(found.numbers)):
            faults[int(at)] = "its visit is no number and ends in none"
        return found.numbers

    def _reject(self, log: Log, block: Block, problems: Codes, faults: Sequence[tuple[int, str]]) -> None:
        for at, fault in faults:
            row = {role: column[at].as_py() for role, column in block.columns.items()}
            self.rejected.append(reject(log.name, int(block.rows[at]), "unreadable", fault, row))
            self.hurt.add(int(problems[at]))

    def long(self, *, single: bool) -> list[Rows]:
        """The rows of attempts, or of accuracies by visit, with what their scores count as.

        They are held no longer; call it when all is read.
        """
        taken = [part for part in self.parts if part.scored.single is single]
        self.parts = [part for part in self.parts if part.scored.single is not single]
        return [self._scored(part) for part in taken]

    def _scored(self, part: _Part) -> Rows:
        rows, values = part.rows, part.rows.value
        if self.scales.are_signs(part.scored):
            return rows._replace(value=(values + 1) / 2)
        odd = beyond(values)
        for at in np.flatnonzero(odd):
            said = f"{part.scored.column} is {values[at]:g}, which is not between 0 and 1"
            text = one_line(self.words.problem.values[rows.problem[at]], SHOWN_CHARS)
            row = {"problem": text, "accuracy": float(values[at]), "visit": float(rows.visit[at])}
            self.rejected.append(reject(part.file, int(part.numbers[at]), "unreadable", said, row))
            self.hurt.add(int(rows.problem[at]))
        return Rows._make(column[~odd] for column in rows) if odd.any() else rows
