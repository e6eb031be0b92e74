"""The real documents, all of them through the stage: what is read, in which language, and what is one page twice."""

import json
from collections import defaultdict
from pathlib import Path, PurePosixPath

import pytest

from tests.documents.tools import Run

MOST_REJECTED = 0.01
# Pages of `txt-python-twins` that are in `html-python` as well.
TWINS = 9


@pytest.fixture(scope="module")
def real(test_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("real")
    return Run(folder, [test_data / "docs"], near_duplicates="keep", min_chars=80, readers=2)


def test_every_file_is_a_document_or_rejected(real: Run, test_data: Path) -> None:
    names = {
        p.relative_to(test_data / "docs").as_posix() for p in (test_data / "docs").rglob("*") if p.is_file()
    }
    fallen = {row.source for row in real.output.rejected if row.source in names}
    assert set(real.sources()) | fallen == names
    assert not set(real.sources()) & fallen
    assert len(fallen) <= MOST_REJECTED * len(names), fallen


def test_two_formats_of_one_page_share_a_cluster_and_nothing_else_does(real: Run) -> None:
    clusters = defaultdict(set)
    for row in real.output.tables["documents"].select(["source", "cluster_id"]).to_pylist():
        clusters[row["cluster_id"]].add(row["source"])
    shared = [members for members in clusters.values() if len(members) > 1]
    # The name of a page is the same in both formats, so a cluster of two names is a false one.
    assert [members for members in shared if len({page(source) for source in members}) > 1] == []
    twins = [m for m in shared if {s.split("/")[0] for s in m} == {"txt-python-twins", "html-python"}]
    assert len(twins) == TWINS


def page(source: str) -> str:
    return PurePosixPath(source).name.removesuffix(".rst.txt").removesuffix(".html")


def test_every_language_is_told(real: Run, test_data: Path) -> None:
    stated, regions = {}, set()
    for line in (test_data / "docs-FILES.jsonl").read_text().splitlines():
        row = json.loads(line)
        regions.add(row["lang"])
        stated[row["path"].removeprefix("docs/")] = row["lang"][:2]
    found = dict(zip(real.column("documents", "source"), real.column("documents", "language"), strict=True))
    # Two of them are one language in two countries, which ISO 639-1 does not tell apart.
    assert len(regions) >= 22
    assert {source: code for source, code in found.items() if code != stated[source]} == {}


@pytest.mark.parametrize(
    ("source", "phrase"),
    [
        ("md-d2l-zh/", "梯度"),
        ("md-learnxinyminutes/he", "שפת"),
        ("md-learnxinyminutes/hi", "है"),
        ("md-learnxinyminutes/el", "και"),
    ],
)
def test_texts_of_other_scripts_are_whole(real: Run, test_data: Path, source: str, phrase: str) -> None:
    rows = [row for name, row in real.rows("documents").items() if name.startswith(source)]
    assert any(phrase in row["text"] for row in rows)
    for row in rows:
        assert "\ufffd" not in row["text"]
        raw = (test_data / "docs" / row["source"]).read_text("utf-8")
        # Front matter goes, marks of tools and invisible characters go; letters stay, each of them.
        body = raw.split("\n---", 1)[-1] if raw.startswith("---") else raw
        assert letters(row["text"]) >= 0.99 * letters(body), row["source"]


def letters(text: str) -> int:
    """Those of scripts other than that of code."""
    return sum(char.isalpha() and not char.isascii() for char in text)
