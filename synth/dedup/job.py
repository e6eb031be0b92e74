"""A job of deduplicating in steps (`phases`): its folder, and what lies in it.

In: tables and settings. Out: a folder among the results that is named by them, so that the same job is found
again; and what its steps have written there, each whole or not at all.
"""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from synth.dedup.deduplicate import Options, check_out, source_of
from synth.dedup.index import Found, Index
from synth.dedup.measuring import Measured, Scheme
from synth.dedup.normalise import VERSION
from synth.dedup.probing import Match
from synth.dedup.shards import opened
from synth.dedup.tables import options_of
from synth.errors import StoreError
from synth.ids import digest
from synth.verify.tables import check
from synth.writing import write_json

JOB = "job.json"
# Settings that say who works, and not what comes of it.
_NOT_ROWS = ("force", "runner", "tasks", "memory_rows")


class Job(NamedTuple):
    """What a step is told: read from the job's folder."""

    folder: Path
    paths: list[Path]
    out: Path
    told: dict[str, Any]
    options: Options
    source: str
    before: str  # what the index held before these tables


def begin(paths: Sequence[Path], out: Path, told: Mapping[str, Any]) -> Path:
    """The folder of the job, new or to be gone on with; `told` are settings of `config_dedup`.

    Raises:
        ConfigError: as `deduplicate` raises it.
    """
    options = options_of(**told)
    check(paths, options.columns.needed)
    source = source_of(paths, options)
    kept = {name: value for name, value in told.items() if name not in _NOT_ROWS}
    places = [str(path.absolute()) for path in paths]
    before = _before(options, source)
    key = digest("dedup job", VERSION, kept, places, source, before)
    folder = out.absolute() / f".dedup-{key[-16:]}"
    check_out(out, options.force or (folder / JOB).is_file(), options.store)
    write_json(folder / JOB, {"paths": places, "told": dict(told), "source": source, "before": before})
    return folder


def job_of(folder: Path) -> Job:
    """A job, as it was begun."""
    read = json.loads((folder / JOB).read_bytes())
    told, paths = read["told"], [Path(path) for path in read["paths"]]
    return Job(folder, paths, folder.parent, told, options_of(**told), read["source"], read["before"])


def _before(options: Options, source: str) -> str:
    """What the index held before these tables; their own rows in it are what a killed job had come to."""
    if options.store is None:
        return ""
    index = Index(options.store, options.scheme)
    names = index.sources
    return index.only(names[: names.index(source)] if source in names else names).fingerprint


@contextmanager
def holding_index(job: Job) -> Iterator[None]:
    """Nobody else writes the index that is named, and it holds what the job was begun with.

    Raises:
        StoreError: another process writes it, or something was added to it since.
    """
    index = index_of(job)
    if index is None:
        yield
        return
    with index.held():
        if _before(job.options, job.source) != job.before:
            remove(job.folder)  # of an index that has changed it is another job
            raise StoreError(
                f"{job.options.store}: the index was changed while rows were compared with it; run it again."
            )
        yield


def remove(folder: Path) -> None:
    """Remove the folder of a job that has ended."""
    shutil.rmtree(folder, ignore_errors=True)


def matches_of(job: Job) -> Found:
    """The rows of all tables that repeat one of the index, by their place."""
    found: dict[int, Match] = {}
    left_out = [np.empty(0, np.int64)]
    before = 0
    for place in _places(job):
        for path in sorted(place.glob("matches-*.parquet")):
            for row in pq.read_table(path).to_pylist():
                found[before + row["row"]] = Match(row["id"], row["jaccard"], row["how"])
        left_out += [before + np.load(path) for path in sorted(place.glob("left-*.npy"))]
        before += int(meta_of(place)["rows"])
    return Found(found, np.concatenate(left_out))


def index_of(job: Job) -> Index | None:
    """The index that is named, if one is."""
    if job.options.store is None:
        return None
    return _opened_index(job.options.store, job.options.scheme, job.folder)


@lru_cache(maxsize=1)
def _opened_index(store: Path, scheme: Scheme, job: Path) -> Index:
    """An index is opened once for each process and job: reading it costs more than asking it."""
    return Index(store, scheme)


def _places(job: Job) -> list[Path]:
    return [job.folder / "tables" / f"{number:05d}" for number in range(len(job.paths))]


def tables_of(job: Job) -> list[Measured]:
    """The measured rows of all tables, of which only what is looked at is read."""
    return [opened(place, n) for place in _places(job) for n in range(int(meta_of(place)["tables"]))]


def ids_of(job: Job) -> tuple[pa.Array, NDArray[np.float64] | None]:
    """The ids of all rows, and their quality where a column of it is named."""
    ids, quality = [], []
    for place in _places(job):
        ids.append(pq.read_table(place / "ids.parquet")["id"].combine_chunks().cast(pa.large_string()))
        quality.append(np.load(place / "quality.npy"))
    return pa.concat_arrays(ids), np.concatenate(quality) if job.options.columns.quality else None


def meta_of(place: Path) -> dict[str, Any]:
    """What a finished step counted."""
    found: dict[str, Any] = json.loads((place / "meta.json").read_bytes())
    return found


@contextmanager
def whole(place: Path) -> Iterator[Path]:
    """A folder that appears whole or not at all."""
    fresh = place.with_name(f".{place.name}.tmp")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    yield fresh
    fresh.rename(place)


def saved(path: Path, **found: NDArray[Any]) -> None:
    """Write arrays whole or not at all."""
    fresh = path.with_name(f".{path.name}.tmp")
    path.parent.mkdir(parents=True, exist_ok=True)
    with fresh.open("wb") as file:
        np.savez(file, **found)  # type: ignore[arg-type]
    fresh.rename(path)
