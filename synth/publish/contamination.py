"""Figures of contamination: how many questions fell for which benchmark, by which tier.

In: the rejected rows of the stage `screen`, items, tiers that took part. Out: what stands in `stats.json`
under `contamination`. Counts and names only: an item's text is nowhere in it.
"""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from synth.config import ScreenConfig
from synth.dedup.benchmarks import Item
from synth.dedup.tiers import TIERS, described
from synth.stages.screen import OF_INDEX
from synth.stages.screen_benchmarks import EVIDENCE, PASSAGE, REASON


def contamination_stats(rejected: pa.Table, items: Sequence[Item], config: ScreenConfig) -> dict[str, Any]:
    """For each benchmark its items and the questions that fell, by tier; and what each tier finds."""
    fallen = rejected.filter(pc.equal(rejected["reason"], REASON))
    found = [json.loads(row)[EVIDENCE] for row in fallen["row"].to_pylist()]
    counts = Counter((one["benchmark"], _kind(one)) for one in found)
    known = Counter(item.benchmark for item in items)
    tiers = [name for name in TIERS if config.paraphrases or name != "paraphrase"]
    tiers = [name for name in tiers if name != "judged" or any(one["tier"] == name for one in found)]
    return {
        "benchmarks": {
            name: {
                "items": known[name],
                "questions": {kind: counts[name, kind] for kind in (*tiers, PASSAGE) if counts[name, kind]},
            }
            for name in sorted(known)
        },
        "tiers": described(tiers, config.benchmark_ngram),
    }


def earlier_stats(rejected: pa.Table, config: ScreenConfig) -> dict[str, Any]:
    """How many questions repeat one of the index of earlier ones; nothing where none is named."""
    if not config.index:
        return {}
    count = sum(OF_INDEX in (detail or "") for detail in rejected["detail"].to_pylist())
    return {"earlier": {"index": PurePath(config.index).name, "rejected": count}}


def _kind(evidence: dict[str, Any]) -> str:
    """The tier, or that it was a passage that overlaps."""
    return PASSAGE if evidence["where"] == PASSAGE else str(evidence["tier"])
