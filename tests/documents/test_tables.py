import datetime
import gzip
import json
import math
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from synth.config import DocumentsConfig
from synth.documents.readers import read
from tests.documents.tools import CONFIG, fault, lines, one, put, shown

Columns = dict[str, list[Any]]


@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson", "a.jsonl.gz", "a.json"])
def test_json_lines(tmp_path: Path, name: str) -> None:
    written = lines(
        {"text": "# One\nfirst", "license": "MIT", "url": "https://example.org"},
        {"title": "Two", "text": "second", "language": "en", "date": "2024-01-02"},
    ).encode()
    found = list(
        read(put(tmp_path, name, gzip.compress(written) if name.endswith("gz") else written), CONFIG)
    )
    assert [(f.place, f.title, f.licence, f.url, f.date) for f in found] == [
        ("#0", "One", "MIT", "https://example.org", None),
        ("#1", "Two", None, None, "2024-01-02"),
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
        + b'{"text": "half \\ud800 a pair", "title": "\\udfff", "url": "\\ud800"}\n'
        + b'{"text": ' + b"9" * 5000 + b"}\n"
    )  # fmt: skip
    found = list(read(put(tmp_path, "a.jsonl", written), CONFIG))
    assert [(f.place, f.detail[:12] or f.text) for f in found] == [
        ("#0", "first"),
        ("#1", "no JSON: Exp"),
        ("#3", "not a JSON o"),
        ("#4", "no column te"),
        ("#5", "text holds n"),
        ("#6", ""),
        ("#7", found[6].detail[:12]),
        ("#8", "JSON that is"),
        ("#9", "half \ufffd a pair"),
        ("#10", "no JSON: Exc"),
    ]
    assert found[6].reason == "unreadable"


def test_a_line_that_is_too_long_costs_no_neighbour(tmp_path: Path) -> None:
    written = lines({"text": "before"}, {"text": "x" * 200_000}, {"text": "behind"})
    found = shown(put(tmp_path, "a.jsonl", written), DocumentsConfig(max_bytes=1000))
    assert found == [("#0", "before"), ("#1", "too_large"), ("#2", "behind")]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([{"text": "a"}, 5, {"text": "b"}], [("#0", "a"), ("#1", "unreadable"), ("#2", "b")]),
        ({"version": 1, "data": [{"text": "a"}, {"text": "b"}]}, [("#0", "a"), ("#1", "b")]),
        ({"document": [{"text": "a"}]}, [("#0", "a")]),
        ({"text": "a", "links": [{"url": "b"}]}, [("", "a")]),
        ({"messages": [{"role": "user", "content": "a"}]}, [("", "a")]),
        ({"a": 1, "b": [1, 2]}, [("", "unreadable")]),
        ({"a": [{"text": "a"}], "b": [{"text": "b"}]}, [("", "unreadable")]),
        ([1, 2, 3], [("", "unreadable")]),
        ("text", [("", "unreadable")]),
        ([], [("", "empty")]),
        ({"text": 5}, [("", "unreadable")]),
    ],
    ids=str,
)
def test_json(tmp_path: Path, value: object, expected: list[tuple[str, str]]) -> None:
    assert shown(put(tmp_path, "a.json", json.dumps(value, indent=1))) == expected


def test_json_that_is_refused_says_what_was_there(tmp_path: Path) -> None:
    found = fault(put(tmp_path, "a.json", '{"name": "x", "version": 2}'))
    assert "no list of objects (there: name, version)" in found.detail
    assert "nested too deeply" in fault(put(tmp_path, "b.json", "[" * 200_000)).detail


CSV = 'id,text,title,licence\n1,"one, and\nmore",A,MIT\n2,two,,\n'


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"], ids=repr)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_csv(tmp_path: Path, delimiter: str, encoding: str) -> None:
    written = CSV.replace(",", delimiter).replace(f"one{delimiter} and", "one, and").replace("\n", "\r\n")
    name = "a.tsv" if delimiter == "\t" else "a.csv"
    found = list(read(put(tmp_path, name, written.encode(encoding)), CONFIG))
    assert [(f.place, f.text, f.title, f.licence) for f in found] == [
        ("#0", "one, and\nmore", "A", "MIT"),
        ("#1", "two", None, None),
    ]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("text\na\n", [("#0", "a")]),
        ("text\n\n\na\n", [("#0", "a")]),
        ("text,b\na\n1,2,3\nb,c", [("#0", "a"), ("#1", "unreadable"), ("#2", "b")]),
        ('text,b\na,1\n"open,2\nc,3\n', [("#0", "a"), ("#1", "unreadable"), ("#2", "c")]),
        ('text\n"open', [("#0", "unreadable")]),
        ("text,text\nfirst,second\n", [("#0", "first")]),
        ("a,b\n1,2\n", [("", "unreadable")]),
        ("text\n", [("", "empty")]),
        ("", [("", "empty")]),
        ("\n\n", [("", "empty")]),
        ("text\na\rb\n", [("#0", "a"), ("#1", "b")]),
    ],
    ids=repr,
)
def test_csv_rows(tmp_path: Path, written: str, expected: list[tuple[str, str]]) -> None:
    assert shown(put(tmp_path, "a.csv", written)) == expected


def test_csv_that_is_larger_than_a_document_is_streamed(tmp_path: Path) -> None:
    written = "text\n" + "".join(f"row {i}\n" for i in range(2000)) + '"' + "x" * 3000 + '"\nlast\n'
    found = shown(put(tmp_path, "a.csv", written), DocumentsConfig(max_bytes=2000))
    assert found[0] == ("#0", "row 0")
    assert found[1999] == ("#1999", "row 1999")
    assert found[2000][1] == "too_large"
    assert found[-1][1] == "last"


def test_quotes_that_are_never_closed_do_not_take_for_ever(tmp_path: Path) -> None:
    written = "text,b\n" + 'x","\n' * 50_000
    found = shown(put(tmp_path, "a.csv", written))
    assert found[-1] == ("", "unreadable")
    assert len(found) == 101


CHAT = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "What is a limit?"},
    {"role": "assistant", "content": "A value that is approached."},
]


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ({"messages": CHAT}, "What is a limit?\n\nA value that is approached."),
        ({"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": None}]}, "Hi"),
        ({"messages": CHAT, "text": "the text"}, "the text"),
        ({"question": "1+1?", "answer": "2"}, "1+1?\n\n2"),
        ({"problem": "1+1?", "answer": "2", "solution": "One and one is 2."}, "1+1?\n\nOne and one is 2."),
        ({"problem": "1+1?"}, "1+1?"),
        ({"question": "1+1?", "answer": 2}, "unreadable"),
        ({"messages": ["no object"]}, "unreadable"),
        ({"messages": "already text"}, "already text"),
        ({"answer": "2"}, "unreadable"),
    ],
    ids=str,
)
def test_rows_without_a_column_of_text(tmp_path: Path, row: dict[str, object], text: str) -> None:
    assert shown(put(tmp_path, "a.jsonl", lines(row))) == [("#0", text)]


def write(folder: Path, columns: Columns, name: str = "a.parquet") -> Path:
    pq.write_table(pa.table(columns), folder / name)
    return folder / name


def test_parquet(tmp_path: Path) -> None:
    columns: Columns = {
        "id": [1, 2],
        "content": ["one", None],
        "title": ["A", None],
        "licence": [None, "MIT"],
        "date": [datetime.date(2024, 1, 2), None],
        "x": [[1], []],
    }
    first, second = read(write(tmp_path, columns), CONFIG)
    assert (first.place, first.title, first.licence, first.text) == ("#0", "A", None, "one")
    assert (first.date, first.format) == ("2024-01-02", "parquet")
    assert (second.place, second.title, second.licence, second.text) == ("#1", None, "MIT", "")


def test_parquet_gzipped(tmp_path: Path) -> None:
    plain = write(tmp_path, {"text": ["one"]}).read_bytes()
    assert one(put(tmp_path, "b.parquet.gz", gzip.compress(plain))).text == "one"


def test_conversations_in_parquet(tmp_path: Path) -> None:
    (found,) = read(write(tmp_path, {"messages": [CHAT], "more": [1]}), CONFIG)
    assert found.text.startswith("What is a limit?")


def arrow_stream(path: Path, table: pa.Table) -> None:
    with pa.ipc.new_stream(str(path), table.schema) as writer:
        writer.write_table(table, max_chunksize=2)


@pytest.mark.parametrize("kind", ["feather", "stream", "file"])
def test_arrow(tmp_path: Path, kind: str) -> None:
    table = pa.table({"text": ["one", "two", "three"], "license": ["MIT", None, None], "n": [1, 2, 3]})
    path = tmp_path / ("a.feather" if kind == "feather" else "data-00000-of-00001.arrow")
    if kind == "feather":
        pyarrow.feather.write_feather(table, str(path))
    elif kind == "stream":
        arrow_stream(path, table)
    else:
        with pa.ipc.new_file(str(path), table.schema) as writer:
            writer.write_table(table)
    found = list(read(path, CONFIG))
    assert [(f.place, f.text, f.licence) for f in found] == [
        ("#0", "one", "MIT"),
        ("#1", "two", None),
        ("#2", "three", None),
    ]


def test_a_folder_that_datasets_saved(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    rows = [{"text": "One row of text."}, {"text": "Another row."}]
    datasets.DatasetDict({"train": datasets.Dataset.from_list(rows)}).save_to_disk(str(tmp_path / "saved"))
    found = {}
    for path in sorted((tmp_path / "saved").rglob("*")):
        if path.is_file():
            found |= {f"{path.name}{place}": text for place, text in shown(path)}
    assert found == {
        "dataset_dict.json": "no_document",
        "dataset_info.json": "no_document",
        "state.json": "no_document",
        "data-00000-of-00001.arrow#0": "One row of text.",
        "data-00000-of-00001.arrow#1": "Another row.",
    }


@pytest.mark.parametrize("cut", [0.3, 0.6, 0.95])
def test_arrow_that_is_cut_off(tmp_path: Path, cut: float) -> None:
    path = tmp_path / "a.arrow"
    arrow_stream(path, pa.table({"text": [f"row {i} " * 50 for i in range(20)]}))
    whole = path.read_bytes()
    found = shown(put(tmp_path, "b.arrow", whole[: math.floor(len(whole) * cut)]))
    assert found[-1] == ("", "unreadable")
    assert all(text.startswith("row") for _, text in found[:-1])


def test_text_in_parquet_that_is_no_utf8_costs_its_row(tmp_path: Path) -> None:
    binary = pa.array([b"one", b"\xff\xfe\xfa", b"three"], pa.binary())
    table = pa.table({"text": pa.Array.from_buffers(pa.string(), 3, binary.buffers())})
    pq.write_table(table, tmp_path / "a.parquet")
    assert shown(tmp_path / "a.parquet") == [("#0", "one"), ("#1", "unreadable"), ("#2", "three")]


def test_a_named_column_is_read_instead_of_the_usual_ones(tmp_path: Path) -> None:
    config = DocumentsConfig(text_column="abstract")
    row = {"text": "no", "abstract": "yes"}
    paths = [
        write(tmp_path, {name: [value] for name, value in row.items()}),
        put(tmp_path, "a.jsonl", lines(row)),
        put(tmp_path, "a.csv", "text,abstract\nno,yes\n"),
        put(tmp_path, "a.json", json.dumps([row])),
    ]
    assert [one(path, config).text for path in paths] == ["yes"] * 4
    assert (
        "no column abstract (there: text)"
        in fault(put(tmp_path, "b.jsonl", lines({"text": "x"})), config).detail
    )


@pytest.mark.parametrize(
    ("columns", "detail"),
    [({"a": ["x"], "b": [1]}, "no column text or content"), ({"text": []}, "nothing in it")],
    ids=["no text column", "no row"],
)
def test_parquet_without_documents(tmp_path: Path, columns: Columns, detail: str) -> None:
    assert detail in fault(write(tmp_path, columns)).detail


def test_a_column_that_is_no_text_is_said_so_row_by_row(tmp_path: Path) -> None:
    found = read(write(tmp_path, {"text": [1, 2]}), CONFIG)
    assert [f.detail for f in found] == ["text holds no text but int"] * 2


def test_parquet_that_unpacks_to_too_much_is_rejected_unread(tmp_path: Path) -> None:
    path = write(tmp_path, {"text": ["x" * 200_000]})
    config = DocumentsConfig(max_bytes=20_000)
    assert path.stat().st_size < config.max_bytes
    assert fault(path, config).reason == "too_large"


@pytest.mark.parametrize("max_bytes", [5_000, 1_000_000])
def test_an_open_quote_costs_one_row_of_a_file_of_any_size(tmp_path: Path, max_bytes: int) -> None:
    rows = [f"row {i} has a text of its own" for i in range(1000)]
    rows[300] = '"' + rows[300]
    path = put(tmp_path, "a.csv", "text\n" + "\n".join(rows) + "\n")
    found = list(read(path, DocumentsConfig(max_bytes=max_bytes)))
    assert [(i, r.detail) for i, r in enumerate(found) if r.reason] == [(300, "a quote that is never closed")]
    assert [r.text for r in found if not r.reason] == [row for row in rows if not row.startswith('"')]


def test_a_small_file_has_no_endless_rows(tmp_path: Path) -> None:
    nothing = pa.Array.from_buffers(pa.null(), 10**12, [None])
    batch = pa.record_batch([nothing], names=["text"])
    options = pa.ipc.IpcWriteOptions(allow_64bit=True)
    with pa.ipc.new_file(tmp_path / "a.arrow", batch.schema, options=options) as writer:
        writer.write_batch(batch)
    put(tmp_path, "b.jsonl.gz", gzip.compress(b"1\n" * 3_000_000))
    for name in ("a.arrow", "b.jsonl.gz"):
        found = list(read(tmp_path / name, DocumentsConfig()))
        rows = 10_000 + (tmp_path / name).stat().st_size
        assert len(found) == rows + 1
        assert (found[-1].reason, found[-1].place) == ("too_large", "")
        assert f"more than {rows:,} rows" in found[-1].detail


def test_rows_are_counted_over_all_members_and_bounded_by_the_settings(tmp_path: Path) -> None:
    put(tmp_path, "a.jsonl", lines(*({"text": f"text {i}"} for i in range(5))))
    assert [r.reason for r in read(tmp_path / "a.jsonl", DocumentsConfig(max_rows=3))] == [
        "",
        "",
        "",
        "too_large",
    ]
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in "bc":
            archive.write(tmp_path / "a.jsonl", f"{name}.jsonl")
    found = [r.place for r in read(tmp_path / "a.zip", DocumentsConfig(max_rows=6)) if not r.reason]
    assert found == [*(f"!/b.jsonl#{i}" for i in range(5)), "!/c.jsonl#0"]
