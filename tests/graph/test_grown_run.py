"""Runs that grow, and the graph of a run as an object: real parts, the fake model."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import networkx as nx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import synth
import synth.graph
from synth.config import RunConfig
from synth.errors import ConfigError, StoreError
from synth.facade import run_stage
from synth.graph import store
from synth.graph.incidence import Incidence
from synth.graph.statistics import neighbour_counts
from synth.runs import Run
from synth.store import StageStore

ROAD = ("documents", "concepts", "graph")


def up_to_graph(documents: Path, runs: Path, name: str) -> tuple[Path, int]:
    """The folder of a run whose graph is done, and how many passages it had to ask about."""
    config = synth.recipe("synthllm-recommended", [str(documents)], "fake")
    asked = 0
    with Run.open(config, runs, name) as run:
        before = len(run.journal)
        for stage in ROAD:
            run_stage(run, stage, lambda *_: None)
        asked = len(run.journal) - before
        return run.folder, asked


def graph_tables(folder: Path) -> dict[str, pa.Table]:
    return {name: StageStore(folder, "graph").read(name) for name in ("concepts", "incidence")}


@pytest.mark.slow
def test_half_of_the_documents_extended_by_the_others_is_the_graph_of_all(
    test_data: Path, tmp_path: Path
) -> None:
    files = sorted(path for path in (test_data / "docs").rglob("*") if path.is_file())
    growing = tmp_path / "documents"
    parts = []
    for half in (files[::2], files[1::2]):
        for path in half:
            target = growing / path.relative_to(test_data / "docs")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
        parts.append(up_to_graph(growing, tmp_path / "runs", "grown"))
    whole, asked = up_to_graph(test_data / "docs", tmp_path / "runs", "whole")
    assert graph_tables(parts[1][0]) == graph_tables(whole)
    # What was extracted once is not asked for again.
    assert 0 < parts[1][1] < asked
    assert parts[0][1] + parts[1][1] <= asked + parts[0][1] // 10


@pytest.fixture
def folder(config: RunConfig, tmp_path: Path) -> Path:
    with Run.open(config, tmp_path / "runs") as run:
        for stage in ROAD:
            run_stage(run, stage, lambda *_: None)
        return run.folder


def test_a_run_gives_its_graph_whole_or_around_a_concept(folder: Path) -> None:
    whole = synth.graph.to_networkx(folder)
    rows = graph_tables(folder)["concepts"].to_pylist()
    assert {row["concept_id"]: (row["kind"], row["name"], row["degree"]) for row in rows} == {
        node: (held["kind"], held["name"], whole.degree(node)) for node, held in whole.nodes(data=True)
    }
    start = rows[0]["concept_id"]
    near = synth.graph.to_networkx(folder, around=start)
    assert set(near) == {start, *whole[start]}
    assert nx.utils.graphs_equal(near, whole.subgraph(near))
    assert set(synth.graph.to_networkx(folder, around=[start], steps=50)) == nx.node_connected_component(
        whole, start
    )
    assert nx.community.louvain_communities(near, seed=0)
    with pytest.raises(ConfigError, match="no concept 'con_nowhere'"):
        synth.graph.to_networkx(folder, around="con_nowhere")


def test_edges_of_a_run_are_those_of_its_graph(folder: Path, tmp_path: Path) -> None:
    whole = synth.graph.to_networkx(folder)
    assert synth.graph.write_edges(folder, tmp_path / "edges") == whole.number_of_edges()
    shards = sorted((tmp_path / "edges").glob("*.parquet"))
    rows = [row for path in shards for row in pq.read_table(path).to_pylist()]
    assert all(whole[row["source"]][row["target"]]["weight"] == row["passages"] for row in rows)


def test_damaged_lists_are_made_anew_of_the_tables(folder: Path) -> None:
    before = synth.graph.open_graph(folder).incidence.postings.items.tolist()
    items = StageStore(folder, "graph").folder / "lists" / "postings_items.npy"
    items.write_bytes(items.read_bytes()[:-1] + b"?")
    assert synth.graph.open_graph(folder).incidence.postings.items.tolist() == before


def test_combinations_are_drawn_from_the_mapped_lists(
    folder: Path, config: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> Incidence:
        raise AssertionError("a second copy")

    synth.graph.open_graph(folder)
    monkeypatch.setattr(Incidence, "from_table", refuse)
    with Run.open(config, folder.parent, folder.name) as run:
        notes = run_stage(run, "combinations", lambda *_: None).notes
    drawn = StageStore(folder, "combinations").read("combinations")
    kept = drawn["level"].to_pylist().count("level3")
    assert kept
    assert any(f"{kept:,} new sets" in note and "dead ends" in note for note in notes)


def test_lists_are_made_once_and_anew_for_new_rows(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = []
    monkeypatch.setattr(store, "write", lambda *args, write=store.write: (written.append(1), write(*args)))
    for _ in range(2):
        ranking = synth.graph.open_graph(folder)
    assert len(written) == 1
    assert sum(map(len, neighbour_counts(ranking.incidence))) == 2 * len(ranking.incidence.concepts)
    (StageStore(folder, "graph").folder / "lists" / "made_from.json").write_text('"of other rows"')
    synth.graph.open_graph(folder)
    assert len(written) == 2


def test_a_run_without_a_graph_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="the stage `graph` has not finished"):
        synth.graph.open_graph(tmp_path)


def test_combinations_are_the_same_however_the_work_is_cut(documents: Path, tmp_path: Path) -> None:
    """Another number of tasks, other parts, documents in another order and place: the same combinations."""
    turned = tmp_path / "turned"
    turned.mkdir()
    for number, path in enumerate(sorted(documents.iterdir(), reverse=True)):
        shutil.copy(path, turned / path.name.replace(path.stem, f"{number}{path.stem}"))
    tables = []
    for folder, cut in ((documents, ()), (turned, ("part_rows=1", "tasks=3", "documents.readers=1"))):
        config = synth.recipe("synthllm-recommended", [str(folder)], "fake", overrides=list(cut))
        with Run.open(config, tmp_path / "runs") as run:
            for stage in (*ROAD, "combinations"):
                run_stage(run, stage, lambda *_: None)
            tables.append(StageStore(run.folder, "combinations").read("combinations"))
    assert tables[0] == tables[1]
    assert set(tables[0]["level"].to_pylist()) == {"level1", "level2", "level3"}


def test_lists_that_cannot_be_read_are_made_anew_by_one_process_at_a_time(folder: Path) -> None:
    concepts = list(synth.graph.open_graph(folder).incidence.concepts)
    stage = StageStore(folder, "graph").folder
    for file, content in (
        ("lists.json", b"[" * 200_000),
        ("made_from.json", b"\xff"),
        ("made_from.json", b""),
    ):
        (stage / "lists" / file).write_bytes(content)
        assert list(synth.graph.open_graph(folder).incidence.concepts) == concepts
    shutil.rmtree(stage / "lists")
    with ThreadPoolExecutor(4) as several:
        made = list(several.map(synth.graph.open_graph, [folder] * 4))
    assert all(list(graph.incidence.concepts) == concepts for graph in made)
