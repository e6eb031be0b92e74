"""`synth dedup` on tables of all kinds, good and bad."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import Result

from tests.dedup.made import edited
from tests.dedup.test_paraphrases import DUCKS, SAID

Synth = Callable[..., Result]
STEM = (
    "A train leaves the station at noon and drives to the next town with a speed that never changes and then "
)
ROWS: list[dict[str, Any]] = [
    {"id": "a", "question": f"{STEM}waits 5 minutes.", "score": 1},
    {"id": "b", "question": f"{STEM.upper()}waits   5 minutes", "score": 3},
    {"id": "c", "question": f"{STEM}waits 6 minutes.", "score": 1},
    {"id": "d", "question": f"{STEM}waits several minutes.", "score": 2},
    {"id": "e", "question": None, "score": None},
    {"id": "f", "question": "", "score": 0},
    {"id": "g", "question": "One.", "score": 0},
    {"id": "h", "question": "等差数列的首项为三公差为二求这个数列的前十项之和", "score": 0},
]


def table(path: Path, rows: list[dict[str, Any]]) -> Path:
    text = "".join(json.dumps(row) + "\n" for row in rows)
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=3)
    else:
        path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def found(row: dict[str, Any]) -> dict[str, Any]:
    """A row but for where it stood."""
    return {name: value for name, value in row.items() if name not in ("in_file", "in_row")}


def written(out: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    kept, removed = (pq.read_table(out / f"{name}.parquet").to_pylist() for name in ("kept", "removed"))
    return kept, removed


@pytest.mark.parametrize("name", ["rows.parquet", "rows.jsonl", "rows.jsonl.gz"])
def test_what_repeats_goes_with_its_proof(synth: Synth, tmp_path: Path, name: str) -> None:
    path, out = table(tmp_path / name, ROWS), tmp_path / "out"
    result = synth("dedup", str(path), "--id", "id", "--quality", "score", "--out", str(out))
    assert result.exit_code == 0, result.output
    kept, removed = written(out)
    assert [row["id"] for row in kept] == ["b", "c", "e", "f", "g", "h"]
    assert {row["id"]: row["twin_of"] for row in kept if row["twin_of"]} == {"c": "b"}
    found = {row["id"]: (row["dup_of"], row["how"], row["stored"]) for row in removed}
    assert found == {"a": ("b", "equal", False), "d": ("b", "near", False)}
    assert [round(row["jaccard"], 2) for row in removed] == [1.0, 0.82]
    assert "without a word or number" in result.output


def test_the_order_of_rows_and_the_disk_change_nothing(synth: Synth, tmp_path: Path) -> None:
    rows = [{"id": f"{place:04d}", "question": text} for place, text in enumerate(edited(3, 2_500))]
    straight = table(tmp_path / "straight.parquet", rows)
    turned = [
        table(tmp_path / "one.jsonl", rows[1000:][::-1]),
        table(tmp_path / "two.parquet", rows[:1000][::-1]),
    ]
    outs = []
    for number, inputs in enumerate(([straight], turned)):
        outs.append(tmp_path / str(number))
        more = ["--memory-rows", "1000"] if number else []
        result = synth(
            "dedup", *map(str, inputs), "--id", "id", "--shingle", "3", "--out", str(outs[-1]), *more
        )
        assert result.exit_code == 0, result.output
    one, other = ([sorted(map(str, map(found, rows))) for rows in written(out)] for out in outs)
    assert one == other
    assert not list(outs[1].glob(".dedup-*"))


def test_an_index_remembers_what_was_kept(synth: Synth, tmp_path: Path) -> None:
    texts = list(dict.fromkeys(edited(3, 400)))
    first = table(
        tmp_path / "first.jsonl", [{"id": f"a{i}", "question": t} for i, t in enumerate(texts[:200])]
    )
    second = table(
        tmp_path / "second.jsonl", [{"id": f"b{i}", "question": t} for i, t in enumerate(texts[200:])]
    )
    options = ["--id", "id", "--shingle", "3", "--index", str(tmp_path / "index"), "--json"]
    said = [
        json.loads(synth("dedup", str(path), "--out", str(tmp_path / out), *options, *more).output)
        for path, out, more in (
            (first, "1", []),
            (second, "2", []),
            (first, "1", ["--force"]),
            (second, "3", []),
        )
    ]
    assert said[0]["known"] == 0 < said[1]["known"]
    assert said[1]["stored"] == said[0]["kept"] + said[1]["kept"]
    _, removed = written(tmp_path / "2")
    assert {row["dup_of"][0] for row in removed if row["stored"]} == {"a"}
    # The same command again is the same run: its own rows are not what it repeats.
    for before, after in ((said[0], said[2]), (said[1], said[3])):
        assert {key: before[key] for key in ("kept", "removed", "known")} == {
            key: after[key] for key in ("kept", "removed", "known")
        }
    refused = synth("dedup", str(first), "--out", str(tmp_path / "4"), "--index", str(tmp_path / "index"))
    assert refused.exit_code == 2
    assert "this index has --shingle (screen.shingle_words) 3, and 5 is asked for" in refused.output


def test_columns_of_the_same_name_are_kept_under_another(synth: Synth, tmp_path: Path) -> None:
    path = table(
        tmp_path / "a.jsonl", [{"question": "one two", "dup_of": "x"}, {"question": "one two", "dup_of": "y"}]
    )
    assert synth("dedup", str(path), "--out", str(tmp_path / "out")).exit_code == 0
    _, removed = written(tmp_path / "out")
    assert removed == [
        {
            "question": "one two",
            "input_dup_of": "y",
            "dup_of": "a.jsonl:1",
            "jaccard": 1.0,
            "how": "equal",
            "stored": False,
            "cosine": None,
            "in_file": "a.jsonl",
            "in_row": 2,
        }
    ]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--text", "body"], "there is no column 'body'"),
        (["--quality", "question"], "holds no numbers"),
        (["--bands", "40"], "more than --permutations"),
        (["--index", "FILES"], "holds other files and no index"),
        (["--index", "FILE"], "this is a file, and an index is a folder"),
    ],
)
def test_bad_options_are_one_sentence(synth: Synth, tmp_path: Path, options: list[str], said: str) -> None:
    path = table(tmp_path / "a.parquet", ROWS)
    there = {"FILES": str(tmp_path), "FILE": str(path)}
    options = [there.get(option, option) for option in options]
    result = synth("dedup", str(path), "--out", str(tmp_path / "out"), *options)
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())
    assert not (tmp_path / "out" / "kept.parquet").exists()


def test_results_are_overwritten_only_where_that_is_asked_for(synth: Synth, tmp_path: Path) -> None:
    path = table(tmp_path / "a.parquet", ROWS)
    assert synth("dedup", str(path), "--out", str(tmp_path / "out")).exit_code == 0
    assert "exists already" in " ".join(
        synth("dedup", str(path), "--out", str(tmp_path / "out")).output.split()
    )
    assert synth("dedup", str(path), "--out", str(tmp_path / "out"), "--force").exit_code == 0


def test_two_indexes_become_one(synth: Synth, tmp_path: Path) -> None:
    for name in "ab":
        path = table(tmp_path / f"{name}.jsonl", [{"id": name, "question": f"{STEM}meets {name} {name}."}])
        indexed = ("--index", str(tmp_path / f"index {name}"))
        assert synth("dedup", str(path), "--id", "id", "--out", str(tmp_path / name), *indexed).exit_code == 0
    merged = synth("dedup", "--index", str(tmp_path / "index a"), "--merge", str(tmp_path / "index b"))
    assert merged.exit_code == 0, merged.output
    assert "It now holds 2 texts." in " ".join(merged.output.split())
    path = table(tmp_path / "c.jsonl", [{"id": "c", "question": f"{STEM.lower()}meets b b."}])
    asked = ("dedup", str(path), "--out", str(tmp_path / "c"), "--index", str(tmp_path / "index a"), "--json")
    assert json.loads(synth(*asked).output)["known"] == 1
    for options, said in (
        (["--merge", str(tmp_path / "index b")], "name the index that it goes into with --index"),
        (["--merge", str(tmp_path / "none"), "--index", str(tmp_path / "index a")], "there is no index here"),
        ([], "Name one or more tables"),
        (["x.jsonl", "--out", "y", "--judge", "fake"], "add --semantic"),
    ):
        refused = synth("dedup", *options)
        assert refused.exit_code == 2
        assert said in refused.output


def test_the_same_in_other_words_goes_by_its_numbers(synth: Synth, tmp_path: Path) -> None:
    pytest.importorskip("wordllama")
    folder = tmp_path / "tables"
    folder.mkdir()
    table(folder / "a.jsonl", [{"id": "a", "question": DUCKS}, {"id": "c", "question": "Why?"}])
    table(folder / "b.jsonl", [{"id": "b", "question": SAID}, {"id": "d", "question": SAID.upper()}])
    options = ("--id", "id", "--semantic", "--index", str(tmp_path / "index"))
    done = synth("dedup", str(folder), "--out", str(tmp_path / "out"), *options)
    assert done.exit_code == 0, done.output
    assert "the same in other words, by numbers" in done.output
    _, removed = written(tmp_path / "out")
    found = {row["id"]: row for row in removed}
    assert {key: (row["dup_of"], row["how"]) for key, row in found.items()} == {
        "a": ("b", "meaning"),  # the longer one stays
        "d": ("b", "equal"),
    }
    assert found["a"]["jaccard"] is None and 0.7 <= found["a"]["cosine"] <= 1
    assert found["d"]["cosine"] is None
    # The index knows the meaning of what stayed.
    again = table(tmp_path / "again.jsonl", [{"id": "z", "question": DUCKS}])
    asked = ("dedup", str(again), "--out", str(tmp_path / "again"), *options)
    assert synth(*asked).exit_code == 0
    ((), (gone,)) = written(tmp_path / "again")
    assert (gone["dup_of"], gone["how"], gone["stored"]) == ("b", "meaning", True)
    # The same command again finds the same again.
    assert synth(*asked, "--force").exit_code == 0
    assert written(tmp_path / "again")[1] == [gone]


def test_rows_of_files_of_one_name_are_told_apart(synth: Synth, tmp_path: Path) -> None:
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        table(tmp_path / folder / "train.jsonl", [{"question": "How far does a train travel in 2 hours?"}])
    both = [str(tmp_path / folder / "train.jsonl") for folder in ("x", "y")]
    result = synth("dedup", *both, "--out", str(tmp_path / "out"))
    assert result.exit_code == 0, result.output
    _, removed = written(tmp_path / "out")
    told = [(row["in_file"], row["in_row"], row["dup_of"]) for row in removed]
    assert told == [("y/train.jsonl", 1, "x/train.jsonl:1")]


def test_ids_that_several_rows_share_are_told(synth: Synth, tmp_path: Path) -> None:
    rows = [
        {"id": "x", "question": "How far does a train go?"},
        {"id": "x", "question": "How hot is the sun?"},
    ]
    path = table(tmp_path / "rows.jsonl", [*rows, {"id": "y", "question": "How deep is the sea there?"}])
    result = synth("dedup", str(path), "--id", "id", "--out", str(tmp_path / "out"))
    assert result.exit_code == 0, result.output
    assert "2 rows share their id with another one" in " ".join(result.output.split())
    plain = synth("dedup", str(path), "--out", str(tmp_path / "plain"))
    assert "share their id" not in plain.output


def test_a_table_that_is_taken_in_again_under_another_name_is_told(synth: Synth, tmp_path: Path) -> None:
    for name in ("one", "two"):
        path = table(tmp_path / f"{name}.jsonl", [{"id": i, "question": f"{i} and more"} for i in "xyz"])
        path.write_text(path.read_text() + "{broken\n")
    asked = ("--id", "id", "--index", str(tmp_path / "index"))
    first = synth("dedup", str(tmp_path / "one.jsonl"), *asked, "--out", str(tmp_path / "a"))
    assert "1 line left out" in first.output and (tmp_path / "a" / "rejected.parquet").is_file()
    assert "same id" not in first.output
    again = synth("dedup", str(tmp_path / "two.jsonl"), *asked, "--out", str(tmp_path / "b"))
    assert "3 rows went for a stored one of the same id" in " ".join(again.output.split())
