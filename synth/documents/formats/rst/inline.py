"""Inline markup of reStructuredText as Markdown: roles, literals, references, substitutions.

In: the text of one paragraph. Out: the same paragraph in Markdown. Each pattern is bounded or ends at
the next backtick, so the time grows with the length only.
"""

import re
from collections.abc import Mapping

# Each alternative begins with one sign, which lets the search skip all text between such signs.
_INLINE = re.compile(
    r"``(?P<literal>[^`]+(?:`[^`]+){0,20})``(?!`)"
    r"|:(?P<role>[A-Za-z][\w.+-]{0,40}(?::[\w.+-]{1,40}){0,2}):`(?P<said>(?:[^`\\]|\\.)+)`"
    r"|`(?<![\w`]`)(?P<named>(?:[^`\\]|\\.)+)`(?::(?P<after>[A-Za-z][\w.+-]{0,40}):|(?P<link>__?(?!\w))?)"
    r"|\[(?<![\w\]]\[)(?P<note>#?[\w.-]{0,60}|\*)\]_(?!\w)"
    r"|\|(?P<subst>[A-Za-z0-9][^|\n]{0,60})\|_{0,2}"
    r"|_(?<=[^\W_]_)_?(?![\w`])"
    r"|\\(?P<escaped>.)"
    r"|-(?<!--)--?(?![-\w`])",
    re.DOTALL,
)
_TITLED = re.compile(r"(.*?)\s*<([^<>]*)>\s*", re.DOTALL)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_CALLABLE = frozenset({"func", "meth", "function", "method"})
_CODE = _CALLABLE | _words(
    "class mod const exc attr data keyword option program envvar opcode file samp command type member struct"
    " macro expr obj code literal kbd token any enum var c-type cmdoption std-option django-admin setting"
)
_DASHES = {"---": "—", "--": "–"}
_DROPPED = frozenset({"index", "raw-html", "raw"})


class Inline:
    """Writes paragraphs; knows the titles behind labels, and what substitutions stand for."""

    def __init__(self, titles: Mapping[str, str], substitutions: Mapping[str, str]) -> None:
        self._titles = titles
        self._substitutions = substitutions

    def write(self, text: str) -> str:
        """A paragraph as Markdown."""
        return _INLINE.sub(self._replaced, text)

    def _replaced(self, match: re.Match[str]) -> str:
        if match["literal"] is not None:
            return literal(match["literal"])
        if match["role"]:
            return self._role(match["role"], match["said"])
        if match["named"] is not None:
            return self._role(match["after"], match["named"]) if match["after"] else self._named(match)
        if match["note"] is not None:
            return f"[{match['note'].lstrip('#')}]"
        if match["subst"]:
            return self._substitutions.get(match["subst"].strip().casefold(), match["subst"])
        if match["escaped"] is None:
            # Dashes; the underscore of a link is nothing.
            return _DASHES.get(match[0], "")
        # An escaped space joins; an escaped sign is that sign.
        return "" if match["escaped"].isspace() else _kept(match["escaped"])

    def _named(self, match: re.Match[str]) -> str:
        """The text of a link; without a link it is the default role, which sets titles and code."""
        said = _plain(match["named"])
        titled = _TITLED.fullmatch(said)
        if match["link"]:
            return titled[1] or titled[2] if titled else said
        return f"`{said}`"

    def _role(self, role: str, said: str) -> str:
        kind = role.rsplit(":", 1)[-1].lower()
        if kind == "math":
            return f"${' '.join(said.split())}$"
        if kind in _DROPPED:
            return ""
        said = " ".join(_plain(said).split())
        titled = _TITLED.fullmatch(said)
        if titled and titled[1]:
            return f"`{titled[1]}`" if kind in _CODE and kind not in ("file", "command") else titled[1]
        return self._untitled(kind, said)

    def _untitled(self, kind: str, said: str) -> str:
        if kind in ("ref", "numref", "doc"):
            # Elsewhere stands a title that we do not know; the label comes near it.
            return self._titles.get(said.casefold()) or said.rsplit("/", 1)[-1].replace("-", " ").replace(
                "_", " "
            )
        if kind in ("pep", "rfc"):
            return f"{kind.upper()} {said}"
        if kind in ("sup", "sub", "superscript", "subscript"):
            sign = "^" if kind.startswith("sup") else "_"
            return f"{sign}{said}" if len(said) == 1 else f"{sign}{{{said}}}"
        if kind in ("issue", "bpo"):
            return f"bpo-{said}"
        if kind in ("gh", "gh-issue"):
            return f"gh-{said}"
        if kind == "strong":
            return f"**{said}**"
        if kind in ("emphasis", "dfn", "title", "title-reference"):
            return f"*{said}*"
        return (
            _code(kind, said)
            if kind in _CODE
            else said.replace("-->", "‣")
            if kind == "menuselection"
            else said
        )


def literal(code: str) -> str:
    """Code within a sentence, with as many backticks as it takes."""
    code = " ".join(code.split())
    return f"`` {code} ``" if "`" in code else f"`{code}`"


def _code(kind: str, said: str) -> str:
    said = said.lstrip("!")
    if said.startswith("~"):
        said = said[1:].rsplit(".", 1)[-1]
    if kind in ("file", "samp"):
        said = said.replace("{", "").replace("}", "")
    return f"`{said}()`" if kind in _CALLABLE and not said.endswith(")") else f"`{said}`"


def _plain(said: str) -> str:
    return re.sub(r"\\(.)", r"\1", said, flags=re.DOTALL) if "\\" in said else said


def _kept(sign: str) -> str:
    """A sign that Markdown would take for markup keeps its backslash."""
    return "\\" + sign if sign in "*_`$#" else sign
