"""A published dataset in the form that a trainer or a tool reads: one file, written whole or not at all.

In: the `questions` of a run's `dataset/`. Out: chat messages for supervised training (`sft`), plain rows
(`jsonl`), or one Parquet file. Batches are streamed, so memory does not grow with the dataset.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from synth.changes import outdated
from synth.errors import ConfigError, StoreError
from synth.places import dataset_of
from synth.store import ROW_GROUP, atomic

Row = dict[str, Any]
Write = Callable[[Path, list[Path]], int]


class Exported(NamedTuple):
    """The file that was written, and its rows."""

    path: Path
    rows: int


def export(run_folder: Path, form: str, out: Path, force: bool = False) -> Exported:
    """Write the dataset of a run as `form`; `out` is the file, or a folder to put it in.

    Raises:
        ConfigError: there is no such form, or the file exists already and `force` was not given.
        StoreError: the run has no dataset, it is damaged, or the disk is full.
    """
    if form not in FORMS:
        raise ConfigError(f"--format {form}: there is no such form; use one of {', '.join(FORMS)}.")
    suffix, write = FORMS[form]
    path = out / f"{run_folder.name}-{form}.{suffix}" if _is_folder(out) else out
    if path.exists() and not force:
        raise ConfigError(f"{path} exists already; choose another --out, or overwrite it with --force.")
    files = sorted((dataset_of(run_folder) / "questions").glob("*.parquet"))
    if not files:
        raise StoreError(f"{run_folder} has no dataset yet: let the run finish, then export it.")
    if why := outdated(run_folder):
        raise StoreError(
            f"{run_folder / 'dataset'} is older than its run ({why}): let the run finish, or run it "
            "with its former settings again, then export it."
        )
    with atomic(path) as temporary:
        try:
            rows = write(temporary, files)
        except pa.ArrowException as fault:
            raise StoreError(f"{run_folder / 'dataset'} is damaged ({fault}); run it again.") from fault
    return Exported(path, rows)


def sft(row: Row) -> Row:
    """One row as a conversation of two turns."""
    turns = [{"role": "user", "content": row["question"]}, {"role": "assistant", "content": row["answer"]}]
    return {"id": row["id"], "messages": turns}


def _is_folder(out: Path) -> bool:
    # A path that does not exist is a file where it has a suffix, as in `--out train.jsonl`.
    return out.is_dir() or (not out.exists() and not out.suffix)


def _batches(files: list[Path], columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
    for path in files:
        with pq.ParquetFile(path) as file:
            yield from file.iter_batches(batch_size=ROW_GROUP, columns=columns)


def _lines(path: Path, batches: Iterator[pa.RecordBatch], shape: Callable[[Row], Row]) -> int:
    count = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for batch in batches:
            for row in batch.to_pylist():
                file.write(json.dumps(shape(row), ensure_ascii=False) + "\n")
            count += batch.num_rows
    return count


def _write_sft(path: Path, files: list[Path]) -> int:
    return _lines(path, _batches(files, ["id", "question", "answer"]), sft)


def _write_jsonl(path: Path, files: list[Path]) -> int:
    return _lines(path, _batches(files), lambda row: row)


def _write_parquet(path: Path, files: list[Path]) -> int:
    count = 0
    schema = pq.read_schema(files[0])
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for batch in _batches(files):
            writer.write_batch(batch, row_group_size=ROW_GROUP)
            count += batch.num_rows
    return count


FORMS: dict[str, tuple[str, Write]] = {
    "sft": ("jsonl", _write_sft),
    "jsonl": ("jsonl", _write_jsonl),
    "parquet": ("parquet", _write_parquet),
}
