"""Takes a web page apart: its main part, and what it says of itself.

In: HTML as found. Out: HTML of the main part only, without navigation, forms, scripts, links and
permalink marks, with formulas written as TeX between dollar signs. The parser follows the HTML
standard, as browsers do; nothing in a page is executed.
"""

import re
from collections import Counter
from typing import NamedTuple

from selectolax.lexbor import LexborHTMLParser, LexborNode

from synth.documents.formats.html.chrome import drop_chrome, drop_menus
from synth.documents.formats.html.formulas import write_formulas
from synth.documents.formats.html.stated import Stated, stated_in

# The converter escapes backslashes, which TeX is full of: this stands for one until it is done.
BACKSLASH = "\ue05c"

# Deeper than any page that people write; what is nested deeper is read without its tags.
_MAX_DEPTH = 100
_DEEP = ":root" + ">*" * _MAX_DEPTH
# With more tags the parser's time can grow with the square of their depth, so that is bounded first.
_MANY_TAGS = 20_000
_OPENING = re.compile(
    r"<!--(?:.*?-->|.*)|<(script|style)\b(?:.*?</\1|.*)|<(/?)([a-z][a-z0-9-]{0,20})\b", re.DOTALL | re.I
)
# Those without an end, and those whose end may be left out: they close one another.
_CLOSE_THEMSELVES = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track"}
    | {"wbr", "p", "li", "dt", "dd", "tr", "td", "th", "thead", "tbody", "tfoot", "option", "optgroup"}
    | {"colgroup", "caption", "html", "head", "body"}
)
_ORDINAL = frozenset({"st", "nd", "rd", "th"})
_LANGUAGE = re.compile(r"(?:language|lang)-[\w+#.-]{1,40}")
_HIGHLIGHT = re.compile(r"(?:^|\s)highlight-(?:source-)?(?!default|none|text|source)([\w+#.-]{1,40})")
# Written by the parser, so each value is in quotes and each tag ends.
_ATTRIBUTES = re.compile(r'(<[a-z][a-z0-9-]*)((?: [^\s=<>]+(?:="[^"]*")?)+)>')
# Only their content is kept: links cost a prompt more than they tell it, spans say nothing without style.
_UNWRAPPED = re.compile(r"</?(?:span|a|var|cite|font|center|header|main|abbr)>")


class Page(NamedTuple):
    """A page's main part as HTML, its first heading, and what the page states of itself."""

    main: str
    heading: str | None
    stated: Stated


def take_apart(text: str) -> Page:
    """The parts of a page, however broken it is."""
    tree = LexborHTMLParser(_shallow(text.replace(BACKSLASH, "")))
    for node in tree.css(_DEEP):
        node.replace_with(node.text_lexbor())
    stated = stated_in(tree)
    write_formulas(tree)
    drop_chrome(tree)
    _write_raised(tree)
    _name_languages(tree)
    heading = tree.css_first("h1")
    main = _main(tree)
    title = " ".join(heading.text_lexbor().split()) if heading else None
    return Page(_bare(main.html or "") if main else "", title, stated)


def _shallow(text: str) -> str:
    """A huge page without the tags that open what is open a thousand times already."""
    if text.count("<") < _MANY_TAGS:
        return text
    still_open: Counter[str] = Counter()

    def kept(match: re.Match[str]) -> str:
        name = (match[3] or "").lower()
        if not name or name in _CLOSE_THEMSELVES:
            return match[0]
        if match[2]:
            still_open[name] = max(0, still_open[name] - 1)
            return match[0]
        if still_open[name] >= _MAX_DEPTH:
            # Its attributes go along.
            return "<wbr"
        still_open[name] += 1
        return match[0]

    return _OPENING.sub(kept, text)


def _main(tree: LexborHTMLParser) -> LexborNode | None:
    """The part marked as main, else the only article, else everything but menus at its borders."""
    marked = tree.css_first('main,[role="main"]')
    if marked is not None and marked.text_lexbor().strip():
        return marked
    articles = tree.css("article")
    if articles and len(articles) == len(articles[0].css("article")):
        return articles[0]
    if tree.body is not None and not articles:
        drop_menus(tree.body)
    return tree.body


def _write_raised(tree: LexborHTMLParser) -> None:
    """`x^2` and `x_{12}`; ordinals stay words, and the numbers of footnotes go."""
    # From the inside out: what stands in another comes after it.
    for node in reversed(tree.css("sup,sub")):
        text = " ".join(node.text_lexbor().split())
        if not text or (node.parent is not None and node.parent.tag == "a"):
            node.decompose()
        elif text in _ORDINAL:
            node.replace_with(text)
        else:
            sign = "^" if node.tag == "sup" else "_"
            node.replace_with(f"{sign}{text}" if len(text) == 1 else f"{sign}{{{text}}}")


def _name_languages(tree: LexborHTMLParser) -> None:
    """Documentation tools name the language of code on the block around it."""
    for block in tree.css('div[class*="highlight-"]'):
        language = _HIGHLIGHT.search(block.attributes["class"] or "")
        code = block.css("pre") if language else []
        if language and len(code) == 1 and "class" not in code[0].attributes:
            code[0].attrs["class"] = f"language-{language[1].removesuffix('3')}"


def _bare(html: str) -> str:
    """The tags with nothing but what the converter needs, backslashes set aside."""
    bare = _UNWRAPPED.sub("", _ATTRIBUTES.sub(_needed, html))
    return bare.replace("\\", BACKSLASH)


def _needed(match: re.Match[str]) -> str:
    """A start tag without attributes; code keeps its language."""
    if match[1] in ("<pre", "<code") and (language := _LANGUAGE.search(match[2])):
        return f'{match[1]} class="{language[0]}">'
    return f"{match[1]}>"
