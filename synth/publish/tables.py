"""The tables of a run as they are published, or those of several runs as if one had made them.

In: folders of finished runs, and the stages of each. Out: tables, manifests and the funnel. Of rows with
equal keys that of the first run stays; the graph is built of the mentions of all. One run is read as it is.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from synth.config import GraphConfig
from synth.graph.merging import Merge, relabelled
from synth.ids import digest
from synth.report import FunnelRow, manifests
from synth.schemas import STAGES, TABLES, main_table
from synth.stages.graph import build_graph
from synth.store import Manifest, PartRecord, StageStore

# The tables that hold what all passages together make.
GRAPH = ("concepts", "incidence")


class Published:
    """What the finished runs hold, the oldest first; `stages` are those of any of them."""

    def __init__(self, folders: Sequence[Path], graph: GraphConfig) -> None:
        self.folders = tuple(folders)
        self._each = [manifests(folder) for folder in folders]
        self.stages = tuple(stage for stage in STAGES if any(stage in one for one in self._each))
        self._graph_config = graph
        self._graph: Mapping[str, pa.Table] | None = None

    @property
    def last(self) -> Path:
        """The newest run."""
        return self.folders[-1]

    def read(self, name: str) -> pa.Table:
        """A table of all runs, in the order of its key; empty where its stage is left out."""
        if name in GRAPH and len(self.folders) > 1:
            return self._built()[name]
        spec = TABLES[name]
        return self._joined(spec.stage, name)

    def rejected(self, stage: str) -> pa.Table:
        """The rejected rows of a stage."""
        return self._joined(stage, "rejected")

    def manifests(self) -> dict[str, Manifest]:
        """For each stage what stands of it: counts of all runs, the rest as in the newest."""
        if len(self._each) == 1:
            return self._each[0]
        return {stage: _sum([one[stage] for one in self._each if stage in one]) for stage in self.stages}

    def funnel(self) -> list[FunnelRow]:
        """The funnel of all runs."""
        return [
            FunnelRow(
                stage,
                m.inputs,
                m.parents,
                m.outputs.get(main_table(stage), 0),
                m.rejected,
                m.reasons,
                m.reused,
            )
            for stage, m in self.manifests().items()
        ]

    def _joined(
        self, stage: str, name: str, change: Callable[[pa.Table, Path], pa.Table] = lambda table, _: table
    ) -> pa.Table:
        spec = TABLES[name]
        there = [folder for folder, found in zip(self.folders, self._each, strict=True) if stage in found]
        tables = [change(StageStore(folder, stage).read(name), folder) for folder in there]
        if len(tables) == 1:
            return tables[0]
        whole = pa.concat_tables([spec.schema.empty_table(), *tables], promote_options="default")
        return (whole if name == "rejected" else _first(whole, spec.key)).sort_by(spec.key)

    def _built(self) -> Mapping[str, pa.Table]:
        if self._graph is None:
            read: Callable[[str], pa.Table] = self.read
            mentions = self._joined("concepts", "mentions", taken_for_merged)
            # Rows name the concepts of their own run, so what no run has merged stays apart here as well.
            config = self._graph_config.model_copy(update={"merge": "off"})
            self._graph = build_graph(mentions, read("extractions"), read("passages"), config).tables
        return self._graph


def taken_for_merged(mentions: pa.Table, run_folder: Path) -> pa.Table:
    """Mentions under the concepts that the run of that folder took theirs for."""
    if "graph" not in manifests(run_folder):
        return mentions
    merged = StageStore(run_folder, "graph").read("merges").to_pylist()
    rows = relabelled(mentions.to_pylist(), {row["merged_id"]: Merge(**row) for row in merged})
    return pa.Table.from_pylist(rows, mentions.schema) if merged else mentions


def _first(table: pa.Table, key: str) -> pa.Table:
    """Of rows with equal keys the first."""
    seen: dict[str, int] = {}
    for place, value in enumerate(table[key].to_pylist()):
        seen.setdefault(value, place)
    if len(seen) == table.num_rows:
        return table
    return table.take(pa.array(np.fromiter(seen.values(), np.int64, len(seen))))


def _sum(found: Sequence[Manifest]) -> Manifest:
    """One manifest for a stage of several runs; what a target made of each run is that run's."""
    last = found[-1]
    outputs: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    parts: list[PartRecord] = []
    for manifest in found:
        outputs.update(manifest.outputs)
        reasons.update(manifest.reasons)
        parts += manifest.parts
    kept = {key: value for key, value in last.made_from["settings"].items() if not key.startswith("target.")}
    update: dict[str, Any] = {
        "fingerprint": digest([manifest.outcome for manifest in found], size=16),
        "made_from": {**last.made_from, "settings": kept},
        "outputs": dict(outputs),
        "reasons": dict(sorted(reasons.items())),
        "reused": 0,
        "parts": tuple(parts),
    }
    sums = {name: sum(getattr(m, name) for m in found) for name in ("inputs", "parents", "rejected")}
    return last.model_copy(update={**update, **sums})
