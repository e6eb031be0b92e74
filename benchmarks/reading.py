"""Reading documents: real pages against the least that any reader must do, and memory as files grow in number.

In: the folder that `SYNTH_TEST_DATA` names; without it the speeds are skipped. Out: CPU for each page from
its file to the reading of it, everything included, after what a bare library takes for its text alone: the
ratio is the distance from that floor.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import cast

import html_to_markdown
import pypdfium2

from benchmarks.measure import Figure, interleaved
from synth.config import DocumentsConfig, RunConfig
from synth.documents.readers import read
from synth.llm.client import Client
from synth.prompts.library import PromptLibrary
from synth.stages.calls import Services
from synth.stages.documents import read_documents

CONFIG = DocumentsConfig()
FEW_FILES, MANY_FILES = 1_000, 10_000
WORDS = "energy speed slope rate ratio mass force event matrix vector limit sum prime angle area heat wave mean".split()


def figures() -> list[Figure]:
    """CPU for each page of real documents, then CPU and memory for each of `SYNTH_BENCH_FILES` small files."""
    return [*_speeds(), *_memory(int(os.environ.get("SYNTH_BENCH_FILES", MANY_FILES)))]


def _speeds() -> list[Figure]:
    root = os.environ.get("SYNTH_TEST_DATA")
    if root is None:
        print("Skipped the speed of reading: SYNTH_TEST_DATA names no folder of real documents.")
        return []
    paths = sorted(path for path in Path(root, "docs").rglob("*") if path.is_file())
    html, markdown, pdf = (
        [path for path in paths if path.suffix == suffix] for suffix in (".html", ".md", ".pdf")
    )
    rest = [path for path in paths if path.suffix not in (".html", ".md", ".pdf")]
    return [
        *_against("HTML page", html, len(html), "html-to-markdown alone", _converted),
        *_against("Markdown page", markdown, len(markdown), "its bytes decoded", _decoded),
        *_against("PDF page", pdf, sum(map(_pages, pdf)), "PDFium's text alone", _pdf_text),
        *_against("file of another format", rest, len(rest), "its bytes decoded", _decoded),
    ]


def _against(
    what: str, paths: Sequence[Path], items: int, floor: str, least: Callable[[Path], object]
) -> list[Figure]:
    """The floor first, so that the ratio of the other is its distance."""
    if not paths:
        return []

    def whole() -> None:
        for path in paths:
            for _ in read(path, CONFIG):
                pass

    return interleaved(
        what, items, {f"{what}: {floor}": lambda: [*map(least, paths)], f"{what}, read": whole}
    )


def _converted(path: Path) -> object:
    return html_to_markdown.convert(path.read_text("utf-8", "replace")).content


def _decoded(path: Path) -> object:
    return path.read_text("utf-8", "replace")


def _pages(path: Path) -> int:
    with pypdfium2.PdfDocument(path) as document:
        return len(document)


def _pdf_text(path: Path) -> object:
    with pypdfium2.PdfDocument(path) as document:
        return [page.get_textpage().get_text_range() for page in document]


def _memory(files: int) -> list[Figure]:
    """The stage on few and on many files, each in a process of its own, and what each file adds."""
    measured = []
    before: dict[str, float] = {}
    for count in sorted({FEW_FILES, files}):
        command = [sys.executable, "-m", "benchmarks.reading", str(count)]
        found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        said = [f"{found[who]:,.0f} MB {who}{_growth(found, before, who)}" for who in ("here", "in a reader")]
        measured.append(Figure(f"{count:,} small files: {', '.join(said)}", "files", count, found["seconds"]))
        before = found
    return measured


def _growth(found: dict[str, float], before: dict[str, float], who: str) -> str:
    if not before:
        return ""
    return f" ({(found[who] - before[who]) / (found['files'] - before['files']) * 1000:+,.2f} KB a file)"


def _run(count: int) -> dict[str, float]:
    """What the stage takes for so many files, its readers included."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "documents")
        folder.mkdir()
        for place in range(count):
            rng = Random(place)
            words = " ".join(rng.choice(WORDS) for _ in range(100))
            (folder / f"{place:06d}.md").write_text(f"# Page {place}\n\n{words.capitalize()}.\n")
        # Reading asks no model.
        config = RunConfig(documents=DocumentsConfig(paths=(str(folder),), readers=1))
        services = Services(cast(Client, None), PromptLibrary(None), Path(scratch, "run"))
        began = time.process_time()
        for _ in read_documents(config, services):
            pass
        mine = time.process_time() - began
    readers = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "files": count,
        "seconds": mine + readers.ru_utime + readers.ru_stime,
        "here": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
        "in a reader": readers.ru_maxrss / 1000,
    }


if __name__ == "__main__":
    print(json.dumps(_run(int(sys.argv[1]))))
