"""The published folder: Hugging Face layout, card, figures, checksums. Same rows, same bytes.

It is built under a temporary name and takes the place of the old one whole, so a reader sees the old dataset
or the new one, never half of either. No file system changes one full folder for another in one step that
Python offers, so for a moment the old one has another name: `places.dataset_of` finds it there, and where a
process was killed in that moment, the next that opens the run puts it back (`recover`).
"""

import errno
import json
import shutil
import warnings
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import pyarrow as pa

from synth.config import RunConfig
from synth.dedup.benchmarks import Item, read_benchmarks
from synth.dedup.contamination import Decontaminator
from synth.errors import StoreError
from synth.graph.picture import draw
from synth.ids import digest
from synth.places import OLD_DATASET
from synth.publish.aimed import aimed_stats
from synth.publish.answering import answering_stats
from synth.publish.card import render_card
from synth.publish.contamination import contamination_stats, earlier_stats
from synth.publish.judging import judging_stats
from synth.publish.rejected import Leaks, published_rejected
from synth.publish.stats import dataset_stats, provenance
from synth.publish.student import student_stats
from synth.publish.tables import Published
from synth.report import manifests
from synth.store import write_table
from synth.writing import sha256_of, write_bytes, write_json

SUMS = "checksums.sha256"
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS})


def publish(run_folder: Path, config: RunConfig, stages: tuple[str, ...]) -> Path:
    """Write `dataset/` from the finished stages, unless it is there already; its path.

    Raises:
        StoreError: a stage has not finished, or the disk is full.
    """
    target = run_folder / "dataset"
    done = manifests(run_folder)
    if missing := [stage for stage in stages if stage not in done]:
        raise StoreError(
            f"{run_folder}: stage `{missing[0]}` has not finished, so there is nothing to publish."
        )
    stamp = digest({stage: m.outcome for stage, m in done.items()}, version())
    if is_published(target, stamp):
        return target
    fresh = run_folder / ".dataset.tmp"
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        write_dataset(fresh, Published([run_folder], config.graph), config, stamp)
        _swap(fresh, target)
    except OSError as fault:
        raise StoreError(
            f"Cannot publish to {target}: {fault.strerror or fault}; make room and run again."
        ) from fault
    finally:
        shutil.rmtree(fresh, ignore_errors=True)  # where the disk is full, half a dataset only fills it more
    return target


def is_published(folder: Path, stamp: str) -> bool:
    """Whether this very dataset lies there whole, with no file changed, lost or added."""
    try:
        same = bool(json.loads((folder / "stats.json").read_bytes())["stamp"] == stamp)
        return same and (folder / SUMS).read_text() == _sums(folder)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _sums(folder: Path) -> str:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != SUMS)
    return "".join(f"{sha256_of(path)}  {path.relative_to(folder).as_posix()}\n" for path in files)


def write_dataset(folder: Path, found: Published, config: RunConfig, stamp: str, *notes: str) -> None:
    """Fill a folder with the dataset of a run, or with that of several; `notes` go to the card.

    What a run aimed at is that of the newest.
    """
    tables = {name: found.read(name) for name in _READ}
    rows, documents, concepts, incidence = (tables[name] for name in _READ)
    judging = (
        judging_stats(found.read("judged"), found.rejected("judge")) if "judge" in found.stages else None
    )
    student = _student(found, config) if "difficulty" in found.stages else None
    answering = _answering(found, config)
    aimed = aimed_stats(found.last, rows) if config.aims else None
    counts = found.funnel(), found.manifests()
    stats = dataset_stats(rows, documents, concepts, incidence, *counts, judging, answering, student, aimed)
    stats["notes"] += notes
    meta = provenance(config, version(), stats)
    items = read_benchmarks(config.screen.benchmarks, config.screen.benchmark_column)
    if items:
        stats["contamination"] = contamination_stats(found.rejected("screen"), items, config.screen)
    stats |= earlier_stats(found.rejected("screen"), config.screen)
    leaks = _leak_finder(items, config)
    if config.dataset.include_text:
        documents = _without(documents, "text", "", lambda row: leaks(row["text"]))
    else:
        documents = documents.drop_columns(["text"])
    published = {
        "questions": tables["dataset"],
        "documents": documents,
        "concepts": tables["concepts"],
        "rejected": published_rejected(found, config.dataset.include_text, leaks),
    }
    contents: dict[str, str] = {}
    for name, table in published.items():
        path = folder / name / "train-00000-of-00001.parquet"
        write_table(path, _with_metadata(table, meta))
        contents[name] = sha256_of(path)[:16]
    picture = "graph" in found.stages and _draw(tables["concepts"], tables["incidence"], folder / "graph.png")
    write_json(folder / "stats.json", {**stats, "stamp": stamp})
    card = render_card(config, stats, tables["documents"], picture, contents)
    write_bytes(folder / "README.md", card.encode())
    write_bytes(folder / SUMS, _sums(folder).encode())


def _answering(found: Published, config: RunConfig) -> dict[str, Any] | None:
    answers = config.answers
    most = answers.samples if answers.mode == "vote" else answers.drafts
    return answering_stats(found.read("answers"), found.read("candidates"), most)


def _student(found: Published, config: RunConfig) -> dict[str, Any]:
    rollouts = found.read("rollouts").select(["problem_id", "answer", "truncated"])
    return student_stats(
        found.read("difficulty"), found.rejected("difficulty"), rollouts, config.difficulty.attempts
    )


def _draw(concepts: pa.Table, incidence: pa.Table, path: Path) -> bool:
    """Draw the graph, if that can be done: rows were paid for, and none of them needs a picture.

    Raises:
        OSError: the disk is full, or cannot be written.
    """
    try:
        draw(concepts, incidence, path)
    except Exception as fault:
        # A full disk is no fault of the drawing: a version without its picture would stay so for good.
        if isinstance(fault, OSError) and fault.errno in NO_ROOM:
            raise
        path.unlink(missing_ok=True)
        said = f"{path.name} cannot be drawn ({type(fault).__name__}: {fault})"
        warnings.warn(f"{said}; the dataset is published without it.", RuntimeWarning, stacklevel=2)
    return path.exists()


_READ = ("dataset", "documents", "concepts", "incidence")


def _leak_finder(items: Sequence[Item], config: RunConfig) -> Leaks:
    """Whether a text holds an item of a benchmark, under whatever reason it is published."""
    if not items:
        return lambda text: False
    known = Decontaminator(items, config.screen.benchmark_ngram, config.screen.benchmark_jaccard)
    return lambda text: known.check(text) is not None


def _without(
    table: pa.Table, column: str, instead: str, hidden: Callable[[dict[str, Any]], bool]
) -> pa.Table:
    place = table.schema.get_field_index(column)
    values = [instead if hidden(row) else row[column] for row in table.to_pylist()]
    return table.set_column(place, table.schema.field(place), pa.array(values, pa.string()))


def _with_metadata(table: pa.Table, meta: dict[str, str]) -> pa.Table:
    return table.replace_schema_metadata({**(table.schema.metadata or {}), **meta})


def recover(run_folder: Path) -> None:
    """Put back the dataset that a killed process was changing for another; harmless otherwise."""
    old, target = run_folder / OLD_DATASET, run_folder / "dataset"
    if old.is_dir() and not target.exists():
        old.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def _swap(fresh: Path, target: Path) -> None:
    old = target.with_name(OLD_DATASET)
    recover(target.parent)
    if target.exists():
        target.rename(old)
    try:
        fresh.rename(target)
    finally:
        recover(target.parent)


def version() -> str:
    """Of the package, which may write other files another time."""
    return metadata.version("synth")
