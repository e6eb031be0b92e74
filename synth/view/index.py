"""The file of a search index: built from the texts of a table, asked for words.

It lies beside the run (`view/` in its folder, never in `dataset/`), for other Parquet among the user's
caches; a folder that cannot be written has its index there too. It is named by the stamp of the table's
files, so an index of other rows is never asked. It is written under another name and renamed when it is
whole.
"""

import os
import re
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from synth.errors import StoreError
from synth.view.engine import ONE_FILE, Engine, quoted
from synth.view.sources import Source, Table

BATCH = 5_000
FOLDER = "view"
# Texts longer than this are indexed by their beginning.
MOST_CHARS = 100_000
MOST_WORDS = 32
BUILD_SECONDS = 3_600.0
# Indexes of other Parquet than runs that are kept; and how often a build looks whether it is to stop.
MOST_KEPT, STEPS = 20, 100_000
_WORDS = re.compile(r"[^\W_]+")


def path_of(source: Source, table: Table) -> Path:
    """Where the index of a table lies."""
    name = re.sub("[^A-Za-z0-9]+", "-", table.name)[:40]
    return kept_beside(source, f"search-{name}-{table.stamp[:16]}.sqlite")


def kept_beside(source: Source, name: str) -> Path:
    """Where what was worked out of a source is kept."""
    return kept_in(source.folder if source.is_run else None, name)


def kept_in(run_folder: Path | None, name: str) -> Path:
    """The same by the folder of the run; None for what is no run."""
    if run_folder is not None:
        path = run_folder / FOLDER / name
        if is_there(path) or os.access(run_folder, os.W_OK):
            return path
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "synth" / FOLDER / name


def is_there(path: Path) -> bool:
    """Whether an index is there, whole."""
    return path.is_file()


def build(
    engine: Engine,
    source: Source,
    table: Table,
    texts: Sequence[str],
    progress: Callable[[int], None],
    stop: threading.Event | None = None,
) -> Path:
    """Make the index of some columns of a table; `progress` hears of the rows that are done.

    Raises:
        StoreError: it cannot be written, or `stop` was set meanwhile.
    """
    path = path_of(source, table)
    part = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _tidy(path.parent)
        part.unlink(missing_ok=True)
        with closing(sqlite3.connect(part)) as database:
            if stop is not None:
                database.set_progress_handler(stop.is_set, STEPS)
            _fill(database, engine, table, texts, progress)
        part.replace(path)
        _forget(path, source)
    except (OSError, sqlite3.Error) as fault:
        raise StoreError(f"{path}: the search index cannot be written ({fault}); make room there.") from fault
    finally:
        part.unlink(missing_ok=True)
    return path


def _tidy(folder: Path) -> None:
    """Remove what builds left that were killed: the name of a part ends in the number of its process."""
    for part in folder.glob(".search-*.sqlite.*.tmp"):
        number = part.name.split(".")[-2]
        if number.isdecimal() and len(number) < 10 and not _is_alive(int(number)):
            part.unlink(missing_ok=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # it is another's
    return True


def _forget(path: Path, source: Source) -> None:
    """Remove indexes that nobody asks any more: of a run older ones, of other Parquet all but the last."""
    if path.parent == source.folder / FOLDER:
        others = path.parent.glob(f"{path.name[: -len('.sqlite') - 16]}*.sqlite")
        for old in others:
            if old != path:
                old.unlink(missing_ok=True)
        return
    there = sorted(path.parent.glob("search-*.sqlite"), key=lambda one: one.stat().st_mtime, reverse=True)
    for old in [one for one in there if one != path][MOST_KEPT - 1 :]:
        old.unlink(missing_ok=True)


def _fill(
    database: sqlite3.Connection,
    engine: Engine,
    table: Table,
    texts: Sequence[str],
    progress: Callable[[int], None],
) -> None:
    database.execute("PRAGMA journal_mode = OFF")
    database.execute("PRAGMA synchronous = OFF")
    database.execute("PRAGMA cache_size = -65536")
    database.execute("CREATE VIRTUAL TABLE words USING fts5(x, content='', detail=none, columnsize=0)")
    done = 0
    for batch in _texts(engine, table, texts):
        database.executemany("INSERT INTO words (rowid, x) VALUES (?, ?)", enumerate(batch, done))
        done += len(batch)
        progress(done)
    database.execute("INSERT INTO words (words) VALUES ('optimize')")
    database.commit()


def _texts(engine: Engine, table: Table, names: Sequence[str]) -> Iterator[list[str]]:
    """The texts of each row as one, in the order of the rows; file by file, as their numbers are."""
    for file, path in enumerate(table.paths):
        there = [name for name in names if name in table.columns_of(file)]
        said = [f"left(CAST({quoted(name)} AS VARCHAR), {MOST_CHARS})" for name in there] or ["''"]
        sql = f"SELECT concat_ws(' ', {', '.join(said)}) FROM {ONE_FILE}"
        with engine.cursor(BUILD_SECONDS) as cursor:
            found = cursor.execute(sql, [path])
            while rows := found.fetchmany(BATCH):
                yield [text for (text,) in rows]


def find(path: Path, words: str, most: int) -> list[int]:
    """The numbers of the first `most` rows that have all words; the last one may be a beginning.

    Only letters and digits of what was asked are used, each word in quotes: nothing of it is a statement.
    """
    wanted = _WORDS.findall(words)[:MOST_WORDS]
    if not wanted:
        return []
    quoted_words = [f'"{word}"' for word in wanted]
    asked = " ".join(quoted_words) + ("" if words[-1:].isspace() else "*")
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            sql = "SELECT rowid FROM words WHERE words MATCH ? ORDER BY rowid LIMIT ?"
            return [row for (row,) in database.execute(sql, [asked, most])]
    except sqlite3.Error as fault:
        raise StoreError(f"{path} is damaged; delete it, and it is made anew.") from fault
