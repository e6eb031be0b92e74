"""Figures of a dataset, worked out once and stored beside it as `stats.json`."""

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from synth.config import RunConfig
from synth.costs import as_trees, stage_costs
from synth.documents.collect import FILES_NOTE
from synth.graph.statistics import coverage, gini, statistics, top_mass
from synth.publish.sources import by_source
from synth.report import FunnelRow
from synth.store import Manifest
from synth.target import outcome

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def dataset_stats(
    rows: pa.Table,
    documents: pa.Table,
    concepts: pa.Table,
    incidence: pa.Table,
    funnel: list[FunnelRow],
    manifests: dict[str, Manifest],
    judging: dict[str, Any] | None = None,
    answering: dict[str, Any] | None = None,
    student: dict[str, Any] | None = None,
    aimed: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Counts, lengths, sources, models, funnel, costs, verdicts, agreement, pass rates, the graph's shape."""
    frame = rows.to_pandas(types_mapper=pd.ArrowDtype)
    return {
        "rows": len(frame),
        "origins": _counts(frame["origin"]),
        "languages": _counts(frame["language"]),
        "difficulty": _counts(frame["difficulty"].dropna()),
        "hardness": _counts(frame["hardness"].dropna()),
        "licences": _counts(x for xs in frame["licences"] for x in xs),
        "sources": len({x for xs in frame["sources"] for x in xs}),
        "by_source": by_source(documents, rows),
        "cross_document": sum(len(xs) > 1 for xs in frame["sources"]),
        "cross_passage": sum(len(xs) > 1 for xs in frame["passage_ids"]),
        "concepts_used": len({x for xs in frame["concepts"] for x in xs}),
        "concepts_found": concepts.num_rows,
        "concept_use": _use(frame, concepts),
        "topics": coverage(concepts, Counter(x for xs in frame["concepts"] for x in xs)),
        "models": models_of(manifests),
        "prompts": {k: v for m in manifests.values() for k, v in m.made_from["prompts"].items()},
        "notes": _notes(manifests),
        "words": {name: _words(frame[name]) for name in ("question", "answer")},
        "funnel": [_funnel_row(row) for row in funnel],
        "cost": as_trees(stage_costs(manifests)),
        "judging": judging,
        "answering": answering,
        "student": student,
        "aimed": aimed,
        "graph": statistics(concepts, incidence),
        "fingerprints": {stage: m.fingerprint for stage, m in manifests.items()},
        **_target(manifests),
    }


def _use(frame: pd.DataFrame, concepts: pa.Table) -> dict[str, float]:
    """How evenly questions use concepts: over those in use, and over all that there are."""
    used = Counter(x for xs in frame["concepts"] for x in xs)
    counts = np.array(list(used.values()), np.int64)
    rest = np.zeros(max(concepts.num_rows - len(counts), 0), np.int64)
    every = np.concatenate((counts, rest))
    cross = sum(len(xs) > 1 for xs in frame["sources"])
    return {
        "gini_used": gini(counts),
        "gini_all": gini(every),
        "top_mass": top_mass(every),
        "cross_document_share": cross / len(frame) if len(frame) else 0.0,
    }


def _target(manifests: dict[str, Manifest]) -> dict[str, Any]:
    found = outcome(manifests)
    return {"target": found._asdict()} if found else {}


def models_of(manifests: dict[str, Manifest]) -> dict[str, str]:
    """Identity of the model in each role."""
    return {role: name for m in manifests.values() for role, name in m.made_from["models"].items()}


def _notes(manifests: dict[str, Manifest]) -> list[str]:
    """What the stages said of their results, without what only the history of the run decides."""
    said = [note for manifest in manifests.values() for note in manifest.notes]
    return [note for note in said if not note.startswith(FILES_NOTE)]


def _counts(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))


def _words(texts: pd.Series) -> dict[str, float]:
    words = texts.map(lambda text: len(text.split())).astype("float64")
    return {f"p{q * 100:g}": round(float(words.quantile(q)), 1) for q in QUANTILES} if len(words) else {}


def _funnel_row(row: FunnelRow) -> dict[str, Any]:
    # What was reused says how the run went, not what it made: it belongs to run_report.json.
    return {k: v for k, v in row._asdict().items() if k != "reused"}


def provenance(config: RunConfig, version: str, stats: dict[str, Any]) -> dict[str, str]:
    """What stands in the metadata of each published Parquet file."""
    return {
        "synth.version": version,
        "synth.recipe": config.recipe,
        "synth.preset": config.preset,
        "synth.seed": str(config.seed),
        "synth.models": json.dumps(stats["models"], sort_keys=True),
        "synth.prompts": json.dumps(stats["prompts"], sort_keys=True),
        "synth.fingerprint": stats["fingerprints"]["dataset"],
    }
