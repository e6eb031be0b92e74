"""Training logs as histories: accuracies by checkpoint, or records of single attempts (SwS).

In: paths of logs in any of the shapes that trainers write (`roles`). Out: the table `histories`, every row
that fell out with its reason, and warnings. Problems are told apart by their text and by nothing else: row
numbers of two sets collide.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from synth.errors import ConfigError
from synth.stages.base import Rejected
from synth.sws import long, merged
from synth.sws.codes import NONE
from synth.sws.files import Log, logs, readable
from synth.sws.histories import Found, as_table, joined, problem_ids
from synth.sws.long import Rows
from synth.sws.reader import SHOWN_CHARS, Reader, Reading
from synth.text import counted, one_line

__all__ = ["Read", "Reading", "read_histories"]


class Read(NamedTuple):
    """Histories, the rows that fell out, warnings, and how many rows the logs have."""

    histories: pa.Table
    rejected: list[Rejected]
    warnings: list[str]
    rows: int


def read_histories(paths: Sequence[Path], how: Reading = Reading()) -> Read:  # noqa: B008 (it is frozen)
    """The histories of some logs.

    Raises:
        ConfigError: a log is not there, damaged, or lacks a column; its scores are not from 0 to 1; it holds
            several students; with `refuse`, logs were merged; nothing of them can be used.
    """
    files = logs(paths)
    reader = Reader(how)
    for log, name in zip(files, _log_names(files), strict=True):
        with readable(log):
            reader.read(log, name)
    reader.scales.check()
    found = joined([*_reduced(reader), *reader.wide, long.none()])
    settled = merged.settled(found, reader.words, how.merged)
    warnings = [*reader.scales.warnings(), *settled.warnings, *_fewer(reader, found, settled)]
    rejected = reader.rejected + _fallen(reader, found, settled.fallen)
    if not len(settled.found.problem):
        raise ConfigError(_nothing(paths, reader.rows, rejected))
    table = as_table(settled.found, reader.words)
    return Read(table, sorted(rejected, key=lambda row: row.row_id), warnings, reader.rows)


def _fewer(reader: Reader, found: Found, settled: merged.Settled) -> list[str]:
    """What fell besides merged histories, and how many problems are left without a row."""
    if not reader.rejected:
        return []
    (fault, _), *_ = Counter(row.detail for row in reader.rejected).most_common(1)
    reasons = Counter(row.reason for row in reader.rejected)
    counts = ", ".join(f"{reason} {count:,}" for reason, count in sorted(reasons.items()))
    hurt = reader.hurt | {int(found.problem[at]) for at, _, _ in settled.fallen}
    lost = len(hurt - set(settled.found.problem.tolist()) - {int(NONE)})
    said = f"Rejected of {counted(reader.rows, 'row')} of the logs: {counts} (most often, {fault})."
    left = f"Left out of every rate, as none of their rows can be used: {counted(lost, 'problem')}."
    return [f"{said} {left}" if lost else said]


def _log_names(files: Sequence[Log]) -> list[str]:
    """Files of one folder are one log: trainers write a file a step."""
    several = {file.folder for file in files}
    if len(files) == 1:
        return [files[0].name]
    shown = {folder: folder.name or "/" for folder in sorted(several)}
    if len(set(shown.values())) < len(shown):
        shown = {folder: f"{folder.parent.name}/{folder.name}" for folder in shown}
    return [shown[file.folder] for file in files]


def _reduced(reader: Reader) -> list[Found]:
    found = []
    for means in (False, True):
        if not (parts := reader.long(single=not means)):
            continue
        rows = Rows._make(np.concatenate(column) for column in zip(*parts, strict=True))
        parts.clear()
        done = long.reduced(
            long.one_student(rows, reader.words, reader.how.student), reader.words, means=means
        )
        found.append(done.found)
        ids = problem_ids(reader.words) if done.fallen else []
        for fallen in done.fallen:
            reader.hurt.add(fallen.problem)
            source = reader.words.log.values[fallen.log]
            text = one_line(reader.words.problem.values[fallen.problem], SHOWN_CHARS)
            row = {"problem": text, "rows": fallen.rows}
            name = f"{source}#{ids[fallen.problem]}#{'visits' if means else 'attempts'}"
            reader.rejected.append(Rejected(name, source, fallen.reason, fallen.detail, None, row))
    return found


def _fallen(reader: Reader, found: Found, fallen: Sequence[tuple[int, str, str]]) -> list[Rejected]:
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
        row = {"problem": one_line(texts[problem], SHOWN_CHARS), "accuracies": accuracies}
        made.append(Rejected(f"{name}#{numbers[name]}", source, reason, detail, None, row))
    return made


def _nothing(paths: Sequence[Path], rows: int, rejected: Sequence[Rejected]) -> str:
    where = ", ".join(map(str, paths))
    if not rejected:
        return f"{where}: there is no row in it; give a log with rows."
    return f"{where}: none of its {rows:,} rows can be used; the first says: {rejected[0].detail}."
