import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.errors import StoreError
from synth.graph.edges import MANIFEST, edge_blocks, write_edges
from synth.graph.export import to_networkx
from tests.graph.graph_corpus import LINKED, Passage, corpora, index


def written(folder: Path) -> pa.Table:
    return pa.concat_tables(pq.read_table(path) for path in sorted(folder.glob("*.parquet")))


@settings(deadline=None, max_examples=40)
@given(corpora(), st.sampled_from([1, 7, 5_000_000]))
def test_edges_in_blocks_of_any_size_are_those_in_memory(corpus: list[Passage], pairs: int) -> None:
    graph = index(corpus)
    found = [
        (graph.concepts[a], graph.concepts[b], count)
        for block in edge_blocks(graph, pairs)
        for a, b, count in zip(*(part.tolist() for part in block), strict=True)
    ]
    expected = to_networkx(graph).edges(data="weight")
    assert found == sorted((min(a, b), max(a, b), weight) for a, b, weight in expected)


def test_shards_hold_every_edge_once_with_its_kinds(tmp_path: Path) -> None:
    graph = index(LINKED)
    edges = to_networkx(graph)
    tables = []
    for pairs in (1, 40, 5_000_000):
        folder = tmp_path / str(pairs)
        assert write_edges(graph, folder, pairs) == edges.number_of_edges()
        tables.append(written(folder))
    assert tables[0] == tables[1] == tables[2]
    shards = [len(list((tmp_path / str(pairs)).glob("*.parquet"))) for pairs in (1, 40, 5_000_000)]
    assert shards[0] > shards[1] > shards[2] == 1
    for row in tables[0].to_pylist():
        a, b = row["source"], row["target"]
        assert row["passages"] == edges[a][b]["weight"]
        kinds = sorted((edges.nodes[name]["kind"] for name in (a, b)), reverse=True)
        assert row["kinds"] == "_".join(kinds)
    said = json.loads((tmp_path / "40" / MANIFEST).read_bytes())
    assert said["edges"] == sum(said["shards"]) == tables[0].num_rows


def test_a_graph_without_edges_has_no_shard(tmp_path: Path) -> None:
    for corpus in ([], [(("t",), ())]):
        assert write_edges(index(corpus), tmp_path / "edges") == 0
        assert [path.name for path in (tmp_path / "edges").iterdir()] == [MANIFEST]


def test_nothing_but_edges_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep")
    with pytest.raises(StoreError, match="holds something else than edges"):
        write_edges(index(LINKED), tmp_path / "mine")
    assert (tmp_path / "mine" / "notes.txt").read_text() == "keep"
    (tmp_path / "file").write_text("keep")
    with pytest.raises(StoreError):
        write_edges(index(LINKED), tmp_path / "file")
