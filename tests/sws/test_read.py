"""Logs in the shapes that trainers write, and every way in which a row of one can be wrong."""

import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synth.errors import ConfigError
from synth.ids import content_id
from synth.sws.read import Read, Reading, read_histories
from synth.sws.tables import HISTORIES
from synth.text import normalise
from tests.rollouts.tables import of, row
from tests.sws.logs import KINDS, Row, naive_histories, wide, written

ACCS = {"one": [0.0, 0.25, 0.125], "two": [1.0, 0.5], "three": [0.5]}


def by_problem(read: Read, column: str = "accuracies") -> dict[str, Any]:
    return dict(zip(read.histories["problem"].to_pylist(), read.histories[column].to_pylist(), strict=True))


def details(read: Read) -> list[tuple[str, str]]:
    return [(fallen.reason, fallen.detail) for fallen in read.rejected]


@pytest.mark.parametrize("kind", KINDS)
def test_a_list_of_accuracies_a_problem(kind: str, tmp_path: Path) -> None:
    rows = [r | {"category": "counting_and_probability", "slope": 0.5, "n_record": 3} for r in wide(**ACCS)]
    read = read_histories([written(tmp_path / kind, rows)])
    assert by_problem(read) == ACCS
    assert set(read.histories["category"].to_pylist()) == {"Counting and Probability"}
    assert by_problem(read, "attempts") == dict.fromkeys(ACCS)
    assert read.histories.schema.equals(HISTORIES.schema, check_metadata=True)
    ids = {text: content_id("p", normalise(text)) for text in ACCS}
    assert by_problem(read, "problem_id") == ids
    assert (read.rejected, read.warnings, read.rows) == ([], [], 3)


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_a_visit(kind: str, tmp_path: Path) -> None:
    rows: list[Row] = [
        {"question": name, "global_step": 100 * step + 7, "mean_reward": value, "n_samples": 8}
        for name, values in ACCS.items()
        for step, value in enumerate(values)
    ]
    random.Random(0).shuffle(rows)
    read = read_histories([written(tmp_path / kind, rows)])
    assert by_problem(read) == ACCS
    assert by_problem(read, "attempts") == {name: [8] * len(values) for name, values in ACCS.items()}
    assert read.rejected == []


def verl(step: int, problem: str, scores: list[float], **more: Any) -> list[Row]:
    """As `_dump_generations` of verl writes a step: one file each, with what the reward function adds."""
    return [
        {"input": problem, "output": f"so {n}", "gts": "4", "score": score, "step": step, **more}
        for n, score in enumerate(scores)
    ]


def test_a_folder_of_steps_as_verl_writes_it(tmp_path: Path) -> None:
    for step, scores in ((1, [0.0, 1.0]), (2, [1.0, 1.0]), (10, [0.0, 0.0])):
        written(tmp_path / "dump" / f"{step}.jsonl", verl(step, "a", scores) + verl(step, "b", [0.0]))
    read = read_histories([tmp_path / "dump"])
    assert by_problem(read) == {"a": [0.5, 1.0, 0.0], "b": [0.0, 0.0, 0.0]}
    assert by_problem(read, "attempts")["a"] == [2, 2, 2]
    assert by_problem(read, "label") == {"a": "4", "b": "4"}
    assert set(read.histories["source"].to_pylist()) == {"dump"}


def test_verl_with_scores_below_nought(tmp_path: Path) -> None:
    rows = [
        r | {"acc": r["score"] > 0, "pred": "4" if r["score"] > 0 else "5"}
        for r in verl(1, "a", [-1.0, 1.0, -1.0])
    ]
    read = read_histories([written(tmp_path / "1.jsonl", rows)])
    assert by_problem(read) == {"a": [1 / 3]}
    assert by_problem(read, "unanimity")["a"] == [2 / 3]
    bare = written(tmp_path / "2.jsonl", verl(1, "a", [-1.0, 1.0]))
    assert by_problem(read_histories([bare], Reading(right_at=0.5))) == {"a": [0.5]}


@pytest.mark.parametrize("kind", ["c.parquet", "c.jsonl"])
def test_completions_as_trl_writes_them(kind: str, tmp_path: Path) -> None:
    rows = [
        {"step": str(step), "prompt": "a", "completion": "x", "accuracy_reward": reward, "format_reward": 9.0, "advantage": 0.1}
        for step, reward in ((2, 1.0), (2, 0.0), (10, 1.0), (10, None))
    ]  # fmt: skip
    assert by_problem(read_histories([written(tmp_path / kind, rows)])) == {"a": [0.5, 1.0]}
    asked = Reading(columns={"accuracy": "format_reward"}, right_at=9)
    assert by_problem(read_histories([tmp_path / kind], asked)) == {"a": [1.0, 1.0]}


@pytest.mark.parametrize("kind", ["c.parquet", "c.jsonl"])
def test_prompts_that_are_messages(kind: str, tmp_path: Path) -> None:
    def messages(text: str) -> list[dict[str, str]]:
        return [{"role": "system", "content": "s"}, {"role": "user", "content": text}]

    rows = [
        {"prompt": messages(text), "completion": "x", "reward": 1.0, "step": 1} for text in ("a", "b", "a")
    ]
    rows.append({"prompt": [{"role": "system", "content": "s"}], "completion": "x", "reward": 1.0, "step": 1})
    read = read_histories([written(tmp_path / kind, rows)])
    assert by_problem(read, "attempts") == {"a": [2], "b": [1]}
    assert details(read) == [("unreadable", "it has no problem")]


@pytest.mark.parametrize("kind", KINDS)
def test_our_own_rollouts(kind: str, tmp_path: Path) -> None:
    kinds = {("a", 0): "rwwT", ("a", 1): "rr?u", ("b", 0): "ww", ("c", 0): "?t"}
    rows = [
        row(problem, n, said, visit=visit, answer="4" if said == "r" else "5")
        for (problem, visit), letters in kinds.items()
        for n, said in enumerate(letters)
    ]
    table = of(rows)
    path = tmp_path / kind
    if kind.endswith("parquet"):
        pq.write_table(table, path)
    else:
        written(path, table.to_pylist())
    read = read_histories([path])
    a, b = "The problem a?", "The problem b?"
    assert by_problem(read) == {a: [1 / 3, 1.0], b: [0.0]}  # neither truncated nor undecided ones count
    assert by_problem(read, "attempts") == {a: [3, 2], b: [2]}
    assert by_problem(read, "unanimity") == {a: [0.75, 0.5], b: [1.0]}
    assert by_problem(read, "model") == {a: "m", b: "m"}
    assert [fallen.reason for fallen in read.rejected] == ["undecided"]


def test_instructions_are_part_of_the_problem_unless_they_are_taken_off(tmp_path: Path) -> None:
    end = "Let's think step by step and output the final answer within \\boxed{}."
    path = written(tmp_path / "a.jsonl", wide(**{f"user\nWhat is 1+1? {end}": [0.5], "What is 1+1?": [0.5]}))
    assert read_histories([path]).histories.num_rows == 2
    read = read_histories([path], Reading(strip_end=(end,), strip_start=("user\n",)))
    assert by_problem(read) == {"What is 1+1?": [0.5]}
    assert details(read) == [("duplicate", "the same history as another row")]


def test_checkpoints_by_name_and_of_several_models(tmp_path: Path) -> None:
    rows = [
        {"problem": "a", "checkpoint": f"run/global_step_{step}", "correct": "True", "model": f"ckpt-{step}"}
        for step in (100, 20)
    ]
    read = read_histories([written(tmp_path / "a.jsonl", rows)])
    assert by_problem(read, "visits") == {"a": 2}
    assert by_problem(read, "model") == {"a": "ckpt-100"}
    mixed = written(tmp_path / "b.jsonl", [r | {"checkpoint": 1} for r in rows])
    with pytest.raises(ConfigError, match=r"several models at one visit \('ckpt-100', 'ckpt-20'\)"):
        read_histories([mixed])
    assert by_problem(read_histories([mixed], Reading(student="ckpt-20")), "attempts") == {"a": [1]}
    with pytest.raises(ConfigError, match="no row of the model 'x'"):
        read_histories([mixed], Reading(student="x"))


def test_rows_in_any_order_and_any_number_of_files_give_the_same_bytes(tmp_path: Path) -> None:
    rng = random.Random(1)
    rows = [
        {"problem": f"p{rng.randrange(9)}", "step": rng.randrange(4), "reward": rng.choice([0.1, 0.2, 0.7]), "log": "x", "category": rng.choice("yz")}
        for _ in range(300)
    ]  # fmt: skip
    rows[0]["category"] = "z"
    whole = read_histories([written(tmp_path / "0" / "log.jsonl", rows)])
    rng.shuffle(rows)
    written(tmp_path / "1" / "log_b.parquet", rows[:100])
    written(tmp_path / "1" / "log_a.csv", rows[100:])
    pieces = read_histories([tmp_path / "1"])
    assert pieces.histories.equals(whole.histories)
    assert set(whole.histories["category"].to_pylist()) == {"Y"}  # the first of several, whatever came first


@pytest.mark.parametrize("seed", range(8))
def test_attempts_add_up_as_in_a_plain_reference(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    # A gap first: Parquet takes the type of a column from what it holds.
    rows: list[Row] = [{"problem": "p0", "visit": 0, "response": "r", "correct": True, "answer": "1"}]
    for _ in range(rng.randrange(200)):
        answer, correct = rng.choice(["1", "2", "3", None]), rng.choice([True, False, False, None])
        visit = rng.randrange(rng.randrange(1, 6))
        rows.append(
            {
                "problem": f"p{rng.randrange(6)}",
                "visit": visit,
                "response": "r",
                "correct": correct,
                "answer": answer,
            }
        )
    rng.shuffle(rows)
    read = read_histories([written(tmp_path / rng.choice(["a.jsonl", "a.parquet", "a.csv"]), rows)])
    found = {row["problem"]: row for row in read.histories.to_pylist()}
    wanted = naive_histories(rows)
    assert {
        name: (row["accuracies"], row["attempts"], row["unanimity"]) for name, row in found.items()
    } == wanted
    assert len(read.rejected) == len({row["problem"] for row in rows}) - len(wanted)


@pytest.mark.parametrize("kind", ["log.jsonl", "log.csv", "log.parquet"])
def test_single_wrong_lists_cost_their_row(kind: str, tmp_path: Path) -> None:
    rows = wide(good=[0.5, 1], high=[0.5, 1.5], low=[-0.1], empty=[])
    if kind == "log.jsonl":  # others cannot hold these beside lists
        rows += [
            {"prompt": "gap", "accs": [0.5, None]},
            {"prompt": "words", "accs": ["x"]},
            {"prompt": "none", "accs": None},
        ]
        rows += [
            {"prompt": "bool", "accs": [True, False]},
            {"prompt": None, "accs": [1.0]},
            {"prompt": "scalar", "accs": 3},
        ]
    read = read_histories([written(tmp_path / kind, rows)], Reading(scale=(0, 1)))
    said = details(read)
    assert ("unreadable", "its accuracy at visit 1 is 1.5, which is not between 0 and 1") in said
    assert ("unreadable", "its accuracy at visit 0 is -0.1, which is not between 0 and 1") in said
    assert ("unreadable", "its accuracies are no list of numbers, or an empty one") in said
    kept = {"good": [0.5, 1.0]} | ({"bool": [1.0, 0.0]} if kind == "log.jsonl" else {})
    assert by_problem(read) == kept
    assert len(kept) + len(said) == read.rows == len(rows)


def test_not_a_number_costs_its_row(tmp_path: Path) -> None:
    table = pa.table({"prompt": ["a", "b"], "accs": [[0.5, float("nan")], [0.5]]})
    pq.write_table(table, tmp_path / "a.parquet")
    assert details(read_histories([tmp_path / "a.parquet"])) == [
        ("unreadable", "its accuracy at visit 1 is no number")
    ]
    table = pa.table({"prompt": ["a", "b"], "step": [1, 1], "reward": [float("nan"), 0.0]})
    pq.write_table(table, tmp_path / "b.parquet")
    assert details(read_histories([tmp_path / "b.parquet"])) == [
        ("unreadable", "reward is neither a number nor true or false")
    ]


@pytest.mark.parametrize("kind", ["log.jsonl", "log.csv"])
def test_single_wrong_attempts_cost_their_row(kind: str, tmp_path: Path) -> None:
    good = {"problem": "a", "step": 1, "reward": 1}
    wrong = [{"reward": "yes"}, {"reward": 2}, {"step": "base"}, {"problem": ""}, {"step": None}]
    path = written(tmp_path / kind, [good, *(good | fault for fault in wrong), good | {"reward": "false"}])
    read = read_histories([path])
    assert by_problem(read) == {"a": [0.5]}
    assert sorted(detail for _, detail in details(read)) == [
        "it has no problem",
        "its visit is no number and ends in none",
        "its visit is no number and ends in none",
        "reward is 2, which is not between 0 and 1",
        "reward is neither a number nor true or false",
    ]
    assert len({fallen.row_id for fallen in read.rejected}) == 5


LISTS = (
    pa.list_(pa.float64()), pa.large_list(pa.float64()), pa.list_(pa.float32(), 2), pa.list_view(pa.float64()),
    pa.list_(pa.string()), pa.string(),
)  # fmt: skip
TEXTS = (
    pa.string(),
    pa.large_string(),
    pa.string_view(),
    pa.binary(),
    pa.dictionary(pa.int32(), pa.string()),
)


@pytest.mark.parametrize("kind", LISTS, ids=str)
def test_lists_of_every_arrow_type(kind: pa.DataType, tmp_path: Path) -> None:
    lists: list[Any] = [[1.0, 0.5], [0.0, 0.25]]
    if pa.types.is_string(kind):
        lists = list(map(str, lists))
    elif pa.types.is_list(kind) and pa.types.is_string(kind.value_type):
        lists = [list(map(str, values)) for values in lists]
    pq.write_table(pa.table({"problem": ["a", "b"], "acc": pa.array(lists, kind)}), tmp_path / "a.parquet")
    assert by_problem(read_histories([tmp_path / "a.parquet"])) == {"a": [1.0, 0.5], "b": [0.0, 0.25]}


@pytest.mark.parametrize("kind", TEXTS, ids=str)
def test_texts_of_every_arrow_type(kind: pa.DataType, tmp_path: Path) -> None:
    texts = pa.array(["a", "b", "a", None]).cast(kind)
    pq.write_table(pa.table({"problem": texts, "reward": [1, 0, 0, 1]}), tmp_path / "a.parquet")
    read = read_histories([tmp_path / "a.parquet"])
    assert by_problem(read) == {"a": [0.5], "b": [0.0]}
    assert details(read) == [("unreadable", "it has no problem")]


def test_two_columns_of_one_name_are_told(tmp_path: Path) -> None:
    names = ["problem", "problem", "reward"]
    table = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"]), pa.array([1])], names=names)
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(ConfigError, match="two columns are called 'problem'"):
        read_histories([tmp_path / "a.parquet"])


def test_broken_lines_cost_themselves(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", wide(a=[0.5]))
    path.write_text("{broken\n[1]\n" + path.read_text())
    assert sorted(reason for reason, _ in details(read_histories([path]))) == ["unreadable"] * 2


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.jsonl", b'{"text": "x", "acc": [1]}\n', r"no column of the problem \(problem, question.*there are: text, acc"),
        ("a.jsonl", b'{"problem": "x", "loss": 1}\n', "no column of the accuracy.*--col accuracy=COLUMN"),
        ("a.jsonl", b"", "there is no row in it"),
        ("a.jsonl", b'{"problem": "x", "acc": [2.0]}\n', "none of its 1 rows can be used.*visit 0 is 2"),
        ("a.jsonl.gz", b"not packed", "cannot be read"),
        ("a.parquet", b"PAR1 broken", "cannot be read"),
        ("a.txt", b"", "is no log"),
    ],
)  # fmt: skip
def test_logs_that_cannot_be_used_are_told(name: str, content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError, match=said) as told:
        read_histories([tmp_path / name])
    assert name in str(told.value) and str(told.value).endswith((".", "?"))


def test_wrong_usage_is_told(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", wide(a=[0.5]))
    for how, said in (
        (Reading(columns={"x": "y"}), "no such role"),
        (Reading(columns={"problem": "y"}), r"no column 'y' \(problem\); there are: prompt, accs"),
    ):
        with pytest.raises(ConfigError, match=said):
            read_histories([path], how)
    with pytest.raises(ConfigError, match="named twice"):
        read_histories([path, tmp_path])
    with pytest.raises(ConfigError, match="There is no log"):
        read_histories([tmp_path / "none"])
