"""What changed between two runs: settings, stages, the spread of their rows, and the rows themselves.

In: two run folders. Out: figures for a person, the same for the command line and the viewer. Rows are the
same where their ids are, as ids are hashes of what made them; texts are not read.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from synth.errors import StoreError
from synth.places import dataset_of
from synth.report import funnel
from synth.schemas import STAGES, TABLES

# Columns that would have to be read for long, and whose ids say the same (`call_id`, `answer_call_id`).
TEXTS = ("question", "answer")
MOST_VALUES, MOST_CHARS, EXAMPLES = 24, 80, 20


class Setting(NamedTuple):
    """A setting that differs; None where a run does not name it."""

    name: str
    a: str | None
    b: str | None


class StagePair(NamedTuple):
    """A stage in both runs: rows out and rejected; None where a run does not have it."""

    stage: str
    a: int | None
    b: int | None
    fell_a: int | None
    fell_b: int | None


class Shift(NamedTuple):
    """How often a value stands in a column, as shares of all rows of each run; None where it is missing."""

    column: str
    value: str | None
    a: float
    b: float


class Mean(NamedTuple):
    """Mean and median of a column of numbers; None where a run has none."""

    column: str
    a: float | None
    b: float | None
    median_a: float | None
    median_b: float | None


class Comparison(NamedTuple):
    """Two runs side by side; `examples` are some ids of each kind of row."""

    names: tuple[str, str]
    rows: tuple[int, int]
    settings: list[Setting]
    stages: list[StagePair]
    shifts: list[Shift]
    means: list[Mean]
    same: int
    changed: int
    only_a: int
    only_b: int
    changed_columns: dict[str, int]
    examples: dict[str, list[str]]


def compare(a: Path, b: Path) -> Comparison:
    """What changed from one run to another.

    Raises:
        StoreError: one of them has published no dataset, or it is damaged.
    """
    old, new = _rows(a), _rows(b)
    both = old.index.intersection(new.index)
    columns = [name for name in old.columns if name in new.columns]
    differs = {name: _differing(old.loc[both, name], new.loc[both, name]) for name in columns}
    changed = pd.DataFrame(differs, index=both).any(axis=1) if columns else pd.Series(False, index=both)
    only_a, only_b = old.index.difference(both), new.index.difference(both)
    return Comparison(
        names=(a.name, b.name),
        rows=(len(old), len(new)),
        settings=_settings(a, b),
        stages=_stages(a, b),
        shifts=_shifts(old, new),
        means=_means(old, new),
        same=len(both) - int(changed.sum()),
        changed=int(changed.sum()),
        only_a=len(only_a),
        only_b=len(only_b),
        changed_columns={name: int(found.sum()) for name, found in differs.items() if found.any()},
        examples={
            "changed": [str(id) for id in both[changed.to_numpy(dtype=bool)][:EXAMPLES]],
            "only_a": [str(id) for id in only_a[:EXAMPLES]],
            "only_b": [str(id) for id in only_b[:EXAMPLES]],
        },
    )


def _rows(run_folder: Path) -> pd.DataFrame:
    files = sorted((dataset_of(run_folder) / "questions").glob("*.parquet"))
    if not files:
        raise StoreError(f"{run_folder.name} has published no dataset yet, so there are no rows to compare.")
    try:
        wanted = [name for name in pq.read_schema(files[0]).names if name not in TEXTS]
        table = pa.concat_tables(
            [pq.read_table(file, columns=wanted, partitioning=None) for file in files],
            promote_options="default",
        )
        frame: pd.DataFrame = table.to_pandas(types_mapper=pd.ArrowDtype)
        return frame.drop_duplicates(TABLES["dataset"].key).set_index(TABLES["dataset"].key).sort_index()
    except (OSError, KeyError, pa.ArrowException) as fault:
        raise StoreError(
            f"The dataset of {run_folder.name} is damaged or of another kind ({fault})."
        ) from fault


def _differing(a: pd.Series, b: pd.Series) -> pd.Series:
    if _is_list(a):
        return pd.Series([list(x) != list(y) for x, y in zip(a, b, strict=True)], index=a.index, dtype=bool)
    same = (a == b) | (a.isna() & b.isna())
    return ~same.fillna(False).astype(bool)


def _is_list(column: pd.Series) -> bool:
    return isinstance(column.dtype, pd.ArrowDtype) and pa.types.is_list(column.dtype.pyarrow_dtype)


def _settings(a: Path, b: Path) -> list[Setting]:
    old, new = _flat(a), _flat(b)
    return [Setting(k, old.get(k), new.get(k)) for k in sorted({*old, *new}) if old.get(k) != new.get(k)]


def _flat(run_folder: Path) -> dict[str, str]:
    try:
        tree = tomllib.loads((run_folder / "run.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return dict(_leaves(tree, ""))


def _leaves(tree: Mapping[str, Any], before: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, value in tree.items():
        found += (
            _leaves(value, f"{before}{name}.") if isinstance(value, dict) else [(before + name, _told(value))]
        )
    return found


def _told(value: Any) -> str:
    """A setting for a person: items with commas, true and false as in a recipe."""
    if isinstance(value, list):
        return ", ".join(map(_told, value)) or "none"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _stages(a: Path, b: Path) -> list[StagePair]:
    old, new = ({row.stage: row for row in funnel(run)} for run in (a, b))
    return [
        StagePair(
            stage,
            *(run[stage].outputs if stage in run else None for run in (old, new)),
            *(run[stage].rejected if stage in run else None for run in (old, new)),
        )
        for stage in STAGES
        if stage in old or stage in new
    ]


def _shifts(old: pd.DataFrame, new: pd.DataFrame) -> list[Shift]:
    found = []
    for name in [
        name for name in old.columns if name in new.columns and _is_word(old[name]) and _is_word(new[name])
    ]:
        a, b = (_shares(run[name]) for run in (old, new))
        if len({*a, *b}) > 1 and len({*a, *b} - {None}) <= MOST_VALUES:
            values = sorted({*a, *b}, key=lambda value: (value is None, value or ""))
            found += [Shift(name, value, a.get(value, 0.0), b.get(value, 0.0)) for value in values]
    return found


def _shares(column: pd.Series) -> dict[str | None, float]:
    """The share of all rows that each value has, and those without one."""
    counts: dict[Any, Any] = column.value_counts(normalize=True, dropna=False).to_dict()
    return {None if pd.isna(value) else str(value): float(share) for value, share in counts.items()}


def _is_word(column: pd.Series) -> bool:
    """Whether a column holds one of a few words."""
    if str(column.name).endswith(("_sha", "_id")) and column.name != "prompt_id":
        return False
    if _is_list(column) or pd.api.types.is_numeric_dtype(column):
        return False
    values = column.dropna()
    return (
        bool(values.nunique() <= MOST_VALUES and values.astype(str).str.len().max() <= MOST_CHARS)
        if len(values)
        else True
    )


def _means(old: pd.DataFrame, new: pd.DataFrame) -> list[Mean]:
    found = []
    for name in [name for name in old.columns if name in new.columns]:
        if not (_is_list(old[name]) or _is_list(new[name])) and pd.api.types.is_numeric_dtype(old[name]):
            a, b = (run[name].dropna().astype("float64") for run in (old, new))
            if len(a) or len(b):
                found.append(Mean(name, _of(a.mean()), _of(b.mean()), _of(a.median()), _of(b.median())))
    return found


def _of(value: float) -> float | None:
    return None if pd.isna(value) else round(float(value), 4)
