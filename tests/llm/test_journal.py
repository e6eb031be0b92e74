import errno
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synth.errors import StoreError
from synth.llm import journal as journal_module
from synth.llm.journal import Journal

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
records = st.dictionaries(st.text(), json_values, max_size=4)
keys = st.text(
    st.characters(exclude_categories=("Zs", "Zl", "Zp", "Cc", "Cs")), min_size=1, max_size=12
).filter(lambda key: not any(c.isspace() for c in key))
in_one_folder = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def segment_of(folder: Path) -> Path:
    (path,) = folder.glob("segment-*.jsonl")
    return path


@in_one_folder
@given(st.dictionaries(keys, records, max_size=5))
def test_what_was_written_is_read_again(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("journal") / "calls"
    with Journal(folder) as journal:
        for key, record in content.items():
            journal.append(key, record)
        assert {key: journal.get(key) for key in content} == content
    with Journal(folder, read_only=True) as again:
        assert again.keys() == list(content)
        assert list(again.records()) == list(content.values())
        assert len(again) == len(content)


def test_lone_surrogates_survive(tmp_path):
    with Journal(tmp_path) as journal:
        journal.append("k", {"text": "half \ud83d of a pair"})
    with Journal(tmp_path) as journal:
        assert journal.get("k") == {"text": "half \ud83d of a pair"}


@in_one_folder
@given(st.data())
def test_a_torn_tail_costs_only_the_line_that_was_never_acknowledged(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("journal")
    with Journal(folder) as journal:
        for i in range(4):
            journal.append(f"k{i}", {"i": i, "text": "x" * i})
    path = segment_of(folder)
    whole = path.read_bytes()
    cut = data.draw(st.integers(0, len(whole)))
    tail = data.draw(st.binary(max_size=20).filter(lambda b: b"\n" not in b))
    path.write_bytes(whole[:cut] + tail)
    with Journal(folder) as journal:
        kept = whole[:cut].count(b"\n")
        assert journal.keys() == [f"k{i}" for i in range(kept)]
        journal.append("new", {"after": "the tear"})
    with Journal(folder) as journal:
        assert journal.get("new") == {"after": "the tear"}
        assert len(journal) == kept + 1


def test_a_damaged_line_in_the_middle_is_named_with_its_place(tmp_path):
    with Journal(tmp_path) as journal:
        for i in range(3):
            journal.append(f"k{i}", {"text": "some text"})
    path = segment_of(tmp_path)
    content = bytearray(path.read_bytes())
    second = content.index(b"\n") + 1
    content[second + 20] ^= 1
    path.write_bytes(content)
    with pytest.raises(StoreError, match=f"{path.name}: the line at byte {second} is damaged") as caught:
        Journal(tmp_path)
    assert "delete" not in str(caught.value)


def test_a_reader_beside_a_writer_stops_at_a_line_that_is_being_written(tmp_path):
    for segment in range(2):
        with Journal(tmp_path) as journal:
            for i in range(3):
                journal.append(f"k{segment}-{i}", {"text": "some text"})
    first, last = sorted(tmp_path.iterdir())
    whole = {path: path.read_bytes() for path in (first, last)}
    torn = whole[last].index(b"\n") + 9

    def tear(path):
        # The first half of a line as it was, its end as it became: what two reads of a growing file give.
        path.write_bytes(whole[path][:torn] + b"\n" + whole[path][torn:])

    tear(last)
    with Journal(tmp_path, read_only=True) as journal:
        assert journal.keys() == ["k0-0", "k0-1", "k0-2", "k1-0"]
    with pytest.raises(StoreError, match="is damaged"):
        Journal(tmp_path)  # nobody else writes here now
    tear(first)
    with pytest.raises(StoreError, match="segment-000001"):
        Journal(tmp_path, read_only=True)


def test_a_line_damaged_after_opening_is_not_handed_out(tmp_path):
    with Journal(tmp_path) as journal:
        journal.append("k", {"text": "some text"})
        path = segment_of(tmp_path)
        path.write_bytes(path.read_bytes().replace(b"some", b"sone"))
        with pytest.raises(StoreError, match="the line at byte 0 is damaged"):
            journal.get("k")


def test_each_writer_has_a_segment_of_its_own_and_the_first_record_stands(tmp_path):
    with Journal(tmp_path) as one, Journal(tmp_path) as other:
        one.append("k", {"from": "one"})
        other.append("k", {"from": "other"})
        other.append("l", {"from": "other"})
    assert len(list(tmp_path.iterdir())) == 2
    with Journal(tmp_path) as journal:
        assert journal.get("k") == {"from": "one"}
        assert journal.get("l") == {"from": "other"}


def test_a_missing_folder_is_made_by_the_first_record_only(tmp_path):
    folder = tmp_path / "run" / "calls"
    with Journal(folder) as journal:
        assert len(journal) == 0
        assert journal.get("k") is None
        assert "k" not in journal
    assert not folder.exists()


def test_a_read_only_journal_takes_no_record(tmp_path):
    with Journal(tmp_path, read_only=True) as journal, pytest.raises(StoreError, match="reading only"):
        journal.append("k", {})


def test_many_threads_write_and_read_at_once(tmp_path):
    def work(name: int) -> None:
        for i in range(50):
            journal.append(f"{name}-{i}", {"i": i})
            assert journal.get(f"{name}-{i}") == {"i": i}

    with Journal(tmp_path) as journal:
        threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    with Journal(tmp_path) as journal:
        assert len(journal) == 400


WRITER = """
import sys
from pathlib import Path
from synth.llm.journal import Journal
with Journal(Path(sys.argv[1])) as journal:
    n = len(journal)
    while True:
        journal.append(f"k{n}", {"n": n, "text": "y" * (n % 5000)})
        sys.stdout.write(f"k{n}\\n")
        sys.stdout.flush()
        n += 1
"""


def test_kill_9_loses_no_acknowledged_record(tmp_path):
    acknowledged: set[str] = set()
    for lines in (1, 40, 150, 300):
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        seen = [process.stdout.readline() for _ in range(lines)]
        process.send_signal(signal.SIGKILL)
        rest = process.communicate()[0].splitlines(keepends=True)
        acknowledged |= {line.decode().strip() for line in [*seen, *rest] if line.endswith(b"\n")}
        with Journal(tmp_path, read_only=True) as journal:
            assert acknowledged <= set(journal.keys())
            for key in acknowledged:
                assert journal.get(key)["n"] == int(key[1:])
    assert len(acknowledged) >= 491


FULL = """
import resource, sys
from pathlib import Path
from synth.errors import StoreError
from synth.llm.journal import Journal
sys.dont_write_bytecode = True  # half a module would stay behind
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
with Journal(Path(sys.argv[1])) as journal:
    try:
        for n in range(100):
            journal.append(f"k{n}", {"text": "z" * 300})
    except StoreError as fault:
        print(n, fault)
"""


def test_half_a_line_on_a_full_disk_is_taken_back(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=True
    )
    count, _, fault = done.stdout.partition(" ")
    assert "journal cannot be written" in fault
    assert len(fault.splitlines()) == 1
    assert segment_of(tmp_path).read_bytes().endswith(b"\n")
    with Journal(tmp_path) as journal:
        assert journal.keys() == [f"k{n}" for n in range(int(count))]


def test_no_space_left_is_one_sentence(tmp_path, monkeypatch):
    with Journal(tmp_path) as journal:
        journal.append("k", {"text": "fits"})
        full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write = os.write

        def half(file: int, line: bytes) -> int:
            if len(line) < 30:
                raise full
            return write(file, line[:20])

        monkeypatch.setattr(journal_module.os, "write", half)
        with pytest.raises(StoreError, match="the disk is full; make room"):
            journal.append("l", {"text": "does not fit on this disk any more"})
        monkeypatch.undo()
        journal.append("l", {"text": "does now"})
    lines = segment_of(tmp_path).read_bytes().splitlines()
    assert [json.loads(line.split(b" ", 2)[2])["text"] for line in lines] == ["fits", "does now"]


def test_closing_twice_is_harmless(tmp_path):
    journal = Journal(tmp_path)
    journal.append("k", {})
    journal.close()
    journal.close()
