r"""References of LaTeX in words: `\cref{thm:euler}` becomes "the theorem “Euler”".

In: labels, what they name, and the text before the reference. Out: words. Numbers are not known, as
they are given by a program that nobody runs here.
"""

from collections.abc import Callable, Mapping

from synth.documents.formats.latex.macros import Label
from synth.documents.formats.latex.names import NOUNS

_SHORT = {
    "fig": "figure",
    "sec": "section",
    "eq": "equation",
    "thm": "theorem",
    "def": "definition",
    "§": "section",
}
_KINDS = frozenset(NOUNS.values()) | {"problem", "corollary", "fact", "page", "listing", "appendice"}
_PARTS = frozenset({"chapter", "section", "part", "appendix", "place"})
_MAX = 6


def references(
    command: str,
    labels: str,
    known: Mapping[str, Label],
    before: str,
    at: int,
    written: Callable[[str], str],
) -> str:
    """What a reference says; empty where the words before it already say it."""
    found = [_one(label.strip(), command, known, at, written) for label in labels.split(",")[:_MAX]]
    if command == "nameref":
        return " and ".join(title or kind for kind, title, _ in found)
    bare = command in ("ref", "vref", "eqref", "labelcref") and _names_a_kind(before)
    if bare:
        return " and ".join(
            filter(
                None, (f"“{title}”" if title else side.removesuffix("elsewhere") for _, title, side in found)
            )
        )
    shown = _joined(found)
    return shown[:1].upper() + shown[1:] if _starts_sentence(before) else shown


def _one(
    label: str, command: str, known: Mapping[str, Label], at: int, written: Callable[[str], str]
) -> tuple[str, str, str]:
    """The kind of what a label names, its title, and whether it stands above or below."""
    prefix = label.replace("_", ":").replace("-", ":").partition(":")[0].lower()
    there = known.get(label)
    if there is None:
        noun = "equation" if command == "eqref" else NOUNS.get(prefix, "") if prefix != label.lower() else ""
        return noun, "", "elsewhere"
    title = " ".join(written(there.title.strip("{}")).split()) if there.title else ""
    side = "" if at < 0 else "above" if there.at < at else "below"
    return there.kind, title, side


def _joined(found: list[tuple[str, str, str]]) -> str:
    kinds = {kind for kind, _, _ in found}
    if len(found) > 1 and len(kinds) == 1 and not any(title for _, title, _ in found):
        return _phrase(_plural(found[0][0] or "place"), "", found[0][2])
    return " and ".join(_phrase(*one) for one in found)


def _phrase(kind: str, title: str, side: str) -> str:
    if title:
        return f"the {kind} “{title}”"
    if side == "elsewhere" and (not kind or kind.removesuffix("s") in _PARTS):
        return "other parts" if kind.endswith("s") else f"another {kind or 'part'}"
    return f"the {kind} {side.removesuffix('elsewhere')}".rstrip()


def _plural(kind: str) -> str:
    return kind[:-1] + "ies" if kind.endswith("y") else kind + "s"


def _names_a_kind(before: str) -> bool:
    words = before.rstrip(" (~").rsplit(None, 1)
    last = words[-1].strip("().,*").lower() if words else ""
    return _SHORT.get(last, last.removesuffix("s")) in _KINDS or last.rstrip("s") in _SHORT


def _starts_sentence(before: str) -> bool:
    said = before.rstrip(" ")
    return (
        not said.strip() or said.rstrip("\n").endswith((".", "!", "?", ":**", ".**")) or said.endswith("\n\n")
    )
