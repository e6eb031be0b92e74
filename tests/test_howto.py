"""The how-tos, run as they stand and in their order, with one run for all that look at one."""

import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from synth.report import manifests, read_stats
from tests import corpus, pages, rolled
from tests.endpoints import FakeEndpoint

PAGE = (pages.ROOT / "docs" / "howto.md").read_text()
BLOCKS = pages.blocks(PAGE)
PLAIN = [block for block in BLOCKS if not block.server]
FEW = ("mixtures.md", "lines.md")
ITEM = {"problem": "A train leaves at noon and covers 120 kilometres in two hours. What is its mean speed?"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the page starts with: `notes/`, and what single how-tos take beside it."""
    monkeypatch.delenv("SYNTH_HOME")
    monkeypatch.setenv("OPENAI_BASE_URL", "")  # so that what the page exports is taken back
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:/usr/bin:/bin")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(pages.ROOT), os.environ.get("PYTHONPATH", "")]))
    notes = corpus.write(tmp_path / "notes")
    for path in notes.iterdir():
        if path.name not in FEW:
            path.unlink()
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "waves.txt").write_text(
        "Waves\n\nA wave carries energy and no matter. Its speed is the product of frequency and wavelength, and the "
        "ratio of two speeds is the refractive index. A linear equation joins them where one of the two is constant."
    )
    (tmp_path / "bench.jsonl").write_text(json.dumps(ITEM) + "\n")
    rolled.write(tmp_path / "acc_history.jsonl")
    for name, text in pages.files(PAGE).items():
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.slow
@pytest.mark.timeout(900)  # some twenty commands
def test_the_how_tos_run(folder: Path, start_fake: Callable[..., FakeEndpoint]) -> None:
    said = []
    for block in PLAIN:
        served = (
            block.code.replace("http://127.0.0.1:8000/v1", start_fake().url)
            if "8000" in block.code
            else block.code
        )
        said.append(pages.run(block._replace(code=served)))
    runs = folder / "data" / "runs"
    assert read_stats(runs / "first")["rows"] > 0 < read_stats(runs / "trial")["rows"]
    assert (
        "budget.calls" in said[2] and read_stats(runs / "small")["rows"] == read_stats(runs / "first")["rows"]
    )
    assert len((folder / "train.jsonl").read_text().splitlines()) == read_stats(runs / "first")["rows"]
    assert len(list((folder / "prompts").iterdir())) == 2
    assert pq.read_table(folder / "unique" / "removed.parquet").num_rows > 0
    assert "targets" in manifests(runs / "aimed")
    assert (folder / "data" / "datasets" / "growing" / "latest").read_text() == "v0002\n"


@pytest.mark.flows
@pytest.mark.slow
def test_a_run_is_watched(folder: Path) -> None:
    """In a process of its own, as the server takes its settings from the environment."""
    (block,) = (block for block in BLOCKS if block.server)
    done = pages.shell(
        ["bash", "-euo", "pipefail", "-c", f"{block.code.strip()} --set combinations.epochs=1 2>&1"], 0
    )
    assert re.search(r"http://127\.0\.0\.1:\d+/runs/flow-run/", done)
    assert read_stats(folder / "data" / "runs" / "first")["rows"] > 0


def test_the_list_at_its_head_has_all_of_them() -> None:
    listed = re.findall(r"^\d+\. \[(.*)\]\(#(.*)\)$", PAGE, re.MULTILINE)
    heads = re.findall(r"^## (.*)$", PAGE, re.MULTILINE)
    assert [title for title, _ in listed] == heads and len(heads) >= 10
    assert [link for _, link in listed] == [head.lower().replace(" ", "-") for head in heads]
    for head, after in zip(heads, PAGE.split("\n## ")[1:], strict=True):
        assert "<!-- runs" in after, f"{head} is not tested"
