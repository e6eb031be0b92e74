"""In which language a text is written."""

import re
from functools import cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

UNDECIDED = "und"
# Shorter texts carry too few letters to tell related languages apart.
MIN_LETTERS = 20
MIN_CONFIDENCE = 0.5
# More text takes longer, and further down there is more code than prose.
_READ_BYTES = 800
_HEAD_CHARS = 6000
# Code and formulas look like English whatever the text around them is.
_NOT_PROSE = re.compile(
    r"^[ \t]*(?P<fence>```|~~~)[^\n]*\n.*?(?:^[ \t]*(?P=fence)|\Z)|`[^`\n]+`|\$\$.*?\$\$|\$[^$\n]+\$"
    r"|\\[a-zA-Z]+|https?://\S+|<[^>\n]{1,200}>",
    re.DOTALL | re.MULTILINE,
)
_SPACELESS = re.compile("[\u3040-\ud7ff]")
# In a page that is all code the comments are written in its language.
_COMMENT = re.compile(r"^[ \t]*(?:#+|//+|;+|--+|%+|'+|\*+|/\*+|\"\"\")[ \t]*(\S[^\n]{7,})$", re.MULTILINE)


def detect_language(text: str) -> str:
    """ISO 639-1 code of the text's language, `und` where it is too short or in doubt."""
    head = text[:_HEAD_CHARS]
    prose = _start(_NOT_PROSE.sub(" ", head))
    if _is_thin(prose):
        prose = _start("\n".join(_COMMENT.findall(head)))
    if _is_thin(prose):
        return UNDECIDED
    language, _ = _identifier().classify(prose)
    return str(language)


def _start(prose: str) -> str:
    return prose.encode("utf-8", errors="replace")[:_READ_BYTES].decode("utf-8", errors="ignore")


def _is_thin(prose: str) -> bool:
    return sum(map(str.isalpha, prose)) * _weight(prose) < MIN_LETTERS


def _weight(prose: str) -> int:
    """A character of a script without spaces says as much as a short word."""
    return 4 if _SPACELESS.search(prose) else 1


def load_language_model() -> None:
    """Load what `detect_language` needs, so that a machine without room for it is told from a bad text.

    Raises:
        Exception: it cannot be loaded; it is unpacked into the folder for temporary files.
    """
    _identifier()


@cache
def _identifier() -> LanguageIdentifier:
    identifier = LanguageIdentifier.from_model_file(
        MODEL_FILE, norm_probs=True, min_confidence=MIN_CONFIDENCE
    )
    # The model also tells apart languages that have no code in ISO 639-1.
    identifier.set_languages([code for code in identifier.labels if len(code) == 2])
    return identifier
