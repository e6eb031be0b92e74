import gzip
import hashlib
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synth.config import DocumentsConfig
from synth.documents.find import Source
from synth.documents.readers import Document, Unread, read

CONFIG = DocumentsConfig()


def put(folder: Path, name: str, content: bytes | str) -> Source:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return Source(path, name)


def one(source: Source, config: DocumentsConfig = CONFIG) -> Document:
    (found,) = read(source, config)
    assert isinstance(found, Document), found
    return found


def fault(source: Source, config: DocumentsConfig = CONFIG) -> Unread:
    (found,) = read(source, config)
    assert isinstance(found, Unread), found
    return found


def lines(*rows: object) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_a_text_file(tmp_path: Path) -> None:
    source = put(tmp_path, "a.txt", "The title\r\n\r\nSome text. \r\n")
    assert one(source) == Document(
        source="a.txt",
        title="The title",
        language=None,
        licence=None,
        url=None,
        format="text",
        sha256=hashlib.sha256(source.path.read_bytes()).hexdigest(),
        text="The title\n\nSome text.",
    )


@pytest.mark.parametrize("name", ["a.TXT", "a.md", "a.markdown", "a.html", "a.htm", "a.v1.txt"])
def test_suffixes_in_any_case(tmp_path: Path, name: str) -> None:
    assert one(put(tmp_path, name, "word")).text.strip() == "word"


def test_front_matter_is_read_and_cut_off(tmp_path: Path) -> None:
    text = "---\ntitle: Limits\nlicense: CC-BY-4.0\ndate: 2020-01-02\nlang: de\ntags: [a]\n---\n\n# Heading\n"
    found = one(put(tmp_path, "a.md", text))
    assert (found.title, found.licence, found.language) == ("Limits", "CC-BY-4.0", "de")
    assert found.text == "# Heading"


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


def test_title_is_the_first_heading_or_else_the_name_of_the_file(tmp_path: Path) -> None:
    assert one(put(tmp_path, "a.md", "```\n# no\n```\n\n## Yes\n")).title == "Yes"
    assert one(put(tmp_path, "b.md", "Only text, and quite a lot of it.")).title == "b.md"


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
        ("a.docx", b"x", "unsupported_format", ".docx; there are .htm"),
        ("README", b"x", "unsupported_format", "no suffix"),
        ("a.xyz.gz", gzip.compress(b"x"), "unsupported_format", ".xyz"),
        (".gz", b"x", "unsupported_format", "no suffix"),
        ("a.txt", b"ab\x00cd", "unreadable", "binary"),
        ("a.txt", bytes(range(1, 32)) * 20, "unreadable", "binary"),
        ("a.html", b"<p>\x00\x01\x02", "unreadable", "binary"),
        ("a.txt.gz", b"no gzip", "unreadable", "broken gzip"),
        ("a.txt.gz", gzip.compress(b"x" * 1000)[:-9], "unreadable", "broken gzip"),
        ("a.parquet", b"PAR1 no parquet PAR1", "unreadable", "broken Parquet"),
        ("a.parquet", b"", "unreadable", "broken Parquet"),
        ("a.jsonl", b"\n \n", "empty", "no row"),
        ("a.txt", b"x" * 2001, "too_large", "more than 2,000 bytes"),
        ("a.txt.gz", gzip.compress(b"x" * 100_000), "too_large", "unpacked"),
    ],
)
def test_a_file_that_cannot_be_read(
    tmp_path: Path, name: str, content: bytes, reason: str, detail: str
) -> None:
    found = fault(put(tmp_path, name, content), DocumentsConfig(max_bytes=2000))
    assert (found.source, found.reason) == (name, reason)
    assert detail in found.detail


def test_a_file_that_is_gone_is_unread(tmp_path: Path) -> None:
    found = fault(Source(tmp_path / "gone.txt", "gone.txt"))
    assert (found.reason, found.detail) == ("unreadable", "cannot be opened: No such file or directory")


@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson", "a.jsonl.gz"])
def test_json_lines(tmp_path: Path, name: str) -> None:
    written = lines(
        {"text": "# One\nfirst", "license": "MIT", "url": "https://example.org"},
        {"title": "Two", "text": "second", "language": "en"},
    ).encode()
    found = read(put(tmp_path, name, gzip.compress(written) if name.endswith("gz") else written), CONFIG)
    assert all(isinstance(f, Document) and f.format == "jsonl" for f in found)
    shown = [(f.source, f.title, f.licence, f.url, f.language) for f in found if isinstance(f, Document)]
    assert shown == [
        (f"{name}#0", "One", "MIT", "https://example.org", None),
        (f"{name}#1", "Two", None, None, "en"),
    ]


def test_a_bad_line_costs_no_neighbour(tmp_path: Path) -> None:
    written = (
        lines({"text": "first"}).encode()
        + b"{broken\n"
        + b"\n"
        + lines([1, 2], {"other": "x"}, {"text": 5}, {"text": None}).encode()
        + b"\xff\xfe\x00\n"
        + b"[" * 100_000
        + b"\n"
        + b'{"text": "half \\ud800 a pair"}\n'
    )
    found = read(put(tmp_path, "a.jsonl", written), CONFIG)
    shown = [(f.source, f.text if isinstance(f, Document) else f.detail[:12]) for f in found]
    assert shown == [
        ("a.jsonl#0", "first"),
        ("a.jsonl#1", "no JSON: Exp"),
        ("a.jsonl#3", "not a JSON o"),
        ("a.jsonl#4", "no column te"),
        ("a.jsonl#5", "text holds n"),
        ("a.jsonl#6", ""),
        ("a.jsonl#7", "no JSON: Exp"),
        ("a.jsonl#8", "no JSON: max"),
        ("a.jsonl#9", "half \ufffd a pair"),
    ]


def write(folder: Path, columns: dict[str, list[object]], name: str = "a.parquet") -> Source:
    pq.write_table(pa.table(columns), folder / name)
    return Source(folder / name, name)


def test_parquet(tmp_path: Path) -> None:
    source = write(
        tmp_path,
        {
            "id": [1, 2],
            "content": ["one", None],
            "title": ["A", None],
            "licence": [None, "MIT"],
            "x": [[1], []],
        },
    )
    first, second = read(source, CONFIG)
    assert isinstance(first, Document)
    assert isinstance(second, Document)
    assert (first.source, first.title, first.licence, first.text) == ("a.parquet#0", "A", None, "one")
    assert (second.source, second.title, second.licence, second.text) == (
        "a.parquet#1",
        "a.parquet#1",
        "MIT",
        "",
    )


def test_parquet_gzipped(tmp_path: Path) -> None:
    plain = write(tmp_path, {"text": ["one"]}).path.read_bytes()
    assert one(put(tmp_path, "b.parquet.gz", gzip.compress(plain))).text == "one"


def test_a_named_column_is_read_instead_of_the_usual_ones(tmp_path: Path) -> None:
    config = DocumentsConfig(text_column="abstract")
    assert one(write(tmp_path, {"text": ["no"], "abstract": ["yes"]}), config).text == "yes"
    assert one(put(tmp_path, "a.jsonl", lines({"text": "no", "abstract": "yes"})), config).text == "yes"


@pytest.mark.parametrize(
    ("columns", "detail"),
    [
        ({"a": ["x"], "b": [1]}, "no column text or content"),
        ({"text": []}, "no row in it"),
    ],
    ids=["no text column", "no row"],
)
def test_parquet_without_documents(tmp_path: Path, columns: dict[str, list[object]], detail: str) -> None:
    assert detail in fault(write(tmp_path, columns)).detail


def test_a_column_that_is_no_text_is_said_so_row_by_row(tmp_path: Path) -> None:
    found = read(write(tmp_path, {"text": [1, 2]}), CONFIG)
    assert [f.detail for f in found if isinstance(f, Unread)] == ["text holds no text but int"] * 2


def test_parquet_that_unpacks_to_too_much_is_rejected_unread(tmp_path: Path) -> None:
    table = pa.table({"text": ["x" * 100_000]})
    pq.write_table(table, tmp_path / "a.parquet", compression="zstd")
    config = DocumentsConfig(max_bytes=20_000)
    assert (tmp_path / "a.parquet").stat().st_size < config.max_bytes
    assert fault(Source(tmp_path / "a.parquet", "a.parquet"), config).reason == "too_large"
