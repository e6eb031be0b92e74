import io
import zipfile
from pathlib import Path

import pytest

from synth.documents.content import Content, ReadError
from synth.documents.formats.epub import read_epub
from tests.documents.tools import fault, one, put
from tests.documents.zips import CONFIG, CONTAINER, blob, epub, zipped

METADATA = (
    "<dc:title>On Groups</dc:title><dc:language>de</dc:language><dc:date>2020-01-02</dc:date>"
    "<dc:rights>CC BY 4.0</dc:rights><dc:identifier>urn:isbn:1</dc:identifier><dc:source>https://b.org/g</dc:source>"
)
CHAPTERS = {"one": "<h1>Groups</h1><p>First.</p>", "two": "<h1>Rings</h1><p>Second &amp; last.&nbsp;</p>"}
ENCRYPTED = (
    '<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><EncryptedData>'
    '<EncryptionMethod Algorithm="{}"/></EncryptedData></encryption>'
)


def content(raw: bytes) -> Content:
    ((place, found),) = read_epub(blob(raw), CONFIG)
    assert place == ""
    return found


def refused(raw: bytes, max_bytes: int = 10**7) -> ReadError:
    with pytest.raises(ReadError) as found:
        list(read_epub(blob(raw, max_bytes=max_bytes), CONFIG))
    return found.value


def test_chapters_in_the_order_of_reading() -> None:
    found = content(epub(CHAPTERS, METADATA, order=["two", "one", "two", "missing"]))
    assert found.text.split() == ["#", "Rings", "Second", "&", "last.", "#", "Groups", "First."]
    assert (found.title, found.language, found.date) == ("On Groups", "de", "2020-01-02")
    assert (found.licence, found.url) == ("CC BY 4.0", "https://b.org/g")


def test_a_licence_goes_before_rights() -> None:
    meta = '<meta property="dcterms:license">https://cc.org/by</meta><dc:rights>All reserved</dc:rights>'
    assert content(epub(CHAPTERS, meta)).licence == "https://cc.org/by"


def test_a_table_of_contents_is_no_chapter() -> None:
    raw = epub({**CHAPTERS, "toc": "<ol><li>Groups</li></ol>"})
    assert content(raw).text.count("Groups") == 2
    package = b'<item id="toc" href="toc%20x.xhtml" media-type="application/xhtml+xml"'
    parts = unpacked(raw)
    parts["OEBPS/c.opf"] = parts["OEBPS/c.opf"].replace(package, package + b' properties="nav"')
    assert content(zipped(dict(parts))).text.count("Groups") == 1


def test_nothing_leads_out_of_the_book() -> None:
    parts = unpacked(epub(CHAPTERS))
    parts["OEBPS/c.opf"] = parts["OEBPS/c.opf"].replace(b"one%20x.xhtml", b"../../../../etc/passwd")
    assert content(zipped(dict(parts))).text.split() == ["#", "Rings", "Second", "&", "last."]
    parts["etc/passwd"] = b"<p>inside</p>"
    assert content(zipped(dict(parts))).text.startswith("inside")


@pytest.mark.parametrize("name", ["a.epub", "a.zip", "a.txt", "a"])
def test_it_is_known_by_its_content(tmp_path: Path, name: str) -> None:
    found = one(put(tmp_path, name, epub(CHAPTERS)))
    assert (found.format, found.text[:8]) == ("epub", "# Groups")


def test_a_wrong_or_missing_mimetype(tmp_path: Path) -> None:
    parts = unpacked(epub(CHAPTERS))
    for start in ({"mimetype": b"text/plain"}, {}):
        rest = {name: part for name, part in parts.items() if name != "mimetype"}
        assert one(put(tmp_path, "a.epub", zipped({**start, **rest}))).format == "epub"


def test_another_document_of_this_kind(tmp_path: Path) -> None:
    raw = zipped({"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": "<a/>"})
    assert fault(put(tmp_path, "a.epub", raw)).reason == "unsupported_format"


def test_a_protected_book() -> None:
    locked = ENCRYPTED.format("http://www.w3.org/2001/04/xmlenc#aes128-cbc")
    assert refused(epub(CHAPTERS, **{"META-INF/encryption.xml": locked})).reason == "encrypted"
    fonts = ENCRYPTED.format("http://www.idpf.org/2008/embedding")
    assert content(epub(CHAPTERS, **{"META-INF/encryption.xml": fonts})).text


def test_pictures_only() -> None:
    assert refused(epub({"one": '<img src="a.png"/>'})).reason == "empty"


@pytest.mark.parametrize(
    "parts",
    [
        {"META-INF/container.xml": "<container/>"},
        {"META-INF/container.xml": "<container"},
        {"META-INF/container.xml": CONTAINER},
        {"META-INF/container.xml": CONTAINER, "OEBPS/c.opf": "<package/>"},
        {
            "META-INF/container.xml": CONTAINER,
            "OEBPS/c.opf": '<!DOCTYPE p [<!ENTITY a "b">]><package>&a;</package>',
        },
        {"META-INF/container.xml": CONTAINER, "OEBPS/c.opf": "<a>" * 200_000 + "</a>" * 200_000},
        {"mimetype": "application/epub+zip"},
    ],
)
def test_a_broken_or_hostile_book(parts: dict[str, str | bytes]) -> None:
    assert refused(zipped(parts)).reason == "unreadable"


def test_cut_off_anywhere_it_is_an_error() -> None:
    raw = epub(CHAPTERS)
    for length in range(0, len(raw), 13):
        assert refused(raw[:length]).reason == "unreadable"


def test_chapters_share_one_bound() -> None:
    raw = epub({name: f"<p>{name * 10_000}</p>" for name in "abcd"})
    assert refused(raw, max_bytes=25_000).reason == "too_large"


def unpacked(raw: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}
