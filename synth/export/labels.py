"""Whether a rule can check an answer: a reward that compares texts must not be given prose.

In: a label. Out: what is wrong with it, or None. Looks only: what the answer means is not worked out.
"""

import re

MOST_CHARS = 200
# A number may have its unit and a few words around it; words alone are checked by equality.
WORDS_BESIDE_NUMBERS = 4
WORDS_ALONE = 2

_COMMAND = re.compile(r"\\[A-Za-z]+")
_WORD = re.compile(r"[^\W\d_]{2,}")
_FORMAL = re.compile(r"[\d=<>^_\\]")


def fault_of(label: str) -> str | None:
    """Why no rule can check this label, or None."""
    if not label.strip():
        return "no label"
    if len(label) > MOST_CHARS or "\n" in label.strip():
        return "a label too long to check"
    words = len(_WORD.findall(_COMMAND.sub(" ", label)))
    most = WORDS_BESIDE_NUMBERS if _FORMAL.search(label) else WORDS_ALONE
    return "a label in prose" if words > most else None
