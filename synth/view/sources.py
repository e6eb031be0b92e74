"""What there is to see: runs, and any other Parquet. In: a folder or a file. Out: sources, each with tables.

A run is read through its manifests, so a table is there once its stage has finished; `dataset` is what was
published. Whatever else lies in the folder as Parquet is one table for each folder of files.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from string import ascii_uppercase
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from synth.errors import ConfigError, StoreError
from synth.ids import digest
from synth.places import dataset_of
from synth.report import manifests
from synth.schemas import TABLES
from synth.view.engine import QueryFault, literal
from synth.view.published import figures
from synth.view.text import line

# Deeper folders are not looked into for loose Parquet, nor more files of one folder read.
DEPTH, MOST_FILES = 4, 5_000
# Of these the first that is there is what one wants to see; else any, and rejected rows last.
FIRST = ("dataset", "questions", "passages", "documents", "selected", "weaknesses")
# Columns that DuckDB adds to each file of Parquet: where a row lies.
RESERVED = ("file_row_number", "file_index")
LOWER = {ord(letter): letter.lower() for letter in ascii_uppercase}
PUBLISHED = {"questions": "dataset", "documents": "documents", "concepts": "concepts", "rejected": "rejected"}


@dataclass(frozen=True)
class Table:
    """Files with rows of one kind; `key` is a column that names a row, `run` the folder of their run."""

    name: str
    doc: str
    files: tuple[Path, ...]
    key: str | None = None
    run: Path | None = None

    @cached_property
    def schema(self) -> pa.Schema:
        """Columns of all files, each where it first occurs.

        Raises:
            QueryFault: a file is no Parquet, or damaged, or gone; or has columns of one name, or of none.
        """
        fields: dict[str, pa.Field] = {}
        for schema in self._schemas:
            for field in schema:
                fields.setdefault(field.name, field)
        self._check(list(fields), [schema.names for schema in self._schemas])
        return pa.schema(list(fields.values()))

    def _check(self, names: list[str], of_files: Sequence[list[str]]) -> None:
        """Refuse names that one column could not be told from another by, rather than show the wrong one."""
        said = [" and ".join(map(repr, pair)) for pair in _alike_names(names, of_files)]
        said += [f"{name!r}" for name in names if name.translate(LOWER) in ("", *RESERVED)]
        if said:
            raise QueryFault(
                f"Columns of `{self.name}` have one name but for its case, or none, or one that the viewer "
                f"needs itself ({', '.join(RESERVED)}): {line(', '.join(said))}. Give them other names."
            )

    @cached_property
    def counts(self) -> tuple[int, ...]:
        """Rows of each file."""
        return tuple(footer.num_rows for footer in self._footers)

    @property
    def rows(self) -> int:
        """Rows of all files."""
        return sum(self.counts)

    @cached_property
    def bases(self) -> list[int]:
        """Number of the first row of each file."""
        sums = [0]
        for count in self.counts[:-1]:
            sums.append(sums[-1] + count)
        return sums

    @cached_property
    def paths(self) -> list[str]:
        """The files as DuckDB reads them."""
        return [literal(file) for file in self.files]

    def columns_of(self, file: int) -> frozenset[str]:
        """Names of the columns of one file."""
        return frozenset(self._schemas[file].names)

    @cached_property
    def stamp(self) -> str:
        """Changes with any file."""
        facts = [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in self.files]
        return digest("table", facts)

    def range_of(self, column: str) -> tuple[Any, Any] | None:
        """The least and the greatest value of a column, by the statistics of its files, if all have them."""
        known = [_range(footer, column) for footer in self._footers if footer.num_rows]
        told = [ends for ends in known if ends is not None]
        if not told or len(told) < len(known):
            return None
        return min(low for low, _ in told), max(high for _, high in told)

    def having(self, column: str, values: Sequence[str]) -> list[int]:
        """Which files may have one of some values in a column, by their statistics; others need no look."""
        low, high = min(values), max(values)
        kept = []
        for file, ends in enumerate(self._text_ends(column)):
            if ends is None or (ends[0] <= high and low <= ends[1]):
                kept.append(file)
        return kept

    def _text_ends(self, column: str) -> list[tuple[str, str] | None]:
        if column not in self._ends_kept:
            found = [_range(footer, column) for footer in self._footers]
            texts = [ends if ends and isinstance(ends[0], str) else None for ends in found]
            self._ends_kept[column] = texts
        return self._ends_kept[column]

    @cached_property
    def _ends_kept(self) -> dict[str, list[tuple[str, str] | None]]:
        return {}

    def doc_of(self, column: str) -> str:
        """What a column means, as far as it is known."""
        known = TABLES.get(self.name)
        for one in known.columns if known else ():
            if one.name == column:
                return one.doc
        meta = self.schema.field(column).metadata or {}
        return str(meta.get(b"description", b""), "utf-8", "replace")

    @cached_property
    def _schemas(self) -> list[pa.Schema]:
        try:
            return [footer.schema.to_arrow_schema() for footer in self._footers]
        except (ValueError, pa.ArrowException) as fault:  # also a name that is no UTF-8
            raise QueryFault(f"The columns of `{self.name}` cannot be read; make its files anew.") from fault

    @cached_property
    def _footers(self) -> list[pq.FileMetaData]:
        footers = []
        for file in self.files:
            try:
                footers.append(pq.read_metadata(file))
            except (OSError, pa.ArrowException) as fault:
                raise QueryFault(
                    f"{file.name} of `{self.name}` is damaged or gone, or is no Parquet; make it anew."
                ) from fault
        return footers


@dataclass(frozen=True)
class Source:
    """A run, or a folder or file of Parquet: what has a page of its own."""

    name: str
    folder: Path
    kind: Literal["run", "files"]
    tables: dict[str, Table]

    @property
    def is_run(self) -> bool:
        """Whether lineage, stages and calls are known."""
        return self.kind == "run"

    @property
    def first(self) -> Table | None:
        """The table that one wants to see first."""
        for name in FIRST:
            if name in self.tables:
                return self.tables[name]
        kept = [table for name, table in self.tables.items() if name != "rejected"]
        return next(iter(kept or self.tables.values()), None)

    @cached_property
    def stats(self) -> dict[str, Any]:
        """The figures that were published with it; empty where there are none."""
        return figures(dataset_of(self.folder) / "stats.json")


class Library:
    """All sources below one folder, looked at anew when something has changed."""

    def __init__(self, place: Path) -> None:
        self.place = place.resolve()
        if not self.place.exists():
            raise ConfigError(f"{place}: there is no such folder or file; `synth run` makes runs.")
        self._kept: dict[str, tuple[object, Source]] = {}

    @property
    def root(self) -> Path:
        """The folder below which everything lies."""
        return self.place if self.place.is_dir() else self.place.parent

    @property
    def only(self) -> str | None:
        """The name of the one source, where the folder is not one of runs."""
        return None if self._run_folders() else self.place.name or "data"

    def names(self) -> list[str]:
        """Names of the sources, the newest first."""
        if runs := self._run_folders():
            stamped = sorted(runs, key=lambda folder: _mtime(folder / "run.toml"), reverse=True)
            return [folder.name for folder in stamped]
        return [str(self.only)] if self.place.exists() else []

    def get(self, name: str) -> Source | None:
        """One source by its name, as it is now; names are looked up, and never joined to a path."""
        folder = {run.name: run for run in self._run_folders()}.get(name)
        if folder is None:
            if name != self.only or not self.place.exists():
                return None
            folder = self.place
        stamp = _stamp(folder)
        kept = self._kept.get(name)
        if kept is None or kept[0] != stamp:
            self._kept[name] = kept = (stamp, _source(name, folder, self.root))
        return kept[1]

    def _run_folders(self) -> list[Path]:
        """The folders of runs directly below, or the folder itself where it is one, or `runs` in it."""
        if _is_run(self.place):
            return [self.place]
        for folder in (self.place, self.place / "runs"):
            if folder.is_dir() and (found := [path for path in _folders(folder) if _is_run(path)]):
                return found
        return []


def _range(footer: pq.FileMetaData, column: str) -> tuple[Any, Any] | None:
    """The ends of a column of one file; None where it has no such column, or not all is known of it."""
    try:
        place = footer.schema.names.index(column)
        if footer.schema.column(place).path != column:
            return None
        groups = [footer.row_group(i).column(place).statistics for i in range(footer.num_row_groups)]
        if not groups or not all(told is not None and told.has_min_max for told in groups):
            return None
        return min(told.min for told in groups), max(told.max for told in groups)
    except (ValueError, TypeError, pa.ArrowException):
        return None


def _alike_names(names: list[str], of_files: Sequence[list[str]]) -> list[tuple[str, str]]:
    """Pairs of columns that DuckDB takes for one: it knows no case of the letters A to Z."""
    twice = [(name, name) for have in of_files for name, times in Counter(have).items() if times > 1]
    first: dict[str, str] = {}
    for name in names:
        other = first.setdefault(name.translate(LOWER), name)
        if other != name:
            twice.append((other, name))
    return list(dict.fromkeys(twice))


def _source(name: str, folder: Path, root: Path) -> Source:
    if _is_run(folder):
        return Source(name, folder, "run", _run_tables(folder))
    return Source(name, folder, "files", _loose(folder, root))


def _run_tables(folder: Path) -> dict[str, Table]:
    files: dict[str, list[Path]] = {}
    try:
        done = manifests(folder)
    except StoreError:
        done = {}  # a damaged manifest; what was published can still be seen
    inside = folder.resolve()
    for manifest in done.values():
        for part in manifest.parts:
            for file in part.files:
                path = (folder / file.path).resolve()
                if file.rows and path.is_relative_to(inside):
                    files.setdefault(file.table, []).append(path)
    for published, name in PUBLISHED.items():
        found = sorted((dataset_of(folder) / published).glob("*.parquet"))
        if found and (name == "dataset" or name not in files):
            files[name] = [path.resolve() for path in found]
    order = ["dataset", *(name for name in TABLES if name != "dataset")]
    known = {name: TABLES[name] for name in order if name in files}
    return {name: Table(name, t.doc, tuple(files[name]), t.key, folder) for name, t in known.items()}


def _loose(place: Path, root: Path) -> dict[str, Table]:
    if place.is_file():
        return {place.stem: Table(place.stem, str(place.name), (place,))}
    groups: dict[Path, list[Path]] = {}
    for path in _parquet_below(place):
        parts = path.relative_to(place).parts
        if len(parts) <= DEPTH and path.resolve().is_relative_to(root):
            groups.setdefault(path.parent, []).append(path.resolve())
    tables = {}
    for folder, files in groups.items():
        for name, some in _alike(folder, place, files).items():
            tables[name] = Table(name, "", tuple(some), _key_of(name))
    return dict(sorted(tables.items(), key=lambda item: item[0] not in ("questions", "data")))


def _parquet_below(place: Path) -> list[Path]:
    """Files only: what Spark writes is a folder `data.parquet` of files."""
    found = (path for path in sorted(place.rglob("*.parquet")) if path.is_file())
    return list(islice(found, MOST_FILES))


def _alike(folder: Path, place: Path, files: Sequence[Path]) -> dict[str, list[Path]]:
    """Files of one folder by their names without a number: `train-00000-of-00002` is `train`."""
    stems: dict[str, list[Path]] = {}
    for file in files:
        stems.setdefault(file.stem.split("-0")[0], []).append(file)
    where = folder.relative_to(place).as_posix()
    lone = len(stems) == 1 and where != "."
    return {
        (where if lone else stem if where == "." else f"{where}/{stem}"): some for stem, some in stems.items()
    }


def _key_of(name: str) -> str | None:
    known = {"questions": "dataset"}.get(name, name)
    return TABLES[known].key if known in TABLES else None


def _is_run(folder: Path) -> bool:
    return (folder / "run.toml").is_file()


def _folders(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.is_dir()]
    except OSError:
        return []


def _mtime(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _stamp(folder: Path) -> object:
    """Changes when a stage ends, a dataset is published, or loose files come and go."""
    if not _is_run(folder):
        files = [folder] if folder.is_file() else _parquet_below(folder)
        return [(file, _mtime(file)) for file in files]
    manifests = sorted(folder.glob("*/_manifest.json"))
    return [(path, _mtime(path)) for path in [*manifests, folder / "dataset" / "stats.json"]]
