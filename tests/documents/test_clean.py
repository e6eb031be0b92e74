import os
import time
from pathlib import Path

import pytest

from synth.documents.clean import clean

SENTENCES = {
    "de": "Größe, Länge und Fläche – „schön“, für 5 €.",
    "fr": "L’élève a déjà reçu « ça », où naïveté et cœur vont.",
    "es": "¿Qué añadió el señor? ¡Más índices, según él!",
    "ru": "Производная функции показывает её изменение.",
    "ja": "関数の導関数は変化を示します。",
    "pl": "Źródło: zażółć gęślą jaźń.",
    "math": "∀x ∈ ℝ: x² ≥ 0 ⇒ √x² = |x|, α → β",
}


def misread(text: str) -> str:
    """What a program that takes UTF-8 for Windows-1252 makes of a text."""
    return "".join(bytes([byte]).decode("cp1252", errors="ignore") or chr(byte) for byte in text.encode())


@pytest.mark.parametrize(
    "hidden",
    [
        "\u202e",
        "\u2066",
        "\u200b",
        "\u2060",
        "\u00ad",
        "\ufeff",
        "\U000e0041",
        "\U000e0101",
        "\ufff9",
        "\u200e",
        "\u061c",
    ],
    ids=lambda c: f"U+{ord(c):04X}",
)
def test_what_nobody_sees_goes(hidden: str) -> None:
    assert clean(f"{hidden}one{hidden * 3} é two{hidden}") == "one é two"


@pytest.mark.parametrize(
    "text",
    ["می‌خواهم", "क्‍ष", "ശ്രീ‌മാൻ", "👩‍🔬 and 👨‍👩‍👧", "🏳️‍🌈", "❤️‍🔥", *SENTENCES.values()],
)
def test_what_joins_letters_and_pictures_stays(text: str) -> None:
    assert clean(text) == text


def test_joiners_that_join_nothing_go() -> None:
    assert clean("pass\u200dword\u200c, \u200dé") == "password, é"
    assert clean("می\u200c\u200d\u200c\u200d\u200cخواهم") == "می\u200cخواهم"


@pytest.mark.parametrize("text", SENTENCES.values(), ids=list(SENTENCES))
def test_misread_text_is_mended_and_sound_text_is_not(text: str) -> None:
    text = text * 3
    assert misread(text) != text
    assert clean(misread(text)) == text
    assert clean(text) == text


def test_english_with_misread_quotation_marks_is_mended() -> None:
    text = "Don’t say “limit” – it’s “slope”. "
    assert clean(misread(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "UTF-8 read as Latin-1 turns é into Ã© and ü into Ã¼.",
        "Ã© Ã¨ Ã¼ Ã¶ Ã¤: these are é, è, ü, ö, ä, read wrongly.",
        "„Wie groß“, „wie süß“, „wie heiß“, „wie weiß“, „wie naß“, fragte er: schön, für Männer, Bären, Söhne.",
        "Ã" * 100,
        "â€" * 100,
    ],
    ids=["example", "list of examples", "German quotes", "half", "half of three"],
)
def test_text_that_only_looks_misread_stays(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize(
    "part", ["Ã", "Ã©", "â€", "ð", "\u200d", "م\u200d", "\u200b", "é\u200b", "\U000e0041"]
)
def test_a_hostile_text_ends(part: str) -> None:
    began = time.process_time()
    clean(part * (1_000_000 // len(part)))
    assert time.process_time() - began < 5


def test_no_real_file_is_taken_for_misread() -> None:
    root = os.environ.get("SYNTH_TEST_DATA")
    if root is None:
        pytest.skip("SYNTH_TEST_DATA names no folder of real documents")
    texts = {
        path: path.read_text("utf-8", "replace") for path in Path(root, "docs").rglob("*.[mthrc][dxtsn]*")
    }
    changed = {
        path.name for path, text in texts.items() if len(clean(text)) < len(text) - text.count("\u200f") - 9
    }
    assert len(texts) > 300
    assert changed == set()
