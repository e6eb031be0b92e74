import time
from pathlib import Path

import pytest

from synth.config import DocumentsConfig
from synth.documents.formats.html.reader import read_html
from synth.documents.formats.rst.reader import looks_like_rst, read_rst
from synth.documents.readers import read
from synth.documents.words import words

PAGE = """.. _top:

==========
 The *waves*
==========

:Date: 2020-01-02
:License: CC0
:orphan:

.. module:: waves
   :synopsis: none
.. index:: single: wave
.. This is a comment
   over two lines.
.. |name| replace:: the medium
.. _site: http://example.org

Waves -- and ``a*b`` in |name| --- use :func:`~a.b.run`, :class:`Wave`, :math:`a^2`,
:pep:`8`, :ref:`here <down>`, :ref:`down` and `a link <http://x.org>`_ or site_ [1]_.

.. _down:

Below
-----

.. math:: a = b
   :label: x

.. math::

   c &= d \\\\
   e &= f

Code::

   x = 1

   y = 2

.. code-block:: python
   :linenos:

   def f(): pass

>>> 1 + 1  # doctest: +SKIP
2

.. function:: run(x, *, y=1)
              run()

   Runs.

   :param int x: the number
   :returns: it

   .. versionadded:: 3.4
   .. versionchanged:: 3.5
      Faster now.
   .. deprecated-removed:: 3.8 3.10

   .. note::

      Take *care*.

.. class:: Wave

   .. method:: stop()

      Stops.

- one
  more

  * inner
- two

3. three
#) four

term : kind
    What it means.

-v, --verbose  Say more.

=====  =====
Name   Size
=====  =====
a      1
       more
b|c    2
=====  =====

+---+-----+
| x | y   |
+===+=====+
| 1 | two |
|   | too |
+---+-----+

+---+---+
| spans |
+---+---+

.. image:: a.png
.. include:: other.txt
.. toctree::

   a
.. figure:: b.png

   A caption.

Next
~~~~

.. [1] A *note*.
.. custom:: Title

   Inside.
"""


def test_a_page_becomes_markdown() -> None:
    found = read_rst(PAGE.encode())
    assert found.text == (
        "# The *waves*\n\n**Date:** 2020-01-02\n\n**License:** CC0\n\n"
        "Waves – and `a*b` in the medium — use `run()`, `Wave`, $a^2$,\n"
        "PEP 8, here, Below and a link or site [1].\n\n"
        "## Below\n\n$$\na = b\n$$\n\n$$\nc &= d \\\\\ne &= f\n$$\n\n"
        "Code:\n\n```python\nx = 1\n\ny = 2\n```\n\n```python\ndef f(): pass\n```\n\n```pycon\n>>> 1 + 1\n2\n```\n\n"
        "`waves.run(x, *, y=1)`\n\n`waves.run()`\n\nRuns.\n\n- `x`: the number\n\n**returns:** it\n\n"
        "New in version 3.4.\n\nChanged in version 3.5: Faster now.\n\n"
        "Deprecated since version 3.8, will be removed in version 3.10.\n\n**Note:** Take *care*.\n\n"
        "`class waves.Wave`\n\n`stop()`\n\nStops.\n\n"
        "- one\n  more\n\n  - inner\n- two\n\n3. three\n1. four\n\nterm\n\nWhat it means.\n\n"
        "- `-v, --verbose` Say more.\n\n"
        "| Name | Size |\n| --- | --- |\n| a | 1 more |\n| b\\|c | 2 |\n\n"
        "| x | y |\n| --- | --- |\n| 1 | two too |\n\n"
        "```\n+---+---+\n| spans |\n+---+---+\n```\n\n"
        "A caption.\n\n### Next\n\n[1] A *note*.\n\n**Custom:** Title\n\nInside."
    )
    assert (found.title, found.licence, found.date) == ("The *waves*", "CC0", "2020-01-02")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("a\\ b \\*c ``x`y`` `code` :sup:`2`", "ab \\*c `` x`y `` `code` ^2"),
        ("# no heading", "\\# no heading"),
        ("   quoted\n\ntext", "> quoted\n\ntext"),
        ("| one\n| two", "one\ntwo"),
        ("::\n\n  x\n", "```\nx\n```"),
        ("Said::\n\n> a\n> b\n\nend", "Said:\n\n```\n> a\n> b\n```\n\nend"),
        (":unknown:`text` :mod:`a.b` :issue:`12`", "text `a.b` bpo-12"),
        (".. note:: One.\n\n   ::\n\n      code", "**Note:** One.\n\n```\ncode\n```"),
        ("Title\n==\n\ntext", "Title\n==\n\ntext"),
        (".. include:: /etc/passwd", ""),
        (".. code::\n\n   ```\n   x", "````\n```\nx\n````"),
    ],
)
def test_small_pages(written: str, expected: str) -> None:
    assert read_rst(written.encode()).text == expected


def test_plain_text_is_told_apart() -> None:
    assert looks_like_rst(PAGE)
    assert looks_like_rst("Title\n=====\n\nUse ``a`` and ``b``.\n")
    assert not looks_like_rst("Title\n=====\n\nSome text: with colons:: and `code`.\n")
    assert not looks_like_rst("From: me\nDate: now\n\n1. item\n.. and so on ..\n")


@pytest.mark.parametrize(
    ("name", "kind"), [("a.txt", "rst"), ("a.rst", "rst"), ("a.rest", "rst"), ("a.md", "markdown")]
)
def test_it_is_read_by_suffix_and_txt_by_its_look(tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / name).write_text(PAGE)
    (found,) = read(tmp_path / name, DocumentsConfig())
    assert found.format == kind


def test_who_says_that_txt_is_text_is_believed(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(PAGE)
    (found,) = read(tmp_path / "a.txt", DocumentsConfig(formats={".txt": "text"}))
    assert found.format == "text"


@pytest.mark.parametrize(
    "part",
    [
        ".. ", ".. \n", ".. a::\n", ".. a::\n\n   ", ":a:`", "`", "``", "`\\`", "|a", "[", "a_", "*", "- ", "- \n  ",
        "== ==\nx\n\n", "+-+\n", "a\n=\n", "===\n", "a::\n\n  ", ":a: b\n", "-a  ", "a\n ", "\n", " ", "a", ":a",
        "\\", ">>> a\n", "| a\n", ".. _a:\n", ".. |a| replace:: |a|\n|a|", "=\n", "::\n", "..\n\n\n",
    ],
)  # fmt: skip
def test_a_hostile_page_ends(part: str) -> None:
    text = part * (1_000_000 // len(part))
    begun = time.process_time()
    looks_like_rst(text)
    read_rst(text.encode())
    stairs = "\n\n".join(" " * i + part.replace("\n", " ") for i in range(600))
    read_rst(stairs.encode())
    # Takes minutes where the time grows with the square of the length.
    assert time.process_time() - begun < 15


def ngrams(text: str) -> set[tuple[str, ...]]:
    found = words(text)
    return {tuple(found[i : i + 5]) for i in range(len(found) - 4)}


def test_pages_come_out_as_their_twins_in_html_do(test_data: Path) -> None:
    seen = 0
    for path in sorted(test_data.glob("docs/txt-python-twins/*.rst.txt")):
        twin = test_data / "docs/html-python" / path.name.replace(".rst.txt", ".html")
        if twin.exists():
            one, other = ngrams(read_rst(path.read_bytes()).text), ngrams(read_html(twin.read_bytes()).text)
            assert len(one & other) / len(one | other) >= 0.6, path.name
            seen += 1
    assert seen == 9


def test_real_text_files_are_told_apart(test_data: Path) -> None:
    def seen(pattern: str) -> list[bool]:
        return [looks_like_rst(p.read_text(encoding="utf-8")[:4000]) for p in test_data.glob(pattern)]

    assert all(seen("docs/txt-python-*/*.txt"))
    assert not any(seen("docs/txt-oa-stm/*.txt"))
