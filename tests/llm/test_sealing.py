"""Sealed segments hold what their lines held, whoever kills, fills or damages what."""

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from itertools import islice
from pathlib import Path
from random import Random

import pytest

from synth.errors import StoreError
from synth.llm import sealed as sealed_module
from synth.llm.journal import Journal
from synth.llm.sealing import MOST_FILES, seal_closed
from synth.llm.segments import find_segments, new_segment

SMALL = 50_000  # a segment of this size is sealed


def record_of(number: int) -> dict[str, object]:
    return {"n": number, "text": f"text {number} " * (number % 90 + 1), "odd": "half \ud83d", "big": 2**70}


def fill(folder: Path, numbers: range) -> None:
    with Journal(folder, segment_bytes=SMALL) as journal:
        for number in numbers:
            journal.append(f"k{number}", record_of(number))


def names(folder: Path, kind: str) -> list[str]:
    return sorted(path.name for path in folder.glob(f"*.{kind}"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A journal of 900 records, all sealed."""
    fill(tmp_path / "calls", range(450))
    fill(tmp_path / "calls", range(450, 900))
    assert len(names(tmp_path / "calls", "sealed")) >= 2
    return tmp_path / "calls"


def test_what_was_sealed_is_read_again_and_is_smaller(folder):
    for read_only in (True, False):
        with Journal(folder, read_only=read_only) as journal:
            assert [journal.get(f"k{n}") for n in range(900)] == [record_of(n) for n in range(900)]
            assert journal.get("k900") is None
            assert "k899" in journal
            assert "k900" not in journal
            assert len(journal) == 900
            assert journal.keys() == [f"k{n}" for n in range(900)]
            assert list(journal.records()) == [record_of(n) for n in range(900)]
            assert journal.damage == []
    lines = sum(len(repr(record_of(n))) for n in range(900))
    assert sum(path.stat().st_size for path in folder.iterdir()) < lines / 3


def test_a_journal_that_is_sealed_while_it_is_used_forgets_nothing(tmp_path):
    with Journal(tmp_path, segment_bytes=SMALL) as journal:
        for number in range(900):
            journal.append(f"k{number}", record_of(number))
            assert journal.get(f"k{number // 2}") == record_of(number // 2)
        for _ in range(200):
            if names(tmp_path, "sealed"):
                break
            time.sleep(0.02)
        assert names(tmp_path, "sealed"), "sealed while it was written"
        assert journal.keys() == [f"k{n}" for n in range(900)]
    assert journal.get("k3") == record_of(3), "what is asked of a closed journal opens it again"
    journal.close()


def test_the_first_record_stands_when_it_is_sealed_too(folder):
    with Journal(folder) as journal:
        journal.append("k5", {"second": True})
        journal.append("new", {"first": True})
        assert journal.get("k5") == record_of(5)
        assert (len(journal), len(journal.keys())) == (901, 901)
        assert [r for r in journal.records() if "second" in r] == []
    seal_closed(folder, 1)
    assert names(folder, "jsonl") == []
    with Journal(folder) as journal:
        assert journal.get("k5") == record_of(5)
        assert journal.get("new") == {"first": True}
        assert (len(journal), len(journal.keys())) == (901, 901)


def test_small_segments_wait_and_are_sealed_together(tmp_path):
    for number in range(MOST_FILES + 3):
        with Journal(tmp_path) as journal:
            journal.append(f"k{number}", {"n": number})
    assert names(tmp_path, "sealed") == [f"segment-000001-{MOST_FILES:06d}.sealed"]
    assert len(names(tmp_path, "jsonl")) == 3
    with Journal(tmp_path) as journal:
        assert journal.keys() == [f"k{n}" for n in range(MOST_FILES + 3)]
        journal.append("next", {})
        assert names(tmp_path, "jsonl")[-1] == f"segment-{MOST_FILES + 4:06d}.jsonl"


def test_a_number_that_a_sealed_file_stands_for_is_not_given_again(folder):
    last = find_segments(folder).last
    segment = new_segment(folder)
    assert segment.number == last + 1
    segment.close()


def test_a_segment_that_is_written_is_never_sealed_by_another(tmp_path):
    with Journal(tmp_path) as busy:
        busy.append("mine", {"n": 1})
        fill(tmp_path, range(100))
        seal_closed(tmp_path, 1)
        assert names(tmp_path, "jsonl") == ["segment-000001.jsonl"]
        busy.append("mine-too", {"n": 2})
    seal_closed(tmp_path, 1)
    assert names(tmp_path, "jsonl") == []
    with Journal(tmp_path) as journal:
        assert journal.get("mine-too") == {"n": 2}
        assert len(journal) == 102


def test_a_forked_child_leaves_its_parents_segment_alone(tmp_path):
    with Journal(tmp_path) as journal:
        journal.append("parent", {"n": 1})
        child = os.fork()
        if child == 0:
            try:
                journal.append("child", {"n": 2})
                journal.close()
                seal_closed(tmp_path, 1)
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        assert "segment-000001.jsonl" in names(tmp_path, "jsonl")
        journal.append("after", {"n": 3})
    with Journal(tmp_path) as journal:
        assert sorted(journal.keys()) == ["after", "child", "parent"]


def flip(path: Path, offset: int) -> None:
    content = bytearray(path.read_bytes())
    content[offset] ^= 0xFF
    path.write_bytes(content)


def test_a_damaged_block_costs_its_own_records_and_is_named(tmp_path):
    fill(tmp_path, range(900))
    seal_closed(tmp_path, 1)
    path = tmp_path / names(tmp_path, "sealed")[0]
    flip(path, 100)
    with Journal(tmp_path) as journal:
        lost = [n for n in range(900) if journal.get(f"k{n}") is None]
        assert 0 < len(lost) < 400
        assert lost == list(range(len(lost)))
        (told,) = journal.damage
        assert told == (
            f"{path}: the block at byte 0 is damaged; its {len(lost)} records are lost, "
            "and their calls will be made again."
        )
        assert journal.keys() == [f"k{n}" for n in range(len(lost), 900)]
        journal.append("k0", {"paid": "again"})
        assert journal.get("k0") == {"paid": "again"}
    with Journal(tmp_path) as journal:
        assert journal.get("k0") == {"paid": "again"}


@pytest.mark.parametrize("place", [-1, -30, -200])
def test_a_damaged_index_is_made_again(folder, place):
    path = folder / names(folder, "sealed")[0]
    flip(path, place)
    with Journal(folder) as journal:
        assert journal.keys() == [f"k{n}" for n in range(900)]
        assert [journal.get(f"k{n}") for n in range(900)] == [record_of(n) for n in range(900)]
        assert journal.damage == [
            f"{path}: its index is damaged and was made again from what is sound of it."
        ]


def test_of_a_file_with_two_faults_the_sound_blocks_remain(tmp_path, monkeypatch):
    monkeypatch.setattr(sealed_module, "BLOCK_BYTES", 4_000)
    fill(tmp_path, range(400))
    path = tmp_path / names(tmp_path, "sealed")[0]
    with Journal(tmp_path, read_only=True) as journal:
        offsets = journal._catalogue.sealed[0].index.offsets
        second, third = int(offsets[1]), int(offsets[2])
    flip(path, second)
    path.write_bytes(path.read_bytes()[:-50])
    with Journal(tmp_path) as journal:
        assert f"{path}: bytes {second} to {third} are damaged; their records are lost." in journal.damage
        assert 370 < len(journal) < 400
        assert all(journal.get(key) == record_of(int(key[1:])) for key in journal)


@pytest.mark.parametrize("size", [0, 1, 40, 500])
def test_a_sealed_file_cut_anywhere_opens(folder, size):
    path = folder / names(folder, "sealed")[0]
    path.write_bytes(path.read_bytes()[:size])
    with Journal(folder) as journal:
        assert all(journal.get(key) == record_of(int(key[1:])) for key in journal)
        assert 0 < len(journal) < 900
        assert "its index is damaged" in journal.damage[0]


def test_lines_that_a_kill_left_beside_their_sealed_file_change_nothing(tmp_path):
    fill(tmp_path / "a", range(30))
    kept = {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir()}
    seal_closed(tmp_path / "a", 1)
    for name, content in kept.items():
        (tmp_path / "a" / name).write_bytes(content)
    with Journal(tmp_path / "a", read_only=True) as journal:
        assert journal.keys() == [f"k{n}" for n in range(30)]
        assert len(journal) == 30
    with Journal(tmp_path / "a"):
        pass
    assert names(tmp_path / "a", "jsonl") == []


def test_lines_that_their_sealed_file_does_not_hold_are_kept(tmp_path):
    fill(tmp_path, range(30))
    seal_closed(tmp_path, 1)
    fill(tmp_path / "other", range(31))
    (tmp_path / "segment-000001.jsonl").write_bytes(
        (tmp_path / "other" / "segment-000001.jsonl").read_bytes()
    )
    for _ in range(2):
        with Journal(tmp_path) as journal:
            assert journal.get("k30") == record_of(30)
            assert len(journal) == 31
    assert names(tmp_path, "jsonl") == ["segment-000001.jsonl"]


def test_a_disk_that_is_full_while_sealing_costs_nothing(tmp_path, monkeypatch):
    fill(tmp_path, range(30))

    def full(file: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(sealed_module.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        seal_closed(tmp_path, 1)
    with Journal(tmp_path, segment_bytes=1000) as journal:
        assert len(journal) == 30
    assert names(tmp_path, "sealed") == []
    assert [path.name for path in tmp_path.iterdir()] == ["segment-000001.jsonl"]
    monkeypatch.undo()
    with Journal(tmp_path, segment_bytes=1000) as journal:
        pass
    assert names(tmp_path, "jsonl") == []


def test_a_damaged_line_is_not_sealed_away(tmp_path):
    fill(tmp_path, range(30))
    flip(tmp_path / "segment-000001.jsonl", 60)
    with pytest.raises(StoreError, match="the line at byte 0 is damaged"):
        seal_closed(tmp_path, 1)
    assert names(tmp_path, "jsonl") == ["segment-000001.jsonl"]


def test_many_records_are_written_in_one_go_or_not_at_all(tmp_path):
    with Journal(tmp_path) as journal:
        journal.append_many((f"k{n}", record_of(n)) for n in range(50))
        with pytest.raises(ValueError, match="is no key"):
            journal.append_many([("good", {}), ("no key", {})])
        journal.append_many([])
        assert journal.keys() == [f"k{n}" for n in range(50)]
    with Journal(tmp_path) as journal:
        assert [journal.get(f"k{n}") for n in range(50)] == [record_of(n) for n in range(50)]


def test_readers_beside_a_busy_writer_see_all_that_was_there_before(tmp_path):
    written = [0]
    stop = threading.Event()

    def write() -> None:
        with Journal(tmp_path, segment_bytes=SMALL) as journal:
            while not stop.is_set():
                journal.append(f"k{written[0]}", record_of(written[0]))
                written[0] += 1

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for turn in range(30):
            while written[0] < turn * 60:
                time.sleep(0.001)
            before = written[0]
            with Journal(tmp_path, read_only=turn % 2 == 0) as reader:
                assert len(reader) >= before
                for number in range(0, before, 37):
                    assert reader.get(f"k{number}") == record_of(number)
                assert reader.damage == []
    finally:
        stop.set()
        thread.join()
    assert written[0] > 100


WRITER = """
import sys
from pathlib import Path
from synth.llm.journal import Journal
with Journal(Path(sys.argv[1]), segment_bytes=100_000) as journal:
    n, name = 0, sys.argv[2]
    while True:
        journal.append(f"{name}-{n}", {"n": n, "text": "y" * (n % 5000)})
        sys.stdout.write(f"{name}-{n}\\n")
        sys.stdout.flush()
        n += 1
"""


def test_two_writers_killed_while_they_write_and_seal_lose_nothing(tmp_path):
    rng = Random(4)
    acknowledged: set[str] = set()
    for turn in range(5):
        command = [sys.executable, "-c", WRITER, str(tmp_path)]
        pair = [
            subprocess.Popen([*command, f"{turn}{which}"], stdout=subprocess.PIPE, env=os.environ)
            for which in "ab"
        ]
        # By what is written and not by the clock: on a busy machine they may have begun late. The first pair
        # goes on until something is sealed, which begins with Arrow's import.
        lines, at = [], rng.randrange(500, 6_000)
        while len(lines) < at or not names(tmp_path, "sealed"):
            lines += islice(pair[0].stdout, 100)
        for one in pair:
            one.send_signal(signal.SIGKILL)
        outputs = [
            before + one.communicate()[0] for before, one in zip((b"".join(lines), b""), pair, strict=True)
        ]
        for output in outputs:
            acknowledged |= {
                line.decode().strip() for line in output.splitlines(True) if line.endswith(b"\n")
            }
        with Journal(tmp_path, read_only=True) as journal:
            assert acknowledged <= set(journal)
            assert journal.damage == []
    assert names(tmp_path, "sealed")
    with Journal(tmp_path, segment_bytes=100_000) as journal:
        assert all(journal.get(key)["n"] == int(key.partition("-")[2]) for key in acknowledged)
    assert len(acknowledged) > 500
