"""Canonical names of concepts: what two spellings must share to be one concept.

The surface form is kept beside the canonical one, so joining is reversible.
"""

import re
import unicodedata
from collections.abc import Iterable

from synth.text import cut_marks

_NUMBERING = re.compile(r"^\s*(?:\(?\d{1,3}(?:\.\d{1,3})*[.):]+\s+|[-*•]\s+|\(?[a-z]\)\s+)", re.IGNORECASE)
# An addition in brackets stands by itself: `rule (of signs)`; in `SO(3)` and `O(n)` it is part of the name.
_PARENTHESIS = re.compile(r"(?:^| )\([^()]*\)$|(?<=[^\W\d_]{3})\(e?s\)$")
_LATEX = re.compile(r"\\[()\[\]]|\$+|\\(?:text|mathrm|mathbf|emph)\s*(?=\{)")
_WORD = re.compile(r"\w+")
_EDGE = " .,;:!?\"'`*_#-–—"
# Signs that belong to what they stand at: -1 and .5; C#, A*, n! and f', behind a letter, digit or bracket.
_SIGN = re.compile(r"[-–]?\.?$")
_MARKS = re.compile(r"(?:(?:^|[\W_])[^\W\d_](?=[!'#*])|[\d)](?=[!']))[!'#*]+$")


def clean(surface: str) -> str:
    """A name as the model wrote it, without numbering, additions in brackets and signs that say nothing."""
    # White space first: the expressions would look for an end behind each of a thousand blanks.
    name = _NUMBERING.sub("", " ".join(surface.split()))
    return _trimmed(_PARENTHESIS.sub("", name))


def canonical(surface: str) -> str:
    """The key that joins spellings: NFKC, case folded, without LaTeX delimiters and empty signs."""
    name = unicodedata.normalize("NFKC", cut_marks(clean(surface))).casefold()
    return _trimmed(_LATEX.sub("", name).replace("{", "").replace("}", ""))


def _trimmed(name: str) -> str:
    """A name without punctuation and Markdown at its ends; signs that tell it from another one stay."""
    bare = name.lstrip(_EDGE)
    lead = name[: len(name) - len(bare)].rpartition(" ")[2]
    if bare[:1].isdigit() and (sign := _SIGN.search(lead)):
        bare = sign[0] + bare
    end = bare.rstrip(_EDGE)
    # What stands before the name as well are quotes or stars around it.
    tail = bare[len(end) :].partition(" ")[0].translate(dict.fromkeys(map(ord, lead)))
    marks = tail[: len(tail) - len(tail.lstrip("!'#*"))]
    if marks and _MARKS.search(end[-2:] + marks):
        end += marks
    return " ".join(end.split())


def is_grounded(name: str, passage_words: frozenset[str]) -> bool:
    """Whether each longer word of a name begins as some word of the passage does."""
    wanted = [_stem(word) for word in _WORD.findall(name.casefold()) if len(word) > 2]
    return bool(wanted) and all(word in passage_words for word in wanted)


def stems(texts: Iterable[str]) -> frozenset[str]:
    """Stems of all words of some texts, to ask `is_grounded` with."""
    return frozenset(_stem(w) for text in texts for w in _WORD.findall(text.casefold()))


def _stem(word: str) -> str:
    """Crude on purpose: six letters tell `derivative` from `derive` no longer, and `prime` from `primer`."""
    return word.removesuffix("s")[:6]
