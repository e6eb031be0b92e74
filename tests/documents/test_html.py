import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.documents.formats.html.reader import read_html
from synth.text import normalise


def markdown(page: str) -> str:
    return normalise(read_html(page.encode()).text).strip()


PAGE = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Waves - The Site</title>
<link rel="canonical" href="https://example.org/waves"><link rel="license" href="https://example.org/by">
<style>p { color: red }</style><script>alert("no")</script></head><body>
<header><a href="/">The Site</a></header><nav><a href="/a">Elsewhere</a></nav>
<!--[if IE]><p>Old browser</p><![endif]-->
<div class="sphinxsidebar"><p>Table of contents</p></div>
<article><header><h1>Waves<a class="headerlink" href="#w">¶</a></h1></header>
<p>A <a href="/wave">wave</a> carries <em>energy</em> &amp; no matter<sup><a href="#fn1">1</a></sup>.</p>
<p>Its speed is <i>v</i> = 3 m/s<sup>2</sup>, x<sub>12</sub>, the 2<sup>nd</sup>.</p>
<pre><code class="language-python hl">def f(x):
    return x ** 2  # a < b &amp; c

</code></pre>
<aside>Advertisement</aside><form><label>Mail</label><input name="m"><button>Send</button></form>
<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>
</article><footer>Imprint</footer></body></html>"""


def test_the_article_stays_and_everything_around_it_goes() -> None:
    assert markdown(PAGE) == (
        "# Waves\n\n"
        "A wave carries *energy* & no matter.\n\n"
        "Its speed is *v* = 3 m/s^2, x_{12}, the 2nd.\n\n"
        "```python\ndef f(x):\n    return x ** 2  # a < b & c\n```\n\n"
        "| a | b |\n| --- | --- |\n| 1 | 2 |"
    )


def test_a_page_states_title_language_licence_and_address() -> None:
    content = read_html(PAGE.encode())
    assert content.title == "Waves"
    assert content.language == "en"
    assert content.licence == "https://example.org/by"
    assert content.url == "https://example.org/waves"


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        (r"<p>\(a_1 &lt; b_2\) and \[ x \\ y \]</p>", r"\(a_1 < b_2\) and \[ x \\ y \]"),
        (r"<p>$a_1*b*c$ and $$\frac{a}{b}$$</p>", r"$a_1*b*c$ and $$\frac{a}{b}$$"),
        (r'<p><script type="math/tex">\alpha < 1</script>', r"$\alpha < 1$"),
        (r'<p><script type="math/tex; mode=display">\int x</script>', r"$$\int x$$"),
        (
            "<math display=block><semantics><mi>y</mi><annotation encoding='application/x-tex'>"
            r"\sqrt{y}</annotation></semantics></math>",
            r"$$\sqrt{y}$$",
        ),
        (
            '<span class="katex"><span class="katex-mathml"><math><mi>x</mi><annotation '
            'encoding="application/x-tex">x^2</annotation></math></span>'
            '<span class="katex-html" aria-hidden="true"><span>x2</span></span></span>',
            "$x^2$",
        ),
        (r'<math alttext="{\displaystyle a+b}"><mi>a</mi></math>', "$a+b$"),
        (r'<img class="math" alt="\pi" src="p.png"><img src="photo.png" alt="photo">', r"$\pi$"),
        ("<math><mfrac><mn>1</mn><mi>n</mi></mfrac></math>", r"$\frac{1}{n}$"),
    ],
    ids=["brackets", "dollars", "script", "display", "mathml", "katex", "alttext", "image", "no source"],
)
def test_formulas_survive(page: str, expected: str) -> None:
    assert markdown(page) == expected


@pytest.mark.parametrize(
    ("head", "date"),
    [
        (
            "<meta property='article:published_time' content='2021-03-04T05:06:07Z'><meta name=date content=2022>",
            "2021-03-04T05:06:07Z",
        ),
        ("<meta name=DC.Date content=2020-01-02>", "2020-01-02"),
        ("<time datetime=2019-05-06>May</time><time datetime=2020-01-01>", "2019-05-06"),
        ("<script type='application/ld+json'>[{'a': 1}]</script><time datetime=2019>", "2019"),
        (
            '<script type="application/ld+json">{"@graph": [{"datePublished": "2018-02-03"}]}</script>',
            "2018-02-03",
        ),
        ("<meta name=date content='last spring'>", None),
        ("<script type='application/ld+json'>" + "[" * 100_000 + "</script>", None),
        ("<script type='application/ld+json'>__import__('os')</script>", None),
    ],
    ids=["published", "dublin core", "time", "broken data", "linked data", "words", "deep data", "no data"],
)
def test_a_page_states_its_date(head: str, date: str | None) -> None:
    assert read_html(f"{head}<p>Text".encode()).date == date


MENU = "<div>" + "".join(f"<a href=/{name}>{name}</a> | " for name in ("Home", "News", "About us")) + "</div>"
SENTENCE = "A wave carries energy through a medium without carrying the medium itself. "


def test_menus_at_the_borders_of_a_page_without_marks_go() -> None:
    page = f"<body><div>{MENU}<p>{SENTENCE * 3}</p>{MENU}<p>{SENTENCE}</p>{MENU}</div>"
    inside = "Home | News | About us |"
    assert markdown(page) == f"{SENTENCE * 3}".strip() + f"\n\n{inside}\n\n" + SENTENCE.strip()


@pytest.mark.parametrize(
    "page",
    [
        MENU.replace("Home", "Home sweet home, be it ever so humble, there is no place like home"),
        MENU.replace("</div>", f" and much else. {SENTENCE * 2}</div>"),
        MENU.replace("<div>", "<div><h2>Home</h2>"),
        MENU.replace("div", "ul"),
        MENU.replace("<a href=/News>News</a>", "News"),
    ],
    ids=["long link", "prose", "heading", "list", "few links"],
)
def test_what_may_be_content_is_no_menu(page: str) -> None:
    text = markdown(f"<body>{page}<p>{SENTENCE * 8}</p>")
    assert "Home" in text
    assert "About us" in text


def test_a_page_of_menus_keeps_them() -> None:
    assert markdown(f"<body>{MENU * 3}<p>{SENTENCE}</p>").startswith("Home | News | About us |")


def test_the_head_of_a_table_is_no_header_of_a_page() -> None:
    page = "<table><thead><tr class=header><th>n</th></tr></thead><tr><td>1</td></tr></table>"
    assert markdown(page) == "| n |\n| --- |\n| 1 |"


@pytest.mark.parametrize(
    ("classes", "language"),
    [
        ("highlight-python3 notranslate", "python"),
        ("highlight-source-ruby", "ruby"),
        ("highlight-default", ""),
    ],
)
def test_the_language_of_code_may_stand_on_the_block_around_it(classes: str, language: str) -> None:
    page = f'<div class="{classes}"><div class="highlight"><pre><span>x</span> = 1</pre></div></div>'
    assert markdown(page) == f"```{language}\nx = 1\n```"


def test_a_backslash_is_one_however_it_is_written() -> None:
    assert markdown("<p>\\alpha &#92;beta \ue05c</p>") == "\\alpha \\beta"


def test_what_is_nested_too_deep_keeps_its_text() -> None:
    assert markdown("<div>" * 1_000 + "<p>One<p>Two") == "OneTwo"
    assert "Last" in markdown("<div>x" * 30_000 + "<p>Last")


def test_a_main_part_is_preferred_wherever_it_is_nested() -> None:
    assert markdown("<div><p>Menu</p><div role='main'><p>Text</p></div></div><p>End</p>") == "Text"
    assert markdown("<article>One</article><article>Two</article>") == "One\n\nTwo"


def test_an_empty_main_part_is_none() -> None:
    assert markdown("<main><script>fill()</script></main><p>Text</p>") == "Text"


def test_folded_solutions_are_read() -> None:
    text = markdown("<details><summary>Solution</summary><p>x = 2</p></details>")
    assert "Solution" in text
    assert "x = 2" in text


def test_what_is_never_closed_does_not_take_its_neighbours_along() -> None:
    assert (
        markdown("<div><nav>Menu</div><p>One<p>Two<ul><li>a<li>b</ul></section>") == "One\n\nTwo\n\n- a\n- b"
    )


def test_the_declared_encoding_is_used() -> None:
    page = "<meta charset='iso-8859-1'><p>Größe und Länge</p>".encode("iso-8859-1")
    assert normalise(read_html(page).text) == "Größe und Länge"


BROKEN = """<p> </p> <div> </div> <nav> </nav> <main> </main> <article> </article> <h1> </h1> <sup> </sup>
<a </a> ¶ x \\(a\\) <math> </math> <![foo[ <!x <![if ]]> <pre> </pre> <script> </script> <table><tr><td>
&lt; &#0; <!-- --> <br/> <svg/> <li> <ul> <html <x-y> <a/b=" ' > < </"""


@settings(deadline=None)
@given(st.lists(st.sampled_from(BROKEN.split()), max_size=40).map("".join) | st.text())
def test_no_page_is_too_broken_to_be_read(page: str) -> None:
    text = "".join(c for c in page if c >= " ").encode("utf-8", errors="replace")
    assert isinstance(read_html(text).text, str)


@pytest.mark.parametrize(
    "part",
    [
        '<a b="',
        "<!--",
        "<b>",
        "<sup>",
        "<![",
        "<",
        "<script>",
        "<p>x",
        "<a><i>",
        "<div>",
        "<ul><li>",
        "<b><p>",
        "<math><mi>x",
        "<table><tr><td>",
        "<h1>a</h1>",
    ],
)
def test_a_hostile_page_ends(part: str) -> None:
    # Each of these takes minutes where the time grows with the square of the length.
    count = 1_000_000 // len(part)
    began = time.process_time()
    assert len(read_html((part * count).encode()).text) <= count * len(part) + 1
    assert time.process_time() - began < 20
