"""Seed problems out of files: each once, and whatever is no problem with a label falls with its reason."""

import csv
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synth.errors import ConfigError
from synth.ids import content_id
from synth.rollouts.seeds import Seeds, read_seeds
from tests.rollouts.seeds import ROWS, SUBJECTS, put

pytest.importorskip("math_verify")


def commas(folder: Path) -> Path:
    path = folder / "s.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["question", "answer", "category"])
        writer.writeheader()
        writer.writerows(ROWS)
    return path


def parquet(folder: Path) -> Path:
    pq.write_table(pa.Table.from_pylist(ROWS), folder / "s.parquet")
    return folder / "s.parquet"


def reasons(seeds: Seeds) -> dict[str, str]:
    return {row.row_id: row.reason for row in seeds.rejected}


def test_every_kind_of_file_has_the_same_seeds(tmp_path: Path) -> None:
    paths = [put(tmp_path), put(tmp_path, name="s.jsonl.gz"), commas(tmp_path), parquet(tmp_path)]
    each = [read_seeds([path]).problems for path in paths]
    assert each[0] == each[1] == each[2] == each[3]
    assert len(each[0]) == len(ROWS)
    assert [seed.problem_id for seed in each[0]] == sorted(seed.problem_id for seed in each[0])
    assert {seed.category for seed in each[0]} == {"Geometry", "Number Theory"}
    first = next(seed for seed in each[0] if seed.problem == ROWS[0]["question"])
    assert (first.label, first.problem_id) == ("11", content_id("p", ROWS[0]["question"]))


def test_the_same_seeds_in_any_order_and_in_any_files(tmp_path: Path) -> None:
    rows = [*ROWS, {**ROWS[0], "answer": "11.0", "category": None}, {**ROWS[1], "category": "algebra"}]
    mixed = random.Random(3).sample(rows, len(rows))
    one = read_seeds([put(tmp_path, rows)])
    other = read_seeds([put(tmp_path / "a", mixed[:5]), put(tmp_path / "b", mixed[5:])])
    assert one.problems == other.problems
    assert sorted(reasons(one).values()) == sorted(reasons(other).values()) == ["duplicate", "duplicate"]
    second = next(seed for seed in one.problems if seed.problem == ROWS[1]["question"])
    assert second.category == "Algebra"


def test_duplicates_are_merged_by_text_and_by_what_their_labels_mean(tmp_path: Path) -> None:
    rows = [
        {"problem": "Half of one?", "label": "0.5"},
        {"problem": " Half of one?\r\n", "label": "1/2"},
        {"problem": "Half of one?", "label": r"\frac{1}{2}"},
    ]
    found = read_seeds([put(tmp_path, rows)])
    (seed,) = found.problems
    assert seed.label in ("0.5", "1/2")
    assert reasons(found) == {"seeds.jsonl#000000001": "duplicate", "seeds.jsonl#000000002": "duplicate"}
    assert {row.clash_id for row in found.rejected} == {seed.problem_id}


def test_a_problem_with_two_labels_falls_with_all_its_rows(tmp_path: Path) -> None:
    rows = [ROWS[0], {**ROWS[1], "answer": "1"}, ROWS[1], {"question": "A?", "answer": "x"}, ROWS[1]]
    found = read_seeds([put(tmp_path, rows)])
    assert len(found.problems) == 2
    assert set(reasons(found).values()) == {"conflicting"}
    assert [row.row_id[-1] for row in found.rejected] == ["1", "2", "4"]
    assert "has the labels '1' and '" in found.rejected[0].detail


def test_rows_that_cannot_be_tried_fall(tmp_path: Path) -> None:
    lines = [
        '{"question": "A?", "answer": 1}',
        '{"question": "B?", "answer": null}',
        '{"question": "C?"}',
        '{"question": "D?", "answer": "  "}',
        '{"question": "", "answer": 2}',
        '{"answer": 2}',
        "[1]",
        "{broken",
        '{"question": "\\ud800E?", "answer": "3"}',
    ]
    found = read_seeds([put(tmp_path, "\n".join(lines))])
    assert [seed.label for seed in found.problems] == ["1"]
    counted = list(reasons(found).values())
    assert counted == ["unlabelled"] * 3 + ["unreadable"] * 5
    assert found.rows == 9


def test_labels_may_be_worked_solutions_or_open(tmp_path: Path) -> None:
    rows = [
        {"problem": "A?", "answer": "2+2 is\n#### 4"},
        {"problem": "B?", "answer": r"Thus $\boxed{\frac12}$."},
        {"problem": "C?", "answer": "It depends on whom you ask, and on the time of the day as well"},
        {"problem": "D?", "answer": [1, 2]},
        {"problem": "E?", "answer": True},
    ]
    found = read_seeds([put(tmp_path, rows)])
    labels = {seed.problem: seed.label for seed in found.problems}
    assert (labels["A?"], labels["B?"], labels["D?"], labels["E?"]) == ("4", r"\frac12", "[1, 2]", "true")
    assert found.open_labels == 1
    assert found.rejected == []


def test_columns_are_found_by_name_or_told(tmp_path: Path) -> None:
    row: dict[str, Any] = {"prompt": [{"role": "system", "content": "Be brief."}]}
    row["prompt"].append({"role": "user", "content": "A?"})
    row |= {"answer": "a worked response", "final_answer": "7", "subject": "counting_and_probability"}
    (seed,) = read_seeds([put(tmp_path, [row])]).problems
    assert (seed.problem, seed.label, seed.category) == ("A?", "7", "Counting and Probability")
    other = put(tmp_path, [{"text": "A?", "key": 7, "kind": "x", "label": "no"}], "other.jsonl")
    columns = {"problem": "text", "label": "key", "category": "kind"}
    (seed,) = read_seeds([other], columns).problems
    assert (seed.problem, seed.label, seed.category) == ("A?", "7", "X")


def test_instructions_are_taken_off(tmp_path: Path) -> None:
    rows = [{"question": "A?\nPut it into \\boxed{}. ", "answer": 1}, {"question": "A?", "answer": "1"}]
    found = read_seeds([put(tmp_path, rows)], strip=["Put it into \\boxed{}."])
    assert [seed.problem for seed in found.problems] == ["A?"]
    assert len(read_seeds([put(tmp_path, rows)]).problems) == 2


@pytest.mark.parametrize(
    ("name", "content", "columns", "said"),
    [
        ("s.jsonl", "", {}, "there is no row in it"),
        ("s.jsonl", '{"question": "A?"}', {}, "there is no column of the label"),
        ("s.jsonl", '{"q": "A?", "answer": 1}', {}, "name it with --problem COLUMN"),
        ("s.jsonl", '{"question": "A?", "answer": ""}', {}, "none of its 1 rows can be used"),
        ("s.jsonl", '{"question": "A?", "answer": 1}', {"label": "gold"}, "no column 'gold' (--label)"),
        ("s.csv", "question,answer\n", {}, "there is no row in it"),
        ("s.csv", "question\nA?\n", {}, "there is no column of the label"),
        ("s.parquet", "PAR1 broken", {}, "cannot be read"),
        ("s.xlsx", "", {}, "is no file of seeds"),
    ],
)
def test_files_without_seeds_are_told_in_one_sentence(
    tmp_path: Path, name: str, content: str, columns: dict[str, str], said: str
) -> None:
    path = put(tmp_path, content, name)
    with pytest.raises(ConfigError) as caught:
        read_seeds([path], columns)
    assert said in str(caught.value) and str(path) in str(caught.value)
    assert len(caught.value.faults) == 1


def test_files_that_are_not_there_or_named_twice(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is no file of seeds"):
        read_seeds([tmp_path / "none.jsonl"])
    path = put(tmp_path)
    with pytest.raises(ConfigError, match="is named twice"):
        read_seeds([path, path])
    bad = tmp_path / "bad.jsonl.gz"
    bad.write_bytes(b"not packed")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_seeds([bad])


@pytest.mark.parametrize(
    ("name", "problems", "open_labels", "fallen"),
    [
        ("gsm8k_model_solutions", 1319, 0, []),
        ("oneshot_rlvr_acc_history", 1206, 1, ["duplicate", "duplicate", "unlabelled"]),
    ],
)
def test_published_problems(
    test_data: Path, name: str, problems: int, open_labels: int, fallen: list[str]
) -> None:
    """Of the first the labels are worked solutions; the second repeats two problems, and one has no answer."""
    found = read_seeds([test_data / "rollouts" / f"{name}.jsonl.gz"])
    assert (len(found.problems), found.open_labels) == (problems, open_labels)
    assert sorted(row.reason for row in found.rejected) == fallen
    assert not any("\n" in seed.label or len(seed.label) > 200 for seed in found.problems)


def test_subjects_differ() -> None:
    assert len({row["question"] for row in ROWS}) == len(ROWS) == 6 * len(SUBJECTS)
