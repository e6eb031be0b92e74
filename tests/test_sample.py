"""The sample documents through the whole road with the fake model: what comes out, counted."""

import json
from pathlib import Path

import pytest

import synth
from synth.facade import Result
from synth.sample import sample_folder
from synth.settings import load

GOLDEN = Path(__file__).parent / "golden" / "sample.json"


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return synth.run(load("demo", model="fake"), runs=tmp_path_factory.mktemp("runs"))


def test_the_funnel_is_as_it_was(result: Result) -> None:
    """A changed count is a changed method: look why, then write the golden file anew."""
    found = [{**row._asdict(), "reused": 0} for row in result.funnel]
    assert found == json.loads(GOLDEN.read_text())


def test_the_broken_file_and_the_twin_are_accounted_for(result: Result) -> None:
    assert result.funnel[0].reasons == {"near_duplicate": 1, "unreadable": 1}


def test_every_sample_document_is_short(result: Result) -> None:
    words = synth.load(result.folder, "documents")["text"].map(lambda text: len(text.split()))
    assert words.max() <= 250
    assert len(words) >= 11


def test_one_benchmark_item_stands_in_a_document(result: Result) -> None:
    items = [
        json.loads(line)["question"]
        for line in (sample_folder() / "benchmarks" / "sample_benchmark.jsonl").read_text().splitlines()
    ]
    texts = synth.load(result.folder, "documents")["text"].tolist()
    flat = [" ".join(text.split()) for text in texts]
    assert sum(any(" ".join(item.split()) in text for text in flat) for item in items) == 1


def test_programming_documents_make_programming_questions(tmp_path: Path) -> None:
    made = synth.run(load("programming", model="fake"), runs=tmp_path)
    rows = synth.load(made.folder, "dataset")
    assert set(rows["domain"]) == {"programming"}
    assert set(rows["difficulty"].dropna()) <= {"beginner", "intermediate", "advanced", "expert", "other"}
