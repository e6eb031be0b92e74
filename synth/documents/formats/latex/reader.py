r"""LaTeX as Markdown.

In: bytes of a source. Out: its text as Markdown with formulas as they are written, and its title and
date. Comments, pictures and what stands before `\begin{document}` go; no other file is read.
"""

import re

from synth.documents.content import Content, decode
from synth.documents.formats.latex.convert import Converter, Shared
from synth.documents.formats.latex.frames import CELL, ROW, tidied
from synth.documents.formats.latex.macros import argument_of, definitions, shorthands
from synth.documents.formats.latex.source import Index, Source, clean
from synth.documents.formats.markup import title_of

_BEGIN, _END = r"\begin{document}", r"\end{document}"
_MARKS = str.maketrans("", "", CELL + ROW)


def read_tex(raw: bytes) -> Content:
    """One document in LaTeX; a preamble alone holds no text."""
    text = decode(raw).removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    source = clean(text.translate(_MARKS))
    index = outer = Index(source.text)
    defined = definitions(source.text, index)
    body = shorthands(_body(source.text), defined.macros)
    if body != source.text:
        index = Index(body)
        # What the preamble defines holds in the body, whose places are its own.
        inside = definitions(body, index)
        defined = inside._replace(macros=defined.macros, kinds={**defined.kinds, **inside.kinds})
    shared = Shared(defined, source.code)
    title = _said(source, shared, outer, "title")
    markdown = tidied(Converter(body, shared, index).run()).strip()
    if title and markdown:
        markdown = f"# {title}\n\n{markdown}"
    date = _said(source, shared, outer, "date")
    return Content(markdown, title=title or _plain(title_of(markdown)), date=date)


def _body(text: str) -> str:
    begin = text.find(_BEGIN)
    if begin < 0:
        return "" if "\\documentclass" in text or "\\usepackage" in text else text
    end = text.find(_END, begin)
    return text[begin + len(_BEGIN) : end if end >= 0 else len(text)]


def _said(source: Source, shared: Shared, index: Index, command: str) -> str | None:
    """What a command of the title page says, on one line."""
    written = argument_of(source.text, index, command)
    if not written or "\\today" in written:
        return None
    return " ".join(Converter(written, shared).run().split()) or None


def _plain(heading: str | None) -> str | None:
    return re.sub(r"[*`]", "", heading) if heading else None
