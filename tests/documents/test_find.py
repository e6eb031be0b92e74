import os
from pathlib import Path

import pytest

from synth.documents.find import find_sources
from synth.errors import ConfigError


def make(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return folder


def names(*paths: Path) -> list[str]:
    return [source.name for source in find_sources([str(p) for p in paths])]


def test_a_folder_is_walked_in_order_and_hidden_files_are_skipped(tmp_path: Path) -> None:
    make(tmp_path, "b.md", "a/c.txt", "a/d/e.txt", ".git/x.txt", "a/.hidden.txt", "Z.txt")
    assert names(tmp_path) == ["Z.txt", "a/c.txt", "a/d/e.txt", "b.md"]


def test_names_do_not_hold_the_place_of_the_root(tmp_path: Path) -> None:
    assert names(make(tmp_path / "here", "a/b.txt")) == names(make(tmp_path / "there", "a/b.txt"))


def test_a_single_file_has_its_own_name(tmp_path: Path) -> None:
    assert names(make(tmp_path, "a/b.txt") / "a" / "b.txt") == ["b.txt"]


def test_a_glob_is_named_from_its_plain_part_on(tmp_path: Path) -> None:
    make(tmp_path, "x/a.md", "y/b.md", "y/b.txt", "y/deep/c.md")
    assert names(tmp_path / "*" / "*.md") == ["x/a.md", "y/b.md"]
    assert names(tmp_path / "y" / "**" / "*.md") == ["b.md", "deep/c.md"]


def test_a_file_name_with_brackets_is_no_glob(tmp_path: Path) -> None:
    assert names(make(tmp_path, "a[1].txt") / "a[1].txt") == ["a[1].txt"]


def test_a_file_that_two_paths_lead_to_is_one_source_with_its_longest_name(tmp_path: Path) -> None:
    make(tmp_path, "a/b.txt")
    forwards = names(tmp_path, tmp_path / "a", tmp_path / "a" / "b.txt")
    backwards = names(tmp_path / "a" / "b.txt", tmp_path / "a", tmp_path)
    assert forwards == backwards == ["a/b.txt"]


def test_equal_names_of_two_roots_are_told_apart_in_any_order(tmp_path: Path) -> None:
    one = make(tmp_path / "one" / "docs", "a.txt", "b.txt")
    two = make(tmp_path / "two" / "docs", "a.txt", "c.txt")
    expected = ["b.txt", "c.txt", "one/docs/a.txt", "two/docs/a.txt"]
    assert names(one, two) == names(two, one) == expected


def test_links_that_leave_the_root_are_not_followed(tmp_path: Path) -> None:
    secret = make(tmp_path / "outside", "secret.txt")
    root = make(tmp_path / "root", "a.txt")
    (root / "file.txt").symlink_to(secret / "secret.txt")
    (root / "folder").symlink_to(secret)
    (root / "loop").symlink_to(root)
    (root / "same.txt").symlink_to(root / "a.txt")
    (root / "nowhere.txt").symlink_to(root / "gone.txt")
    assert names(root) == ["a.txt", "same.txt"]


def test_all_missing_paths_are_named_at_once(tmp_path: Path) -> None:
    make(tmp_path, "a.txt")
    with pytest.raises(ConfigError) as fault:
        names(tmp_path / "gone", tmp_path, tmp_path / "*.pdf")
    assert len(fault.value.faults) == 2
    assert "gone does not exist" in fault.value.faults[0]
    assert "*.pdf does not exist" in fault.value.faults[1]


@pytest.mark.parametrize("given", [[], ["empty"]], ids=["no path", "empty folder"])
def test_nothing_to_read_is_a_fault(tmp_path: Path, given: list[str]) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="No file to read"):
        names(*[tmp_path / p for p in given])


def test_names_of_files_are_no_names_of_rows_and_stay_apart(tmp_path: Path) -> None:
    make(tmp_path, "t.jsonl#0", "t.jsonl##0", "t.jsonl", "a#1.txt", "a#b", "\\xff.txt")
    (tmp_path / os.fsdecode(b"\xff.txt")).write_text("x")
    found = names(tmp_path)
    assert set(found) == {
        *("t.jsonl##0", "t.jsonl###0", "t.jsonl", "a#1.txt", "a#b"),
        *(r"\\xff.txt", r"\xff.txt"),
    }
    assert len(found) == 7


def test_a_link_makes_no_hidden_file_seen(tmp_path: Path) -> None:
    root = make(tmp_path / ".root", "a.txt", ".hidden.txt", ".folder/b.txt")
    (root / "c.txt").symlink_to(root / ".hidden.txt")
    (root / "d.txt").symlink_to(root / ".folder" / "b.txt")
    (root / "e.txt").symlink_to(root / "a.txt")
    assert names(root) == ["a.txt", "e.txt"]
