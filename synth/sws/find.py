"""From logs to files: `weaknesses.parquet`, `categories.parquet` and `rejected.parquet`.

In: paths of logs. Out: the tables in a folder, and what came of it in numbers.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from synth.config_weakness import WeaknessConfig
from synth.errors import ConfigError
from synth.stages.base import rejected_table
from synth.sws.categories import categories
from synth.sws.read import Reading, read_histories
from synth.sws.weak import stripped
from synth.sws.weakness import visited_once, weaknesses
from synth.writing import atomic

ROW_GROUP = 10_000


class Found(NamedTuple):
    """What was written, and what of it is worth a word."""

    weaknesses: pa.Table
    categories: pa.Table
    rejected: pa.Table
    warnings: list[str]
    rows: int

    def summary(self, out: Path) -> dict[str, object]:
        """The figures for machines."""
        failed = self.weaknesses["is_weakness"]
        return {
            "folder": str(out),
            "rows": self.rows,
            "problems": pc.count_distinct(self.weaknesses["problem_id"]).as_py(),
            "weaknesses": pc.sum(failed).as_py() or 0,
            "definition": self.weaknesses["definition"][0].as_py(),
            "visits": [pc.min(self.weaknesses["visits"]).as_py(), pc.max(self.weaknesses["visits"]).as_py()],
            "rejected": _counts(self.rejected["reason"]),
            "warnings": self.warnings,
            "categories": self.categories.to_pylist(),
        }


def find(
    paths: Sequence[Path],
    out: Path,
    *,
    reading: Reading = Reading(),  # noqa: B008 (it is frozen)
    config: WeaknessConfig | None = None,
    budget: int = 1_000,
    totals: Mapping[str, int] | None = None,
    concepts: Mapping[str, int] | None = None,
) -> Found:
    """Write the three tables of some logs into the folder `out`.

    Raises:
        ConfigError: a log cannot be used, or `out` is a file.
        StoreError: the disk is full, or not to be written on.
    """
    config = config or WeaknessConfig()
    if out.exists() and not out.is_dir():
        raise ConfigError(f"--out {out}: this is a file; name a folder.")
    read = read_histories(paths, reading._replace(merged=config.merged))
    scored = weaknesses(read.histories, config)
    shares = categories(scored, budget, totals=totals, concepts=concepts, shared=config.shared_concepts)
    rejected = rejected_table("weaknesses", read.rejected)
    told = stripped(scored, reading.strip_start, reading.strip_end)
    for name, table in (("weaknesses", told), ("categories", shares), ("rejected", rejected)):
        with atomic(out / f"{name}.parquet") as temporary:
            pq.write_table(table, temporary, compression="zstd", row_group_size=ROW_GROUP)
    once = [said] if (said := visited_once(scored)) else []
    return Found(scored, shares, rejected, [*read.warnings, *_warned(scored, bool(totals)), *once], read.rows)


def _warned(scored: pa.Table, told: bool) -> list[str]:
    """What a reader should know of the numbers before trusting them."""
    failed = pc.sum(scored["is_weakness"]).as_py() or 0
    if not failed:
        return ["No problem is a weakness by this rule, so no category has a budget."]
    if failed == scored.num_rows and not told:
        return [
            "Every problem is a weakness: the log holds failures only, and --total is to tell the problems of"
            " each category; or the student fails everything, and the rates say nothing."
        ]
    few = pc.sum(pc.less(pc.fill_null(scored["attempts"], FEW), FEW)).as_py() or 0
    if scored["definition"][0].as_py().startswith("rate") and few:
        return [f"Problems with fewer than {FEW} attempts: {few:,}; a pass rate of so few says little."]
    return []


FEW = 8  # attempts at one visit that a pass rate needs (SwS, weaknesses)


def _counts(column: pa.ChunkedArray) -> dict[str, int]:
    return {row["values"]: row["counts"] for row in pc.value_counts(column).to_pylist()}
