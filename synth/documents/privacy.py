"""Masks what points to a person: e-mail addresses, telephone numbers, names.

In: a text. Out: the text with `[EMAIL]`, `[PHONE]` and `[PERSON]` in their place, and how many of each.
Names are found by where they stand: at an e-mail address, behind a title, in a line that names an author
or a contact, and wherever the same full name stands again. This is no anonymisation: a name in the
middle of a sentence looks like any other name, and in textbooks names are content.
"""

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from synth.documents.blocks import find_whole

Kind = str
_LABELS = {"email": "[EMAIL]", "phone": "[PHONE]", "person": "[PERSON]"}

# Scripts without spaces would put the sentence before an address into it, so they end at U+1FFF.
_LOCAL = r"[A-Za-z0-9\u00c0-\u1fff][\w.+%-]{0,63}?"
_TLD = r"(?:xn--[A-Za-z0-9-]{2,59}|[A-Za-z\u00c0-\u024f]{2,24}(?![A-Za-z\u00c0-\u024f])|[^\W\d_A-Za-z]{2,24})"
# Emphasis may stand around an address and the number of a footnote behind it; `@` may be escaped.
_EMAIL = (
    rf"(?<![A-Za-z0-9\u00c0-\u1fff]){_LOCAL}(?:\\?[@\uff20]|%40)"
    r"(?!(?:\d{1,9}\.){1,8}(?:rc|alpha|beta|dev|post)\d)"
    rf"(?:[^\W_](?:[\w-]{{0,61}}[^\W_])?\.){{1,8}}{_TLD}"
)
EMAIL = re.compile(_EMAIL)
_EXTENSION = r"(?:-\d{1,4})?(?![^\W_]|-)"
PHONE = re.compile(
    r"(?<![^\W_])(?<![./=+#-])(?:"
    r"\+[1-9]\d{0,2}[ .()/-]{0,2}(?:\(?\d{1,4}\)?[ ./-]?){2,5}\d{2,4}"
    # Zeros for the plus, where what follows cannot be a row of binary or small numbers.
    r"|00[2-9]\d{1,2}[ /-](?:\(0\)[ ]?)?\(?[1-9](?:\d{0,3}\)?[ /-]?){2,5}\d{2,4}"
    rf"|\(\d{{3}}\) ?\d{{3}}[ .-]\d{{4}}|\d{{3}}-\d{{3}}-\d{{4}}){_EXTENSION}"
)
# Any row of digits is one where the text says so; without a colon only what begins like one.
_CALLED = re.compile(
    r"\b((?:(?:tel(?:e(?:fon|phone|fax))?|phone|fax|mobile?)\b[.:]{1,2}[ *_]{0,4}"
    r"|tel(?:e(?:fon|phone|fax))?[ ](?=\(?[+0]))"
    r")\(?\+?\d[\d ()/.-]{5,20}\d(?![^\W_]|-)",
    re.IGNORECASE,
)
_NAME = r"[A-ZÀ-ÖØ-Þ](?:[\w'’-]{1,30}|\.)"
_INITIAL, _LONG = r"[A-ZÀ-ÖØ-Þ]\.", r"[A-ZÀ-ÖØ-Þ][\w'’-]{1,30}"
_TITLE = r"(?:Mr|Mrs|Ms|Dr|Prof|Professor|Herr|Frau|Mme|Mlle|Sra?)"
_GAP = r"[ ]{1,2}"
# Where lines are broken within a name; a line that begins with one of these begins anew.
_BREAK = (
    rf"[ ]?\n[ ]?(?!(?:{_TITLE}|A|An|And|As|At|But|By|Department|Email|Fax|For|From|He|However|I|If|In"
    r"|Institute|It|Let|On|Phone|She|So|Tel|The|Then|There|These|They|This|To|University|We|When|With|You)\b)"
)
_PARTICLE = r"(?:(?:van|von|de|der|den|da|del|la|le|di|bin|al|el)[ ])"
_FULL = rf"{_NAME}(?:{_GAP}{_PARTICLE}{{0,2}}{_NAME}){{1,3}}"
_BROKEN = rf"{_NAME}(?:{_GAP}{_NAME}){{0,2}}{_BREAK}{_PARTICLE}{{0,2}}{_NAME}"
_AT_ADDRESS = re.compile(rf"({_FULL}|{_BROKEN})(?=[*_]{{0,3}}[ \t]*+[<(]?[ \t]*+{_EMAIL})")
_TITLED = re.compile(
    rf"\b({_TITLE}\b\.?(?:{_GAP}|{_BREAK}))"
    rf"((?:{_INITIAL}{_GAP}){{0,3}}{_PARTICLE}{{0,2}}{_LONG}"
    rf"(?:{_BREAK}{_PARTICLE}{{0,2}}{_LONG}|(?:{_GAP}{_PARTICLE}{{0,2}}{_NAME}){{0,2}}))"
)
_LABELLED = re.compile(
    r"^[ \t>*_#-]*(?:[Aa]uthors?|[Cc]ontact|[Mm]aintainer|[Tt]ranslator"
    r"|(?:[Ww]ritten|[Ee]dited|[Tt]ranslated) by)"
    rf"[*_]*[ \t]*:[*_]*[ \t]*({_FULL}(?:(?:,[ ]|[ ]and[ ]){_FULL}){{0,9}})",
    re.MULTILINE,
)


def mask(text: str, kinds: Sequence[Kind], other: str = "") -> tuple[str, dict[Kind, int]]:
    """The text without what `kinds` (of `email`, `phone`, `person`) name, and how many were masked.

    A name that `other` gives away, say the text of a title, is masked as well.
    """
    counts: dict[Kind, int] = {}
    # Names first: some are known by the address behind them.
    if "person" in kinds:
        text, counts["person"] = _persons(text, _names(text) | _names(other))
    if "email" in kinds:
        text, counts["email"] = EMAIL.subn(_LABELS["email"], text)
    if "phone" in kinds:
        text, counts["phone"] = _phones(text)
    return text, {kind: count for kind, count in counts.items() if count}


def find_personal(text: str, kinds: Sequence[Kind]) -> str | None:
    """The first kind of personal data that a text holds, for outputs that may hold none.

    A surname behind a title is none: it names nobody, and half of all exercises have a Mr. Smith.
    """
    patterns = {"email": (EMAIL,), "phone": (PHONE, _CALLED), "person": (_AT_ADDRESS,)}
    for kind in kinds:
        if any(pattern.search(text) for pattern in patterns.get(kind, ())):
            return kind
        if kind == "person" and any(_is_full(match[2]) for match in _TITLED.finditer(text)):
            return kind
    return None


def _phones(text: str) -> tuple[str, int]:
    """Outside of code and formulas, where rows of digits are something else."""
    pieces, count, at = [], 0, 0
    for start, end in [*find_whole(text), (len(text), len(text))]:
        masked, called = _CALLED.subn(rf"\1{_LABELS['phone']}", text[at:start])
        masked, others = PHONE.subn(_LABELS["phone"], masked)
        pieces += [masked, text[start:end]]
        count, at = count + called + others, end
    return "".join(pieces), count


def _names(text: str) -> set[str]:
    """The full names that a text gives away by where they stand, their parts one space apart."""
    found = [match[2] for match in _TITLED.finditer(text) if _is_full(match[2])]
    for pattern in (_AT_ADDRESS, _LABELLED):
        found += [name for match in pattern.finditer(text) for name in re.split(r", | and ", match[1])]
    return {" ".join(name.split()) for name in found}


def _is_full(name: str) -> bool:
    return len(name.split()) > 1


def _persons(text: str, names: AbstractSet[str]) -> tuple[str, int]:
    """A name behind a title is masked there; a full name wherever it stands again."""
    text, titled = _TITLED.subn(rf"\1{_LABELS['person']}", text)
    if not names:
        return text, titled
    longest_first = sorted(names, key=lambda name: (-len(name), name))
    spelt = (r"(?:[ ]{1,2}|[ ]?\n[ ]?)".join(map(re.escape, name.split())) for name in longest_first)
    known = re.compile(rf"(?<![^\W_])(?:{'|'.join(spelt)})(?![^\W_])")
    text, again = known.subn(_LABELS["person"], text)
    return text, titled + again
