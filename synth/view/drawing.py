"""The picture of a run's concept graph for a page: worked out once, and kept beside the run.

In: a source with concepts and incidence. Out: places of its strongest concepts and the lines between them, as
the published picture has them (`synth.graph.picture`).
"""

import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from synth.graph.picture import HEIGHT, WIDTH, plan
from synth.view.engine import QueryFault
from synth.view.index import kept_beside
from synth.view.sources import Source, Table
from synth.writing import write_bytes

TOP = 60
# Made with more concepts, a picture would take more memory than the viewer has.
MOST_CONCEPTS = 2_000_000


def drawing(source: Source) -> dict[str, Any]:
    """Nodes with their places, edges between them, and how many concepts there are in all."""
    incidence = source.tables["incidence"]
    path = kept_beside(source, f"graph-{incidence.stamp[:16]}.json")
    try:
        kept: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError):
        kept = _work_out(source)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_bytes(path, json.dumps(kept).encode())
        except OSError:
            pass  # it is worked out anew the next time
    return kept


def _work_out(source: Source) -> dict[str, Any]:
    concepts, incidence = (_read(source.tables[name]) for name in ("concepts", "incidence"))
    try:
        found = plan(concepts, incidence, TOP)
    except (KeyError, ValueError, TypeError) as fault:
        raise QueryFault("The tables of the concept graph do not fit each other; run it again.") from fault
    nodes = [
        {
            "id": row["concept_id"], "name": row["name"], "kind": row["kind"], "passages": row["passages"],
            "x": round(float(x), 1), "y": round(HEIGHT - float(y), 1), "r": round(float(r), 1),
            "group": group, "lines": label.split("\n"),
        }
        for row, (x, y), r, group, label in zip(
            found.rows, found.spots, found.radii, found.groups, found.labels, strict=True
        )
    ]  # fmt: skip
    weighted: list[tuple[int, int, float]] = list(found.graph.edges(data="weight"))
    edges = [[a, b, float(weight)] for a, b, weight in weighted]
    size = {"width": WIDTH, "height": HEIGHT, "total": concepts.num_rows}
    return {"nodes": nodes, "edges": edges, "most": max((edge[2] for edge in edges), default=1.0), **size}


def _read(table: Table) -> pa.Table:
    read = [pq.read_table(file, partitioning=None) for file in table.files]
    return pa.concat_tables(read, promote_options="default").sort_by(str(table.key))
