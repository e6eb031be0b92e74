"""What one document of a file comes to: everything about it that needs no other document.

In: what a reader found. Out: a `Reading`, which holds the cleaned text, its language, its passages
and the sketch that finds its near-duplicates. This is most of the work of the stage, so it is done
where the file is read: in a process of its own (`worker`).
"""

import base64
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from synth.config import Config, DocumentsConfig
from synth.dedup.near import sketch
from synth.dedup.ngrams import Ngrams
from synth.documents.clean import clean
from synth.documents.content import Content
from synth.documents.language import UNDECIDED, detect_language
from synth.documents.passages import cut
from synth.documents.privacy import mask
from synth.documents.words import words
from synth.ids import content_id
from synth.text import normalise, one_line

SHINGLE_WORDS = 5
PERMUTATIONS = 128
# About ten megabytes.
_VOCABULARY = 100_000


class Piece(NamedTuple):
    """A passage by its place in the text, the headings it stands under, and its id."""

    start: int
    end: int
    headings: tuple[str, ...]
    passage_id: str


class Sketch(Config):
    """One row of `near.Sketches`, as it travels: bytes in base 64."""

    key: str
    size: int
    values: str

    def minhash(self) -> NDArray[np.uint32]:
        """The MinHash values."""
        return np.frombuffer(base64.b64decode(self.values), np.uint32)


class Reading(Config):
    """One document as read, or why there is none (`reason`, one of `schemas.REASONS`, and `detail`).

    `place` is where in the file it stands: empty where the file is one document. What is not `lasting`
    may come out otherwise another time: a reader that failed may be mended, a limit raised.
    """

    place: str
    format: str
    reason: str = ""
    detail: str = ""
    lasting: bool = True
    title: str | None = None
    language: str = UNDECIDED
    licence: str | None = None
    url: str | None = None
    date: str | None = None
    document_id: str = ""
    text: str = ""
    masked: dict[str, int] = Field(default_factory=dict)
    sketch: Sketch | None = None
    pieces: tuple[Piece, ...] = ()


def read_content(place: str, kind: str, content: Content, config: DocumentsConfig) -> Reading:
    """The reading of a document that a reader of format `kind` found."""
    text, title = normalise(clean(content.text)), one_line(clean(content.title or ""))
    # A name that one of them gives away stands in the other as well.
    masked_text, masked = mask(text, config.mask, title)
    title, text = mask(title, config.mask, text)[0], masked_text
    url, _ = mask(one_line(content.url or "", 2000), [kind for kind in config.mask if kind == "email"])
    return Reading(
        place=place,
        format=kind,
        title=title or None,
        language=_language(text, content.language),
        licence=one_line(content.licence or "") or None,
        url=url or None,
        date=one_line(content.date or "", 40) or None,
        document_id=content_id("doc", text),
        text=text,
        masked=masked,
        sketch=_sketch(text),
        pieces=_pieces(text, config),
    )


def _language(text: str, stated: str | None) -> str:
    detected = detect_language(text)
    code = (stated or "")[:2].lower()
    # Templates state a language that their texts are not in, so it decides only where nothing else does.
    return (
        code if detected == UNDECIDED and code.isascii() and code.isalpha() and len(code) == 2 else detected
    )


@cache
def _known_words() -> Ngrams:
    """The words that a reader has met: most of a page's words stood on the pages before it."""
    return Ngrams(_VOCABULARY)


def _sketch(text: str) -> Sketch:
    (key,), (size,), (values,) = sketch([words(text)], SHINGLE_WORDS, PERMUTATIONS, _known_words())[0]
    return Sketch(key=key.hex(), size=int(size), values=base64.b64encode(values.tobytes()).decode())


def _pieces(text: str, config: DocumentsConfig) -> tuple[Piece, ...]:
    spans = cut(text, config.passage_chars, config.passage_overlap)
    return tuple(Piece(*s, content_id("psg", normalise(text[s.start : s.end]))) for s in spans)
