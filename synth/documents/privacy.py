"""Masks what points to a person: e-mail addresses, telephone numbers, names.

In: a text. Out: the text with `[EMAIL]`, `[PHONE]` and `[PERSON]` in their place, and how many of each.
Names are found by where they stand: at an e-mail address, behind a title, in a line that names an author
or a contact, and wherever the same full name stands again. This is no anonymisation: a name in the
middle of a sentence looks like any other name, and in textbooks names are content.
"""

import re
from collections.abc import Callable, Sequence

from synth.documents.blocks import find_whole

Kind = str
_LABELS = {"email": "[EMAIL]", "phone": "[PHONE]", "person": "[PERSON]"}

_EMAIL = (
    r"(?<![\w.+-])[A-Za-z0-9][\w.+%-]{0,63}"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}[A-Za-z]{2,24}\b"
)
EMAIL = re.compile(_EMAIL)
PHONE = re.compile(
    r"(?<![\w./=+#-])(?:"
    r"\+[1-9]\d{0,2}[ .()/-]{0,2}(?:\(?\d{1,4}\)?[ ./-]?){2,5}\d{2,4}"
    r"|\(\d{3}\) ?\d{3}[ .-]\d{4}|\d{3}-\d{3}-\d{4})(?![\w-])"
)
# Any row of digits is one where the text says so.
_CALLED = re.compile(
    r"\b((?:tel|phone|fax|mobile)\b[.:]{1,2}[ ]?)\+?\d[\d ()/-]{5,18}\d(?![\w-])", re.IGNORECASE
)
_NAME = r"[A-ZÀ-ÖØ-Þ](?:[\w'’-]{1,30}|\.)"
_INITIAL, _LONG = r"[A-ZÀ-ÖØ-Þ]\.", r"[A-ZÀ-ÖØ-Þ][\w'’-]{1,30}"
_PARTICLE = r"(?:(?:van|von|de|der|den|da|del|la|le|di|bin|al|el)[ ])"
_FULL = rf"{_NAME}(?:[ ]{_PARTICLE}{{0,2}}{_NAME}){{1,3}}"
_AT_ADDRESS = re.compile(rf"({_FULL})(?=[ \t]*[<(]?[ \t]*{_EMAIL})")
_TITLED = re.compile(
    rf"\b((?:Mr|Mrs|Ms|Dr|Prof|Professor|Herr|Frau|Mme|Mlle|Sra?)\b\.?[ ])"
    rf"((?:{_INITIAL}[ ]){{0,3}}{_PARTICLE}{{0,2}}{_LONG}(?:[ ]{_PARTICLE}{{0,2}}{_NAME}){{0,2}})"
)
_LABELLED = re.compile(
    r"^[ \t>*_#-]*(?:[Aa]uthors?|[Cc]ontact|[Mm]aintainer|[Tt]ranslator"
    r"|(?:[Ww]ritten|[Ee]dited|[Tt]ranslated) by)"
    rf"[*_]*[ \t]*:[*_]*[ \t]*({_FULL}(?:(?:,[ ]|[ ]and[ ]){_FULL}){{0,9}})",
    re.MULTILINE,
)


def mask(text: str, kinds: Sequence[Kind]) -> tuple[str, dict[Kind, int]]:
    """The text without what `kinds` (of `email`, `phone`, `person`) name, and how many were masked."""
    counts: dict[Kind, int] = {}
    # Names first: some are known by the address behind them.
    for kind in ("person", "email", "phone"):
        if kind in kinds:
            text, counts[kind] = _MASKS[kind](text)
    return text, {kind: count for kind, count in counts.items() if count}


def find_personal(text: str, kinds: Sequence[Kind]) -> str | None:
    """The first kind of personal data that a text holds, for outputs that may hold none."""
    found = {"email": bool(EMAIL.search(text)), "phone": bool(PHONE.search(text))}
    return next((kind for kind in kinds if found.get(kind)), None)


def _emails(text: str) -> tuple[str, int]:
    return EMAIL.subn(_LABELS["email"], text)


def _phones(text: str) -> tuple[str, int]:
    """Outside of code and formulas, where rows of digits are something else."""
    pieces, count, at = [], 0, 0
    for start, end in [*find_whole(text), (len(text), len(text))]:
        masked, called = _CALLED.subn(rf"\1{_LABELS['phone']}", text[at:start])
        masked, others = PHONE.subn(_LABELS["phone"], masked)
        pieces += [masked, text[start:end]]
        count, at = count + called + others, end
    return "".join(pieces), count


def _persons(text: str) -> tuple[str, int]:
    """A name behind a title is masked there; a full name wherever it stands again."""
    names = {name for match in _TITLED.finditer(text) for name in [match[2]] if " " in name}
    for pattern in (_AT_ADDRESS, _LABELLED):
        names.update(name for match in pattern.finditer(text) for name in re.split(r", | and ", match[1]))
    text, titled = _TITLED.subn(rf"\1{_LABELS['person']}", text)
    if not names:
        return text, titled
    longest_first = sorted(names, key=lambda name: (-len(name), name))
    known = re.compile(rf"\b(?:{'|'.join(map(re.escape, longest_first))})(?!\w)")
    text, again = known.subn(_LABELS["person"], text)
    return text, titled + again


_MASKS: dict[Kind, Callable[[str], tuple[str, int]]] = {
    "email": _emails,
    "phone": _phones,
    "person": _persons,
}
