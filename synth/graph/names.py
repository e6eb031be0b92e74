"""Canonical names of concepts (METHOD 6.3): what two spellings must share to be one concept.

The surface form is kept beside the canonical one, so joining is reversible.
"""

import re
import unicodedata
from collections.abc import Iterable

from synth.text import cut_marks

_NUMBERING = re.compile(r"^\s*(?:\(?\d{1,3}(?:\.\d{1,3})*[.):]+\s+|[-*•]\s+|\(?[a-z]\)\s+)", re.IGNORECASE)
_PARENTHESIS = re.compile(r"\s*\([^()]*\)\s*$")
_LATEX = re.compile(r"\\[()\[\]]|\$+|\\(?:text|mathrm|mathbf|emph)\s*(?=\{)")
_WORD = re.compile(r"\w+")
_EDGE = " \t\n.,;:!?\"'`*_#-–—"


def clean(surface: str) -> str:
    """A name as the model wrote it, without numbering, lists in brackets and trailing signs."""
    name = _NUMBERING.sub("", surface.strip())
    name = _PARENTHESIS.sub("", name)
    return " ".join(name.strip(_EDGE).split())


def canonical(surface: str) -> str:
    """The key that joins spellings: NFKC, case folded, without LaTeX delimiters and signs at the ends."""
    name = unicodedata.normalize("NFKC", cut_marks(clean(surface))).casefold()
    name = _LATEX.sub("", name).replace("{", "").replace("}", "")
    return " ".join(name.strip(_EDGE).split())


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
