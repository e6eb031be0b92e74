"""Text of sources and models does not steer a terminal, and reads as it was meant."""

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows import terminal
from flows.console import PIPE_WIDTH, out
from synth.text import counted


@given(st.text())
def test_nothing_unseen_is_left(text: str) -> None:
    shown = terminal.plain(text)
    kinds = {c: unicodedata.category(c) for c in shown if c not in "\n\t\u200c\u200d"}
    assert not [c for c, kind in kinds.items() if kind in ("Cc", "Cf", "Cs")]
    assert terminal.plain(shown) == shown


@given(st.text(alphabet=st.characters(exclude_categories=("Cc", "Cf", "Cs", "Zl", "Zp"))))
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert terminal.plain(text) == text


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]8;;http://x\x07link\x1b]8;;\x07", "link"),
        ("\x1b]0;title\x1b\\rest", "rest"),
        ("one\rtwo", "one\ntwo"),
        ("a\u202eb\u2066c\u200fd", "abcd"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("\x9b31mred", "31mred"),
        ("tag\U000e0041", "tag"),
    ],
)
def test_examples(given_text: str, shown: str) -> None:
    assert terminal.plain(given_text) == shown


def test_markup_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.say("[bold]x[/bold] :smile: [link=http://x]y[/link]")
    terminal.table(("a", "b"), [("[red]1[/red]", 1234567)])
    shown = capsys.readouterr().out
    assert "[bold]x[/bold] :smile: [link=http://x]y[/link]" in shown
    assert "[red]1[/red]" in shown
    assert "1,234,567" in shown


def test_a_pipe_breaks_no_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    path = "/" + "x" * 150
    terminal.say(f"Dataset: {path} " + "word " * 60)
    terminal.table(("what", "value"), [("run", path)])
    shown = capsys.readouterr().out
    assert shown.splitlines()[0].endswith("word ")
    assert path in shown.partition("value")[2]
    assert out.width == 200


def test_commands_name_a_program_that_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = tmp_path / "my venv" / "synth"
    script.parent.mkdir()
    script.touch(mode=0o755)
    monkeypatch.setattr("sys.argv", [str(script)])
    monkeypatch.setenv("PATH", str(tmp_path))
    assert terminal.program() == f"'{script}'"
    monkeypatch.setenv("PATH", str(script.parent))
    assert terminal.program() == "synth"
    monkeypatch.setattr("sys.argv", ["pytest"])
    monkeypatch.setenv("PATH", str(tmp_path))
    assert terminal.program().endswith(" -m flows.cli")


@pytest.mark.parametrize(("count", "said"), [(0, "0 rows"), (1, "1 row"), (2000, "2,000 rows")])
def test_a_number_goes_with_its_noun(count: int, said: str) -> None:
    assert counted(count, "row") == said


def test_the_width_is_that_of_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    console = type(out)()
    assert console.width == 80
    monkeypatch.setenv("COLUMNS", "120")
    assert console.width == 120
    monkeypatch.delenv("COLUMNS")
    assert console.width == PIPE_WIDTH


def test_numbers_that_are_written_out_stand_right_and_a_title_is_not_broken(
    capsys: pytest.CaptureFixture[str],
) -> None:
    title = "A title that is wider than the few columns below it"
    rows = [("0", "+0.0125", "12.5%", "", "1 of 4"), ("0.375", "-3e-05", "100.0%", "", "10")]
    terminal.table(("max", "slope", "share", "capped", "of"), rows, title)
    first, *_, one, other = (line.rstrip() for line in capsys.readouterr().out.splitlines() if line.strip())
    assert first == title
    ends = [[line.index(value) + len(value) for value in row[:3]] for line, row in zip((one, other), rows)]  # noqa: B905
    assert ends[0] == ends[1]
    assert one.index("1 of 4") == other.rindex("10")


def test_lines_beside_the_result_can_have_a_head(capfd: pytest.CaptureFixture[str]) -> None:
    numbers = iter("123")
    terminal.begin_lines(lambda: f"{next(numbers)} nightly: ")
    try:
        terminal.note("one\ntwo")
        terminal.complain("three")
    finally:
        terminal.begin_lines(lambda: "")
    said = capfd.readouterr().err.splitlines()
    assert [line.partition(" ")[2] for line in said] == ["nightly: one", "nightly: two", "nightly: three"]
