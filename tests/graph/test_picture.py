import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import networkx as nx
import numpy as np
import pyarrow as pa
import pytest

from synth.graph.export import to_networkx
from synth.graph.layout import Cell, communities, positions
from synth.graph.picture import draw
from synth.graph.statistics import neighbour_counts
from synth.schemas import TABLES
from tests.graph.graph_corpus import LINKED, Passage, incidence_table, index

MANY: list[Passage] = [
    ((f"t{i % 4}", f"t{i % 3}"), [f"k{i % 4}{j}" for j in range(i % 5, i % 5 + 8)]) for i in range(60)
]


def concepts_table(corpus: Sequence[Passage], names: dict[str, str] | None = None) -> pa.Table:
    graph = index(corpus)
    topics, key_concepts = neighbour_counts(graph)
    return pa.table(
        {
            "concept_id": list(graph.concepts),
            "kind": ["topic" if is_topic else "key_concept" for is_topic in graph.is_topic],
            "name": [(names or {}).get(c, f"name of {c}") for c in graph.concepts],
            "passages": graph.postings.sizes,
            "degree": topics + key_concepts,
        }
    )


def picture(corpus: Sequence[Passage], path: Path, **options: int) -> bytes:
    draw(concepts_table(corpus), incidence_table(corpus), path, **options)
    return path.read_bytes()


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_the_same_graph_gives_the_same_bytes(suffix: str, tmp_path: Path) -> None:
    first, second = (picture(LINKED, tmp_path / f"{n}.{suffix}") for n in "ab")
    assert first == second
    assert first != picture(LINKED[:-1], tmp_path / f"c.{suffix}")


def test_bytes_do_not_depend_on_the_hash_seed_of_the_process(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from tests.graph.test_picture import MANY, picture;"
        "sys.stdout.write(__import__('hashlib').sha256(picture(MANY, Path(sys.argv[1]))).hexdigest())"
    )
    here = hashlib.sha256(picture(MANY, tmp_path / "here.png")).hexdigest()
    path = os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])
    made = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "there.png")],
        env=os.environ | {"PYTHONHASHSEED": "123", "PYTHONPATH": path},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert made.stdout == here


def test_svg_has_no_date_and_says_how_much_of_the_graph_it_shows(tmp_path: Path) -> None:
    text = picture(MANY, tmp_path / "graph.svg", top=5).decode()
    assert "5 of 52 concepts" in text
    assert "date" not in text


def test_an_empty_graph_is_drawn(tmp_path: Path) -> None:
    concepts, incidence = (TABLES[name].schema.empty_table() for name in ("concepts", "incidence"))
    draw(concepts, incidence, tmp_path / "graph.png")
    assert (tmp_path / "graph.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "name",
    ["$\\frac{1}{$", "a\x00b\nc", "概率论", "x" * 400, " ", "<script>&", "\\alpha $x_1$"],
    ids=[
        "broken mathematics",
        "control characters",
        "other script",
        "long",
        "blank",
        "markup",
        "mathematics",
    ],
)
def test_any_name_is_drawn_as_it_is(name: str, tmp_path: Path) -> None:
    draw(concepts_table(LINKED, {"t1": name}), incidence_table(LINKED), tmp_path / "graph.svg")
    ElementTree.parse(tmp_path / "graph.svg")


def test_nothing_overlaps_and_all_is_inside() -> None:
    graph = index(MANY)
    numbers = {name: number for number, name in enumerate(sorted(graph.concepts))}
    edges = to_networkx(graph)
    relabelled = nx.relabel_nodes(edges, numbers)
    ordered: nx.Graph[int] = nx.Graph()
    ordered.add_nodes_from(range(len(numbers)))
    ordered.add_edges_from(sorted(relabelled.edges(data=True), key=lambda e: e[:2]))
    boxes = np.tile(np.array([40.0, 40.0, 10.0, 22.0]), (len(numbers), 1))
    groups = communities(ordered)
    spots = positions(ordered, groups, boxes, Cell((0, 0), (1080, 760)))
    assert (spots[:, 0] >= 40).all()
    assert (spots[:, 0] <= 1040).all()
    assert (spots[:, 1] >= 22).all()
    assert (spots[:, 1] <= 750).all()
    for one in range(len(spots)):
        for other in range(one):
            apart = np.abs(spots[one] - spots[other])
            assert apart[0] >= 80 - 0.5 or apart[1] >= 32 - 0.5


def test_communities_are_what_hangs_together() -> None:
    groups = communities(nx.disjoint_union(nx.complete_graph(4), nx.complete_graph(5)))
    assert groups == [1] * 4 + [0] * 5


def test_a_long_name_ends_in_an_ellipsis(tmp_path: Path) -> None:
    def drawn(name: str, file: str) -> bytes:
        draw(concepts_table(LINKED, {"t1": name}), incidence_table(LINKED), tmp_path / file)
        return (tmp_path / file).read_bytes()

    shown = "the quick brown fox and the other animals of the wood"
    assert drawn(f"{shown} sleep now, one", "a.svg") == drawn(f"{shown} sleep now, two", "b.svg")
    assert drawn(shown[:40], "c.svg") != drawn(shown[:41], "d.svg")
