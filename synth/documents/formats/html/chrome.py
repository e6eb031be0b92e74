"""What of a web page is not its content: by tag, role and class, or by being links at its borders.

In: a parsed page. Out: the same tree with its chrome taken off. The lists name what documentation
tools, wikis and blogs commonly use; they are no list of sites.
"""

from collections.abc import Iterable, Iterator, Sequence

from selectolax.lexbor import LexborHTMLParser, LexborNode


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_TAGS = _words(
    "nav aside footer form script style noscript template button select input textarea iframe object svg"
    " canvas audio video dialog title annotation annotation-xml embed hr"
)
_ROLES = _words("navigation search banner contentinfo complementary doc-toc")
_CLASSES = _words(
    "sphinxsidebar sidebar navbar nav navigation nav-panel breadcrumb breadcrumbs menu footer site-footer"
    " page-footer pagination pager toc table-of-contents mw-editsection mw-jump-link noprint cookie-banner"
    " advertisement social-share share-buttons"
)
# A span of such a class is a word in the text, for example the name of a menu.
_CLASSED_TAGS = _words("div section ul ol dl table p header")
# Formulas as drawn, next to their source.
_DRAWN = _words("katex-html MathJax MathJax_Preview MathJax_Display MathJax_SVG")
_DROPPED = ",".join(
    [
        *_TAGS,
        *(f'[role="{role}"]' for role in _ROLES),
        *(f".{name}" for name in _DRAWN),
        f":is({','.join(_CLASSED_TAGS)}):is({','.join(f'.{name}' for name in _CLASSES)})",
    ]
)
# Dropped unless they hold a heading: the header of an article often holds its title.
_HEADERS = "header,:is(div,section):is(.header,.page-header,.site-header)"
_HEADINGS = "h1,h2,h3,h4,h5,h6"
# What permalinks are written as.
_MARKS = frozenset({"", "¶", "#", "§", "🔗", "\uf0c1"})

# A menu of a page without semantic tags: so many links, and hardly anything beside them.
_MENU_LINKS = 3
_MENU_SHARE = 0.8
_MENU_LINK_CHARS = 40
# A list that stands in the text by itself is content, for example the sections of a chapter.
_WRAPPERS = ("div", "table", "center", "p")
# What may be content however many links are in it.
_CONTENT = f"{_HEADINGS},pre,code,math,blockquote,dd,th"
# A page that is mostly menus is a list of links, and those are its content.
_LEAST_LEFT = 0.7


def drop_chrome(tree: LexborHTMLParser) -> None:
    """Take navigation, forms, scripts, bare headers, permalink marks and numbers of footnotes off a page."""
    _drop(tree.css(_DROPPED))
    _drop(header for header in tree.css(_HEADERS) if header.css_first(_HEADINGS) is None)
    _drop(link for link in tree.css("a") if _is_mark(link))


def drop_menus(body: LexborNode) -> None:
    """Take menus off the borders of a page that marks neither them nor its main part."""
    blocks = _blocks(body)
    sizes = [_size(block) for block in blocks]
    menus = {
        i for order in (range(len(blocks)), range(len(blocks))[::-1]) for i in _leading(blocks, sizes, order)
    }
    if sum(sizes[i] for i in menus) <= (1 - _LEAST_LEFT) * sum(sizes):
        _drop(blocks[i] for i in menus)


def _drop(nodes: Iterable[LexborNode]) -> None:
    for node in list(nodes):
        node.decompose()


def _is_mark(link: LexborNode) -> bool:
    parent = link.parent
    return link.text_lexbor().strip() in _MARKS or (parent is not None and parent.tag == "sup")


def _blocks(node: LexborNode) -> Sequence[LexborNode]:
    """The blocks of a page, inside whatever is wrapped around all of them."""
    while True:
        children = list(node.iter())
        if len(children) != 1 or children[0].tag not in ("div", "center", "section"):
            return children
        node = children[0]


def _leading(blocks: Sequence[LexborNode], sizes: Sequence[int], order: Iterable[int]) -> Iterator[int]:
    """The menus that come before anything else."""
    for i in order:
        if sizes[i] and not _is_menu(blocks[i], sizes[i]):
            return
        if sizes[i]:
            yield i


def _is_menu(block: LexborNode, size: int) -> bool:
    links = [_size(link) for link in block.css("a")]
    return (
        block.tag in _WRAPPERS
        and len(links) >= _MENU_LINKS
        and max(links) <= _MENU_LINK_CHARS
        and sum(links) >= _MENU_SHARE * size
        and block.css_first(_CONTENT) is None
    )


def _size(node: LexborNode) -> int:
    return sum(map(len, node.text_lexbor().split()))
