"""`synth decontaminate`: from tables to kept rows and evidence, without an endpoint and without a quotation."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import Result

Synth = Callable[..., Result]
ITEM = "Tom has 40 hens and each hen lays 5 eggs a week. How many eggs does he collect in 6 weeks?"
OTHER = "A library lends 120 books on Monday and twice as many on Friday. How many books is that in all?"
SAID = "Each of the 40 hens of Tom gives 5 eggs in a week. Over 6 weeks, what number of eggs does he gather?"
ROWS: list[dict[str, Any]] = [
    {"id": 1, "question": "What colour has the sky?", "note": "kept"},
    {"id": 2, "question": ITEM.upper(), "note": "copy"},
    {"id": 3, "question": ITEM.replace("40", "12").replace("5", "7").replace("6", "3"), "note": "numbers"},
    {"id": 4, "question": f"Read with care. {OTHER} Explain it.", "note": "inside"},
    {"id": 5, "question": SAID, "note": "words"},
    {"id": 6, "question": "", "note": "empty"},
    {"id": 7, "question": "Tom has 3 cows.", "note": "kept"},
]


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    folder = tmp_path / "bench"
    folder.mkdir()
    (folder / "farm.jsonl.gz").write_bytes(
        gzip.compress(json.dumps({"id": "f-1", "question": ITEM}).encode())
    )
    pq.write_table(pa.table({"problem": [OTHER], "picture": [b"\x00" * 9]}), folder / "shop.parquet")
    return folder


def put(path: Path, rows: list[dict[str, Any]] = ROWS) -> Path:
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def test_rows_that_overlap_are_removed_with_their_evidence(synth: Synth, bench: Path, tmp_path: Path) -> None:
    pytest.importorskip("wordllama")
    done = synth("decontaminate", put(tmp_path / "in.jsonl"), "--against", bench, "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    kept = pq.read_table(tmp_path / "out" / "kept.parquet").to_pylist()
    assert kept == [row for row in ROWS if row["note"] in ("kept", "empty")]
    removed = pq.read_table(tmp_path / "out" / "removed.parquet").to_pylist()
    found = {(row["row"], row["id"]): (row["benchmark"], row["item"], row["tier"]) for row in removed}
    assert found[1, "2"] == ("farm", "f-1", "exact")
    assert found[2, "3"][:2] == ("farm", "f-1")
    assert found[3, "4"] == ("shop", "0", "exact")
    assert found[4, "5"] == ("farm", "f-1", "paraphrase")
    report = json.loads((tmp_path / "out" / "report.json").read_bytes())
    assert (report["rows"], report["kept"], report["removed"], report["without_text"]) == (7, 3, 4, 1)
    assert report["benchmarks"]["shop"] == {"items": 1, "removed": {"exact": 1}}
    assert set(report["tiers"]) == {"exact", "ngram", "template", "jaccard", "paraphrase"}
    assert report["tiers"]["ngram"].startswith("passages of 13 words")
    assert report["settings"]["embedder"] == "wordllama"
    known = report["settings"]["benchmarks"]
    assert {name: one["file"] for name, one in known.items()} == {
        path.name.split(".")[0]: path.name for path in bench.iterdir()
    }
    assert all(len(one["sha256"]) == 64 for one in known.values())
    assert "removed.parquet and report.json" in " ".join(done.output.split())
    assert not (tmp_path / "out" / "calls").exists()


def test_no_text_of_a_benchmark_is_written_or_said(synth: Synth, bench: Path, tmp_path: Path) -> None:
    rows = [{"id": ITEM, "question": ITEM}, {"id": "x", "question": OTHER}, {"id": "y", "question": "Why?"}]
    put(bench / "ids.jsonl", [{"id": OTHER, "question": OTHER}])
    arguments = ("--against", bench, "--out", tmp_path / "out", "--no-paraphrases", "--json")
    done = synth("decontaminate", put(tmp_path / "in.jsonl", rows), *arguments)
    assert done.exit_code == 0, done.output
    written = b"".join(
        json.dumps(pq.read_table(file).to_pylist()).encode()
        if file.suffix == ".parquet"
        else file.read_bytes()
        for file in (tmp_path / "out").iterdir()
    )
    for word in ("hens", "eggs", "library", "Friday"):
        assert word not in written.decode()
        assert word not in done.output
    assert json.loads(done.stdout)["removed"] == 2


def test_several_benchmarks_columns_and_files_of_other_shapes(
    synth: Synth, bench: Path, tmp_path: Path
) -> None:
    first = put(
        tmp_path / "a.jsonl", [{"id": 1, "stem": "Why?", "hint": ITEM}, {"id": 2, "stem": "Who?", "hint": ""}]
    )
    second = put(tmp_path / "b.jsonl", [{"id": "x", "stem": OTHER, "hint": "No."}])
    arguments = ("--against", bench / "farm.jsonl.gz", bench / "shop.parquet", "--no-paraphrases")
    done = synth(
        "decontaminate",
        first,
        second,
        "--text",
        "stem",
        "--text",
        "hint",
        "--out",
        tmp_path / "out",
        *arguments,
    )
    assert done.exit_code == 0, done.output
    assert pq.read_table(tmp_path / "out" / "kept.parquet")["id"].to_pylist() == ["2"]
    removed = pq.read_table(tmp_path / "out" / "removed.parquet").to_pylist()
    assert [(row["file"], row["row"], row["benchmark"]) for row in removed] == [
        ("a.jsonl", 0, "farm"),
        ("b.jsonl", 0, "shop"),
    ]


@pytest.mark.parametrize(
    ("rows", "benchmark", "said"),
    [
        ([{"stem": "Why?"}], {"question": ITEM}, "name those that hold the texts with --text"),
        ([{"question": "Why?"}], {"stem": ITEM}, "of the columns stem none is called question"),
        ([{"question": "Why?"}], {"question": " "}, "all 1 questions are empty"),
    ],
)
def test_what_cannot_be_used_is_one_sentence(
    synth: Synth, tmp_path: Path, rows: list[dict[str, Any]], benchmark: dict[str, Any], said: str
) -> None:
    known = put(tmp_path / "bench.jsonl", [benchmark])
    done = synth(
        "decontaminate", put(tmp_path / "in.jsonl", rows), "--against", known, "--out", tmp_path / "out"
    )
    assert done.exit_code == 2
    assert said in done.output
    assert "Traceback" not in done.output
    assert not (tmp_path / "out" / "kept.parquet").exists()


def test_results_are_not_overwritten_unless_it_is_said(synth: Synth, bench: Path, tmp_path: Path) -> None:
    arguments = (
        put(tmp_path / "in.jsonl"),
        "--against",
        bench,
        "--out",
        tmp_path / "out",
        "--no-paraphrases",
    )
    assert synth("decontaminate", *arguments).exit_code == 0
    before = (tmp_path / "out" / "kept.parquet").read_bytes()
    again = synth("decontaminate", *arguments)
    assert again.exit_code == 2
    assert "--force" in again.output
    assert synth("decontaminate", *arguments, "--force").exit_code == 0
    assert (tmp_path / "out" / "kept.parquet").read_bytes() == before


def test_a_judge_decides_on_paraphrases(synth: Synth, bench: Path, tmp_path: Path) -> None:
    pytest.importorskip("wordllama")
    asked = ("decontaminate", put(tmp_path / "in.jsonl"), "--against", bench, "--judge", "fake")
    done = synth(*asked, "--out", tmp_path / "out", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["asked"] == 1
    assert json.loads((tmp_path / "out" / "report.json").read_bytes())["settings"]["judge"] is True
    assert any((tmp_path / "out" / "calls").iterdir())
    kept = pq.read_table(tmp_path / "out" / "kept.parquet")["note"].to_pylist()
    tiers = pq.read_table(tmp_path / "out" / "removed.parquet")["tier"].to_pylist()
    assert ("words" in kept) != ("judged" in tiers)  # its word counts, whatever it is
    assert "paraphrase" not in tiers


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--judge", "some-model"), "OPENAI_API_KEY is not set"),
        (("--judge", "wordllama"), "it embeds and cannot judge"),
        (("--judge", "fake", "--no-paraphrases"), "leave out --no-paraphrases"),
    ],
)
def test_a_judge_that_cannot_be_asked_is_one_sentence(
    synth: Synth,
    bench: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    said: str,
) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    out = tmp_path / "out"
    done = synth("decontaminate", put(tmp_path / "in.jsonl"), "--against", bench, "--out", out, *options)
    assert done.exit_code == 2
    assert said in done.output
    assert not (out / "kept.parquet").exists()


def test_a_benchmark_that_is_given_twice_is_told_and_the_report_has_the_settings(
    synth: Synth, tmp_path: Path
) -> None:
    for name in ("one.jsonl", "two.jsonl"):
        put(tmp_path / name, [{"question": ITEM}])
    options = (
        "--against",
        tmp_path / "one.jsonl",
        tmp_path / "two.jsonl",
        "--no-paraphrases",
        "--ngram",
        "5",
    )
    out = tmp_path / "out"
    done = synth("decontaminate", put(tmp_path / "in.jsonl"), *options, "--text", "question", "--out", out)
    assert done.exit_code == 0, done.output
    assert "two holds the same items as one" in " ".join(done.output.split())
    report = json.loads((out / "report.json").read_bytes())
    assert report["tiers"]["ngram"].startswith("passages of 8 words")
    assert report["settings"]["text"] == ["question"]
    assert report["settings"]["embedder"] is None
