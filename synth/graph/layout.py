"""Where the nodes of a picture go: in, a graph of whole numbers; out, communities and positions.

Each community gets a rectangle of its own, beside those it has most to do with, so that labels can be
read however many edges there are. Nodes are numbers, not names: sets of names come in another order in
every process, sets of small numbers do not, and the same graph must give the same picture.
"""

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import networkx as nx

Points = NDArray[np.float64]
SEED = 0
ROUNDS = 400
MARGIN = 8.0


class Cell(NamedTuple):
    """A rectangle: from `low` to `high`, both (x, y)."""

    low: tuple[float, float]
    high: tuple[float, float]


def communities(graph: "nx.Graph[int]") -> list[int]:
    """The community of each node, the largest first."""
    import networkx as nx

    found = nx.community.louvain_communities(graph, weight="weight", seed=SEED)
    ordered = sorted(found, key=lambda nodes: (-len(nodes), min(nodes, default=0)))
    group = {node: number for number, nodes in enumerate(ordered) for node in nodes}
    return [group[node] for node in range(len(graph))]


def positions(graph: "nx.Graph[int]", groups: list[int], boxes: Points, area: Cell) -> Points:
    """A place for each node in `area`; `boxes` (left, right, up, down) are the room a node needs."""
    spots = np.zeros((len(graph), 2))
    room = (boxes[:, 0] + boxes[:, 1]) * (boxes[:, 2] + boxes[:, 3])
    for group, cell in _cells(graph, groups, room, area).items():
        nodes = [node for node, its in enumerate(groups) if its == group]
        spots[nodes] = _inside(graph.subgraph(nodes), nodes, boxes[nodes], cell)
    return spots


def _cells(graph: "nx.Graph[int]", groups: list[int], room: Points, area: Cell) -> dict[int, Cell]:
    """A rectangle for each community, of a size in proportion to the room its nodes need."""
    import networkx as nx

    between: Counter[tuple[int, int]] = Counter()
    edges: list[tuple[int, int, int]] = list(graph.edges(data="weight"))
    for a, b, weight in edges:
        between[min(groups[a], groups[b]), max(groups[a], groups[b])] += weight
    coarse: nx.Graph[int] = nx.Graph()
    coarse.add_nodes_from(range(max(groups) + 1))
    coarse.add_weighted_edges_from((a, b, w) for (a, b), w in sorted(between.items()) if a != b)
    middle = nx.spring_layout(coarse, seed=SEED)
    need = np.bincount(groups, weights=room).astype(np.float64)
    return _split(sorted(coarse), np.array([middle[group] for group in sorted(coarse)]), need, area)


def _split(groups: list[int], middle: Points, need: Points, cell: Cell) -> dict[int, Cell]:
    """Halve a rectangle across its longer side until each community has its own."""
    if len(groups) == 1:
        return {groups[0]: cell}
    axis = int(cell.high[1] - cell.low[1] > cell.high[0] - cell.low[0])
    ordered = sorted(groups, key=lambda group: (middle[group, axis], group))
    filled = np.cumsum(need[ordered]) / need[ordered].sum()
    cut = int(np.abs(filled[:-1] - 0.5).argmin()) + 1
    low, high = list(cell.low), list(cell.high)
    low[axis] = high[axis] = cell.low[axis] + float(filled[cut - 1]) * (cell.high[axis] - cell.low[axis])
    first, second = Cell(cell.low, (high[0], high[1])), Cell((low[0], low[1]), cell.high)
    return _split(ordered[:cut], middle, need, first) | _split(ordered[cut:], middle, need, second)


def _inside(graph: "nx.Graph[int]", nodes: list[int], boxes: Points, cell: Cell) -> Points:
    """Places of one community within its rectangle, by springs, then without overlaps."""
    import networkx as nx

    drawn = nx.spring_layout(graph, seed=SEED, iterations=200, k=2.0 / np.sqrt(len(nodes)))
    spots = np.array([drawn[node] for node in nodes])
    left, right, up, down = boxes.T
    low = np.array(cell.low) + MARGIN + np.stack([left, down], axis=1)
    high = np.array(cell.high) - MARGIN - np.stack([right, up], axis=1)
    low = np.minimum(low, (low + high) / 2)  # a label wider than its rectangle goes to the middle
    high = np.maximum(low, high)
    span = np.ptp(spots, axis=0)
    share = np.where(span > 0, (spots - spots.min(axis=0)) / np.where(span > 0, span, 1.0), 0.5)
    return _push_apart(low + share * (high - low), boxes, low, high)


def _push_apart(spots: Points, boxes: Points, low: Points, high: Points) -> Points:
    """Move overlapping boxes along the axis on which they overlap less, a part of the way each round."""
    left, right, up, down = boxes.T
    middle = np.stack([(right - left) / 2, (up - down) / 2], axis=1)
    half = np.stack([(left + right) / 2, (up + down) / 2], axis=1)
    # Boxes with one middle have no direction of their own: the order of their numbers gives one.
    order = np.sign(np.subtract.outer(np.arange(len(spots)), np.arange(len(spots))))[..., None]
    for _ in range(ROUNDS):
        centre = spots + middle
        apart = centre[:, None] - centre[None]
        overlap = half[:, None] + half[None] - np.abs(apart)
        touching = (overlap > 0).all(axis=2) & ~np.eye(len(spots), dtype=bool)
        if not touching.any():
            break
        narrow = overlap.argmin(axis=2)[..., None] == np.arange(2)
        push = overlap * np.where(apart == 0, order, np.sign(apart))
        spots = np.clip(spots + 0.3 * (push * (touching[..., None] & narrow)).sum(axis=1), low, high)
    return np.asarray(spots)
