"""A picture of the concept graph: in, concepts and incidence; out, a PNG or SVG file, and figures.

The strongest concepts only: topics as squares, key concepts as circles, coloured by community. The same
tables give the same bytes, so that a published folder can be compared. Names are untrusted: they are
drawn as they are, never read as mathematics.
"""

import textwrap
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from synth.graph.incidence import Incidence
from synth.graph.layout import Cell, Points, communities, positions
from synth.graph.statistics import statistics

if TYPE_CHECKING:
    import networkx as nx
    from matplotlib.axes import Axes

__all__ = ["HEIGHT", "WIDTH", "Plan", "draw", "plan", "statistics"]

Edge = tuple[Any, Any, float]

WIDTH, HEIGHT, FOOT = 1080.0, 760.0, 34.0  # in points, 1/72 inch
FONT = 11.0
LINE_CHARS = 20
COLOURS = (
    "#3b6fb6", "#d1733a", "#4c9a5b", "#b5495b", "#7d5fa8", "#8a6d4b",
    "#c96fa8", "#5d8f9e", "#a39a2e", "#6b7280", "#2f9e94", "#c2553d",
)  # fmt: skip


class Plan(NamedTuple):
    """What is drawn where: for each row its label, radius, community, place; edges join places in `rows`."""

    rows: list[dict[str, Any]]
    graph: "nx.Graph[int]"
    labels: list[str]
    radii: Points
    groups: list[int]
    spots: Points


def plan(concepts: pa.Table, incidence: pa.Table, top: int) -> Plan:
    """Where the `top` concepts of the most passages are drawn, above a foot, with y from the lower edge."""
    rows = _strongest(concepts, top)
    graph = _graph(incidence, rows)
    labels = [_label(row["name"]) for row in rows]
    radii = np.array([5.0 + 1.5 * min(np.sqrt(row["passages"]), 6.0) for row in rows])
    if not rows:
        return Plan(rows, graph, labels, radii, [], np.zeros((0, 2)))
    groups = communities(graph)
    spots = positions(graph, groups, _boxes(labels, radii), Cell((0, FOOT), (WIDTH, HEIGHT)))
    return Plan(rows, graph, labels, radii, groups, spots)


def draw(concepts: pa.Table, incidence: pa.Table, path: Path, top: int = 40) -> None:
    """Draw the `top` concepts of the most passages; the suffix of the path chooses PNG or SVG."""
    import matplotlib
    from matplotlib.figure import Figure

    planned = plan(concepts, incidence, top)
    # Without a fixed salt each SVG has other ids; text as paths needs no font where it is looked at.
    fixed: Any = {"svg.hashsalt": "synth", "svg.fonttype": "path", "font.family": ["DejaVu Sans"]}
    with matplotlib.rc_context(fixed), warnings.catch_warnings():
        # A script that the font lacks is drawn as boxes; that is no reason to stop a run.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure = Figure(figsize=(WIDTH / 72, HEIGHT / 72), dpi=120, facecolor="white")
        axes = figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(0, HEIGHT))
        axes.set_axis_off()
        _draw_graph(axes, planned)
        _draw_foot(axes, len(planned.rows), len(concepts))
        metadata = {"Date": None, "Creator": None} if path.suffix == ".svg" else {"Software": None}
        figure.savefig(path, metadata=metadata)


def _strongest(concepts: pa.Table, top: int) -> list[dict[str, Any]]:
    columns = ["concept_id", "kind", "name", "passages", "degree"]
    rows: list[dict[str, Any]] = concepts.select(columns).to_pylist()
    rows.sort(key=lambda r: (-r["passages"], -r["degree"], r["kind"] != "topic", r["concept_id"]))
    return rows[:top]


def _graph(incidence: pa.Table, rows: list[dict[str, Any]]) -> "nx.Graph[int]":
    """The graph among some concepts; its nodes are places in `rows`."""
    import networkx as nx

    from synth.graph.export import to_networkx

    index = Incidence.from_table(incidence)
    named = to_networkx(index, only=[index.number(row["concept_id"]) for row in rows])
    graph: nx.Graph[int] = nx.Graph()
    graph.add_nodes_from(range(len(rows)))
    place = {row["concept_id"]: i for i, row in enumerate(rows)}
    edges: list[Edge] = list(named.edges(data="weight"))
    graph.add_weighted_edges_from(sorted((place[a], place[b], weight) for a, b, weight in edges))
    return graph


def _draw_graph(axes: "Axes", planned: Plan) -> None:
    rows, graph, labels, radii, groups, spots = planned
    if not rows:
        axes.text(WIDTH / 2, HEIGHT / 2, "No concepts yet", ha="center", va="center", fontsize=16)
        return
    colours = [COLOURS[group % len(COLOURS)] for group in groups]
    _draw_grounds(axes, planned)
    _draw_edges(axes, graph, spots, groups, colours)
    for marker, kind in (("s", "topic"), ("o", "key_concept")):
        mine = [i for i, row in enumerate(rows) if row["kind"] == kind]
        axes.scatter(
            spots[mine, 0], spots[mine, 1], s=(2 * radii[mine]) ** 2, marker=marker, zorder=3,
            c=[colours[i] for i in mine], edgecolors="white", linewidths=1.0,
        )  # fmt: skip
    for row, label, spot, radius in zip(rows, labels, spots, radii, strict=True):
        weight = "bold" if row["kind"] == "topic" else "normal"
        _write(axes, spot[0], spot[1] - radius - 2, label, weight)


def _draw_grounds(axes: "Axes", planned: Plan) -> None:
    """A pale ground behind each community, so that it is seen as one; they do not overlap."""
    from matplotlib.patches import FancyBboxPatch

    boxes, groups = _boxes(planned.labels, planned.radii), np.array(planned.groups)
    low, high = planned.spots - boxes[:, [0, 3]], planned.spots + boxes[:, [1, 2]]
    for group in range(int(groups.max()) + 1):
        mine = groups == group
        (left, lower), (right, upper) = low[mine].min(axis=0), high[mine].max(axis=0)
        ground = FancyBboxPatch(
            (left, lower), right - left, upper - lower,
            boxstyle="round,pad=2,rounding_size=9", linewidth=0, zorder=0,
            facecolor=COLOURS[group % len(COLOURS)], alpha=0.09,
        )  # fmt: skip
        axes.add_patch(ground)


def _draw_edges(
    axes: "Axes", graph: "nx.Graph[int]", spots: Points, groups: list[int], colours: list[str]
) -> None:
    from matplotlib.collections import LineCollection

    edges: list[Edge] = list(graph.edges(data="weight"))
    if not edges:
        return
    most = max((weight for _, _, weight in edges), default=1)
    within = [groups[a] == groups[b] for a, b, _ in edges]
    lines = LineCollection(
        [(spots[a], spots[b]) for a, b, _ in edges],
        colors=[colours[a] if near else "#64748b" for (a, _, _), near in zip(edges, within, strict=True)],
        linewidths=[1.0 + 3.0 * (weight - 1) / most for _, _, weight in edges],
        # Many weak lines cross from one community to another: fainter, or they would cover everything.
        alpha=[0.6 if near else 0.3 for near in within],
        zorder=1,
    )
    axes.add_collection(lines)


def _draw_foot(axes: "Axes", shown: int, total: int) -> None:
    axes.scatter([24], [17], s=70, marker="s", c="#4b5563")
    axes.scatter([90], [17], s=70, marker="o", c="#4b5563")
    axes.text(34, 17, "topic", va="center", fontsize=10)
    axes.text(100, 17, "key concept", va="center", fontsize=10)
    said = (
        f"{shown:,} of {total:,} concepts, those found in the most passages. Size: passages it is found in."
    )
    said += " Line: passages in common. Colour: community."
    axes.text(WIDTH - 16, 17, said, va="center", ha="right", fontsize=10, color="#4b5563")


def _label(name: str) -> str:
    """At most three short lines of characters that can be drawn."""
    plain = "".join(c if c.isprintable() else " " for c in name)
    return "\n".join(textwrap.wrap(plain, LINE_CHARS, max_lines=3, placeholder=" …")) or "?"


def _boxes(labels: list[str], radii: Points) -> Points:
    """Room for each node and the label under it: left, right, up and down from its middle."""
    lines = [label.split("\n") for label in labels]
    half = np.array([max(map(len, words)) * FONT * 0.33 for words in lines])
    down = np.array([len(words) * FONT * 1.2 for words in lines])
    wide = np.maximum(half, radii) + 3
    return np.stack([wide, wide, radii + 3, radii + down + 5], axis=1)


def _write(axes: "Axes", x: float, y: float, label: str, weight: str) -> None:
    from matplotlib.patheffects import withStroke

    halo = [withStroke(linewidth=3.5, foreground="white")]
    axes.text(
        x, y, label, ha="center", va="top", fontsize=FONT, fontweight=weight, linespacing=1.0,
        color="#111827", parse_math=False, path_effects=halo, zorder=4,
    )  # fmt: skip
