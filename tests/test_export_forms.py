"""The forms of an export, one row at a time, and the files they go into: golden rows, splits, labels."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import load_dataset
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.errors import ConfigError, StoreError
from synth.export import Options, export
from synth.export.files import TEST, TRAIN, Files, split_of
from synth.export.forms import BUILT_IN
from synth.export.labels import fault_of
from synth.export.options import LeftOut
from tests.rollouts.tables import row, table

GOLDEN = Path(__file__).parent / "golden" / "exports.json"
ROW: dict[str, Any] = {
    "id": "q_1", "question": "What is $\\frac12 + 1$?", "answer": "It is \\boxed{\\frac32}.",
    "label": "\\frac32", "domain": "mathematics", "split": "train", "index": 7,
    "chosen": "It is \\boxed{\\frac32}.", "rejected": "It is 1.",
}  # fmt: skip
CASES = {
    f"{form}{' standard' * (style == 'standard')}{' system' * bool(system)}": (
        form,
        Options(style=style, system=system),
    )
    for form in BUILT_IN
    for style in ("conversational", "standard")
    for system in (None, "Be brief.")
}


@pytest.mark.parametrize("case", CASES)
def test_golden_rows(case: str) -> None:
    form, options = CASES[case]
    assert BUILT_IN[form].shape(ROW, options) == json.loads(GOLDEN.read_text())[case]


@pytest.mark.parametrize("case", CASES)
def test_the_stated_types_are_those_of_the_rows(case: str) -> None:
    form, options = CASES[case]
    made, schema = BUILT_IN[form].shape(ROW, options), BUILT_IN[form].schema
    assert schema is not None
    assert pa.Table.from_pylist([made], schema(options)).to_pylist() == [made]
    assert list(made) == schema(options).names


@pytest.mark.parametrize(
    "label",
    [
        "7",
        "-\\frac{1}{2}",
        "x = 5 or x = -5",
        "(2, 3]",
        "\\{1, 2\\}",
        "12 m/s",
        "B",
        "yes",
        "no solution",
        "45 degrees",
        "\\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix}",
        "五",
    ],
)
def test_labels_that_a_rule_can_check(label: str) -> None:
    assert fault_of(label) is None


@pytest.mark.parametrize(
    ("label", "fault"),
    [
        ("", "no label"),
        (" \n", "no label"),
        ("The sum of both angles is a right angle", "no closed answer"),
        ("it is 4 because the other two sides are both 3", "no closed answer"),
        ("1\n2", "too long"),
        ("9" * 201, "too long"),
        ("9" * 100_000, "too long"),
    ],
)
def test_labels_that_no_rule_can_check(label: str, fault: str) -> None:
    assert fault in str(fault_of(label))
    with pytest.raises(LeftOut, match=fault):
        BUILT_IN["rl"].shape({**ROW, "label": label}, Options())


@settings(deadline=None)
@given(st.sets(st.text(min_size=1), min_size=1, max_size=30), st.floats(0.01, 0.99), st.integers(0, 9))
def test_a_problem_has_one_split_and_a_larger_share_moves_none_back(
    ids: set[str], share: float, seed: int
) -> None:
    small = {i for i in ids if split_of(i, share, seed) == TEST}
    large = {i for i in ids if split_of(i, min(share * 1.5, 1.0), seed) == TEST}
    assert small <= large


def test_the_share_is_about_what_was_asked_for() -> None:
    found = [split_of(f"q_{n}", 0.1, 3) for n in range(5_000)]
    assert 400 < found.count(TEST) < 600
    assert found != [split_of(f"q_{n}", 0.1, 4) for n in range(5_000)]


def test_a_fault_leaves_no_file(tmp_path: Path) -> None:
    paths = {TRAIN: tmp_path / "a.jsonl", TEST: tmp_path / "b.jsonl"}
    with pytest.raises(StoreError, match="cannot be written as JSON"), Files(paths, "jsonl", None) as files:
        files.write(TRAIN, {"a": 1})
        files.write(TEST, {"a": {1}})
    with pytest.raises(ZeroDivisionError), Files(paths, "jsonl", None) as files:
        for _ in range(6_000):
            files.write(TRAIN, {"a": 1})
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def rollouts(folder: Path, made: pa.Table | None = None) -> Path:
    pq.write_table(table("rrww", "rw", "ww", "rrr") if made is None else made, folder / "r.parquet")
    return folder / "r.parquet"


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
@pytest.mark.parametrize("form", ["sft", "alpaca", "sharegpt", "dpo", "rl"])
def test_rollouts_alone_become_every_form(tmp_path: Path, form: str, kind: str) -> None:
    out = tmp_path / f"out.{kind}"
    options = Options(rollouts=rollouts(tmp_path), keep=("problem_id",), max_pass_rate=0.5)
    done = export(None, form, out, options=options)
    rows = {"sft": 6, "alpaca": 6, "sharegpt": 6, "dpo": 3, "rl": 2}[form]
    assert done.rows == rows
    loaded = load_dataset(
        "json" if kind == "jsonl" else "parquet",
        data_files=str(out),
        split="train",
        cache_dir=str(tmp_path / "hf"),
    )
    assert loaded.num_rows == rows
    assert set(loaded["problem_id"]) == ({"a", "b", "d"} if rows == 6 else {"a", "b"})


def test_what_is_left_out_is_told(tmp_path: Path) -> None:
    options = Options(rollouts=rollouts(tmp_path))
    told = {
        form: export(None, form, tmp_path / f"{form}.jsonl", options=options).left_out
        for form in ("sft", "dpo", "rl")
    }
    assert told == {
        "sft": {"a response that is not right, or truncated": 5},
        "dpo": {"a problem without both a right response and a wrong one": 2},
        "rl": {
            "no attempt was right, so there is nothing to reinforce": 1,
            "right more often than the cap on ease allows (--max-pass-rate)": 1,
        },
    }


def test_all_rows_of_a_problem_lie_in_one_split(tmp_path: Path) -> None:
    made = table(*["rrww"] * 26)
    options = Options(rollouts=rollouts(tmp_path, made), test_share=0.4, keep=("problem_id",))
    done = export(None, "dpo", tmp_path / "both", options=options)
    assert [path.name for path in done.files] == ["train.jsonl", "test.jsonl"]
    sides = [{json.loads(line)["problem_id"] for line in path.open()} for path in done.files]
    assert not sides[0] & sides[1]
    assert len(sides[0] | sides[1]) == 26
    loaded = load_dataset(str(tmp_path / "both"), cache_dir=str(tmp_path / "hf"))
    assert {name: rows.num_rows for name, rows in loaded.items()} == {
        "train": 2 * len(sides[0]),
        "test": 2 * len(sides[1]),
    }


def test_the_test_file_of_an_earlier_export_does_not_stay(tmp_path: Path) -> None:
    out = tmp_path / "both"
    out.mkdir()
    (out / "test.jsonl").write_text("old")
    options = Options(rollouts=rollouts(tmp_path), test_share=1e-9)
    with pytest.raises(ConfigError, match="--force"):
        export(None, "sft", out, options=options)
    assert [path.name for path in export(None, "sft", out, True, options).files] == ["train.jsonl"]
    assert [path.name for path in out.iterdir()] == ["train.jsonl"]


def test_the_same_bytes_whatever_the_order_of_rollouts(tmp_path: Path) -> None:
    made = table("rrww", "rwrw", "wrrr")
    for name, order in (("one", range(12)), ("other", reversed(range(12)))):
        folder = tmp_path / name
        folder.mkdir()
        options = Options(rollouts=rollouts(folder, made.take(pa.array(list(order)))), per_problem=1)
        for form in ("sft", "dpo"):
            for kind in ("jsonl", "parquet"):
                export(None, form, folder / f"{form}.{kind}", options=options)
    for path in (tmp_path / "one").glob("[sd]*"):
        assert path.read_bytes() == (tmp_path / "other" / path.name).read_bytes()


def test_rows_that_cannot_be_read_lie_beside(tmp_path: Path) -> None:
    good = {"problem": "What is 2 + 2?", "response": "4", "correct": True}
    file = tmp_path / "r.jsonl"
    file.write_text(json.dumps(good) + "\nbroken\n")
    done = export(None, "sft", tmp_path / "out.jsonl", options=Options(rollouts=file))
    assert done.rejected == tmp_path / "out.jsonl.rejected.jsonl"
    assert [json.loads(line)["reason"] for line in done.rejected.open()] == ["unreadable"]


@pytest.mark.parametrize(
    ("form", "out", "options", "words"),
    [
        ("sft", "x.parquet", {"kind": "jsonl"}, "choose one"),
        ("jsonl", "x.jsonl", {}, "as they are"),
        ("sft", "x.jsonl", {"test_share": 0.1}, "need a folder"),
        ("sft", "x", {"test_share": 1.5}, "between 0 and 1"),
        ("sft", "x.jsonl", {"keep": ("nothing",)}, "no such column; there are"),
        ("dpo", "x.jsonl", {"keep": ("chosen",)}, "already"),
        ("rl", "x.jsonl", {"model": "other"}, "no rollout of the model 'other'"),
    ],
)
def test_faults_are_one_sentence(
    tmp_path: Path, form: str, out: str, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        export(None, form, tmp_path / out, options=Options(rollouts=rollouts(tmp_path), **options))
    assert [path.name for path in tmp_path.iterdir()] == ["r.parquet"]


def test_nothing_to_write(tmp_path: Path) -> None:
    none = rollouts(tmp_path, table("ww", "??"))
    with pytest.raises(ConfigError, match="no pair"):
        export(None, "dpo", tmp_path / "x.jsonl", options=Options(rollouts=none))
    with pytest.raises(StoreError, match="No row is left"):
        export(None, "sft", tmp_path / "x.jsonl", options=Options(rollouts=none))
    with pytest.raises(ConfigError, match="nothing to export"):
        export(None, "sft", tmp_path / "x.jsonl")
    several = [*table("rw").to_pylist(), row("a", 9, "r", model="n")]
    many = rollouts(tmp_path, pa.Table.from_pylist(several, schema=table("r").schema))
    with pytest.raises(ConfigError, match="several models"):
        export(None, "rl", tmp_path / "x.jsonl", options=Options(rollouts=many))
