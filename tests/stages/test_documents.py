import gzip
import json
import random
from pathlib import Path
from typing import Any

import pytest

from synth.documents.clusters import rows_per_band
from synth.documents.find import find_sources
from synth.ids import content_id
from synth.stages.base import rejected_table
from synth.stages.documents import source_id
from synth.text import file_sha256
from tests.documents.tools import Run

WORDS = tuple(f"{a}{b}" for a in ("al", "be", "co", "du") for b in ("ta", "mo", "ri", "ne", "sun"))


def prose(seed: int, words: int = 120) -> str:
    rng = random.Random(seed)
    return " ".join(rng.choice(WORDS) + rng.choice((" ", ".", "")).strip() for _ in range(words))


def corpus(folder: Path, **texts: str) -> Path:
    place = folder / "corpus"
    place.mkdir(exist_ok=True)
    for name, text in texts.items():
        (place / f"{name}.txt").write_text(text)
    return place


def run(place: Path, seed: int = 0, **settings: Any) -> Run:
    return Run(place.parent / "stage", [place], seed, **settings)


def test_documents_and_passages_of_a_file(tmp_path: Path) -> None:
    text = "# A\n\n" + prose(1) + "\n\n## B\n\n" + prose(2)
    place = corpus(tmp_path)
    (place / "a.md").write_text(f"---\ntitle: T\nlicence: MIT\n---\n{text}\n")
    made = run(place, passage_chars=900)
    (document,) = made.output.tables["documents"].to_pylist()
    assert document["document_id"] == content_id("doc", text)
    assert document["cluster_id"] == document["document_id"]
    assert document["sha256"] == file_sha256(place / "a.md")
    assert (document["title"], document["licence"], document["similarity"]) == ("T", "MIT", None)
    passages = sorted(made.output.tables["passages"].to_pylist(), key=lambda p: p["position"])
    assert [p["title"] for p in passages] == ["T > A", "T > A > B"]
    assert [p["position"] for p in passages] == [0, 1]
    for passage in passages:
        assert passage["text"] == text[passage["start"] : passage["end"]]
        assert passage["passage_id"] == content_id("psg", passage["text"])
        assert passage["licence"] == "MIT"


def test_the_order_in_which_files_are_read_changes_nothing(tmp_path: Path) -> None:
    twin = prose(1).replace("alta", "xyz", 1)
    place = corpus(tmp_path, a=prose(1), b=twin, c=prose(1), d=prose(2), e="short", f="")
    straight = run(place).output
    for name in "fdbeac":
        Run(tmp_path / "other", [place / f"{name}.txt"])
    other = Run(tmp_path / "other", [place])
    assert other.reported == []
    assert straight.tables == other.output.tables
    assert rejected_table("documents", straight.rejected) == rejected_table(
        "documents", other.output.rejected
    )


def test_every_bad_input_is_rejected_with_its_reason_and_harms_no_neighbour(tmp_path: Path) -> None:
    place = corpus(tmp_path, good=prose(1), short="too short", blank=" \n\t\n", copy=prose(1))
    (place / "x.exe").write_bytes(b"MZ")
    (place / "binary.txt").write_bytes(b"a\x00b")
    (place / "cut.txt.gz").write_bytes(gzip.compress(prose(3).encode())[:50])
    (place / "rows.jsonl").write_text(json.dumps({"text": prose(2)}) + "\n{broken\n")
    (place / "huge.txt").write_text("word " * 1000)
    made = run(place, max_bytes=3000)
    assert made.reasons() == {
        "blank.txt": "empty",
        "short.txt": "too_short",
        "good.txt": "duplicate",
        "x.exe": "unsupported_format",
        "binary.txt": "unreadable",
        "cut.txt.gz": "unreadable",
        "rows.jsonl#1": "unreadable",
        "huge.txt": "too_large",
    }
    assert made.sources() == ["copy.txt", "rows.jsonl#0"]
    assert source_id("rows.jsonl#1") in made.output.inputs - made.output.parents


def test_of_equal_texts_the_smallest_source_stays(tmp_path: Path) -> None:
    made = run(corpus(tmp_path, b=prose(1), a=prose(1) + " \n\n", c=prose(1)))
    assert made.sources() == ["a.txt"]
    assert {(r.source, r.reason, r.clash_id) for r in made.output.rejected} == {
        (name, "duplicate", content_id("doc", prose(1))) for name in ("b.txt", "c.txt")
    }
    assert all("text" not in r.row for r in made.output.rejected)


def test_of_near_duplicates_the_longest_stays(tmp_path: Path) -> None:
    long = prose(1) + " One more sentence here."
    made = run(corpus(tmp_path, a=prose(1), b=long, c=prose(2)))
    assert made.sources() == ["b.txt", "c.txt"]
    (fallen,) = made.output.rejected
    assert (fallen.source, fallen.reason, fallen.clash_id) == (
        "a.txt",
        "near_duplicate",
        content_id("doc", long),
    )
    assert fallen.row["text"] == prose(1)
    rows = made.rows("documents")
    assert rows["b.txt"]["cluster_id"] == min(content_id("doc", long), content_id("doc", prose(1)))
    assert 0.9 < rows["b.txt"]["similarity"] < 1
    assert rows["c.txt"]["similarity"] is None


def test_near_duplicates_are_marked_where_they_are_kept(tmp_path: Path) -> None:
    long = prose(1) + " One more sentence here."
    made = run(corpus(tmp_path, a=prose(1), b=long), near_duplicates="keep")
    assert made.output.rejected == []
    assert len(set(made.column("documents", "cluster_id"))) == 1
    assert len(set(made.column("documents", "similarity"))) == 1
    assert set(made.column("passages", "cluster_id")) == set(made.column("documents", "cluster_id"))


@pytest.mark.parametrize("threshold", [0.05, 0.3, 0.5, 0.7, 0.9, 0.99])
def test_bands_find_pairs_at_the_threshold(threshold: float) -> None:
    rows = rows_per_band(threshold)
    assert 1 - (1 - threshold**rows) ** (128 // rows) >= (0.98 if threshold > 0.05 else 0.9)


def test_a_passage_of_two_documents_is_kept_once(tmp_path: Path) -> None:
    shared = "# Licence\n\n" + prose(9)
    one, two = (f"# Text\n\n{prose(seed, 200)}\n\n{shared}" for seed in (1, 2))
    made = run(corpus(tmp_path, a=one, b=two), passage_chars=1400)
    assert made.sources() == ["a.txt", "b.txt"]
    (fallen,) = made.output.rejected
    assert (fallen.reason, fallen.clash_id) == ("duplicate", content_id("psg", shared))
    assert fallen.source == content_id("doc", two)
    assert fallen.row_id not in made.output.inputs


def test_a_document_stays_when_its_passages_fall(tmp_path: Path) -> None:
    place = corpus(tmp_path, a="word " * 40 + "\n\nThe end.", b="\n\n".join(["xy" * 30] * 5))
    made = run(place, min_chars=100, passage_chars=200)
    assert len(made.sources()) == 2
    assert sorted(r.reason for r in made.output.rejected) == ["too_short"]
    sampled = run(place, sample=1)
    assert len(sampled.sources()) == 2
    assert len(sampled.column("passages", "source")) == 1
    assert [r.reason for r in sampled.output.rejected] == ["not_sampled"]


def test_a_sample_is_drawn_by_the_seed_and_by_nothing_else(tmp_path: Path) -> None:
    place = corpus(tmp_path, **{f"f{i:02}": prose(i) for i in range(20)})

    def drawn(glob: str, seed: int, size: int = 5) -> set[object]:
        made = Run(tmp_path / "stage", [place / glob], seed, sample=size)
        return set(made.column("passages", "passage_id"))

    assert len(drawn("*", 1)) == 5
    assert drawn("*", 1) == drawn("*", 1)
    assert drawn("*", 1) != drawn("*", 2)
    # More documents push some passages out, but bring none in that was out before.
    few = drawn("f0*", 1, size=0)
    assert len(few) == 10
    assert drawn("*", 1) & few <= drawn("f0*", 1)


def test_a_stated_language_counts_where_the_text_does_not_tell(tmp_path: Path) -> None:
    rows = [
        {"text": "1 2 3 4 5 6 7 8 9 10 11 12 13", "language": "fr-FR"},
        {"text": "The derivative measures how fast a value changes.", "language": "de"},
        {"text": "11 12 13 14 15 16 17 18 19 20", "language": "?"},
    ]
    place = corpus(tmp_path)
    (place / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = run(place).rows("documents")
    assert [found[f"a.jsonl#{i}"]["language"] for i in range(3)] == ["fr", "en", "und"]


def test_every_file_of_a_real_corpus_is_read_or_rejected(test_data: Path, tmp_path: Path) -> None:
    groups = [test_data / "docs" / name for name in ("html-octave", "md-cp-algorithms", "txt-oa-stm")]
    made = Run(tmp_path, groups, min_chars=80, readers=2)
    names = {source.name for source in find_sources([str(group) for group in groups])}
    fallen = {r.source: r.reason for r in made.output.rejected if r.row_id in made.output.inputs}
    assert set(made.sources()) | fallen.keys() == names
    assert not set(made.sources()) & fallen.keys()
    assert len(made.sources()) > 120
    assert set(fallen.values()) <= {"too_short", "near_duplicate", "duplicate"}
    assert all(80 <= len(text) <= 6000 for text in made.column("passages", "text"))
    assert all("¶" not in text and "Next:" not in text for text in made.column("documents", "text"))


def test_a_file_that_is_called_like_a_row_keeps_the_balance(tmp_path: Path) -> None:
    place = corpus(tmp_path)
    (place / "t.jsonl").write_text(json.dumps({"text": prose(1)}))
    (place / "t.jsonl#0").write_text("no reader for this one")
    made = run(place)
    assert made.sources() == ["t.jsonl#0"]
    assert made.reasons() == {"t.jsonl##0": "unsupported_format"}


def test_a_title_that_is_a_file_name_is_masked(tmp_path: Path) -> None:
    place = corpus(tmp_path, **{"ada@king.org": prose(1)})
    for kinds, title in ((["email"], "[EMAIL]"), ([], "ada@king.org")):
        made = run(place, mask=kinds)
        assert made.output.tables["documents"]["title"].to_pylist() == [title]
        assert made.output.tables["passages"]["title"].to_pylist() == [title]
