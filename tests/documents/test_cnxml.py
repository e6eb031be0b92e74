import time
from pathlib import Path

import pytest

from synth.config import DocumentsConfig
from synth.documents.content import ReadError
from synth.documents.formats.cnxml.reader import read_cnxml
from synth.documents.readers import read

HEAD = '<document xmlns="http://cnx.rice.edu/cnxml" xmlns:m="http://www.w3.org/1998/Math/MathML">'
MODULE = (
    HEAD
    + """<title>Strings &amp; things</title>
<metadata xmlns:md="http://cnx.rice.edu/mdml"><md:title>Other</md:title><md:language>en</md:language>
<md:license url="http://creativecommons.org/licenses/by/4.0/">CC BY</md:license><md:revised>2020-05-01</md:revised></metadata>
<content>
<para id="p">A <term>string</term> is <emphasis effect="italics">text</emphasis>&nbsp;of x<sup>2</sup>,
<m:math><m:mfrac><m:mn>1</m:mn><m:mi>π</m:mi></m:mfrac></m:math>, <code>len(s)</code>, see <link target-id="t"/>
and <link url="http://x.org">there</link><footnote>Or <emphasis>not</emphasis>.</footnote>.</para>
<equation><m:math display="block"><m:msqrt><m:mi>x</m:mi></m:msqrt></m:math></equation>
<section><title>Inner</title>
<section><title>Deeper</title><code display="block" lang="python">
    def f():
        return 1</code></section>
<note class="learning-goals"><para>Goal.</para></note>
<note class="tip"><title>A tip</title><para>Do.</para></note>
<note class="empty"><title>Nothing</title><media alt="a b"><iframe src="x"/></media></note>
<exercise><problem><link class="os-embed" url="#exercise/1"/></problem></exercise>
<exercise><problem><para>Why?</para></problem><solution><para>So.</para></solution></exercise>
<example><title>One</title><para>Look.</para></example>
<list list-type="enumerated"><item>a</item><item>b</item></list>
<list><title>Points</title><item>c<list><item>d</item></list></item></list>
<table id="t"><title>Sizes.</title><tgroup cols="2"><thead><row><entry>Name</entry><entry>Code</entry></row></thead>
<tbody><row><entry>a|b</entry><entry><code>for x in y:
  z</code></entry></row></tbody></tgroup></table>
<figure><media alt="A graph that rises."><image src="g.png"/></media><caption>Growth.</caption></figure>
</section></content>
<glossary><definition><term>wave</term><meaning>It moves.</meaning></definition></glossary></document>"""
)


def test_a_module_becomes_markdown() -> None:
    found = read_cnxml(MODULE.encode())
    assert found.text.strip() == (
        "# Strings & things\n\nA *string* is *text* of x^2,\n$\\frac{1}{\\pi}$, `len(s)`, see the table\n"
        "and there (Or **not**.).\n\n$$\\sqrt{x}$$\n\n## Inner\n\n### Deeper\n\n"
        "```python\ndef f():\n    return 1\n```\n\n**Learning goals**\n\nGoal.\n\n**A tip**\n\nDo.\n\n"
        "**Exercise**\n\nWhy?\n\n**Solution**\n\nSo.\n\n**Example: One**\n\nLook.\n\n1. a\n2. b\n\n**Points**\n\n"
        "- c\n  - d\n\nSizes.\n\n| Name | Code |\n| --- | --- |\n| a\\|b | `for x in y:` `  z` |\n\n"
        "(Figure: A graph that rises.)\n\nGrowth.\n\n**wave**\n\nIt moves."
    )
    assert (found.title, found.language, found.date) == ("Strings & things", "en", "2020-05-01")
    assert found.licence == "http://creativecommons.org/licenses/by/4.0/"


@pytest.mark.parametrize(
    ("written", "reason", "detail"),
    [
        ("<a/>", "unsupported_format", "no CNXML"),
        (HEAD + "<title>", "unreadable", "no XML"),
        ("", "unreadable", "no XML"),
        ('<!DOCTYPE d [<!ENTITY a "b">]>' + MODULE, "unreadable", "entities"),
        (
            '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + HEAD + "&x;</document>",
            "unreadable",
            "entities",
        ),
        (HEAD + "&undefined;</document>", "unreadable", "no XML"),
    ],
)
def test_what_is_no_module_is_refused(written: str, reason: str, detail: str) -> None:
    with pytest.raises(ReadError) as fault:
        read_cnxml(written.encode())
    assert fault.value.reason == reason
    assert detail in fault.value.detail


def test_entities_are_seen_in_any_encoding() -> None:
    written = (
        '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE d [<!ENTITY a "b">]>' + HEAD + "&a;</document>"
    )
    with pytest.raises(ReadError, match="entities"):
        read_cnxml(written.encode("utf-16"))


def test_declared_encodings_are_read() -> None:
    written = (
        '<?xml version="1.0" encoding="iso-8859-1"?>'
        + HEAD
        + "<content><para>Größe</para></content></document>"
    )
    assert "Größe" in read_cnxml(written.encode("iso-8859-1")).text


@pytest.mark.parametrize(
    "part", ["para", "section", "note", "list", "m:math", "m:mrow", "table", "entry", "exercise"]
)
def test_deep_modules_end(part: str) -> None:
    begun = time.process_time()
    written = (
        HEAD
        + "<content>"
        + f"<{part}>a " * 20_000
        + "lost?"
        + f"</{part}>" * 20_000
        + "</content></document>"
    )
    text = read_cnxml(written.encode()).text
    assert "lost?" in text.replace("\\text{", "").replace(" ", "")
    assert time.process_time() - begun < 15


@pytest.mark.parametrize(("name", "kind"), [("a.cnxml", "cnxml"), ("a.xml", "cnxml"), ("b.xml", "")])
def test_xml_is_read_where_its_root_is_cnxml(tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / name).write_text(MODULE if kind else "<other>text</other>")
    (found,) = read(tmp_path / name, DocumentsConfig())
    assert (found.format, found.reason) == ((kind, "") if kind else ("", "unsupported_format"))


def test_real_modules_are_read(test_data: Path) -> None:
    paths = sorted(test_data.glob("docs/cnxml-*/*.cnxml"))
    assert len(paths) == 48
    for path in paths:
        found = read_cnxml(path.read_bytes())
        assert found.title
        assert found.text.startswith(f"# {found.title}")
        assert "**Exercise**" not in found.text
