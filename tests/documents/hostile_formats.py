"""Hostile files of the formats that have a reader of their own, and a lot of each opening that readers look for."""

import random
from pathlib import Path

from tests.documents.hostile_files import MEGABYTE, WHY, Outcomes, holds, lacks, own, written
from tests.documents.test_archives import zipped
from tests.documents.tools import put


def offices(folder: Path) -> Outcomes:
    """Broken and overgrown documents of each format."""
    word = [("[Content_Types].xml", b"<Types/>"), ("word/document.xml", b"0" * 100 * MEGABYTE)]
    book = [("mimetype", b"application/epub+zip"), ("META-INF/container.xml", b"<container/>")]
    entities = b'<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><d>&b;</d>'
    return written(
        folder,
        {
            "office/text.pdf": (own("no pdf"), holds("no pdf")),
            "office/cut.pdf": (b"%PDF-1.7\n1 0 obj\n<</Type/Catalog", WHY + "unreadable"),
            "office/noise.pdf": (b"%PDF-1.7\n" + random.Random(3).randbytes(9000), WHY + "unreadable"),
            "office/text.docx": (own("no docx"), holds("no docx")),
            "office/cut.docx": (zipped(word)[:200], WHY + "unreadable"),
            "office/bomb.docx": (zipped(word), WHY + "too_large"),
            "office/entities.docx": (
                zipped([word[0], ("word/document.xml", entities)]),
                WHY + "unreadable",
            ),
            "office/nothing.docx": (zipped(word[:1]), WHY + "unsupported_format"),
            "office/table.xlsx": (
                zipped([word[0], ("xl/workbook.xml", b"<x/>")]),
                WHY + "unsupported_format",
            ),
            "office/nothing.epub": (zipped(book), WHY + "unreadable"),
            "office/cut.epub": (zipped(book)[:100], WHY + "unreadable"),
            "office/cut.ipynb": ('{"cells": [{"cell_type": "markdown", "source": ["a', WHY + "unreadable"),
            "office/deep.ipynb": ("[" * 200_000, WHY + "unreadable"),
            "office/odd.ipynb": ('{"cells": {"a": [1, null]}}', WHY + "unreadable"),
            "office/deep.tex": ("{" * 200_000 + own("deep tex"), holds("deep tex")),
            "office/lists.tex": ("\\begin{itemize}\\item " * 5_000 + own("list tex"), holds("list tex")),
            "office/loop.tex": ("\\def\\a{\\a\\a}\n\\a " + own("loop tex"), holds("loop tex")),
            "office/input.tex": ("\\input{/etc/passwd} " + own("input tex"), lacks("root:")),
            "office/include.rst": (".. include:: /etc/passwd\n\n" + own("include rst"), lacks("root:")),
            "office/deep.cnxml": ("<a>" * 100_000, WHY + "unreadable"),
        },
    )


# What each pattern in `synth/documents` begins with: a megabyte of it must not take longer than other text.
OPENINGS = (
    *("---\n", "[", "{", "(", "<", "<!--", "<?xml ", "</", "&#", "```", "~~~", "$", "$$", "\\begin{", "\\["),
    *("\\(", "`", "``", ".. ", "::", "|", "+-", "=", "* ", "  - ", "# ", "- a:\n", "a: ", "!!", "http://"),
    *("a@", "a.", "+1 ", "(555) ", "Dr. ", "\\", '"', "'", "\t", "\u3000", "\r\n", "a\n\n", "1. ", "> "),
)


def repeated(folder: Path) -> Outcomes:
    found: Outcomes = {}
    for number, opening in enumerate(OPENINGS):
        for suffix in (("md", "tex"), ("html", "rst"), ("txt", "md", "tex"))[number % 3]:
            name = f"repeated/{number:02}.{suffix}"
            # A quarter of a megabyte of each is enough to tell, and keeps the test short.
            hostile = opening * (250_000 // len(opening)) + "\n\n"
            # A page may end in what never ends; what stands before it is a document all the same.
            put(folder, name, f"<p>{own(name)}</p>{hostile}" if suffix == "html" else hostile + own(name))
            found[name] = lambda text: len(text) < 3 * MEGABYTE
    return found
