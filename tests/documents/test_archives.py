import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from synth.config import DocumentsConfig
from synth.documents.readers import read
from tests.documents.tools import CONFIG, fault, lines, one, put, shown

Files = list[tuple[str, bytes]]
FILES: Files = [
    ("a.txt", b"one"),
    ("deep/b.md", b"two"),
    ("t.jsonl", lines({"text": "three"}, {"text": "four"}).encode()),
]
READ = [("!/a.txt", "one"), ("!/deep/b.md", "two"), ("!/t.jsonl#0", "three"), ("!/t.jsonl#1", "four")]


def zipped(files: Files) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return buffer.getvalue()


def tarred(files: Files, mode: str = "w") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def zstd(content: bytes) -> bytes:
    # Without the size in its head, as streams are written.
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    return bytes(sink.getvalue())


PACKED: list[tuple[str, Callable[[Files], bytes]]] = [
    ("a.zip", zipped),
    ("a.tar", tarred),
    ("a.tar.gz", lambda files: tarred(files, "w:gz")),
    ("a.tgz", lambda files: tarred(files, "w:gz")),
    ("a.TAR.BZ2", lambda files: tarred(files, "w:bz2")),
    ("a.txz", lambda files: tarred(files, "w:xz")),
    ("a.zip.gz", lambda files: gzip.compress(zipped(files))),
    ("called.txt", zipped),
]


@pytest.mark.parametrize(("name", "pack"), PACKED, ids=[name for name, _ in PACKED])
def test_the_members_of_an_archive_are_read_as_files(
    tmp_path: Path, name: str, pack: Callable[[Files], bytes]
) -> None:
    assert shown(put(tmp_path, name, pack(FILES))) == READ


@pytest.mark.parametrize(("name", "pack"), PACKED[:3], ids=[name for name, _ in PACKED[:3]])
def test_names_of_members_lead_nowhere_and_stay_apart(
    tmp_path: Path, name: str, pack: Callable[[Files], bytes]
) -> None:
    names = ["./a.txt", "../../etc/passwd", "/abs.txt", "win\\dir\\b.txt", "a.txt", "a.txt~2", "a.txt",
             ".hidden.txt", "x/.git/y.txt", "__MACOSX/a.txt", "new\nline.txt", "rtl\u202e.txt", "t.jsonl#0"]  # fmt: skip
    found = list(read(put(tmp_path, name, pack([(n, b"text") for n in names])), CONFIG))
    assert [f.place for f in found] == [
        "!/a.txt", "!/etc/passwd", "!/abs.txt", "!/win\\\\dir\\\\b.txt", "!/a.txt~2", "!/a.txt~2~2",
        "!/a.txt~3", "!/new\\nline.txt", "!/rtl\\u202e.txt", "!/t.jsonl##0",
    ]  # fmt: skip
    assert not list(tmp_path.glob("**/passwd"))


def test_names_that_are_not_utf8(tmp_path: Path) -> None:
    raw = zipped([("näme.txt", b"text")])
    broken = raw.replace("ä".encode(), b"\xff\xfe")
    assert "broken zip" in fault(put(tmp_path, "a.zip", broken)).detail
    tar = tarred([("name.txt", b"text")]).replace(b"name.txt", b"n\xffme.txt")
    # The header's own sum has to match again.
    at = 148
    total = sum(tar[:at]) + 8 * 32 + sum(tar[at + 8 : 512])
    tar = tar[:at] + b"%06o\0 " % total + tar[at + 8 :]
    assert shown(put(tmp_path, "a.tar", tar)) == [("!/n\\xffme.txt", "text")]


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz"])
def test_an_archive_with_nothing_in_it(tmp_path: Path, name: str) -> None:
    pack = dict(PACKED)[name]
    assert shown(put(tmp_path, name, pack([]))) == [("", "empty")]


@pytest.mark.parametrize("pack", [zipped, tarred, lambda files: tarred(files, "w:gz")])
def test_an_archive_in_an_archive_is_not_opened(tmp_path: Path, pack: Callable[[Files], bytes]) -> None:
    inner = pack([("a.txt", b"text")])
    found = list(read(put(tmp_path, "a.zip", zipped([("in.tar.gz", inner), ("b.txt", b"text")])), CONFIG))
    assert [(f.place, f.reason) for f in found] == [("!/in.tar.gz", "unsupported_format"), ("!/b.txt", "")]
    assert "an archive inside an archive" in found[0].detail


def test_packed_members(tmp_path: Path) -> None:
    files = [("a.txt.gz", gzip.compress(b"one")), ("b.txt.bz2", bz2.compress(b"two"))]
    assert shown(put(tmp_path, "a.zip", zipped(files))) == [("!/a.txt.gz", "one"), ("!/b.txt.bz2", "two")]


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz"])
def test_too_many_members(tmp_path: Path, name: str) -> None:
    files = [(f"{i}.txt", b"text") for i in range(5)]
    found = shown(put(tmp_path, name, dict(PACKED)[name](files)), DocumentsConfig(max_members=3))
    assert found == [("!/0.txt", "text"), ("!/1.txt", "text"), ("!/2.txt", "text"), ("", "too_large")]


def test_an_archive_that_unpacks_to_too_much(tmp_path: Path) -> None:
    config = DocumentsConfig(max_bytes=100_000)
    zeros = [(f"{i}.txt", b"0" * 90_000) for i in range(4)]
    assert shown(put(tmp_path, "a.zip", zipped(zeros)), config)[-1] == ("", "too_large")
    assert shown(put(tmp_path, "a.tar.gz", tarred(zeros, "w:gz")), config)[-1] == ("", "too_large")


def test_a_member_that_lies_about_its_size_is_not_unpacked_beyond_it(tmp_path: Path) -> None:
    raw = bytearray(zipped([("a.txt", b"0" * 1_000_000)]))
    for mark, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", raw, raw.find(mark) + at, 10)
    assert shown(put(tmp_path, "a.zip", bytes(raw)), DocumentsConfig(max_bytes=1000)) == [
        ("!/a.txt", "unreadable")
    ]


def test_a_member_with_a_wrong_sum_or_a_password_costs_no_neighbour(tmp_path: Path) -> None:
    raw = bytearray(zipped([("a.txt", b"first text"), ("b.txt", b"second"), ("c.txt", b"third")]))
    struct.pack_into("<I", raw, raw.find(b"PK\x01\x02") + 16, 12345)
    second = raw.find(b"PK\x01\x02", raw.find(b"PK\x01\x02") + 1)
    raw[second + 8] |= 1
    found = list(read(put(tmp_path, "a.zip", bytes(raw)), CONFIG))
    assert [(f.place, f.reason) for f in found] == [
        ("!/a.txt", "unreadable"), ("!/b.txt", "encrypted"), ("!/c.txt", ""),
    ]  # fmt: skip
    assert "Bad CRC-32" in found[0].detail


def test_links_and_devices_in_a_tar_file_are_not_followed(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, kind in (
            ("l.txt", tarfile.SYMTYPE),
            ("h.txt", tarfile.LNKTYPE),
            ("d.txt", tarfile.CHRTYPE),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        info = tarfile.TarInfo("a.txt")
        info.size = 4
        archive.addfile(info, io.BytesIO(b"text"))
    assert shown(put(tmp_path, "a.tar", buffer.getvalue())) == [
        *((f"!/{name}.txt", "unsupported_format") for name in "lhd"), ("!/a.txt", "text"),
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz"])
@pytest.mark.parametrize("cut", [0.1, 0.5, 0.9])
def test_an_archive_that_is_cut_off(tmp_path: Path, name: str, cut: float) -> None:
    noise = bytes(i * i % 251 for i in range(9000)).hex().encode()
    whole = dict(PACKED)[name]([(f"{i}.txt", noise) for i in range(3)])
    found = shown(put(tmp_path, name, whole[: int(len(whole) * cut)]))
    assert found[-1][1] == "unreadable"
    assert all(text in (noise.decode(), "unreadable") for _, text in found[:-1])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt.gz", gzip.compress(b"text", mtime=0)),
        ("a.TXT.GZ", gzip.compress(b"te", mtime=0) + gzip.compress(b"xt", mtime=0)),
        ("a.txt.bz2", bz2.compress(b"text")),
        ("a.txt.xz", lzma.compress(b"text")),
        ("a.txt.zst", zstd(b"text")),
        ("a.gz", gzip.compress(b"text", mtime=0)),
        ("a.txt", gzip.compress(b"text", mtime=0)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_packed_files(tmp_path: Path, name: str, content: bytes) -> None:
    assert one(put(tmp_path, name, content)).text == "text"


def test_a_packed_table_may_be_larger_than_a_document(tmp_path: Path) -> None:
    rows = lines(*({"text": f"row {i} " * 20} for i in range(200))).encode()
    config = DocumentsConfig(max_bytes=1000)
    for name, content in (
        ("a.jsonl.gz", gzip.compress(rows, mtime=0)),
        ("a.zip", zipped([("a.jsonl", rows)])),
        ("a.tar", tarred([("a.jsonl", rows)])),
    ):
        found = shown(put(tmp_path, name, content), config)
        assert len(found) == 200, name
        assert all(text.startswith("row") for _, text in found)


@pytest.mark.parametrize("name", ["a.gz.gz", "a.tar.gz.gz"])
def test_what_is_packed_twice_is_unpacked_once(tmp_path: Path, name: str) -> None:
    content = gzip.compress(gzip.compress(b"text"))
    assert fault(put(tmp_path, name, content)).reason in ("unreadable", "unsupported_format")
