"""What tests ask of a page: its elements, as a browser would find them."""

from html.parser import HTMLParser
from typing import Any

# Attributes that would be code, or would need a laxer policy.
OWN_SCRIPTS = ("/static/theme.js", "/static/script.js", "/static/katex/katex.min.js")


class Page(HTMLParser):
    """The elements of a page with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.text += data

    def links(self) -> list[str]:
        return [
            attributes["href"] for tag, attributes in self.elements if tag == "a" and "href" in attributes
        ]


def assert_inert(html: str) -> Page:
    """Nothing of what a page shows is markup, code, or leads away."""
    page = Page(html)
    for tag, attributes in page.elements:
        assert tag not in ("img", "iframe", "object", "embed", "base", "style", "audio", "video", "marquee")
        if tag == "script":
            assert attributes["src"].partition("?")[0] in OWN_SCRIPTS
        for name, value in attributes.items():
            assert not name.startswith("on") and name != "style", (tag, name)
            if name in ("href", "src", "action", "xlink:href"):
                assert value.startswith(("/", "?", "#")) and not value.startswith("//"), (tag, value)
    return page
