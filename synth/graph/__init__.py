"""The concept graph: incidence lists, walks, references, and what can be seen of it.

import synth.graph
graph = synth.graph.to_networkx("data/runs/demo-1a2b3c4d", around="con_…")
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from synth.graph.opened import open_graph, to_networkx, write_edges

__all__ = ["open_graph", "to_networkx", "write_edges"]


def __getattr__(name: str) -> Any:
    # On first use: what samples a graph needs no run folder.
    if name in __all__:
        from synth.graph import opened

        return getattr(opened, name)
    raise AttributeError(f"module 'synth.graph' has no attribute {name!r}")
