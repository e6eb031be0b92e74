"""A published dataset in the form that a trainer or a tool reads: files, written whole or not at all.

In: the `questions` of a run's `dataset/`, a table of rollouts, or both. Out: rows in one of the forms of
`forms`, or the rows as they are (`jsonl`, `parquet`), in one file or one for each split.
"""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from synth.errors import ConfigError, StoreError
from synth.export.added import RAW, exporter
from synth.export.files import SUFFIXES, TEST, TRAIN, Files, split_of
from synth.export.forms import BUILT_IN
from synth.export.options import Exporter, Kind, LeftOut, Options, Row
from synth.export.sources import (
    Source,
    batches,
    dataset_files,
    has_rollouts,
    of_dataset,
    of_rollouts,
    run_rollouts,
)
from synth.rollouts.read import Read, read_rollouts
from synth.stages.base import rejected_table

__all__ = ["Exported", "Exporter", "LeftOut", "Options", "export"]


class Exported(NamedTuple):
    """The file or folder that was written, its rows, and why others are not in it, with their number."""

    path: Path
    rows: int
    left_out: dict[str, int]
    files: tuple[Path, ...]
    rejected: Path | None


def export(
    run_folder: Path | None, form: str, out: Path, force: bool = False, options: Options | None = None
) -> Exported:
    """Write a dataset, or rollouts, as `form`; `out` is the file, or a folder to put it in.

    Raises:
        ConfigError: there is no such form or column, or a file exists and `force` was not given.
        StoreError: the run has no dataset, it is damaged, or the disk is full.
    """
    options = options or Options()
    if run_folder is None and options.rollouts is None:
        raise ConfigError(
            "Name a run, or a table of rollouts with --rollouts FILE: there is nothing to export."
        )
    made = None if form in RAW else exporter(form)
    kind = _kind(form, out, options)
    paths = _paths(run_folder, form, out, kind, options)
    if there := [path for path in paths.values() if path.exists() and not force]:
        raise ConfigError(f"{there[0]} exists already; choose another --out, or overwrite it with --force.")
    try:
        done = (
            _raw(run_folder, paths, kind, options)
            if made is None
            else _shaped(run_folder, made, paths, kind, options)
        )
    except pa.ArrowException as fault:
        whose = f"{run_folder / 'dataset'} is damaged" if run_folder else f"{options.rollouts} is damaged"
        raise StoreError(f"{whose} ({fault}); run it again.") from fault
    return done


def _raw(run_folder: Path | None, paths: dict[str, Path], kind: Kind, options: Options) -> Exported:
    if run_folder is None or options.rollouts is not None or options.keep or options.system:
        raise ConfigError(
            f"--format {kind} writes the rows of a run as they are: no other option shapes them."
        )
    found = dataset_files(run_folder)
    with Files(paths, kind, None) as files:
        for batch in batches(found):
            if options.test_share:
                sides = np.array(
                    [split_of(i, options.test_share, options.seed) for i in batch["id"].to_pylist()]
                )
                for split in paths:
                    files.write_batch(split, batch.filter(pa.array(sides == split)))
            else:
                files.write_batch(TRAIN, batch)
    return _done(files, Counter(), None)


def _shaped(
    run_folder: Path | None, form: Exporter, paths: dict[str, Path], kind: Kind, options: Options
) -> Exported:
    found = dataset_files(run_folder) if run_folder else None
    read = _rollouts(run_folder, form, options)
    if read is None:
        assert found is not None
        source = of_dataset(found)
    else:
        if found is None and form is BUILT_IN["rl"] and not read.rollouts["label"].drop_null():
            raise ConfigError(
                f"--format rl without a run needs the column `label`, and {options.rollouts} has none; "
                "add it, or name the run that the rollouts are of."
            )
        source = of_rollouts(read.rollouts, form.of, options, found)
    left_out = source.left_out
    with Files(paths, kind, _schema(form, source, options, found)) as files:
        for row in source.rows():
            split = split_of(row["problem_id"], options.test_share, options.seed)
            try:
                made = _made(form, {**row, "split": split, "index": files.rows[split]}, options)
            except LeftOut as why:
                left_out[str(why)] += 1
                continue
            files.write(split, made | {name: row.get(name) for name in options.keep})
    return _done(files, left_out, read)


def _made(form: Exporter, row: Row, options: Options) -> Row:
    """What a form makes of a row; one of another package may do anything."""
    try:
        made = form.shape(row, options)
    except LeftOut:
        raise
    except Exception as fault:
        said = f"The form fails on the row {row['id']} ({type(fault).__name__}: {fault})"
        raise StoreError(f"{said}; mend the package that it comes from.") from fault
    if not isinstance(made, dict):
        said = f"The form made no row of {row['id']} but {type(made).__name__}"
        raise StoreError(f"{said}; mend the package that it comes from.")
    return made


def _rollouts(run_folder: Path | None, form: Exporter, options: Options) -> Read | None:
    """The rollouts that were named, else, for pairs and prompts, its own; else None."""
    if options.rollouts is not None and (options.rollouts / "run.toml").is_file():
        return Read(run_rollouts(options.rollouts), [])
    if options.rollouts is not None:
        return read_rollouts(options.rollouts)
    if run_folder is None or form.of == "questions":
        return None
    if form.of == "prompts" and not has_rollouts(run_folder):
        return None
    return Read(run_rollouts(run_folder), [])


def _schema(form: Exporter, source: Source, options: Options, found: list[Path] | None) -> pa.Schema | None:
    """The types of a file's rows, with where they come from; None where the form does not state them."""
    if unknown := [name for name in options.keep if name not in source.schema.names]:
        raise ConfigError(
            f"--keep {unknown[0]}: there is no such column; there are {', '.join(source.schema.names)}."
        )
    if form.schema is None:
        return None
    made = form.schema(options)
    if clash := [name for name in options.keep if name in made.names and name != "id"]:
        raise ConfigError(f"--keep {clash[0]}: the form has a column of that name already; leave it out.")
    kept = [source.schema.field(name).with_nullable(True) for name in options.keep if name != "id"]
    meta = pq.read_schema(found[0]).metadata if found else {}
    meta = {k: v for k, v in (meta or {}).items() if k not in (b"synth.table", b"synth.schema_version")}
    return pa.schema([*made, *kept], metadata=meta or None)


def _kind(form: str, out: Path, options: Options) -> Kind:
    """JSON Lines or Parquet: as the form's name says, as was asked for, or by the suffix of the file."""
    suffix = None if is_folder(out) else SUFFIXES.get(out.suffix.lower())
    named: Kind | None = "jsonl" if form == "jsonl" else "parquet" if form == "parquet" else None
    if not (suffix or named or options.kind or is_folder(out)):
        raise ConfigError(
            f"--out {out}: name a file that ends with .jsonl or .parquet, or say which it is with --as."
        )
    said = {kind for kind in (named, options.kind, suffix) if kind}
    if len(said) > 1:
        raise ConfigError(
            f"--format {form} to {out} is asked to be {' and '.join(sorted(said))}: choose one."
        )
    return said.pop() if said else "jsonl"


def _paths(run_folder: Path | None, form: str, out: Path, kind: Kind, options: Options) -> dict[str, Path]:
    """The file of each split."""
    if options.test_share:
        if not 0 < options.test_share < 1:
            raise ConfigError(f"--test-share {options.test_share:g}: give a share between 0 and 1, like 0.1.")
        if not is_folder(out):
            raise ConfigError(f"--out {out}: a train and a test file need a folder; leave out the suffix.")
        return {split: out / f"{split}.{kind}" for split in (TRAIN, TEST)}
    whose = run_folder or options.rollouts
    name = whose.name.partition(".")[0] if whose else ""
    return {TRAIN: out / f"{name}-{form}.{kind}" if is_folder(out) else out}


def is_folder(out: Path) -> bool:
    """Whether files go into it: a path that does not exist is a file where it has a suffix."""
    return out.is_dir() or (not out.exists() and not out.suffix)


def _done(files: Files, left_out: Counter[str], read: Read | None) -> Exported:
    rows = sum(files.rows.values())
    why = {reason: count for reason, count in sorted(left_out.items()) if count}
    if not rows:
        said = "; ".join(f"{reason}: {count:,}" for reason, count in why.items()) or "there are none"
        raise StoreError(f"No row is left to write ({said}); nothing was written.")
    for split, path in files.paths.items():
        if not files.rows[split]:
            # Of an earlier export: beside the new file it would be taken for its other split.
            path.unlink(missing_ok=True)
    first = next(iter(files.paths.values()))
    path = first if len(files.paths) == 1 else first.parent
    written = tuple(path for split, path in files.paths.items() if files.rows[split])
    return Exported(path, rows, why, written, _write_rejected(path, read))


def _write_rejected(path: Path, read: Read | None) -> Path | None:
    """Rows of a file of rollouts that could not be read, beside what was written: none is lost silently."""
    if read is None or not read.rejected:
        return None
    beside = path.with_name(f"{path.name}.rejected.jsonl")
    table = rejected_table("rollouts", read.rejected)
    with Files({TRAIN: beside}, "jsonl", None) as files:
        for batch in table.to_batches():
            files.write_batch(TRAIN, batch)
    return beside
