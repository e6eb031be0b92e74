import gzip
from pathlib import Path

import pytest

from synth.config import DocumentsConfig
from synth.documents.readers import read
from synth.documents.reading import Reading
from synth.ids import content_id
from tests.documents.tools import fault, one, put


def test_a_text_file(tmp_path: Path) -> None:
    found = one(put(tmp_path, "a.txt", "The title\r\n\r\nSome text. \r\n"))
    assert found.sketch
    assert [(p.start, p.end, p.passage_id) for p in found.pieces] == [(0, 21, content_id("psg", found.text))]
    assert found.model_copy(update={"sketch": None, "pieces": ()}) == Reading(
        place="",
        format="text",
        title="The title",
        language=found.language,
        document_id=content_id("doc", "The title\n\nSome text."),
        text="The title\n\nSome text.",
    )


@pytest.mark.parametrize("name", ["a.TXT", "a.md", "a.markdown", "a.html", "a.htm", "a.v1.txt", "README"])
def test_suffixes_in_any_case(tmp_path: Path, name: str) -> None:
    assert one(put(tmp_path, name, "word")).text.strip() == "word"


def test_front_matter_is_read_and_cut_off(tmp_path: Path) -> None:
    text = "---\ntitle: Limits\nlicense: CC-BY-4.0\ndate: 2020-01-02\nlang: de\ntags: [a]\n---\n\n# Heading\n"
    found = one(put(tmp_path, "a.md", text))
    assert (found.title, found.licence, found.date) == ("Limits", "CC-BY-4.0", "2020-01-02")
    assert (found.text, found.language) == ("# Heading", "de")


@pytest.mark.parametrize(
    "text",
    [
        "---\nno mapping\n---\ntext",
        "---\n!!python/object/apply:os.system ['true']\n---\ntext",
        "---\na: [\n---\ntext",
        "---\n" + "[" * 5000 + "\n---\ntext",
        "---\ntitle: never closed\n",
    ],
    ids=["no mapping", "python tag", "broken", "deep", "open"],
)
def test_what_is_no_front_matter_belongs_to_the_text(tmp_path: Path, text: str) -> None:
    assert one(put(tmp_path, "a.md", text)).text == text.strip()


@pytest.mark.parametrize("date", ["2020-13-45", "2020-99-99T77:00:00", "0b2", "1e999"])
def test_an_impossible_value_in_front_matter_costs_no_neighbour(tmp_path: Path, date: str) -> None:
    found = one(put(tmp_path, "a.md", f"---\ntitle: 1984\ndate: {date}\nlicence: CC0\nurl: ~\n---\ntext"))
    assert (found.title, found.licence, found.url, found.text) == ("1984", "CC0", None, "text")


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("## Opens the text\n\nWords.\n\n# Other", "Opens the text"),
        ("```\n# no\n```\n\n# The only one\n\n## Part", "The only one"),
        ("Words come first.\n\n## Further reading\n\nLinks.", None),
        ("Words.\n\n# One part\n\nMore.\n\n# Another part", None),
        ("---\nname: A language\n---\n\nWords.\n\n## Further reading", "A language"),
        ("Only text, and quite a lot of it.", None),
    ],
)
def test_a_title_stands_for_the_whole(tmp_path: Path, text: str, title: str | None) -> None:
    assert one(put(tmp_path, "a.md", text)).title == title


def test_roles_of_documentation_tools_leave_their_words(tmp_path: Path) -> None:
    text = "# Cells\n:label:`sec_cells`\n\nAs :numref:`sec_gates` says :cite:`Hoch.1997`, `:ref:` is code.\n:width:`600px`"
    assert one(put(tmp_path, "a.md", text)).text == (
        "# Cells\n\n\nAs [sec_gates] says [Hoch.1997], `:ref:` is code."
    )


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "shift_jis", "gb18030"], ids=str
)
def test_encodings(tmp_path: Path, encoding: str) -> None:
    text = {
        "shift_jis": "微分は関数の変化の速さを表す。積分は面積を求める。これは数学の基本である。\n" * 5,
        "gb18030": "导数描述函数变化的快慢。积分用来求面积。这是数学的基础。\n" * 5,
    }.get(encoding, "Die Fläche wächst über die Größe hinaus, natürlich gemäß der Regel.\n" * 5)
    assert one(put(tmp_path, "a.txt", text.encode(encoding))).text == text.strip()


def test_one_damaged_byte_does_not_change_the_encoding_of_a_whole_text(tmp_path: Path) -> None:
    text = "导数描述函数变化的快慢。\n" * 20
    found = one(put(tmp_path, "a.txt", text.encode()[:-2] + b"\n"))
    assert found.text.startswith("导数描述函数变化的快慢。\n")
    assert found.text.endswith("快慢\ufffd")


@pytest.mark.parametrize(
    ("name", "content", "reason", "detail"),
    [
        ("a.xyz", b"x", "unsupported_format", "no reader for .xyz"),
        ("a.xyz.gz", gzip.compress(b"x", mtime=0), "unsupported_format", ".xyz"),
        ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "unsupported_format", "Office file of before 2007"),
        ("a.txt", b"ab\x00cd", "unreadable", "binary"),
        ("a.txt", bytes(range(1, 32)) * 20, "unreadable", "binary"),
        ("a.html", b"<p>\x00\x01\x02", "unreadable", "binary"),
        ("a.txt.gz", gzip.compress(b"x" * 1000, mtime=0)[:-9], "unreadable", "broken packing"),
        ("a.txt.gz", b"\x1f\x8b no gzip", "unreadable", "broken packing"),
        ("a.parquet", b"PAR1 no parquet PAR1", "unreadable", "broken Parquet"),
        ("a.txt", b"x" * 2001, "too_large", "more than 2,000 bytes"),
        ("a.txt.gz", gzip.compress(b"x" * 1_000_000, mtime=0), "too_large", "more than 2,000 bytes"),
    ],
)
def test_a_file_that_cannot_be_read(
    tmp_path: Path, name: str, content: bytes, reason: str, detail: str
) -> None:
    found = fault(put(tmp_path, name, content), DocumentsConfig(max_bytes=2000))
    assert (found.place, found.reason) == ("", reason)
    assert detail in found.detail


@pytest.mark.parametrize("name", ["a.txt.gz", "a.parquet", "a.arrow", "a.jsonl.gz"])
def test_a_file_that_is_called_what_it_is_not_is_read_as_what_it_is(tmp_path: Path, name: str) -> None:
    content = '{"text": "plain text"}\n' if "jsonl" in name else "plain text"
    assert one(put(tmp_path, name, content)).text == "plain text"


def test_text_that_begins_like_a_binary_file_is_text(tmp_path: Path) -> None:
    assert one(put(tmp_path, "a.txt", "PAR1 is what such files begin with.")).format == "text"


def test_a_page_that_is_called_text_is_a_page(tmp_path: Path) -> None:
    page = "\n<!-- a -->\n<!-- b --><!DOCTYPE html><html><body><p>A page of text.</p></body></html>"
    assert one(put(tmp_path, "a.txt", page)).format == "html"
    assert one(put(tmp_path, "b.txt", "<p>no page")).format == "text"


def test_a_file_that_is_gone_is_unread(tmp_path: Path) -> None:
    found = fault(tmp_path / "gone.txt")
    assert (found.reason, found.detail) == ("unreadable", "cannot be opened: No such file or directory")


def test_a_format_that_nobody_reads_is_no_crash(tmp_path: Path) -> None:
    config = DocumentsConfig(formats={".page": "html", ".odd": "nonsense"})
    assert one(put(tmp_path, "a.page", "<p>Text"), config).format == "html"
    assert fault(put(tmp_path, "a.odd", "x"), config).reason == "unsupported_format"


def test_a_fault_of_a_reader_is_not_kept_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise SystemExit("no")

    monkeypatch.setattr("synth.documents.readers.find_format", broken)
    (found,) = read(put(tmp_path, "a.txt", "x"), DocumentsConfig())
    assert (found.reason, found.lasting) == ("unreadable", False)
    assert found.detail == "its reader failed: SystemExit: no"
