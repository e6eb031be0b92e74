import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.config import CombinationsConfig
from synth.errors import SchemaError, StoreError
from synth.graph.epochs import epochs
from synth.graph.growth import grown
from synth.graph.incidence import Incidence
from synth.graph.ranking import Ranking
from synth.graph.references import Finder, Rule
from synth.graph.store import MANIFEST, read, write
from tests.graph.graph_corpus import LINKED, Passage, corpora, incidence_table, index


def drawn(ranking: Ranking, seed: int = 3) -> list[object]:
    """What a graph gives: every walk of two epochs, with references of those that were kept."""
    found: list[object] = []
    for epoch in epochs(ranking.incidence, CombinationsConfig(epochs=2, min_concepts=2), seed):
        walks = [epoch.walks[row] for row in range(len(epoch.starts))]
        kept = [walks[row].concepts for row in epoch.kept.tolist()]
        found += [walks, epoch.reasons, Finder(ranking, Rule(), seed).find(kept)]
    return found


@pytest.mark.parametrize("corpus", [LINKED, [(("t",), ())], []], ids=["linked", "one topic", "empty"])
def test_a_graph_that_was_written_gives_what_it_gave(corpus: list[Passage], tmp_path: Path) -> None:
    before = Ranking.of(index(corpus))
    write(before, tmp_path / "lists")
    after = read(tmp_path / "lists")
    assert list(after.incidence.concepts) == list(before.incidence.concepts)
    assert list(after.incidence.passages) == list(before.incidence.passages)
    assert drawn(after) == drawn(before)
    for concept in before.incidence.concepts:
        assert after.incidence.number(concept) == before.incidence.number(concept)


def test_lists_are_read_where_they_lie(tmp_path: Path) -> None:
    write(Ranking.of(index(LINKED)), tmp_path / "lists")
    items = read(tmp_path / "lists").incidence.postings.items
    assert not items.flags.owndata
    with pytest.raises(ValueError, match="read-only"):
        items[0] = 1


def test_writing_again_replaces_what_was_there(tmp_path: Path) -> None:
    for corpus in (LINKED, LINKED[:2]):
        write(Ranking.of(index(corpus)), tmp_path / "lists")
    assert len(read(tmp_path / "lists").incidence.passages) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["lists"]


def damaged(folder: Path, how: str) -> None:
    """One of the things that happen to files."""
    items = folder / "postings_items.npy"
    data = items.read_bytes()
    manifest = json.loads((folder / MANIFEST).read_bytes())
    if how == "a bit":
        items.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    elif how == "cut short":
        items.write_bytes(data[: len(data) // 2])
    elif how == "gone":
        items.unlink()
    elif how == "manifest torn":
        (folder / MANIFEST).write_text('{"version": 1, "fil')
    elif how == "manifest of another kind":
        (folder / MANIFEST).write_text("[1, 2]")
    elif how == "another version":
        (folder / MANIFEST).write_text(json.dumps(manifest | {"version": 99}))
    elif how == "a file unnamed":
        manifest["files"].pop("by_rank.npy")
        (folder / MANIFEST).write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    "how",
    ["a bit", "cut short", "gone", "manifest torn", "manifest of another kind", "another version", "a file unnamed"],
)  # fmt: skip
def test_a_damaged_store_is_one_clear_error(how: str, tmp_path: Path) -> None:
    folder = tmp_path / "lists"
    write(Ranking.of(index(LINKED)), folder)
    damaged(folder, how)
    with pytest.raises(StoreError, match="is damaged .* delete that folder and build it again") as fault:
        read(folder)
    assert str(folder) in str(fault.value)


def test_a_folder_without_a_manifest_holds_no_graph(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="holds no graph"):
        read(tmp_path / "nowhere")


def same(one: Incidence, other: Incidence) -> None:
    """Two graphs have the same arrays, whatever the numbers of their clusters."""
    assert list(one.concepts) == list(other.concepts)
    assert list(one.passages) == list(other.passages)
    for name in ("topics", "key_concepts", "postings"):
        mine, theirs = getattr(one, name), getattr(other, name)
        assert mine.start.tolist() == theirs.start.tolist()
        assert mine.items.tolist() == theirs.items.tolist()
    assert one.clusters.tolist() == other.clusters.tolist()
    assert {k: w.tolist() for k, w in one.widest.items()} == {k: w.tolist() for k, w in other.widest.items()}
    for keys in ("concept_keys", "passage_keys", "is_topic"):
        assert np.array_equal(getattr(one, keys), getattr(other, keys))


@settings(deadline=None, max_examples=25)
@given(corpora(most=12), st.integers(0, 12))
def test_a_graph_that_grew_is_that_of_all_passages(corpus: list[Passage], cut: int) -> None:
    clusters = [f"c{i % 3}" for i in range(len(corpus))]
    table = incidence_table(corpus, clusters)
    named = dict(zip(table["passage_id"].to_pylist(), clusters, strict=True))
    half = Incidence.from_table(table.slice(0, cut))
    whole = Incidence.from_table(table)
    same(grown(half, table.slice(cut), named), whole)
    assert drawn(Ranking.of(grown(half, table.slice(cut), named))) == drawn(Ranking.of(whole))


def test_what_does_not_fit_a_graph_is_refused() -> None:
    table = incidence_table(LINKED)
    named = dict.fromkeys(table["passage_id"].to_pylist(), "c")
    half = Incidence.from_table(table.slice(0, 3))
    with pytest.raises(SchemaError, match="p02 is in the graph already"):
        grown(half, table.slice(2), named)
    with pytest.raises(SchemaError, match="4 passages have none, for example p03"):
        grown(half, table.slice(3), dict.fromkeys(list(named)[:3], "c"))
    odd = incidence_table([((), ())] * 9 + [(("k1",), ())]).slice(9)
    with pytest.raises(SchemaError, match="k1 is a topic in one part"):
        grown(half, odd, named | {"p09": "c"})
