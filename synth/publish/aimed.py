"""What a run with rollouts aimed at: in, its tables; out, figures for `stats.json` and the card."""

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from synth.store import StageStore

DIGITS = 4


def aimed_stats(run_folder: Path, rows: pa.Table) -> dict[str, Any]:
    """Problems, weaknesses and budget of each category, and how many of its rows are published."""
    found = StageStore(run_folder, "weaknesses").read("weaknesses")
    shares = StageStore(run_folder, "targets").read("budgets").to_pylist()
    matches = StageStore(run_folder, "combinations").read("matches")
    published = Counter(rows["category"].to_pylist())
    return {
        "problems": found.num_rows,
        "weaknesses": pc.sum(found["is_weakness"]).as_py() or 0,
        "definition": found["definition"][0].as_py(),
        "students": sorted({model for model in found["model"].to_pylist() if model}),
        "logs": sorted(set(found["source"].to_pylist())),
        "concepts": matches.num_rows,
        "without_passage": sum(not passages for passages in rows["passage_ids"].to_pylist()),
        "matched": dict(sorted(Counter(matches["tier"].to_pylist()).items())),
        "categories": [
            {
                **{
                    name: row[name]
                    for name in ("category", "problems", "failed", "concepts", "budget", "capped")
                },
                "rate": round(row["failed"] / row["problems"], DIGITS),
                "rows": published[row["category"]],
            }
            for row in shares
        ],
    }
