"""Published rows are made some at a time: how many at a time changes none of them."""

from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pytest

import synth
from synth.config import RunConfig
from synth.settings import load
from synth.stages import dataset
from synth.stages.base import Output
from synth.stages.joining import Joined, JoinedLists
from synth.store import StageStore
from tests.corpus import write

TABLES = {"answers": "answers", "questions": "questions", "screen": "screened", "documents": "passages"}
TEXTS = pa.table({"key": ["a", "b", "c"], "text": ["first", "second", "third"]})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, pa.Table], RunConfig]:
    folder = tmp_path_factory.mktemp("dataset")
    write(folder / "documents")
    config = load("synthllm-recommended", [str(folder / "documents")], "fake")
    run = synth.run(config, runs=folder / "runs").folder
    return {name: StageStore(run, stage).read(name) for stage, name in TABLES.items()}, config


def whole(outputs: Iterable[Output]) -> tuple[pa.Table, list[tuple[Any, ...]], set[str]]:
    """What was made in all: rows by id, rejected rows, and the rows that went in."""
    pieces = [*outputs]
    for piece in pieces:
        piece.check_balance("dataset")
    rows = pa.concat_tables([piece.tables["dataset"] for piece in pieces]).sort_by("id")
    fallen = sorted((one.row_id, one.reason, one.detail) for piece in pieces for one in piece.rejected)
    return rows, fallen, {row for piece in pieces for row in piece.inputs}


@pytest.mark.parametrize("target", [0, 11])
@pytest.mark.parametrize("batch", [1, 7])
def test_how_many_rows_are_made_at_a_time_changes_none(
    made: tuple[dict[str, pa.Table], RunConfig], batch: int, target: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables, config = made
    config = config.model_copy(update={"target": config.target.model_copy(update={"rows": target})})
    at_once = whole(dataset.assemble(tables, config))
    assert at_once[0].num_rows == (target or tables["answers"].num_rows) > 10
    monkeypatch.setattr(dataset, "BATCH", batch)
    assert whole(dataset.assemble(tables, config)) == at_once


def test_a_row_has_what_each_table_says_of_it(made: tuple[dict[str, pa.Table], RunConfig]) -> None:
    tables, config = made
    questions, passages = ({row[key]: row for row in tables[name].to_pylist()} for name, key in _KEYS)
    for row in whole(dataset.assemble(tables, config))[0].to_pylist():
        asked = questions[row["id"]]
        assert (row["question"], row["passage_ids"]) == (asked["question"], asked["references"])
        assert row["sources"] == [*dict.fromkeys(passages[key]["source"] for key in asked["references"])]
        assert row["verdict"] is row["pass_rate"] is row["category"] is None


def test_no_answers_are_an_empty_table(made: tuple[dict[str, pa.Table], RunConfig]) -> None:
    tables, config = made
    rows, fallen, inputs = whole(
        dataset.assemble({**tables, "answers": tables["answers"].slice(0, 0)}, config)
    )
    assert rows.num_rows == 0 and not fallen and not inputs


def test_rows_are_found_by_key_and_by_lists_of_keys() -> None:
    wanted = pa.chunked_array([["c", "a"], ["z"]], pa.string())
    assert [row["text"] for row in Joined(TEXTS, "key", wanted).some(0, 3)] == ["third", "first", None]
    assert Joined(None, "key", wanted).some(1, 3) == [{}, {}]
    lists = pa.chunked_array([[["c", "a"], []], [["b"], None]], pa.list_(pa.string()))
    found = JoinedLists(TEXTS, "key", lists)
    assert [[row["text"] for row in rows] for rows in found.some(0, 4)] == [
        ["third", "first"],
        [],
        ["second"],
        [],
    ]
    assert [[row["text"] for row in rows] for rows in found.some(1, 3)] == [[], ["second"]]
    assert JoinedLists(None, "key", lists).some(0, 1) == [[{}, {}]]


_KEYS = (("questions", "question_id"), ("passages", "passage_id"))
