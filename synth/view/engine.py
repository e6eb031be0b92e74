"""DuckDB, locked down: it reads Parquet below one folder, and nothing else of the machine.

Every statement is written by this package, names of columns come from the schema of the files, values are
bound. So there is no free SQL, which matters: within the allowed folder DuckDB could write as well.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from synth.errors import SynthError

SECONDS = 10.0
MEMORY = "384MB"
THREADS = 2

# The rows of files, as all statements read them: names of folders (`lang=en`) are no columns.
ONE_FILE = "read_parquet(?, hive_partitioning = false)"
PARQUET = "read_parquet(?, union_by_name = true, hive_partitioning = false)"

Rows = list[tuple[Any, ...]]


class QueryFault(SynthError):
    """A question to the tables that cannot be answered, in one sentence."""


class TooSlow(QueryFault):
    """A question to the tables took longer than it may."""


class TooLarge(QueryFault):
    """What would have to be held to answer is more than memory that may be used."""


class Engine:
    """One database without a file, for all requests; each of them has a cursor of its own."""

    def __init__(self, folders: Sequence[Path], seconds: float = SECONDS, memory: str = MEMORY) -> None:
        self.seconds = seconds
        self._base = duckdb.connect(
            ":memory:",
            config={
                "threads": THREADS,
                "memory_limit": memory,
                "temp_directory": "",
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "allow_community_extensions": False,
            },
        )
        # DuckDB 2.0.0 fails inside it where a condition on `file_row_number` meets a LIMIT; rows are fetched
        # in two steps here anyway.
        self._base.execute("SET disabled_optimizers = 'late_materialization'")
        self._base.execute("SET python_enable_replacements = false")
        # A page asks the same files several times; a file that has changed is read anew.
        self._base.execute("SET parquet_metadata_cache = true")
        self._base.execute("SET allowed_directories = ?", [[f"{folder}/" for folder in folders]])
        self._base.execute("SET enable_external_access = false")
        self._base.execute("SET lock_configuration = true")
        self._at_work: set[duckdb.DuckDBPyConnection] = set()

    def close(self) -> None:
        """Let go of the database."""
        self._base.close()

    def interrupt(self) -> None:
        """End all that is being asked."""
        for cursor in list(self._at_work):
            cursor.interrupt()

    @contextmanager
    def cursor(self, seconds: float | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor whose work ends after so many seconds.

        Raises:
            TooSlow: the time was over.
            QueryFault: a file is damaged or gone, or memory did not suffice.
        """
        cursor = self._base.cursor()
        timer = threading.Timer(seconds or self.seconds, cursor.interrupt)
        timer.daemon = True
        timer.start()
        self._at_work.add(cursor)
        try:
            yield cursor
        except duckdb.InterruptException as fault:
            raise TooSlow("This took too long and was stopped; narrow it down by a filter.") from fault
        except duckdb.OutOfMemoryException as fault:
            raise TooLarge("This takes more memory than the viewer may use; narrow it down.") from fault
        except (duckdb.IOException, duckdb.InvalidInputException, duckdb.SerializationException) as fault:
            raise QueryFault("A file of this table is damaged, or has gone meanwhile.") from fault
        except duckdb.Error as fault:
            raise QueryFault(f"The table cannot be asked that ({type(fault).__name__}).") from fault
        finally:
            timer.cancel()
            self._at_work.discard(cursor)
            cursor.close()

    def rows(
        self,
        sql: str,
        values: Sequence[Any] = (),
        seconds: float | None = None,
        tables: Mapping[str, pa.Table | None] | None = None,
    ) -> Rows:
        """All rows of one statement, which may name tables that are given here, and are seen by it only."""
        with self.cursor(seconds) as cursor:
            for name, table in (tables or {}).items():
                if table is not None:
                    cursor.register(name, table)
            return cursor.execute(sql, list(values)).fetchall()

    def table(
        self, sql: str, values: Sequence[Any] = (), tables: Mapping[str, pa.Table | None] | None = None
    ) -> pa.Table:
        """The same as a table of Arrow, to be asked again."""
        with self.cursor() as cursor:
            for name, table in (tables or {}).items():
                if table is not None:
                    cursor.register(name, table)
            return cursor.sql(sql, params=list(values)).to_arrow_table()

    def dicts(self, sql: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """All rows of one statement, each by the names of its columns."""
        with self.cursor() as cursor:
            found = cursor.execute(sql, list(values))
            names = [column[0] for column in found.description or ()]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def quoted(name: str) -> str:
    """A name of a column as SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(path: Path) -> str:
    """A path in which no letter means a pattern."""
    return "".join(f"[{c}]" if c in "[*?" else c for c in str(path))
