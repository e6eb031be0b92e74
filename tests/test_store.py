from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synth.errors import SchemaError, StoreError
from synth.schemas import STAGES, TABLES, stage_folder
from synth.stages.base import Output, Rejected, make_table
from synth.store import StageStore, part_key
from synth.writing import write_bytes

ROW = {
    "concept_id": "con_1",
    "kind": "topic",
    "name": "energy",
    "surfaces": ["Energy"],
    "passages": 1,
    "documents": 1,
    "degree": 0,
}


def output(*ids: str, rejected: tuple[Rejected, ...] = ()) -> Output:
    tables = {
        "concepts": make_table("concepts", [{**ROW, "concept_id": i} for i in ids]),
        "incidence": TABLES["incidence"].schema.empty_table(),
    }
    inputs = frozenset(ids) | {r.row_id for r in rejected}
    return Output(tables, inputs, frozenset(ids), list(rejected))


def test_every_table_has_a_key_and_a_documented_stage() -> None:
    for table in TABLES.values():
        assert table.key in [c.name for c in table.columns]
        assert table.stage in (*STAGES, "")
        assert all(c.doc for c in table.columns)


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ({**ROW, "name": None}, "null"),
        ({**ROW, "passages": "many"}, "passages|convert|int"),
    ],
    ids=["null", "type"],
)
def test_a_wrong_row_is_refused(row: dict[str, object], fault: str) -> None:
    with pytest.raises(SchemaError, match=fault):
        make_table("concepts", [row])


def test_a_key_may_not_stand_twice() -> None:
    with pytest.raises(SchemaError, match="stands twice"):
        make_table("concepts", [ROW, ROW])


@pytest.mark.parametrize(
    ("inputs", "parents", "rejected"),
    [({"a", "b"}, {"a"}, []), ({"a"}, {"a"}, ["a"]), ({"a"}, {"a", "b"}, [])],
    ids=["lost", "both", "unknown"],
)
def test_rows_must_balance(inputs: set[str], parents: set[str], rejected: list[str]) -> None:
    rows = [Rejected(r, "x", "pruned", "") for r in rejected]
    with pytest.raises(SchemaError):
        Output({}, frozenset(inputs), frozenset(parents), rows).check_balance("graph")


def test_readers_see_a_stage_only_with_its_manifest(tmp_path: Path) -> None:
    store = StageStore(tmp_path, "graph")
    record = store.commit_part(0, "key0", output("con_2", rejected=(Rejected("m", "p", "pruned", "once"),)))
    with pytest.raises(StoreError, match="not finished"):
        store.read("concepts")
    manifest = store.commit("fp", {"before": {}}, [record], reused=0)
    assert (manifest.inputs, manifest.parents, manifest.rejected) == (2, 1, 1)
    assert manifest.reasons == {"pruned": 1}
    assert store.read("concepts").to_pylist() == [{**ROW, "concept_id": "con_2"}]
    assert store.read("rejected")["reason"].to_pylist() == ["pruned"]


def test_rows_are_the_same_however_they_are_cut(tmp_path: Path) -> None:
    whole, cut = StageStore(tmp_path / "a", "graph"), StageStore(tmp_path / "b", "graph")
    whole.commit("fp", {}, [whole.commit_part(0, "k", output("c", "a", "b"))], 0)
    cut.commit(
        "fp", {}, [cut.commit_part(0, "k0", output("c")), cut.commit_part(1, "k1", output("b", "a"))], 0
    )
    assert whole.read("concepts").equals(cut.read("concepts"))


def test_a_part_is_finished_only_with_all_its_files(tmp_path: Path) -> None:
    store = StageStore(tmp_path, "graph")
    assert store.finished(0, "key0") is None
    record = store.commit_part(0, "key0", output("con_1"))
    assert store.finished(0, "key0") == record
    file = tmp_path / record.files[0].path
    file.write_bytes(file.read_bytes()[:-9])
    assert store.finished(0, "key0") is None
    file.unlink()
    assert store.finished(0, "key0") is None


def test_a_torn_record_is_no_record(tmp_path: Path) -> None:
    store = StageStore(tmp_path, "graph")
    store.commit_part(0, "key0", output("con_1"))
    path = next((tmp_path / stage_folder("graph") / "_parts").iterdir())
    path.write_bytes(path.read_bytes()[:40])
    assert store.finished(0, "key0") is None


def test_a_damaged_manifest_is_said_so(tmp_path: Path) -> None:
    store = StageStore(tmp_path, "graph")
    store.commit("fp", {}, [store.commit_part(0, "k", output("a"))], 0)
    store.manifest_path.write_text("{")
    with pytest.raises(StoreError, match="delete that file"):
        store.manifest()


def test_a_damaged_part_is_said_so(tmp_path: Path) -> None:
    store = StageStore(tmp_path, "graph")
    record = store.commit_part(0, "k", output("a"))
    store.commit("fp", {}, [record], 0)
    (tmp_path / record.files[0].path).write_bytes(b"no parquet")
    with pytest.raises(StoreError, match="damaged"):
        store.read("concepts")


def test_same_rows_same_bytes(tmp_path: Path) -> None:
    one = StageStore(tmp_path / "a", "graph").commit_part(0, "k", output("a", "b"))
    two = StageStore(tmp_path / "b", "graph").commit_part(0, "k", output("b", "a"))
    assert [f.sha256 for f in one.files] == [f.sha256 for f in two.files]


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="Cannot write"):
        write_bytes(tmp_path / "file" / "below", b"x")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_prune_keeps_what_the_manifest_names(tmp_path: Path) -> None:
    store = StageStore(tmp_path, "graph")
    store.commit_part(0, "old00000", output("a"))
    store.commit("fp", {}, [store.commit_part(0, "new00000", output("b"))], 0)
    assert store.prune() == 4
    assert store.read("concepts")["concept_id"].to_pylist() == ["b"]


def test_columns_carry_their_meaning(tmp_path: Path) -> None:
    store = StageStore(tmp_path, "graph")
    record = store.commit_part(0, "k", output("a"))
    schema = pq.read_schema(tmp_path / record.files[0].path)
    assert schema.field("name").metadata[b"description"] == b"canonical name"
    assert schema.metadata[b"synth.table"] == b"concepts"
    assert isinstance(schema.field("surfaces").type, pa.ListType)


def test_part_keys_tell_settings_place_and_rows_apart() -> None:
    keys = {
        part_key("f", 0, ["a"]),
        part_key("g", 0, ["a"]),
        part_key("f", 1, ["a"]),
        part_key("f", 0, ["b"]),
    }
    assert len(keys) == 4
