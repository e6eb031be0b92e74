"""Seed problems with their labels, out of files: Parquet, JSON Lines or CSV, the last two also gzipped.

In: paths, and which columns hold what. Out: each problem once, told apart by its text alone; and every row
that is not in it with its reason. Two labels of one problem that are not the same answer contradict each
other, and nobody knows which is right.
"""

import gzip
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from synth.errors import ConfigError
from synth.ids import content_id
from synth.rollouts.read import Numbered, csv_rows, json_rows, reject
from synth.stages.base import Rejected
from synth.sws.categories import category_name
from synth.text import normalise, one_line
from synth.verify.equivalence.closed import kind_of
from synth.verify.equivalence.engine import Equivalence
from synth.verify.tables import text_of
from synth.verify.verdicts import reference_of

# The first name that a file has counts: a worked answer may stand beside its label.
NAMES: dict[str, tuple[str, ...]] = {
    "problem": ("problem", "question", "prompt", "query"),
    "label": ("label", "final_answer", "gold", "ground_truth", "answer"),
    "category": ("category", "subject", "topic"),
}
NEEDED = ("problem", "label")
_ENDINGS = (".parquet", ".jsonl", ".ndjson", ".csv", ".jsonl.gz", ".ndjson.gz", ".csv.gz")
_SHOWN = 20
_BATCH = 5_000


class Seed(NamedTuple):
    """One problem: its content id and text, the answer that attempts are held against, its category."""

    problem_id: str
    problem: str
    label: str
    category: str | None

    @property
    def is_closed(self) -> bool:
        """Whether the label is an answer that can be compared."""
        return kind_of(self.label) is not None


class Seeds(NamedTuple):
    """The problems in the order of their ids, the rows that fell out, and how many rows there were."""

    problems: list[Seed]
    rejected: list[Rejected]
    rows: int

    @property
    def open_labels(self) -> int:
        """Problems whose label is no closed answer, so that few attempts at them can be decided."""
        return sum(not seed.is_closed for seed in self.problems)


class _Row(NamedTuple):
    file: str
    number: int
    problem: str
    label: str
    category: str | None

    def reject(self, reason: str, detail: str) -> Rejected:
        """The row as one that fell out."""
        row = {"problem": self.problem, "label": self.label, "category": self.category}
        return reject(self.file, self.number, reason, detail, row)


def read_seeds(
    paths: Sequence[Path], columns: Mapping[str, str] | None = None, strip: Sequence[str] = ()
) -> Seeds:
    """The seed problems of some files; `columns` name those of a role whose name does not say it.

    `strip` are instructions to take off the end of each problem: the prompt of an attempt has its own.

    Raises:
        ConfigError: a file is not there, damaged or lacks a column; no row can be used.
    """
    rejected: list[Rejected] = []
    found: dict[str, list[_Row]] = defaultdict(list)
    rows = 0
    for path, name in zip(paths, _names(paths), strict=True):
        for row in _read(path, name, columns or {}, [*map(normalise, strip)]):
            rows += 1
            if isinstance(row, _Row):
                found[content_id("p", row.problem)].append(row)
            else:
                rejected.append(row)
    with Equivalence() as equivalence:
        problems = [_merged(name, found[name], equivalence, rejected) for name in sorted(found)]
    kept = [seed for seed in problems if seed is not None]
    rejected.sort(key=lambda row: row.row_id)
    if not kept:
        raise ConfigError(_nothing(paths, rows, rejected))
    return Seeds(kept, rejected, rows)


def _names(paths: Sequence[Path]) -> list[str]:
    """What each file goes by in tables: its name, and where several have one, its place as well."""
    if twice := [path for n, path in enumerate(paths) if path.resolve() in {p.resolve() for p in paths[:n]}]:
        raise ConfigError(f"{twice[0]} is named twice; name each file once.")
    names = [path.name for path in paths]
    return [name if names.count(name) == 1 else f"{n}~{name}" for n, name in enumerate(names, 1)]


def _read(
    path: Path, name: str, columns: Mapping[str, str], strip: Sequence[str]
) -> Iterator[_Row | Rejected]:
    try:
        rows = list(_rows(path))
    except (OSError, EOFError, zlib.error, pa.ArrowException) as fault:
        said = one_line(str(fault)).rstrip(".")
        raise ConfigError(f"{path} cannot be read ({said}); is it whole, and what its name says?") from fault
    there = dict.fromkeys(key for _, row in rows if isinstance(row, dict) for key in row)
    roles = _roles(path, list(there), columns) if there else {}
    for number, row in rows:
        yield _row(name, number, row, roles, strip)


def _rows(path: Path) -> Iterator[Numbered]:
    name = path.name.lower()
    if not path.is_file() or not name.endswith(_ENDINGS):
        raise ConfigError(
            f"{path} is no file of seeds; give Parquet, JSON Lines or CSV, the last two also gzipped."
        )
    if name.endswith(".parquet"):
        with pq.ParquetFile(path) as file:
            batches = (batch.to_pylist() for batch in file.iter_batches(_BATCH))
            yield from enumerate(row for batch in batches for row in batch)
        return
    with gzip.open(path, "rb") if name.endswith(".gz") else path.open("rb") as file:
        rows = csv_rows(file, path, ()) if ".csv" in name else json_rows(file)
        # What CSV has no value for is put in by name there; a file of seeds need not have that column.
        yield from ((n, row if isinstance(row, str) else _without_gap(row)) for n, row in rows)


def _without_gap(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != "correct" or value is not None}


def _roles(path: Path, there: Sequence[str], given: Mapping[str, str]) -> dict[str, str]:
    """The column of each role that a file has."""
    listed = (", ".join(map(str, there[:_SHOWN])) + (", …" if len(there) > _SHOWN else "")) or "none"
    for role, name in given.items():
        if name not in there:
            raise ConfigError(f"{path}: there is no column {name!r} (--{role}); there are: {listed}.")
    known = {role: next((n for n in names if n in there), None) for role, names in NAMES.items()}
    roles = {role: name for role, name in known.items() if name} | dict(given)
    for role in NEEDED:
        if role not in roles:
            wanted = ", ".join(NAMES[role])
            raise ConfigError(
                f"{path}: there is no column of the {role} ({wanted}); there are: {listed}; name it with"
                f" --{role} COLUMN."
            )
    return roles


def _row(
    name: str, number: int, row: dict[str, Any] | str, roles: Mapping[str, str], strip: Sequence[str]
) -> _Row | Rejected:
    if isinstance(row, str):
        return reject(name, number, "unreadable", row, row)
    cells = {role: row.get(column) for role, column in roles.items()}
    problem = normalise(text_of(_said(cells["problem"])) or "").rstrip()
    for end in strip:
        problem = problem.removesuffix(end).rstrip()
    problem = problem.strip()
    label = reference_of(text_of(cells["label"]))
    spelling = text_of(cells.get("category"))
    if not problem:
        return reject(name, number, "unreadable", f"its column {roles['problem']} is empty", cells)
    if not label:
        return reject(name, number, "unlabelled", f"its column {roles['label']} is empty", cells)
    return _Row(name, number, problem, normalise(label), category_name(spelling) if spelling else None)


def _said(cell: Any) -> Any:
    """Of a list of messages what the user said last; all else as it is."""
    if not isinstance(cell, list):
        return cell
    said = [one.get("content") for one in cell if isinstance(one, dict) and one.get("role") == "user"]
    return said[-1] if said else cell


def _merged(name: str, rows: list[_Row], equivalence: Equivalence, rejected: list[Rejected]) -> Seed | None:
    """One problem of all its rows, whatever order they come in."""
    rows = sorted(rows, key=lambda row: (row.file, row.number))
    labels = sorted({row.label for row in rows}, key=lambda label: (len(label), label))
    others = [label for label in labels[1:] if not equivalence.same(labels[0], label).equal]
    if others:
        said = f"the same problem has the labels {one_line(labels[0], 60)!r} and {one_line(others[0], 60)!r}"
        rejected += [row.reject("conflicting", said) for row in rows]
        return None
    again = [row.reject("duplicate", "the same problem stands in an earlier row") for row in rows[1:]]
    rejected += [row._replace(clash_id=name) for row in again]
    categories = sorted(row.category for row in rows if row.category)
    return Seed(name, rows[0].problem, labels[0], categories[0] if categories else None)


def _nothing(paths: Sequence[Path], rows: int, rejected: Sequence[Rejected]) -> str:
    where = ", ".join(map(str, paths))
    if not rejected:
        return f"{where}: there is no row in it; give problems with their labels."
    return f"{where}: none of its {rows:,} rows can be used; the first says: {rejected[0].detail}."
