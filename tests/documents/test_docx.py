from pathlib import Path

import pytest

from synth.documents.content import Content, ReadError
from synth.documents.formats.word.reader import read_docx
from synth.documents.formats.xml_tree import MAX_DEPTH
from tests.documents.tools import fault, one, put
from tests.documents.zips import CONFIG, W, blob, docx, zipped

STYLES = f"""<w:styles {W}>
<w:docDefaults><w:rPrDefault><w:rPr><w:lang w:val="de-DE"/></w:rPr></w:rPrDefault></w:docDefaults>
<w:style w:styleId="T"><w:name w:val="Title"/></w:style>
<w:style w:styleId="H2"><w:name w:val="heading 2"/></w:style>
<w:style w:styleId="Own"><w:name w:val="Mine"/><w:basedOn w:val="Deep"/></w:style>
<w:style w:styleId="Deep"><w:name w:val="Deep"/><w:pPr><w:outlineLvl w:val="2"/></w:pPr></w:style>
<w:style w:styleId="C"><w:name w:val="Source Code"/></w:style>
<w:style w:styleId="Q"><w:name w:val="Intense Quote"/></w:style>
<w:style w:styleId="B2"><w:name w:val="List Bullet 2"/></w:style>
<w:style w:styleId="toc"><w:name w:val="toc 1"/></w:style>
<w:style w:styleId="Loop"><w:name w:val="Loop"/><w:basedOn w:val="Loop"/></w:style>
</w:styles>"""
NUMBERING = f"""<w:numbering {W}>
<w:abstractNum w:abstractNumId="0"><w:lvl w:ilvl="0"><w:numFmt w:val="bullet"/></w:lvl>
<w:lvl w:ilvl="1"><w:numFmt w:val="decimal"/></w:lvl></w:abstractNum>
<w:num w:numId="5"><w:abstractNumId w:val="0"/></w:num></w:numbering>"""
CORE = """<c xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:t="http://purl.org/dc/terms/"><dc:title>Limits</dc:title>
<dc:language>fr</dc:language><t:created>2020-01-02T03:04:05Z</t:created></c>"""


def p(text: str, style: str = "", more: str = "") -> str:
    properties = f'<w:pPr><w:pStyle w:val="{style}"/>{more}</w:pPr>' if style or more else ""
    return f"<w:p>{properties}{r(text)}</w:p>"


def r(text: str, properties: str = "") -> str:
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


def content(body: str, **parts: str) -> Content:
    ((place, found),) = read_docx(blob(docx(body, styles=STYLES, numbering=NUMBERING, **parts)), CONFIG)
    assert place == ""
    return found


def text(body: str, **parts: str) -> str:
    return content(body, **parts).text.strip()


def refused(raw: bytes, max_bytes: int = 10**7) -> ReadError:
    with pytest.raises(ReadError) as found:
        list(read_docx(blob(raw, max_bytes=max_bytes), CONFIG))
    return found.value


def test_headings_by_style_and_by_what_it_builds_on() -> None:
    found = text(p("Limits", "T") + p("One", "H2") + p("Two", "Own") + p("Text.", "Loop"))
    assert found == "# Limits\n\n## One\n\n### Two\n\nText."


def test_runs_in_bold_italic_code_and_raised() -> None:
    runs = r("a") + r(" bold ", "<w:b/>") + r("not", '<w:b w:val="0"/>') + r(" it", "<w:i/>") + r(" x")
    code = r(" f(x)", '<w:rFonts w:ascii="Consolas"/>')
    raised = r(" n") + r("2", '<w:vertAlign w:val="superscript"/>') + r("hidden", "<w:vanish/>")
    assert text(f"<w:p>{runs}{code}{raised}</w:p>") == "a **bold** not *it* x `f(x)` n^2"


def test_lists_in_lists() -> None:
    number = '<w:numPr><w:ilvl w:val="{}"/><w:numId w:val="5"/></w:numPr>'.format
    body = p("a", more=number(0)) + p("b", more=number(1)) + p("c", more=number(1)) + p("d", more=number(0))
    assert text(body) == "- a\n  1. b\n  2. c\n- d"
    assert text(p("e", "B2")).lstrip("- ") == "e"


def test_code_is_one_block() -> None:
    assert (
        text(p("for x:", "C") + p("    y &lt; 1", "C") + p("Text.")) == "```\nfor x:\n    y < 1\n```\n\nText."
    )


def test_a_quotation_and_a_table_of_contents() -> None:
    assert text(p("said", "Q") + p("Limits 3", "toc") + p("Text.")) == "> said\n\nText."


def test_a_table_and_a_frame() -> None:
    cell = "<w:tc>{}</w:tc>".format
    rows = "".join(f"<w:tr>{cell(p(a))}{cell(p(b))}</w:tr>" for a, b in (("n", "n!"), ("3", "6")))
    assert text(f"<w:tbl>{rows}</w:tbl>") == "| n | n! |\n| --- | --- |\n| 3 | 6 |"
    assert text(f"<w:tbl><w:tr>{cell(p('framed'))}</w:tr></w:tbl>") == "framed"


def test_formulas_in_the_line_and_alone() -> None:
    frac = "<m:oMath><m:f><m:num><m:r><m:t>1</m:t></m:r></m:num><m:den><m:r><m:t>n</m:t></m:r></m:den></m:f></m:oMath>"
    assert text(f"<w:p>{r('so ')}{frac}</w:p>") == r"so $\frac{1}{n}$"
    assert text(f"<w:p><m:oMathPara>{frac}</m:oMathPara></w:p>") == r"$$\frac{1}{n}$$"


def test_footnotes_stand_in_brackets() -> None:
    notes = f'<w:footnotes {W}><w:footnote w:id="2">{p("see Euler")}</w:footnote></w:footnotes>'
    body = f'<w:p>{r("Text")}<w:r><w:footnoteReference w:id="2"/></w:r>{r(".")}</w:p>'
    assert text(body, footnotes=notes) == "Text (see Euler)."


def test_what_was_deleted_or_is_a_code_of_a_field_goes() -> None:
    body = f"<w:p><w:del>{r('old')}</w:del><w:ins>{r('new')}</w:ins><w:r><w:instrText>PAGE</w:instrText></w:r></w:p>"
    assert text(body) == "new"


def test_a_box_is_read_once() -> None:
    box = f"<w:txbxContent>{p('boxed')}</w:txbxContent>"
    drawing = (
        f"<w:r><AlternateContent><Choice>{box}</Choice><Fallback>{box}</Fallback></AlternateContent></w:r>"
    )
    assert text(f"<w:p>{r('Text.')}{drawing}</w:p>") == "Text.\n\nboxed"


def test_what_the_file_states() -> None:
    found = content(p("One", "T"), core=CORE)
    assert (found.title, found.language, found.date) == ("Limits", "fr", "2020-01-02")
    found = content(p("One", "T"))
    assert (found.title, found.language, found.date) == ("One", "de-DE", None)


def test_a_main_part_of_another_name() -> None:
    relations = '<r><Relationship Type="http://x/officeDocument" Target="/word/main2.xml"/></r>'
    body = f"<w:document {W}><w:body>{p('Text.')}</w:body></w:document>"
    raw = zipped({"[Content_Types].xml": "", "_rels/.rels": relations, "word/main2.xml": body})
    assert next(read_docx(blob(raw), CONFIG))[1].text.strip() == "Text."


@pytest.mark.parametrize("name", ["a.docx", "a.zip", "a.txt", "a"])
def test_it_is_known_by_its_content(tmp_path: Path, name: str) -> None:
    found = one(put(tmp_path, name, docx(p("Text of a file."))))
    assert (found.format, found.text) == ("docx", "Text of a file.")


def test_another_order_of_its_parts(tmp_path: Path) -> None:
    parts: dict[str, str | bytes] = {
        "theme/a.xml": "",
        "word/document.xml": f"<w:document {W}><w:body>{p('Text.')}</w:body></w:document>",
    }
    assert one(put(tmp_path, "a.docx", zipped({**parts, "[Content_Types].xml": ""}))).text == "Text."


def test_a_spreadsheet_is_none(tmp_path: Path) -> None:
    raw = zipped({"[Content_Types].xml": "", "xl/workbook.xml": "<workbook/>"})
    assert fault(put(tmp_path, "a.docx", raw)).reason == "unsupported_format"


def test_a_folder_named_word_makes_no_word_file(tmp_path: Path) -> None:
    found = one(put(tmp_path, "a.zip", zipped({"word/a.txt": "Text in an archive."})))
    assert (found.place, found.format) == ("!/word/a.txt", "text")


def test_nothing_in_it() -> None:
    assert refused(docx(p(" "))).reason == "empty"


@pytest.mark.parametrize(
    "document",
    [
        "",
        "<w:document",
        f"<w:document {W}/>",
        f'<!DOCTYPE d [<!ENTITY a "b">]><w:document {W}><w:body>&a;</w:body></w:document>',
        f'<!DOCTYPE d [<!ENTITY a SYSTEM "file:///etc/passwd">]><w:document {W}><w:body>&a;</w:body></w:document>',
        f"<w:document {W}><w:body>{'<w:p>' * 200_000}{'</w:p>' * 200_000}</w:body></w:document>",
        f'<?xml version="1.0" encoding="no-such"?><w:document {W}/>',
    ],
)  # fmt: skip
def test_a_broken_or_hostile_document(document: str) -> None:
    assert refused(zipped({"[Content_Types].xml": "", "word/document.xml": document})).reason == "unreadable"


def test_laughs_are_refused_at_the_first() -> None:
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    document = f'<!DOCTYPE d [<!ENTITY l0 "ha">{laughs}]><d>&l9;</d>'
    assert "declares entities" in refused(zipped({"word/document.xml": document})).detail


def test_as_deep_as_allowed_is_read() -> None:
    deep = MAX_DEPTH - 5
    assert text(f"{'<w:sdt>' * deep}{p('Text.')}{'</w:sdt>' * deep}") == "Text."


def test_tables_as_deep_as_allowed_end() -> None:
    opened, closed = "<w:tbl><w:tr><w:tc>", "</w:tc></w:tr></w:tbl>"
    assert text(f"{opened * 47}{p('Text.')}{closed * 47}") == "Text."


def test_cut_off_anywhere_it_is_an_error() -> None:
    raw = docx(p("Text."), styles=STYLES)
    for length in range(0, len(raw), 11):
        assert refused(raw[:length]).reason == "unreadable"


def test_more_than_allowed() -> None:
    assert refused(docx(p("a" * 100_000)), max_bytes=50_000).reason == "too_large"


def test_a_size_that_lies() -> None:
    raw = bytearray(docx(p("a" * 1000)))
    at = raw.rindex(b"PK\x01\x02")
    raw[at + 24 : at + 28] = (50).to_bytes(4, "little")
    assert refused(bytes(raw)).reason == "unreadable"


def test_a_part_with_a_password_and_one_packed_otherwise() -> None:
    raw = bytearray(docx(p("Text.")))
    raw[raw.rindex(b"PK\x01\x02") + 8] |= 1
    assert refused(bytes(raw)).reason == "encrypted"
    bzip2 = zipped({"word/document.xml": "<d/>"}, method=12)
    assert "do not allow" in refused(bzip2).detail


def test_hostile_lengths_take_no_time() -> None:
    for body in (
        "<w:p/>" * 30_000,
        p("&lt;" * 100_000),
        p("`" * 100_000),
        p("_*" * 100_000),
        f"<w:p>{r('a', '<w:b/>') * 5000}</w:p>",
    ):
        list(read_docx(blob(docx(body + p("Text."))), CONFIG))
