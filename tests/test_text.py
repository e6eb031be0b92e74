import time
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from synth.documents.find import Source
from synth.text import fingerprint_sources, normalise, one_line

ANY_TEXT = st.text(st.characters(exclude_categories=()))


@settings(deadline=None)
@given(ANY_TEXT)
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@settings(deadline=None)
@given(ANY_TEXT)
def test_a_normalised_text_can_be_stored(text: str) -> None:
    normalise(text).encode("utf-8")


@settings(deadline=None)
@given(ANY_TEXT)
def test_only_line_ends_and_tabs_are_left_of_the_control_characters(text: str) -> None:
    assert not [c for c in normalise(text) if (c < " " or "\x7f" <= c < "\xa0") and c not in "\n\t"]


def test_line_ends_accents_and_spaces_of_other_systems_are_the_same_text() -> None:
    assert normalise("\ufeffcafe\u0301 \r\nb\rc\x00\u2028d\t\n") == "caf\u00e9\nb\nc\nd"


def test_marks_upon_one_letter_are_cut_and_only_they() -> None:
    assert normalise("e" + "\u0316" * 40) == "e" + "\u0316" * 30
    assert normalise("\u0344" * 40) == "\u0308\u0301" * 15
    few = "a" + "\u0316" * 30 + "—" * 50 + "…" * 50
    assert normalise(few) == few


def test_time_grows_with_the_marks_and_no_faster() -> None:
    begun = time.process_time()
    assert len(normalise("a" + "\u0301\u0316" * 100_000)) == 30
    assert time.process_time() - begun < 2


def test_at_most_two_blank_lines_stay_in_a_row() -> None:
    assert normalise("a\n\n\nb\n \n\t\n\n\n\nc") == "a\n\n\nb\n\n\nc"


def test_indentation_and_inner_spaces_stay() -> None:
    assert normalise("def f():\n    return  1") == "def f():\n    return  1"


def test_one_line_is_cut_at_its_limit() -> None:
    assert one_line(" a\n b  c ") == "a b c"
    assert one_line("abcdefgh", 5) == "abcd…"


def test_fingerprint_follows_names_and_bytes_and_nothing_else(tmp_path: Path) -> None:
    paths = [tmp_path / "a.txt", tmp_path / "b.txt"]
    paths[0].write_text("one")
    paths[1].write_text("two")
    sources = [Source(path, path.name) for path in paths]
    first = fingerprint_sources(sources)
    assert fingerprint_sources(reversed(sources)) == first
    assert fingerprint_sources([Source(paths[0], "c.txt"), sources[1]]) != first
    paths[1].write_text("twO")
    assert fingerprint_sources(sources) != first
    paths[1].unlink()
    gone = fingerprint_sources(sources)
    assert gone != first
    assert gone == fingerprint_sources(sources)
