import json

from synth.config import DocumentsConfig
from synth.documents.find import find_sources
from synth.documents.readers import Document, read
from synth.sample import sample_folder
from synth.stages.documents import read_documents


def test_the_sample_reads_into_a_dozen_documents_with_one_twin_and_one_broken_file() -> None:
    sources = find_sources([str(sample_folder() / "documents")])
    output = read_documents(sources, DocumentsConfig(), seed=0)
    output.check_balance("documents")
    assert output.tables["documents"].num_rows == 12
    assert output.tables["passages"].num_rows == 12
    fallen = {r.source: r.reason for r in output.rejected}
    assert fallen == {
        "broken.jsonl.gz": "unreadable",
        "uniform-acceleration-revised.txt": "near_duplicate",
    }


def test_every_sample_document_is_short_enough_for_a_very_small_model() -> None:
    sources = find_sources([str(sample_folder() / folder) for folder in ("documents", "programming")])
    found = [item for source in sources for item in read(source, DocumentsConfig())]
    words = [len(item.text.split()) for item in found if isinstance(item, Document)]
    assert len(words) == 19
    assert max(words) <= 250


def test_the_first_benchmark_item_stands_word_for_word_in_one_document() -> None:
    lines = (sample_folder() / "benchmarks" / "sample_benchmark.jsonl").read_text().splitlines()
    items = [json.loads(line)["question"] for line in lines]
    sources = find_sources([str(sample_folder() / "documents")])
    output = read_documents(sources, DocumentsConfig(), seed=0)
    texts = output.tables["documents"]["text"].to_pylist()
    assert [sum(item in text for text in texts) for item in items] == [1] + [0] * (len(items) - 1)
