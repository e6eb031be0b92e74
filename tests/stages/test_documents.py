import gzip
import json
import os
import random
from pathlib import Path

import pytest

from synth.config import DocumentsConfig
from synth.documents.clusters import rows_per_band
from synth.documents.find import Source, find_sources
from synth.documents.readers import Unread, read
from synth.ids import content_id
from synth.stages.base import Output, rejected_table
from synth.stages.documents import read_documents, source_id

CONFIG = DocumentsConfig(min_chars=20)
WORDS = tuple(f"{a}{b}" for a in ("al", "be", "co", "du") for b in ("ta", "mo", "ri", "ne", "sun"))


def prose(seed: int, words: int = 120) -> str:
    rng = random.Random(seed)
    return " ".join(rng.choice(WORDS) + rng.choice((" ", ".", "")).strip() for _ in range(words))


def corpus(folder: Path, **texts: str) -> list[Source]:
    for name, text in texts.items():
        (folder / f"{name}.txt").write_text(text)
    return find_sources([str(folder)])


def run(sources: list[Source], config: DocumentsConfig = CONFIG, seed: int = 0) -> Output:
    output = read_documents(sources, config, seed)
    output.check_balance("documents")
    rejected_table("documents", output.rejected)
    return output


def column(output: Output, table: str, name: str) -> list[object]:
    values: list[object] = output.tables[table][name].to_pylist()
    return values


def test_documents_and_passages_of_a_file(tmp_path: Path) -> None:
    text = "# A\n\n" + prose(1) + "\n\n## B\n\n" + prose(2)
    (tmp_path / "a.md").write_text(f"---\ntitle: T\nlicence: MIT\n---\n{text}\n")
    output = run(find_sources([str(tmp_path)]), DocumentsConfig(min_chars=20, passage_chars=900))
    (document,) = output.tables["documents"].to_pylist()
    assert document["document_id"] == content_id("doc", text)
    assert document["cluster_id"] == document["document_id"]
    assert (document["title"], document["licence"], document["similarity"]) == ("T", "MIT", None)
    passages = sorted(output.tables["passages"].to_pylist(), key=lambda p: p["position"])
    assert [p["title"] for p in passages] == ["T > A", "T > A > B"]
    assert [p["position"] for p in passages] == [0, 1]
    for passage in passages:
        assert passage["text"] == text[passage["start"] : passage["end"]]
        assert passage["passage_id"] == content_id("psg", passage["text"])
        assert passage["licence"] == "MIT"


def test_order_of_sources_changes_nothing(tmp_path: Path) -> None:
    twin = prose(1).replace("alta", "xyz", 1)
    sources = corpus(tmp_path, a=prose(1), b=twin, c=prose(1), d=prose(2), e="short", f="")
    forwards, backwards = run(sources), run(sources[::-1])
    assert forwards.tables == backwards.tables
    assert rejected_table("documents", forwards.rejected) == rejected_table("documents", backwards.rejected)


def test_every_bad_input_is_rejected_with_its_reason_and_harms_no_neighbour(tmp_path: Path) -> None:
    sources = corpus(tmp_path, good=prose(1), short="too short", blank=" \n\t\n", copy=prose(1))
    (tmp_path / "x.pdf").write_bytes(b"%PDF")
    (tmp_path / "binary.txt").write_bytes(b"a\x00b")
    (tmp_path / "cut.txt.gz").write_bytes(gzip.compress(prose(3).encode())[:50])
    (tmp_path / "rows.jsonl").write_text(json.dumps({"text": prose(2)}) + "\n{broken\n")
    (tmp_path / "huge.txt").write_text("word " * 1000)
    sources = find_sources([str(tmp_path)])
    output = run(sources, DocumentsConfig(min_chars=20, max_bytes=3000))
    assert {r.source: r.reason for r in output.rejected} == {
        "blank.txt": "empty",
        "short.txt": "too_short",
        "good.txt": "duplicate",
        "x.pdf": "unsupported_format",
        "binary.txt": "unreadable",
        "cut.txt.gz": "unreadable",
        "rows.jsonl#1": "unreadable",
        "huge.txt": "too_large",
    }
    assert sorted(map(str, column(output, "documents", "source"))) == ["copy.txt", "rows.jsonl#0"]
    assert source_id("rows.jsonl#1") in output.inputs - output.parents


def test_of_equal_texts_the_smallest_source_stays(tmp_path: Path) -> None:
    sources = corpus(tmp_path, b=prose(1), a=prose(1).replace(" ", " ") + " \n\n", c=prose(1))
    output = run(sources)
    assert column(output, "documents", "source") == ["a.txt"]
    assert {(r.source, r.reason, r.clash_id) for r in output.rejected} == {
        (name, "duplicate", content_id("doc", prose(1))) for name in ("b.txt", "c.txt")
    }


def test_of_near_duplicates_the_longest_stays(tmp_path: Path) -> None:
    long = prose(1) + " One more sentence here."
    output = run(corpus(tmp_path, a=prose(1), b=long, c=prose(2)))
    assert sorted(map(str, column(output, "documents", "source"))) == ["b.txt", "c.txt"]
    (fallen,) = output.rejected
    assert (fallen.source, fallen.reason, fallen.clash_id) == (
        "a.txt",
        "near_duplicate",
        content_id("doc", long),
    )
    assert fallen.row["text"] == prose(1)
    rows = {row["source"]: row for row in output.tables["documents"].to_pylist()}
    assert rows["b.txt"]["cluster_id"] == min(content_id("doc", long), content_id("doc", prose(1)))
    assert 0.9 < rows["b.txt"]["similarity"] < 1
    assert rows["c.txt"]["similarity"] is None


def test_near_duplicates_are_marked_where_they_are_kept(tmp_path: Path) -> None:
    long = prose(1) + " One more sentence here."
    config = DocumentsConfig(min_chars=20, near_duplicates="keep")
    output = run(corpus(tmp_path, a=prose(1), b=long), config)
    assert output.rejected == []
    assert len(set(column(output, "documents", "cluster_id"))) == 1
    assert len(set(column(output, "documents", "similarity"))) == 1
    assert set(column(output, "passages", "cluster_id")) == set(column(output, "documents", "cluster_id"))


@pytest.mark.parametrize("threshold", [0.05, 0.3, 0.5, 0.7, 0.9, 0.99])
def test_bands_find_pairs_at_the_threshold(threshold: float) -> None:
    rows = rows_per_band(threshold)
    assert 1 - (1 - threshold**rows) ** (128 // rows) >= (0.98 if threshold > 0.05 else 0.9)


def test_a_passage_of_two_documents_is_kept_once(tmp_path: Path) -> None:
    shared = "# Licence\n\n" + prose(9)
    one, two = (f"# Text\n\n{prose(seed, 200)}\n\n{shared}" for seed in (1, 2))
    output = run(corpus(tmp_path, a=one, b=two), DocumentsConfig(min_chars=20, passage_chars=1400))
    assert output.tables["documents"].num_rows == 2
    (fallen,) = output.rejected
    assert (fallen.reason, fallen.clash_id) == ("duplicate", content_id("psg", shared))
    assert fallen.source == content_id("doc", two)
    assert fallen.row_id not in output.inputs


def test_a_document_stays_when_its_passages_fall(tmp_path: Path) -> None:
    sources = corpus(tmp_path, a="word " * 40 + "\n\nThe end.", b="\n\n".join(["xy" * 30] * 5))
    output = run(sources, DocumentsConfig(min_chars=100, passage_chars=200))
    assert output.tables["documents"].num_rows == 2
    assert sorted(r.reason for r in output.rejected) == ["too_short"]
    sampled = run(corpus(tmp_path), DocumentsConfig(min_chars=20, sample=1))
    assert sampled.tables["documents"].num_rows == 2
    assert sampled.tables["passages"].num_rows == 1
    assert [r.reason for r in sampled.rejected] == ["not_sampled"]


def test_a_sample_is_drawn_by_the_seed_and_by_nothing_else(tmp_path: Path) -> None:
    sources = corpus(tmp_path, **{f"f{i}": prose(i) for i in range(20)})
    config = DocumentsConfig(min_chars=20, sample=5)

    def drawn(some: list[Source], seed: int) -> set[object]:
        return set(column(run(some, config, seed), "passages", "passage_id"))

    assert len(drawn(sources, 1)) == 5
    assert drawn(sources, 1) == drawn(sources[::-1], 1)
    assert drawn(sources, 1) != drawn(sources, 2)
    # More documents push some passages out, but bring none in that was out before.
    few = set(column(run(sources[:10]), "passages", "passage_id"))
    assert drawn(sources, 1) & few <= drawn(sources[:10], 1)


def test_a_stated_language_counts_where_the_text_does_not_tell(tmp_path: Path) -> None:
    rows = [
        {"text": "1 2 3 4 5 6 7 8 9 10 11 12 13", "language": "fr-FR"},
        {"text": "The derivative measures how fast a value changes.", "language": "de"},
        {"text": "11 12 13 14 15 16 17 18 19 20", "language": "?"},
    ]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    output = run(find_sources([str(tmp_path)]))
    found = zip(column(output, "documents", "source"), column(output, "documents", "language"), strict=True)
    assert sorted(map(str, (language for _, language in sorted(found)))) == ["en", "fr", "und"]


def test_every_file_of_a_real_corpus_is_read_or_rejected() -> None:
    data = os.environ.get("SYNTH_TEST_DATA")
    if not data:
        pytest.skip("SYNTH_TEST_DATA is not set")
    groups = [f"{data}/docs/{name}" for name in ("html-octave", "md-cp-algorithms", "txt-oa-stm", "pdf-gap")]
    sources = find_sources(groups)
    output = run(sources, DocumentsConfig())
    read_from = {str(name) for name in column(output, "documents", "source")}
    fallen = {r.source for r in output.rejected if r.row_id in output.inputs}
    assert read_from | fallen == {s.name for s in sources}
    assert not read_from & fallen
    assert len(read_from) > 120
    unread = [f for s in sources for f in read(s, DocumentsConfig()) if isinstance(f, Unread)]
    assert {u.reason for u in unread} == {"unsupported_format"}
    for row in output.tables["passages"].to_pylist():
        assert 80 <= len(row["text"]) <= 6000
    texts = {row["document_id"]: row["text"] for row in output.tables["documents"].to_pylist()}
    assert all("¶" not in text and "Next:" not in text for text in texts.values())


def test_a_file_that_is_called_like_a_row_keeps_the_balance(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text(json.dumps({"text": prose(1)}))
    (tmp_path / "t.jsonl#0").write_text("no reader for this one")
    output = run(find_sources([str(tmp_path)]))
    assert column(output, "documents", "source") == ["t.jsonl#0"]
    assert [(r.source, r.reason) for r in output.rejected] == [("t.jsonl##0", "unsupported_format")]
