"""The plan of `shards` as steps over files: any runner of tasks does them, each in whatever process.

In: a job, which is tables and settings, in a folder of its own among the results. Out: the same files as
`deduplicate` writes. A step takes the job's folder and a number, passes rows through files alone, and writes
its own under their name once it is done; so a step whose file is there is not done again, and a job that was
killed goes on. The folder is named by what goes in: other tables or settings are another job.

    measure   a table each: its rows, measured, and those of them that the index has
    link      a band each: rows of all tables that share a bucket
    group     one: rows that links connect, some whole components together; the order of all rows
    choose    a group each: which of its rows stay
    end       one: meanings, both tables of results, the index
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from synth.dedup.choosing import Chosen
from synth.dedup.deduplicate import Ended, Progress, Summary, finish, order_of
from synth.dedup.input import labels, read
from synth.dedup.job import (
    Job,
    holding_index,
    ids_of,
    index_of,
    job_of,
    matches_of,
    meta_of,
    saved,
    tables_of,
    whole,
)
from synth.dedup.measuring import Gathered, Measured, Measurer
from synth.dedup.output import KEPT, REMOVED
from synth.dedup.plan import scratch_in
from synth.dedup.shards import choose_group, components, linked, save
from synth.dedup.tables import asking_for
from synth.verify.tables import check
from synth.writing import write_json

# Groups of components, about so many: each is a step of its own.
GROUPS = 16


def measure(folder: Path, number: int, progress: Progress = lambda rows: None) -> int:
    """Measure the rows of one table; how many there are."""
    job, place = job_of(folder), folder / "tables" / f"{number:05d}"
    if not place.is_dir():
        with whole(place) as fresh:
            _measure(job, number, fresh, progress)
    return int(meta_of(place)["rows"])


def link(folder: Path, band: int) -> int:
    """Link the rows that share a bucket of one band; how many links there are."""
    path = folder / "links" / f"{band:03d}.npz"
    if not path.is_file():
        saved(path, links=linked(tables_of(job_of(folder)), band))
    return len(np.load(path)["links"])


def group(folder: Path) -> int:
    """Put rows that links connect together, and all rows in the order of preference; how many groups."""
    job, place = job_of(folder), folder / "groups"
    if not place.is_dir():
        with whole(place) as fresh:
            _group(job, fresh)
    return int(meta_of(place)["groups"])


def choose(folder: Path, number: int) -> int:
    """Choose among the rows of one group; how many go."""
    path = folder / "chosen" / f"{number:05d}.npz"
    if not path.is_file():
        job, groups = job_of(folder), folder / "groups"
        rows, rank = np.load(groups / f"{number:05d}.npy"), np.load(groups / "rank.npy", mmap_mode="r")
        chosen = choose_group(tables_of(job), job.options.scheme, rows, rank, job.options.rules)
        dup_of = np.where(chosen.dup_of < 0, -1, rows[chosen.dup_of])
        saved(path, dup_of=dup_of, jaccard=chosen.jaccard, counts=np.array(chosen[2:], np.int64))
    return int((np.load(path)["dup_of"] >= 0).sum())


def end(folder: Path) -> Summary:
    """Write the results, and add what stays to the index.

    Raises:
        StoreError: the disk is full, or another process writes the index or has changed it.
        EndpointError: a text could not be embedded.
    """
    job = job_of(folder)
    tables, (ids, quality) = tables_of(job), ids_of(job)
    tokens = np.concatenate([np.asarray(table.tokens) for table in tables])
    whole_texts, templates = (
        np.concatenate([np.asarray(column) for column in columns])
        for columns in ([table.whole for table in tables], [table.template for table in tables])
    )
    order = order_of(ids, tokens, quality)
    ended = Ended((tokens, whole_texts, templates), order, _chosen(folder, len(ids)), matches_of(job))
    schema = check(job.paths, job.options.columns.needed)
    with scratch_in(job.out, (KEPT, REMOVED)), holding_index(job), asking_for(job.out, **job.told) as asked:
        return finish(
            job.paths, schema, job.out, job.options, ids, ended, lambda: iter(tables), index_of(job),
            job.source, asked,
        )  # fmt: skip


def bands_of(folder: Path) -> int:
    """How many bands are linked: one more where twins go, which is that of templates."""
    options = job_of(folder).options
    return options.scheme.bands + (options.rules.twins == "remove")


def _measure(job: Job, number: int, fresh: Path, progress: Progress) -> None:
    options, path = job.options, job.paths[number]
    measurer, most = Measurer(options.scheme), max(options.memory_rows // max(job.told["tasks"], 1), 1)
    gathered, held, tables, rows = Gathered(options.scheme), 0, 0, 0
    ids, quality = [pa.array([], pa.large_string())], list[NDArray[np.float64]]()
    for piece in read([path], options.columns, [labels(job.paths)[number]]):
        for found in measurer.pieces(piece.texts):
            if held and held + len(found.tokens) > most:
                tables = _spill(job, fresh, tables, gathered.measured(), rows - held)
                gathered, held = Gathered(options.scheme), 0
            gathered.add(found)
            held, rows = held + len(found.tokens), rows + len(found.tokens)
        ids.append(piece.ids)
        if piece.quality is not None:
            quality.append(piece.quality)
        progress(rows)
    if held:
        tables = _spill(job, fresh, tables, gathered.measured(), rows - held)
    column = np.concatenate(quality) if quality else np.empty(0)
    pq.write_table(pa.table({"id": pa.concat_arrays(ids)}), fresh / "ids.parquet")
    np.save(fresh / "quality.npy", column)
    write_json(fresh / "meta.json", {"rows": rows, "tables": tables})


def _spill(job: Job, fresh: Path, number: int, measured: Measured, first: int) -> int:
    """Write some rows, and which of them repeat a row of the index; the number of the next ones."""
    save(fresh, number, measured)
    index = index_of(job)
    if index is not None and index.rows:
        found = index.searched(measured, job.options.rules, job.source)
        rows = [{"row": first + row, **match._asdict()} for row, match in sorted(found.matches.items())]
        np.save(fresh / f"left-{number:05d}.npy", first + found.left_out)
        if rows:
            pq.write_table(pa.Table.from_pylist(rows), fresh / f"matches-{number:05d}.parquet")
    return number + 1


def _group(job: Job, fresh: Path) -> None:
    tables = tables_of(job)
    ids, quality = ids_of(job)
    tokens = np.concatenate([np.asarray(table.tokens) for table in tables])
    order = order_of(ids, tokens, quality)
    order = order[~np.isin(order, np.fromiter(matches_of(job).matches, np.int64))]
    rank = np.full(len(ids), -1, np.int64)
    rank[order] = np.arange(len(order))
    np.save(fresh / "rank.npy", rank)
    links = [np.load(path)["links"] for path in sorted((job.folder / "links").glob("*.npz"))]
    count = 0
    most = max(min(job.options.memory_rows // 2, len(ids) // GROUPS), 1)
    for rows in components(len(ids), links, most):
        np.save(fresh / f"{count:05d}.npy", rows)
        count += 1
    write_json(fresh / "meta.json", {"groups": count})


def _chosen(folder: Path, rows: int) -> Chosen:
    dup_of, jaccard, counts = np.full(rows, -1, np.int64), np.zeros(rows), np.zeros(3, np.int64)
    for number in range(int(meta_of(folder / "groups")["groups"])):
        mine = np.load(folder / "groups" / f"{number:05d}.npy")
        found = np.load(folder / "chosen" / f"{number:05d}.npz")
        dup_of[mine], jaccard[mine] = found["dup_of"], found["jaccard"]
        counts += found["counts"]
    return Chosen(dup_of, jaccard, *counts.tolist())
