"""Where the rows of an export come from: the dataset of a run, or rollouts of its questions.

In: a run's folder, a table of rollouts, or both. Out: rows with `id`, `problem_id`, `question`, and what else
the form needs; with both, rollouts of questions that the dataset does not hold are left out.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from synth.changes import outdated
from synth.errors import ConfigError, StoreError
from synth.export.options import Of, Options, Row
from synth.places import dataset_of
from synth.rollouts.groups import of_one_model
from synth.rollouts.pairs import pairs
from synth.rollouts.prompts import DROPPED, prompts
from synth.rollouts.supervised import supervised
from synth.rollouts.tables import ROLLOUTS
from synth.store import ROW_GROUP, StageStore

NOT_IN_RUN = "a problem that the dataset does not hold"


class Source(NamedTuple):
    """Rows, the Arrow types of everything that can be kept of them, and what was left out before."""

    rows: Callable[[], Iterator[Row]]
    schema: pa.Schema
    left_out: Counter[str]


def dataset_files(run_folder: Path) -> list[Path]:
    """The files of a run's published questions.

    Raises:
        StoreError: there are none, or they are older than the run.
    """
    files = sorted((dataset_of(run_folder) / "questions").glob("*.parquet"))
    if not files:
        raise StoreError(f"{run_folder} has no dataset yet: let the run finish, then export it.")
    if why := outdated(run_folder):
        raise StoreError(
            f"{run_folder / 'dataset'} is older than its run ({why}): let the run finish, or run it "
            "with its former settings again, then export it."
        )
    return files


def batches(files: list[Path]) -> Iterator[pa.RecordBatch]:
    """The rows of Parquet files, a row group at a time."""
    for path in files:
        with pq.ParquetFile(path) as file:
            yield from file.iter_batches(batch_size=ROW_GROUP)


def of_dataset(files: list[Path]) -> Source:
    """The questions of a run with their answers."""

    def rows() -> Iterator[Row]:
        for batch in batches(files):
            for row in batch.to_pylist():
                yield {**row, "problem_id": row["id"]}

    return Source(rows, pq.read_schema(files[0]), Counter())


def of_rollouts(rollouts: pa.Table, of: Of, options: Options, files: list[Path] | None) -> Source:
    """What is made of rollouts for a form, with the columns of the dataset where there is one."""
    left_out: Counter[str] = Counter()
    known = None if files is None else pq.read_table(files)
    if known is not None:
        mine = pc.is_in(rollouts["problem_id"], known["id"].combine_chunks())
        # Problems, as the other counts of pairs and prompts are.
        left_out[NOT_IN_RUN] += len(rollouts.filter(pc.invert(mine))["problem_id"].unique())
        rollouts = rollouts.filter(mine)
    if options.model is not None:
        rollouts = of_one_model(rollouts, options.model)
    table = _MADE[of](rollouts, options, left_out)
    schema = table.schema
    if known is not None:
        extra = [name for name in known.schema.names if name not in schema.names]
        schema = pa.schema([*schema, *(known.schema.field(name) for name in extra)])

    def rows() -> Iterator[Row]:
        beside = {} if known is None else {row["id"]: row for row in known.to_pylist()}
        for batch in table.to_batches(ROW_GROUP):
            for row in batch.to_pylist():
                yield {**beside.get(row["problem_id"], {}), **{k: v for k, v in row.items() if v is not None}}

    return Source(rows, schema, left_out)


def has_rollouts(run_folder: Path) -> bool:
    """Whether a student tried the questions of a run."""
    return StageStore(run_folder, ROLLOUTS.stage).manifest() is not None


def run_rollouts(run_folder: Path | str) -> pa.Table:
    """The rollouts that the stage `difficulty` of a run wrote.

    Raises:
        StoreError: it has no such stage, or a part of them is damaged.
    """
    run_folder = Path(run_folder)
    manifest = StageStore(run_folder, ROLLOUTS.stage).manifest()
    if manifest is None:
        raise StoreError(
            f"{run_folder} has no rollouts, since no student tried its questions; set roles.student and run "
            "it again, or name a table of rollouts with --rollouts FILE."
        )
    files = [f.path for part in manifest.parts for f in part.files if f.table == ROLLOUTS.name]
    try:
        tables = [pq.read_table(run_folder / path, columns=ROLLOUTS.schema.names) for path in files]
        return pa.concat_tables(tables).cast(ROLLOUTS.schema)
    except (OSError, ValueError, pa.ArrowException) as fault:
        raise StoreError(
            f"A part of the rollouts of {run_folder} is damaged ({fault}); run it again."
        ) from fault


def _questions(rollouts: pa.Table, options: Options, left_out: Counter[str]) -> pa.Table:
    right = supervised(rollouts)
    made = supervised(right, per_problem=options.per_problem, choose=options.choose, seed=options.seed)
    left_out["a response that is not right, or truncated"] += rollouts.num_rows - right.num_rows
    left_out["a right response more than were asked for"] += right.num_rows - made.num_rows
    return _renamed(made.drop_columns(["answer"]), rollout_id="id", problem="question", response="answer")


def _pairs(rollouts: pa.Table, options: Options, left_out: Counter[str]) -> pa.Table:
    made = pairs(
        rollouts, per_problem=options.per_problem, match=options.match,
        truncated=options.truncated, seed=options.seed,
    )  # fmt: skip
    if not made.num_rows:
        raise ConfigError(
            "No problem has both a right response and a wrong one, so there is no pair; sample more."
        )
    unpaired = set(rollouts["problem_id"].to_pylist()) - set(made["problem_id"].to_pylist())
    left_out["a problem without both a right response and a wrong one"] += len(unpaired)
    return _renamed(made, pair_id="id", problem="question")


def _prompts(rollouts: pa.Table, options: Options, left_out: Counter[str]) -> pa.Table:
    found = prompts(
        rollouts,
        max_pass_rate=options.max_pass_rate,
        max_length_cv=options.max_length_cv,
        model=options.model,
    )
    left_out.update(DROPPED[reason] for reason in found.dropped["reason"].to_pylist())
    made = found.kept.drop_columns(["reason"]).append_column("id", found.kept["problem_id"])
    return _renamed(made, problem="question")


_MADE: dict[Of, Callable[[pa.Table, Options, Counter[str]], pa.Table]] = {
    "questions": _questions,
    "pairs": _pairs,
    "prompts": _prompts,
}


def _renamed(table: pa.Table, **names: str) -> pa.Table:
    return table.rename_columns([names.get(name, name) for name in table.column_names])
