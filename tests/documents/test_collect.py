import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from synth.config import DocumentsConfig
from synth.documents import collect as collecting
from synth.documents import shelf as shelves
from synth.documents.collect import collect, compared, file_keys, remember, shelf_for
from synth.documents.find import find_sources
from synth.documents.formats import added
from synth.documents.reading import Reading
from synth.documents.shelf import Shelf
from synth.errors import StoreError
from tests.documents.distribution import install
from tests.documents.tools import PROSE, Run, lines, put


def reading(text: str, place: str = "") -> Reading:
    return Reading(place=place, format="text", text=text)


def kept(shelf: Shelf, *files: str) -> list[tuple[str, str, str]]:
    """(file, place, text) of all that is on the shelf of these files."""
    found = [s.columns for segment in shelf.segments(dict.fromkeys(files), text=True) for s in segment]
    return [(row["file"], row["place"], row["text"]) for row in found]


def fill(folder: Path, *files: str) -> Shelf:
    """A shelf with a segment for each file of two readings."""
    shelf = Shelf(folder)
    for file in files:
        for place in ("#0", "#1"):
            shelf.put(file, reading(f"{file} {place}", place))
        shelf.end(file)
        shelf.flush()
    return shelf


def test_a_shelf_keeps_what_has_ended_and_is_flushed(tmp_path: Path) -> None:
    shelf = fill(tmp_path, "a", "b")
    shelf.put("c", reading("never ends"))
    shelf.put("d", reading("never flushed"))
    shelf.end("d")
    again = Shelf(tmp_path)
    assert [name in again for name in "abcd"] == [True, True, False, False]
    assert kept(again, "a", "b") == [(f, p, f"{f} {p}") for f in "ab" for p in ("#0", "#1")]
    assert kept(again, "b") == [("b", "#0", "b #0"), ("b", "#1", "b #1")]


def test_what_was_begun_in_one_run_is_not_mixed_with_the_next(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.put("a", reading("first try"))
    shelf.flush()
    again = Shelf(tmp_path)
    again.put("a", reading("second try"))
    again.end("a")
    again.flush()
    assert kept(Shelf(tmp_path), "a") == [("a", "", "second try")]


def test_a_file_that_ends_after_its_segment_was_written_stays_there(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.put("a", reading("text"))
    shelf.flush()
    shelf.end("a")
    shelf.flush()
    again = Shelf(tmp_path)
    again.put("b", reading("more"))
    again.end("b")
    again.flush()
    assert kept(Shelf(tmp_path), "a", "b") == [("a", "", "text"), ("b", "", "more")]


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


@pytest.mark.parametrize("damage", [cut, Path.unlink, lambda path: path.write_bytes(b"")])
@pytest.mark.parametrize("suffix", ["json", "parquet"])
def test_a_torn_segment_costs_what_is_in_it(
    tmp_path: Path, damage: Callable[[Path], object], suffix: str
) -> None:
    fill(tmp_path, "a", "b", "c")
    damage(tmp_path / f"read-000001.{suffix}")
    shelf = Shelf(tmp_path)
    assert [name in shelf for name in "abc"] == [True, False, True]
    shelf.put("b", reading("again"))
    shelf.end("b")
    shelf.flush()
    assert [text for _, _, text in kept(Shelf(tmp_path), "a", "b", "c")] == [
        "a #0", "a #1", "c #0", "c #1", "again",
    ]  # fmt: skip


def test_a_segment_is_full_by_rows_by_text_and_by_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelves, "SEGMENT_ROWS", 3)
    monkeypatch.setattr(shelves, "SEGMENT_CHARS", 1000)
    shelf = Shelf(tmp_path)
    for number in range(7):
        shelf.put(f"r{number}", reading("x"))
        shelf.end(f"r{number}")
    assert len(list(tmp_path.glob("*.parquet"))) == 2
    shelf.put("long", reading("x" * 1000))
    assert len(list(tmp_path.glob("*.parquet"))) == 3
    shelf.end("long", shelves.SEGMENT_SECONDS)
    assert "long" in Shelf(tmp_path)


def test_what_is_forgotten_or_passing_is_read_again(tmp_path: Path) -> None:
    shelf = fill(tmp_path, "a")
    shelf.put("b", reading("old"))
    shelf.flush()
    shelf.put("b", reading("old as well"))
    shelf.put("a2", reading("neighbour"))
    shelf.forget("b")
    shelf.put("b", reading("changed"))
    shelf.end("b", lasting=False)
    shelf.end("a2")
    shelf.flush()
    assert sorted(kept(shelf, "b", "a2")) == [("a2", "", "neighbour"), ("b", "", "changed")]
    assert "b" not in Shelf(tmp_path)
    assert "a2" in Shelf(tmp_path)


def test_two_names_of_one_file_are_read_once_and_told_apart_by_suffix(tmp_path: Path) -> None:
    place = tmp_path / "corpus"
    for name in ("a.txt", "b/c.txt", "b/d.md", "e.txt"):
        put(place, name, PROSE * 2 if name != "e.txt" else "Other text, and enough of it as well.")
    made = Run(tmp_path / "stage", [place])
    # Three files: of the four names two are one file.
    assert made.reported == [(2, 4), (3, 4), (4, 4)]
    assert made.sources() == ["a.txt", "e.txt"]
    assert made.reasons() == {"b/c.txt": "duplicate", "b/d.md": "duplicate"}
    assert len(made.output.inputs) == 4


def test_changed_new_and_removed_files(tmp_path: Path) -> None:
    place = tmp_path / "corpus"
    for name in ("same.txt", "changed.txt", "gone.txt"):
        put(place, name, f"{name} has a text of its own, and it is long enough.")
    first = Run(tmp_path / "stage", [place])
    assert first.said == []
    assert Run(tmp_path / "stage", [place]).said == []
    put(place, "changed.txt", "Another text stands here now, which is just as long.")
    put(place, "new.txt", "A file that came after all the others had been read.")
    (place / "gone.txt").unlink()
    second = Run(tmp_path / "stage", [place])
    assert second.said == [
        "Files since the last time: 1 new (new.txt), 1 changed (changed.txt), 1 gone (gone.txt), 1 as they were."
    ]
    assert [done for done, _ in second.reported] == [2, 3]
    assert second.sources() == ["changed.txt", "new.txt", "same.txt"]
    assert second.rows("documents")["changed.txt"]["text"].startswith("Another")
    assert second.output.tables == Run(tmp_path / "other", [place]).output.tables


def test_what_is_remembered_may_be_broken(tmp_path: Path) -> None:
    assert compared(tmp_path, {"a": "1"}) == ""
    remember(tmp_path, {"a": "1", "b": "2"})
    assert compared(tmp_path, {"a": "1", "b": "2"}) == ""
    assert (
        compared(tmp_path, {"a": "3"})
        == "Files since the last time: 0 new, 1 changed (a), 1 gone (b), 0 as they were."
    )
    for broken in (b"", b"[]", b'{"a": ', b"\xff"):
        (tmp_path / "read" / "files.json").write_bytes(broken)
        assert compared(tmp_path, {"a": "3"}) == ""


@pytest.mark.parametrize(
    "settings", [{"passage_chars": 500}, {"text_column": "body"}, {"formats": {".x": "text"}}]
)
def test_settings_that_change_how_a_file_is_read_have_a_shelf_of_their_own(
    tmp_path: Path, settings: dict[str, object]
) -> None:
    folders = {
        shelf_for(tmp_path, DocumentsConfig.model_validate(given)).folder
        for given in ({}, settings, {"min_chars": 3}, {"sample": 5}, {"max_seconds": 5})
    }
    assert len(folders) == 2


@pytest.mark.parametrize("what", ["changed", "removed", "growing"])
def test_a_file_that_changes_while_it_is_read_is_not_kept(tmp_path: Path, what: str) -> None:
    path = put(tmp_path / "corpus", "a.jsonl", lines(*({"text": f"{i} {PROSE}"} for i in range(50))))
    put(tmp_path / "corpus", "b.txt", PROSE)
    sources = find_sources([str(tmp_path / "corpus")])
    keys = file_keys(sources)
    if what == "changed":
        path.write_text(lines({"text": "Something else by now."}))
    elif what == "removed":
        path.unlink()
    else:
        with path.open("a") as file:
            file.write(lines({"text": "One more row."}))
    config = DocumentsConfig(readers=1)
    shelf = shelf_for(tmp_path / "stage", config)
    collect(sources, keys, shelf, config, lambda done, total: None)
    rows = [s.columns for segment in shelf.segments(dict.fromkeys(keys.values())) for s in segment]
    found = [row for row in rows if row["file"] == keys["a.jsonl"]]
    assert [(row["place"], row["reason"]) for row in found] == [("", "unreadable")]
    assert "was changed or removed while it was read" in found[0]["detail"]
    again = shelf_for(tmp_path / "stage", config)
    assert keys["a.jsonl"] not in again
    assert keys["b.txt"] in again


def test_whoever_is_stopped_keeps_what_was_read(tmp_path: Path) -> None:
    for i in range(5):
        put(tmp_path / "corpus", f"{i}.txt", f"{i} {PROSE}")
    sources = find_sources([str(tmp_path / "corpus")])
    keys = file_keys(sources)
    config = DocumentsConfig(readers=1)

    def stop(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    threads = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        collect(sources, keys, shelf_for(tmp_path, config), config, stop)
    again = shelf_for(tmp_path, config)
    assert sum(key in again for key in keys.values()) == 3
    assert threading.active_count() == threads


def edit(**changes: object) -> Callable[[Path], object]:
    def damage(folder: Path) -> None:
        path = folder / "read-000001.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    return damage


def flip(folder: Path) -> None:
    """One bit of a text, as a bad disk does it."""
    path = folder / "read-000001.parquet"
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 4] ^= 1
    path.write_bytes(raw)


def into_folder(name: str) -> Callable[[Path], object]:
    def damage(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).mkdir()

    return damage


@pytest.mark.parametrize(
    "damage",
    [
        flip,
        edit(files={"b": []}),
        edit(files={"b": [-1]}),
        edit(files={"b": [0]}),
        edit(files={"b": [1], "x": [1]}),
        edit(other=1),
        into_folder("read-000001.json"),
        into_folder("read-000001.parquet"),
    ],
)
def test_a_segment_that_came_to_harm_is_read_again(tmp_path: Path, damage: Callable[[Path], object]) -> None:
    fill(tmp_path, "a", "b", "c")
    damage(tmp_path)
    shelf = Shelf(tmp_path)
    assert [name in shelf for name in "abcx"] == [True, False, True, False]
    shelf.put("b", reading("again"))
    shelf.end("b")
    shelf.flush()
    assert [text for _, _, text in kept(Shelf(tmp_path), "b", "c")] == ["c #0", "c #1", "again"]


def test_what_else_lies_on_the_shelf_is_left_alone(tmp_path: Path) -> None:
    fill(tmp_path, "a", "b")
    put(tmp_path, "read-abc.json", "{}")
    put(tmp_path, "read-000001 (copy).parquet", "x")
    put(tmp_path, "read-000001.json.bak", "x")
    assert all(name in Shelf(tmp_path) for name in "ab")


def test_a_segment_that_vanishes_while_the_shelf_is_open_is_named(tmp_path: Path) -> None:
    shelf = fill(tmp_path, "a")
    (tmp_path / "read-000000.parquet").unlink()
    with pytest.raises(StoreError, match=r"read-000000\.parquet cannot be read"):
        kept(shelf, "a")


def test_a_file_of_another_number_is_the_same_file(tmp_path: Path) -> None:
    place = tmp_path / "corpus"
    put(place, "v1.01.md", PROSE)
    Run(tmp_path / "stage", [place])
    (place / "v1.01.md").rename(place / "v1.02.md")
    assert Run(tmp_path / "stage", [place]).reported == []
    put(place, "v.tar.gz", PROSE)
    assert file_keys(find_sources([str(place)]))["v.tar.gz"].endswith(".tar.gz")


def test_another_version_of_a_library_has_another_shelf(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = shelf_for(tmp_path, DocumentsConfig()).folder
    monkeypatch.setattr(collecting, "version", lambda name: "0")
    assert shelf_for(tmp_path, DocumentsConfig()).folder != before


def test_files_that_fell_for_what_may_pass_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path / "site", monkeypatch)
    put(tmp_path / "corpus", "a.raises", "x")
    put(tmp_path / "corpus", "b.txt", PROSE)
    try:
        made = Run(tmp_path / "stage", [tmp_path / "corpus"])
    finally:
        added.added.cache_clear()
    (said,) = made.said
    assert "too much time or memory: 1." in said
    assert "documents.max_seconds" in said
    assert "--name" in said
