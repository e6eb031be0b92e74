"""Logs for tests: written in any kind of file, and a plain reference of every score."""

import csv
import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

Row = dict[str, Any]
KINDS = ("log.jsonl", "log.jsonl.gz", "log.csv", "log.csv.gz", "log.parquet")


def written(path: Path, rows: Sequence[Row]) -> Path:
    """The rows as the kind of file that the name says; CSV writes lists as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(list(rows)), path, row_group_size=3)
        return path
    with gzip.open(path, "wt", newline="") if path.suffix == ".gz" else path.open("w", newline="") as file:
        if ".csv" in path.name:
            writer = csv.DictWriter(file, list(dict.fromkeys(name for row in rows for name in row)))
            writer.writeheader()
            writer.writerows(
                {k: json.dumps(v) if isinstance(v, list) else v for k, v in row.items()} for row in rows
            )
        else:
            file.writelines(json.dumps(row) + "\n" for row in rows)
    return path


def wide(**histories: list[float]) -> list[Row]:
    return [{"prompt": name, "accs": values} for name, values in histories.items()]


def naive_slope(values: Sequence[float]) -> float:
    """Least squares as its formula is written."""
    count = len(values)
    if count == 1:
        return 0.0
    middle, mean = (count - 1) / 2, sum(values) / count
    above = sum((t - middle) * (a - mean) for t, a in enumerate(values))
    return above / sum((t - middle) ** 2 for t in range(count))


def naive_variance(values: Sequence[float]) -> float:
    mean = sum(values) / len(values)
    return sum((a - mean) ** 2 for a in values) / len(values)


def naive_lim(histories: Sequence[Sequence[float]]) -> list[float | None]:
    """LIMR's score of each history over its own visits."""
    means = []
    for t in range(max(map(len, histories))):
        at = [values[t] for values in histories if len(values) > t]
        means.append(sum(at) / len(at))
    found: list[float | None] = []
    for values in histories:
        room = sum((1 - means[t]) ** 2 for t in range(len(values)))
        away = sum((a - means[t]) ** 2 for t, a in enumerate(values))
        found.append(1 - away / room if room else None)
    return found


def naive_histories(
    rows: Sequence[Row],
) -> dict[str, tuple[list[float], list[int], list[float | None] | None]]:
    """Accuracies, decided attempts and unanimity at each visit of each problem, one row at a time."""
    found = {}
    for problem in {row["problem"] for row in rows}:
        visits = []
        for visit in sorted({row["visit"] for row in rows}):
            here = [row for row in rows if row["problem"] == problem and row["visit"] == visit]
            decided = [row["correct"] for row in here if row["correct"] is not None]
            answers = [row["answer"] for row in here if row["answer"] is not None]
            most = max((answers.count(answer) for answer in answers), default=None)
            if decided:
                shared = None if most is None else most / len(here)
                visits.append((sum(decided) / len(decided), len(decided), shared))
        if visits:
            accuracies, attempts, shares = map(list, zip(*visits, strict=True))
            known = any(share is not None for share in shares)
            found[problem] = (accuracies, attempts, shares if known else None)
    return found
