"""Training logs as histories: accuracies by checkpoint, or records of single attempts (METHOD 3.2).

In: paths of logs in any of the shapes that trainers write (`roles`). Out: the table `histories`, every row
that fell out with its reason, and warnings. Problems are told apart by their text and by nothing else: row
numbers of two sets collide.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa

from synth.errors import ConfigError
from synth.rollouts.read import reject
from synth.stages.base import Rejected
from synth.sws import cells, long, merged, wide
from synth.sws.codes import NONE, Codes
from synth.sws.files import Block, Log, blocks, logs, readable
from synth.sws.histories import Found, Words, as_table, joined, problem_ids
from synth.sws.long import Rows
from synth.sws.roles import MEANS, Roles
from synth.text import one_line

_SHOWN_CHARS = 300  # characters of a problem in a rejected row
_CODES = ("problem", "category", "label", "model", "answer")


class Reading(NamedTuple):
    """How logs are read: the defaults suit what trainers write."""

    columns: Mapping[str, str] = {}  # role to column, where the names do not say it
    strip_start: Sequence[str] = ()  # instructions around each problem
    strip_end: Sequence[str] = ()
    merged: Literal["refuse", "split", "drop"] = "drop"
    right_at: float | None = None  # attempts that score so much are right, all others wrong
    student: str | None = None


class Read(NamedTuple):
    """Histories, the rows that fell out, warnings, and how many rows the logs have."""

    histories: pa.Table
    rejected: list[Rejected]
    warnings: list[str]
    rows: int


class _Reader:
    """What is held while logs are read: texts once each, and a few numbers a row."""

    def __init__(self, how: Reading) -> None:
        self.how = how
        self.words = Words(how.strip_start, how.strip_end)
        self.rejected: list[Rejected] = []
        self.wide: list[Found] = []
        self.attempts: list[Rows] = []
        self.means: list[Rows] = []
        self.rows = 0

    def read(self, log: Log, name: str) -> None:
        """All rows of one file, of the log `name`."""
        roles: Roles = {}
        for block in blocks(log, self.how.columns, self.rejected, roles):
            self.rows += len(block.rows)
            codes = self._codes(block, name)
            if wide.is_wide(block.columns["accuracy"]):
                found, faults = wide.of_block(block.columns["accuracy"], block.rows, codes)
                self.wide.append(found)
                self._reject(log, block, faults)
            else:
                means = roles["accuracy"] in MEANS and not {"response", "sample"} & set(roles)
                self._long(log, block, codes, roles, means)

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

    def _long(self, log: Log, block: Block, codes: dict[str, Codes], roles: Roles, means: bool) -> None:
        values, faults = self._values(block, roles, means)
        visit = self._visits(block, faults)
        for at in np.flatnonzero(codes["problem"] == NONE):
            faults[int(at)] = "it has no problem"
        whole = {
            role: cells.whole(block.columns[role]).astype(np.int32)
            if role in block.columns
            else np.full(len(block.rows), NONE, np.int32)
            for role in ("sample", "attempts")
        }
        rows = Rows(visit=visit, value=values, **codes, **whole)
        if faults:
            good = np.ones(len(block.rows), bool)
            good[list(faults)] = False
            rows = Rows._make(column[good] for column in rows)
            self._reject(log, block, sorted(faults.items()))
        (self.means if means else self.attempts).append(rows)

    def _values(self, block: Block, roles: Roles, means: bool) -> tuple[np.ndarray, dict[int, str]]:
        """The accuracy of each row, not a number where it is undecided; and the rows at fault."""
        found = cells.truths(block.columns["accuracy"])
        values, name = found.numbers, roles["accuracy"]
        faults = {
            int(at): f"{name} is neither a number nor true or false" for at in np.flatnonzero(found.bad)
        }
        if means:
            faults |= {int(at): f"{name} is empty" for at in np.flatnonzero(np.isnan(values) & ~found.bad)}
        if self.how.right_at is not None:
            values = np.where(np.isnan(values), np.nan, values >= self.how.right_at)
        for at in np.flatnonzero((values < 0) | (values > 1)):
            faults[int(at)] = f"{name} is {values[at]:g}, which is not between 0 and 1"
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

    def _reject(self, log: Log, block: Block, faults: Sequence[tuple[int, str]]) -> None:
        for at, fault in faults:
            row = {role: column[at].as_py() for role, column in block.columns.items()}
            self.rejected.append(reject(log.name, int(block.rows[at]), "unreadable", fault, row))


def read_histories(paths: Sequence[Path], how: Reading = Reading()) -> Read:  # noqa: B008 (it is frozen)
    """The histories of some logs.

    Raises:
        ConfigError: a log is not there, damaged, or lacks a column; it holds several students; with
            `refuse`, logs were merged; nothing of them can be used.
    """
    files = logs(paths)
    reader = _Reader(how)
    for log, name in zip(files, _log_names(files), strict=True):
        with readable(log):
            reader.read(log, name)
    found = joined([*_reduced(reader), *reader.wide, long.none()])
    settled = merged.settled(found, reader.words, how.merged)
    rejected = reader.rejected + _fallen(reader, found, settled.fallen)
    if not len(settled.found.problem):
        raise ConfigError(_nothing(paths, reader.rows, rejected))
    table = as_table(settled.found, reader.words)
    return Read(table, sorted(rejected, key=lambda row: row.row_id), settled.warnings, reader.rows)


def _log_names(files: Sequence[Log]) -> list[str]:
    """Files of one folder are one log: trainers write a file a step."""
    several = {file.folder for file in files}
    if len(files) == 1:
        return [files[0].name]
    shown = {folder: folder.name or "/" for folder in sorted(several)}
    if len(set(shown.values())) < len(shown):
        shown = {folder: f"{folder.parent.name}/{folder.name}" for folder in shown}
    return [shown[file.folder] for file in files]


def _reduced(reader: _Reader) -> list[Found]:
    found = []
    for parts, means in ((reader.attempts, False), (reader.means, True)):
        if not parts:
            continue
        rows = Rows._make(np.concatenate(column) for column in zip(*parts, strict=True))
        parts.clear()
        done = long.reduced(
            long.one_student(rows, reader.words, reader.how.student), reader.words, means=means
        )
        found.append(done.found)
        ids = problem_ids(reader.words) if done.fallen else []
        for fallen in done.fallen:
            source = reader.words.log.values[fallen.log]
            text = one_line(reader.words.problem.values[fallen.problem], _SHOWN_CHARS)
            row = {"problem": text, "rows": fallen.rows}
            name = f"{source}#{ids[fallen.problem]}#{'visits' if means else 'attempts'}"
            reader.rejected.append(Rejected(name, source, fallen.reason, fallen.detail, None, row))
    return found


def _fallen(reader: _Reader, found: Found, fallen: Sequence[tuple[int, str, str]]) -> list[Rejected]:
    if not fallen:
        return []
    ids, texts, logs_ = problem_ids(reader.words), reader.words.problem.values, reader.words.log.values
    starts = np.cumsum(found.lengths) - found.lengths
    made: list[Rejected] = []
    numbers: Counter[str] = Counter()
    for at, reason, detail in fallen:
        source, problem = logs_[found.log[at]], int(found.problem[at])
        name = f"{source}#{ids[problem]}"
        numbers[name] += 1
        accuracies = found.values[starts[at] : starts[at] + found.lengths[at]].tolist()
        row = {"problem": one_line(texts[problem], _SHOWN_CHARS), "accuracies": accuracies}
        made.append(Rejected(f"{name}#{numbers[name]}", source, reason, detail, None, row))
    return made


def _nothing(paths: Sequence[Path], rows: int, rejected: Sequence[Rejected]) -> str:
    where = ", ".join(map(str, paths))
    if not rejected:
        return f"{where}: there is no row in it; give a log with rows."
    return f"{where}: none of its {rows:,} rows can be used; the first says: {rejected[0].detail}."
