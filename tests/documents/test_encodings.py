"""Every text here is read from bytes without any word about their encoding, unless one is declared."""

import contextlib
import json
import os
import random
import time
from pathlib import Path

import pytest

from synth.documents.content import ReadError, decode

RUSSIAN = "Производная функции показывает, как быстро меняется её значение.\nОна равна нулю в вершине.\n"
GERMAN = "Die Fläche wächst über die Größe hinaus, natürlich gemäß der Regel.\n"
JAPANESE = "関数の導関数は、その値がどれだけ速く変化するかを示します。\nこれは簡単な例です。\n"
CHINESE = "函数的导数描述了函数值变化的快慢。\n这是一个简单的例子，我们来看一看。\n"
KOREAN = "함수의 도함수는 함숫값이 얼마나 빨리 변하는지를 나타냅니다.\n간단한 예입니다.\n"
GREEK = "Η παράγωγος μιας συνάρτησης δείχνει πόσο γρήγορα αλλάζει η τιμή της.\n"
POLISH = "Pochodna funkcji pokazuje, jak szybko zmienia się jej wartość. Źródło: książka.\n"

TEXTS = [
    (RUSSIAN, "koi8-r windows-1251 iso8859-5 cp866 utf-16-le utf-16"),
    (GERMAN * 3, "windows-1252 iso8859-1 utf-16-le utf-16-be utf-32-le utf-32"),
    (JAPANESE, "iso-2022-jp shift_jis euc-jp utf-16-be"),
    (CHINESE, "gb18030 gbk utf-16-le"),
    (KOREAN, "euc-kr"),
    ("函數的導數描述了函數值變化的快慢。\n這是一個簡單的例子。\n", "big5"),
    (GREEK, "windows-1253 iso8859-7"),
    (POLISH * 2, "windows-1250 iso8859-2"),
    ("שלום עולם. זהו טקסט קצר בעברית שנכתב לבדיקת הקידוד.\n", "windows-1255 iso8859-8"),
]


@pytest.mark.parametrize(
    ("text", "encoding"), [(text, name) for text, names in TEXTS for name in names.split()]
)
def test_an_encoding_is_known_by_its_text(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding)) == text


def test_lines_of_another_encoding_are_read_in_it() -> None:
    lines = [GERMAN.encode(), "Das Gefäß ist größer – “so”.\n".encode("cp1252"), GERMAN.encode(), b"plain\n"]
    assert decode(b"".join(lines)) == GERMAN + "Das Gefäß ist größer – “so”.\n" + GERMAN + "plain\n"


def test_a_damaged_character_is_marked_and_changes_nothing_else() -> None:
    damaged = CHINESE.encode()[:-2] + b"\n"
    assert decode(damaged) == CHINESE[:-2] + "\ufffd\n"


@pytest.mark.parametrize(
    ("declared", "text"),
    [("iso-8859-1", "“Größe” – 5 €"), ("gb2312", "快慢镕"), ("x-user-defined", "Größe"), ("utf-8", "Größe")],
    ids=["its superset", "its Chinese superset", "unknown", "wrong"],
)
def test_a_declared_encoding_holds_where_it_fits(declared: str, text: str) -> None:
    assert decode(text.encode("gb18030" if declared == "gb2312" else "cp1252"), declared) == text


@pytest.mark.parametrize("declared", ["unicode_escape", "rot13", "utf-7", "idna", "hex", "a\x00b", ""])
def test_what_is_no_encoding_of_text_is_not_used(declared: str) -> None:
    assert decode((GERMAN * 3 + "\\x41 +AGE- 41").encode("cp1252"), declared) == GERMAN * 3 + "\\x41 +AGE- 41"


@pytest.mark.parametrize("size", [10, 100, 10_000])
def test_binary_content_is_no_text(size: int) -> None:
    rng = random.Random(size)
    for _ in range(20):
        with pytest.raises(ReadError):
            decode(b"\x00" + rng.randbytes(size))
    with pytest.raises(ReadError):
        decode(b"\x7fELF\x02\x01\x01" + b"\x00" * size + bytes(range(256)))


@pytest.mark.parametrize(
    "part", [b"a", b"a\n", b"\xe9", b"\xe9\n", b"\xc3\xa9\xe9\n", b"\x1b$B", b"a\x00", b"\xc3"]
)
def test_a_hostile_text_ends(part: bytes) -> None:
    began = time.process_time()
    with contextlib.suppress(ReadError):
        decode(part * (1_000_000 // len(part)) + b"\xe9")
    assert time.process_time() - began < 10


def test_all_languages_of_real_files_in_their_old_encodings() -> None:
    root = os.environ.get("SYNTH_TEST_DATA")
    if root is None:
        pytest.skip("SYNTH_TEST_DATA names no folder of real documents")
    old = {"ru": "koi8-r", "el": "cp1253", "he": "cp1255", "ja": "shift_jis", "ko": "euc-kr", "zh": "gb18030"}
    old |= {"de": "cp1252", "fr": "cp1252", "pl": "iso8859-2", "cs": "cp1250", "tr": "cp1254", "ar": "cp1256"}
    files = [json.loads(line) for line in (Path(root) / "docs-FILES.jsonl").read_text().splitlines()]
    known = [(file["path"], old.get(file["lang"][:2])) for file in files if file["format"] == "md"]
    encoded = [
        ((Path(root) / path).read_text("utf-8").encode(encoding, "ignore"), encoding, path)
        for path, encoding in known
        if encoding
    ]
    assert len(encoded) > 50
    assert [path for raw, encoding, path in encoded if decode(raw) != raw.decode(encoding)] == []
