"""What of a web page is not its content: by tag, role and class.

In: a tag and its attributes. Out: whether it and all in it are dropped. The lists name what
documentation tools, wikis and blogs commonly use; they are no list of sites.
"""

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


DROPPED_TAGS = _words(
    "nav aside footer form script style noscript template button select input textarea iframe object svg"
    " canvas audio video dialog title annotation annotation-xml"
)
DROPPED_ROLES = _words("navigation search banner contentinfo complementary doc-toc")
DROPPED_CLASSES = _words(
    "sphinxsidebar sidebar navbar nav navigation nav-panel breadcrumb breadcrumbs menu footer site-footer"
    " page-footer pagination pager toc table-of-contents mw-editsection mw-jump-link noprint cookie-banner"
    " advertisement social-share share-buttons"
)
# A span of such a class is a word in the text, for example the name of a menu.
CLASSED_TAGS = _words("div section ul ol dl table p header")
# Formulas as drawn, next to their source.
DRAWN = _words("katex-html MathJax MathJax_Preview MathJax_Display MathJax_SVG")
# Dropped unless they hold a heading: the header of an article often holds its title.
HEADERS = _words("header page-header site-header")
# What permalinks are written as.
MARKS = frozenset({"", "¶", "#", "§", "🔗", "\uf0c1"})
RIGHTS = _words("license licence dc.rights dcterms.license dcterms.rights dc.license")
_HEADING = re.compile(r"<h[1-6]>")


def is_dropped(tag: str, attributes: dict[str, str]) -> bool:
    """Whether an element is dropped whatever stands in it."""
    if tag in DROPPED_TAGS or attributes.get("role", "") in DROPPED_ROLES:
        return True
    classes = classes_of(attributes)
    return bool(classes & DRAWN) or (tag in CLASSED_TAGS and bool(classes & DROPPED_CLASSES))


def is_bare_header(tag: str, attributes: dict[str, str], inner: list[str]) -> bool:
    """Whether an element is a header that holds no heading."""
    header = tag == "header" or bool(classes_of(attributes) & HEADERS)
    return header and not any(map(_HEADING.match, inner))


def classes_of(attributes: dict[str, str]) -> frozenset[str]:
    """The classes of an element."""
    return frozenset(attributes.get("class", "").split())
