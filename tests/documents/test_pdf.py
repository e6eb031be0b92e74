import os
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from synth.config import DocumentsConfig
from synth.documents.content import Content, ReadError
from synth.documents.formats.pdf.reader import read_pdf_bytes
from synth.documents.readers import read

FONTS = {"F1": "Helvetica", "F2": "Courier", "F3": "Helvetica-Bold"}
Shown = tuple[float, float, float, str, str]


def pdf(*pages: Sequence[Shown], info: str = "", trailer: str = "", catalog: str = "") -> bytes:
    """A PDF: for each page its pieces of text, each with x, y, size, font and characters."""
    objects = [f"<</Type/Catalog/Pages 2 0 R{catalog}>>", "", f"<<{info}>>"]
    objects += [f"<</Type/Font/Subtype/Type1/BaseFont/{name}>>" for name in FONTS.values()]
    fonts = "".join(f"/{key} {4 + i} 0 R" for i, key in enumerate(FONTS))
    kids = []
    for page in pages:
        stream = "\n".join(f"BT /{f} {s} Tf 1 0 0 1 {x} {y} Tm ({t}) Tj ET" for x, y, s, f, t in page)
        objects.append(f"<</Length {len(stream)}>>\nstream\n{stream}\nendstream")
        kids.append(f"{len(objects) + 1} 0 R")
        objects.append(
            f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents {len(objects)} 0 R"
            f"/Resources<</Font<<{fonts}>>>>>>"
        )
    objects[1] = f"<</Type/Pages/Kids[{' '.join(kids)}]/Count {len(kids)}>>"
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n".encode("latin-1")
    table = "".join(f"{at:010} 00000 n \n" for at in places)
    size = len(objects) + 1
    end = f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer\n<</Size {size}/Root 1 0 R/Info 3 0 R{trailer}>>"
    return out + f"{end}\nstartxref\n{len(out)}\n%%EOF".encode()


def lines(
    *texts: str, top: float = 700, left: float = 72, size: float = 10, font: str = "F1", step: float = 12
) -> list[Shown]:
    return [(left, top - i * step, size, font, text) for i, text in enumerate(texts)]


def content(*pages: Sequence[Shown], **stated: str) -> Content:
    return read_pdf_bytes(pdf(*pages, **stated), 10**6)


def fault(raw: bytes) -> ReadError:
    with pytest.raises(ReadError) as found:
        read_pdf_bytes(raw, 10**6)
    return found.value


PROSE = (
    "A group is a set with an operation that is",
    "associative and has a neutral element, and in",
    "which each element has an inverse.",
)


def test_lines_become_paragraphs_under_their_heading() -> None:
    page = [*lines("Groups", top=740, size=18), *lines(*PROSE), *lines("Rings come next.", top=640)]
    assert content(page).text == f"# Groups\n\n{' '.join(PROSE)}\n\nRings come next."


def test_an_indented_line_begins_a_paragraph() -> None:
    page = [*lines(*PROSE), *lines("Another one begins here.", top=664, left=90)]
    assert content(page).text.split("\n\n") == [" ".join(PROSE), "Another one begins here."]


def test_a_paragraph_goes_on_over_the_page() -> None:
    assert content(lines(*PROSE[:2]), lines(PROSE[2])).text == " ".join(PROSE)


def test_a_broken_word_is_joined_and_a_known_compound_is_not() -> None:
    page = lines("The well-known well-known facts about commuta-", "tive groups are well-", "known facts.")
    assert (
        content(page).text == "The well-known well-known facts about commutative groups are well-known facts."
    )


def test_code_keeps_its_columns() -> None:
    code = lines("for x in y:", top=660, font="F2", left=80) + lines(
        "print\\(x\\)", top=648, font="F2", left=104
    )
    page = [*lines(*PROSE[:2], "for example as in this:"), *code, *lines("So it goes.", top=620)]
    assert content(page).text.endswith("this:\n\n```\nfor x in y:\n    print(x)\n```\n\nSo it goes.")


def test_words_in_typewriter_are_marked() -> None:
    page = [
        (72, 700, 10, "F1", "Call "),
        (95, 700, 10, "F2", "len\\(x\\)"),
        (140, 700, 10, "F1", "for its length."),
    ]
    assert content(page).text == "Call `len(x)` for its length."


def test_powers_and_indices() -> None:
    page = [
        *lines("where x"),
        (107, 704, 7, "F1", "12"),
        (119, 700, 10, "F1", "+ a"),
        (135, 697, 7, "F1", "i"),
        (139, 700, 10, "F1", " is less than the rest of the line"),
    ]
    assert content(page).text == "where x^{12} + a_i is less than the rest of the line"


def test_the_number_of_a_footnote_goes() -> None:
    page = [*lines("It was proved by Euler."), (173, 704, 7, "F1", "3")]
    assert content(page).text == "It was proved by Euler."


def test_running_heads_and_page_numbers_go() -> None:
    pages = [
        [
            *lines(f"Chapter 1. Groups {n}", top=780),
            *lines(f"Text {word} of this page is here."),
            *lines(str(n), top=30, left=300),
        ]
        for n, word in enumerate(("one", "two", "three", "four"), 7)
    ]
    text = content(*pages).text
    assert "Chapter" not in text
    assert not re.search(r"\d", text)
    assert text.count("of this page") == 4


def test_columns_are_read_one_after_the_other() -> None:
    left, right = lines(*PROSE), lines("Rings are other things.", left=340)
    assert content([*left, *right]).text == f"{' '.join(PROSE)}\n\nRings are other things."


def test_rows_of_a_table_stay_rows() -> None:
    page = [
        piece
        for i, (a, b) in enumerate([("add", "+"), ("subtract", "-"), ("multiply", "*")])
        for piece in [(72, 700 - 12 * i, 10, "F1", a), (200, 700 - 12 * i, 10, "F1", b)]
    ]
    assert content(page).text == "add | +\nsubtract | -\nmultiply | *"


def test_a_table_of_contents_goes() -> None:
    entries = lines(*(f"1.{n} Title {'. ' * 30}{n + 9}" for n in range(8)))
    text = content(
        [*lines("Contents", top=740, size=18), *entries], [*lines("Groups", top=740, size=18), *lines(*PROSE)]
    ).text
    assert text == f"# Groups\n\n{' '.join(PROSE)}"


def test_an_index_goes() -> None:
    pages = [
        lines(*(f"{word} {text}" for text in PROSE))
        for word in ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    ]
    index = [
        *lines("Index", top=740, size=18),
        *lines(*(f"word{chr(97 + n)}, {n}, {n + 3}" for n in range(1, 20))),
    ]
    text = content(*pages, index).text
    assert text.endswith(f"nine {PROSE[2]}")
    assert "word" not in text


def test_text_that_runs_up_the_margin_goes() -> None:
    page = lines(*PROSE)
    raw = pdf([*page, (0, 0, 0, "F1", "")]).replace(
        b"BT /F1 0 Tf 1 0 0 1 0 0 Tm () Tj ET", b"BT /F1 9 Tf 0 1 -1 0 9 9 Tm (a) Tj ET"
    )
    assert read_pdf_bytes(raw, 10**6).text == " ".join(PROSE)


def test_bullets_and_numbers_are_items() -> None:
    page = lines("Two things:", "\\267 first of them", "\\267 second of them", "1. third of them")
    assert content(page).text == "Two things:\n\n- first of them\n\n- second of them\n\n1. third of them"


def test_what_the_file_states() -> None:
    found = content(
        lines(*PROSE), info="/Title(On Groups)/CreationDate(D:20221105164402Z)", catalog="/Lang(de-DE)"
    )
    assert (found.title, found.date, found.language) == ("On Groups", "2022-11-05", "de-DE")


@pytest.mark.parametrize("stated", ["untitled", "thesis.dvi", "Microsoft Word - thesis.docx", ""])
def test_a_title_that_is_none_gives_way_to_the_heading(stated: str) -> None:
    page = [*lines("Groups", top=740, size=18), *lines(*PROSE)]
    assert content(page, info=f"/Title({stated})").title == "Groups"


def test_no_text_layer() -> None:
    found = fault(pdf([]))
    assert found.reason == "empty"
    assert "no text layer" in found.detail


def test_a_password() -> None:
    locked = f"/Encrypt<</Filter/Standard/V 1/R 2/P -4/O<{'41' * 32}>/U<{'42' * 32}>>>/ID[<00><00>]"
    assert fault(pdf(lines(*PROSE), trailer=locked)).reason == "encrypted"


def test_more_text_than_allowed() -> None:
    with pytest.raises(ReadError) as found:
        read_pdf_bytes(pdf(lines(*PROSE)), 50)
    assert found.value.reason == "too_large"


def test_cut_off_anywhere_it_is_an_error_or_text() -> None:
    raw = pdf(lines(*PROSE), lines(*PROSE))
    for length in range(0, len(raw), 37):
        try:
            read_pdf_bytes(raw[:length], 10**6)
        except ReadError as broken:
            assert broken.reason in ("unreadable", "empty")


@pytest.mark.parametrize("raw", [b"", b"%PDF-1.7", b"%PDF-1.4\n%%EOF", b"<html>", bytes(5000)])
def test_what_is_no_pdf(raw: bytes) -> None:
    assert fault(raw).reason == "unreadable"


def test_a_page_of_hostile_lines_takes_no_time() -> None:
    for text in (". " * 20000, "1, " * 15000, "a-" * 20000, "` " * 20000, "\\050a\\051 " * 8000):
        read_pdf_bytes(pdf(lines(text, text)), 10**7)


@pytest.mark.parametrize("name", ["a.pdf", "a.txt", "a.dat", "a"])
def test_it_is_known_by_its_first_bytes(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(pdf(lines(*PROSE)))
    (found,) = read(tmp_path / name, DocumentsConfig())
    assert (found.format, found.text) == ("pdf", " ".join(PROSE))


@pytest.mark.skipif(
    "SYNTH_TEST_DATA" not in os.environ, reason="SYNTH_TEST_DATA names no folder of real documents"
)
def test_real_files() -> None:
    found = {
        p.name: read_pdf_bytes(p.read_bytes(), 10**7)
        for p in Path(os.environ["SYNTH_TEST_DATA"]).glob("docs/pdf-*/*.pdf")
    }
    assert len(found) == 12
    assert not any(re.search("[\ufb00-\ufb06\u00ad\ufffe]", c.text) for c in found.values())
    manual = found["manual.pdf"].text
    assert "# Groups and Homomorphisms\n" in manual
    assert "\n## 5.1 Permutation groups\n" in manual
    assert "```\ngap> (9 - 7) * (5 + 6);\n22\ngap>\n```" in manual
    assert ". . . ." not in manual
    assert "GAP — A Tutorial 1" not in manual
    assert "even though mathematically there is no difference" in found["tutorial.pdf"].text
    assert "\n# Select Components\n" in found["refcard.pdf"].text
    assert "row m or column n of matrix x | x[m,], x[, n]" in found["refcard.pdf"].text
    assert "‖y − Xβ‖^2" in found["Comparisons.pdf"].text
