import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from synth import processes
from synth import resting as kept
from synth.config import DocumentsConfig
from synth.documents import slot
from synth.documents.collect import shelf_for
from synth.documents.find import Source, find_sources
from synth.documents.formats import added
from synth.documents.reading import Reading
from synth.documents.slot import End
from synth.documents.workers import Readers
from synth.errors import SynthError
from tests.documents.distribution import install
from tests.documents.tools import PROSE, Run, put

LIMITS = DocumentsConfig(max_seconds=1, max_memory_mb=256)


@pytest.fixture(autouse=True)
def readers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    install(tmp_path / "site", monkeypatch)
    yield
    added.added.cache_clear()


def running(pid: int) -> bool:
    """Whether a process is there and no mere entry that nobody has asked for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def sources(folder: Path, **contents: str) -> list[Source]:
    """Files named `x_suffix`, read in this order."""
    return [
        Source(put(folder, name.replace("_", "."), text), name.replace("_", "."))
        for name, text in contents.items()
    ]


def found(
    files: list[Source], config: DocumentsConfig = LIMITS, count: int = 1
) -> dict[str, list[tuple[str, str]]]:
    """What was found in each file: (reason, text or detail)."""
    result: dict[str, list[tuple[str, str]]] = {file.name: [] for file in files}
    ends = []
    with Readers(config, count) as pool:
        for source, reading in pool.read(files):
            if isinstance(reading, Reading):
                assert source.name not in ends
                result[source.name].append((reading.reason, reading.detail or reading.text))
            else:
                ends.append(source.name)
    assert sorted(ends) == sorted(result)
    return result


def test_a_reader_that_fails_in_any_way_costs_its_own_file_only(tmp_path: Path) -> None:
    bad = {
        "a_loops": ("too_costly", "reading it takes more than 1 s of processor time"),
        "b_hungry": ("too_costly", "reading it takes more than 256 MB of memory"),
        "c_crashes": ("unreadable", "its reader crashed (SIGSEGV)"),
        "d_null": ("unreadable", "its reader crashed (SIGSEGV)"),
        "e_leaves": ("unreadable", "its reader failed: SystemExit: 3"),
        "f_drops": ("unreadable", "its reader crashed (exit code 3)"),
        "g_raises": ("unreadable", "its reader failed: ValueError: no such verse"),
        "h_says": ("too_long", "it rhymes"),
        "i_nothing": ("unreadable", "its reader gave no Content but NoneType"),
        "j_words": ("unreadable", "its reader gave no Content but str"),
        "k_missing": ("unreadable", "its reader failed: AttributeError"),
    }
    contents = {}
    for number, name in enumerate(bad):
        contents[f"n{number}_txt"] = f"neighbour {number}"
        contents[name] = "3"
    contents["z_drops"] = "0"
    contents["last_txt"] = "the last one"
    result = found(sources(tmp_path, **contents))
    for name, (reason, detail) in bad.items():
        ((said, why),) = result[name.replace("_", ".")]
        assert said == reason, name
        assert why.startswith(detail), name
    for number in range(len(bad)):
        assert result[f"n{number}.txt"] == [("", f"neighbour {number}")]
    assert result["z.drops"] == [("unreadable", "its reader crashed (exit code 0)")]
    assert result["last.txt"] == [("", "the last one")]


def test_what_a_reader_prints_goes_nowhere(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert found(sources(tmp_path, a_poem="roses", b_txt="text")) == {
        "a.poem": [("", "ROSES")], "b.txt": [("", "text")],
    }  # fmt: skip
    assert capfd.readouterr() == ("", "")


def test_several_documents_and_nonsense_among_them(tmp_path: Path) -> None:
    result = found(sources(tmp_path, a_several="one\ntwo", b_numbers="", c_forever=""),
                   DocumentsConfig(max_members=4))  # fmt: skip
    assert result["a.several"] == [("", "one"), ("", "two")]
    assert [reason or text for reason, text in result["b.numbers"]] == [
        "one whole text", "unreadable", "unreadable", "unreadable", "too_large",
    ]  # fmt: skip
    assert [reason for reason, _ in result["c.forever"]] == ["", "", "", "", "too_large"]


def test_a_reader_that_falls_silent_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, *others = sources(tmp_path, a_txt="first", b_sleeps="", c_txt="last")
    with Readers(LIMITS, 1) as pool:
        # A reader that has yet to start has nothing to say either.
        assert [r.text for _, r in pool.read([first]) if isinstance(r, Reading)] == ["first"]
        monkeypatch.setattr(slot, "_WAIT_S", 2)
        readings = [r for _, r in pool.read(others) if isinstance(r, Reading)]
    assert [reading.detail or reading.text for reading in readings] == [
        "its reader was killed: it fell silent, or the machine had no memory left",
        "last",
    ]


def test_the_time_of_a_document_is_not_the_time_of_its_table(tmp_path: Path) -> None:
    row = '{"text": "' + PROSE * 400 + '"}\n'
    with Readers(LIMITS, 1) as pool:
        *readings, (_, end) = pool.read(sources(tmp_path, a_jsonl=row * 300))
    assert isinstance(end, End)
    assert end.seconds > LIMITS.max_seconds
    assert [reading.reason for _, reading in readings if isinstance(reading, Reading)] == [""] * 300


def test_readers_killed_from_outside_lose_no_file_and_mix_none_up(tmp_path: Path) -> None:
    files = [Source(put(tmp_path, f"{i}.txt", f"text {i}"), f"{i}.txt") for i in range(300)]
    result: dict[str, list[str]] = {file.name: [] for file in files}
    with Readers(LIMITS, 2) as pool:
        for number, (source, reading) in enumerate(pool.read(files)):
            if isinstance(reading, Reading):
                result[source.name].append(reading.text or reading.reason)
            if number % 50 == 7:
                victim = pool._slots[number % 2]._pid
                if victim and running(victim):
                    os.kill(victim, signal.SIGKILL)
    for i in range(300):
        (text,) = result[f"{i}.txt"]
        assert text in (f"text {i}", "too_costly")
    assert sum(texts == ["too_costly"] for texts in result.values()) <= 12


@pytest.mark.parametrize("end", ["closed", "left", "raised"])
def test_whoever_stops_listening_ends_the_readers(tmp_path: Path, end: str) -> None:
    files = sources(tmp_path, a_forever="", b_loops="")
    config = DocumentsConfig(max_members=10**9)
    before = time.monotonic()
    threads = threading.active_count()
    pool = Readers(config, 2)
    try:
        with pool:
            for number, _ in enumerate(stream := pool.read(files)):
                if number > 200:
                    if end == "closed":
                        stream.close()  # type: ignore[attr-defined]
                    if end == "raised":
                        raise KeyboardInterrupt
                    break
    except KeyboardInterrupt:
        assert end == "raised"
    assert time.monotonic() - before < 30
    assert threading.active_count() == threads
    for one in pool._slots:
        assert one._process.returncode is not None
        # It is not our child, so its end is seen and not waited for.
        while running(one._pid) and time.monotonic() - before < 30:
            time.sleep(0.01)
        assert not running(one._pid)


def test_a_reader_whose_python_cannot_start_is_said_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = sources(tmp_path, a_txt="text")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))
    with pytest.raises(SynthError, match="cannot be started"):
        found(files)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(SynthError, match="has ended .exit code 1."):
        found(files)


def test_readers_get_no_keys_and_none_of_the_folder_one_stands_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "resource.py").write_text("raise SystemExit('taken from the folder one stands in')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    monkeypatch.setattr(sys, "path", [folder for folder in sys.path if folder not in ("", str(tmp_path))])
    assert "OPENAI_API_KEY" not in processes.environment()
    assert found(sources(tmp_path, a_txt="text")) == {"a.txt": [("", "text")]}


def test_the_end_of_a_file_says_what_it_cost(tmp_path: Path) -> None:
    with Readers(LIMITS, 1) as pool:
        ends = {
            s.name: end
            for s, end in pool.read(sources(tmp_path, a_txt="x", b_loops=""))
            if isinstance(end, End)
        }
    assert ends["b.loops"] == End(1, lasting=False)
    assert ends["a.txt"].lasting
    assert ends["a.txt"].seconds < 0.5


def test_who_reads_next_takes_the_process_that_rests(tmp_path: Path) -> None:
    files = sources(tmp_path, a_txt="text", b_several="one\ntwo\nthree")
    with Readers(LIMITS, 1) as first:
        list(first.read(files))
    with Readers(DocumentsConfig(max_members=2), 1) as second:
        texts = [r.reason or r.text for _, r in second.read(files) if isinstance(r, Reading)]
    assert second._slots[0]._process is first._slots[0]._process
    # By its own settings, and in a process that has read nothing before.
    assert texts == ["text", "one", "two", "too_large"]
    assert second._slots[0]._pid != first._slots[0]._pid
    assert not running(first._slots[0]._pid)


def test_a_process_that_rests_may_end_and_is_not_shared_with_a_child(tmp_path: Path) -> None:
    files = sources(tmp_path, a_txt="text")
    with Readers(LIMITS, 1) as first:
        list(first.read(files))
    resting = first._slots[0]._process
    assert len(kept._RESTING) > 0
    child = os.fork()
    if child == 0:
        os._exit(len(kept._RESTING))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert resting.poll() is None
    os.kill(resting.pid, signal.SIGKILL)
    assert found(files) == {"a.txt": [("", "text")]}


KILLED = """
import sys
from pathlib import Path
from tests.documents.tools import Run
Run(Path(sys.argv[1]), [Path(sys.argv[2])], max_seconds=5)
"""


def test_a_run_that_is_killed_reads_only_what_was_missing(tmp_path: Path) -> None:
    place = tmp_path / "corpus"
    for i in range(30):
        put(place, f"{i:02}.txt", f"{i} " + PROSE * 3000 + str(i * 7919))
    command = [sys.executable, "-c", KILLED, str(tmp_path / "stage"), str(place)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(command, env=environment, start_new_session=True)
    folder = tmp_path / "stage" / "read"
    while process.poll() is None and not list(folder.glob("*/read-*.json")):
        time.sleep(0.01)
    process.kill()
    process.wait()
    config = DocumentsConfig(min_chars=20, readers=1, max_seconds=5)
    kept = len(shelf_for(tmp_path / "stage", config)._ends)
    assert kept > 0
    again = Run(tmp_path / "stage", [place], max_seconds=5)
    assert len(again.reported) == 30 - kept
    straight = Run(tmp_path / "straight", [place], max_seconds=5)
    assert again.output.tables == straight.output.tables


def test_a_new_version_of_a_reader_reads_its_files_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "corpus"
    put(place, "a.poem", "roses are red, violets are blue")
    assert Run(tmp_path / "stage", [place]).column("documents", "title") == ["A poem"]
    assert Run(tmp_path / "stage", [place]).reported == []
    install(tmp_path / "site", monkeypatch, version="2")
    assert Run(tmp_path / "stage", [place]).reported == [(1, 1)]


def test_a_machine_on_which_nothing_can_be_read_is_no_fault_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "broken", "py3langid/__init__.py", "")
    model = "MODEL_FILE = ''\nclass LanguageIdentifier:\n    def from_model_file(*a, **k): raise OSError(28, 'full')\n"
    put(tmp_path / "broken", "py3langid/langid.py", model)
    monkeypatch.syspath_prepend(str(tmp_path / "broken"))
    with pytest.raises(SynthError, match="cannot load the model.*temporary files"):
        found(sources(tmp_path, a_txt=PROSE), DocumentsConfig())


def test_the_sample_is_read_within_the_usual_bounds() -> None:
    """All of it by one reader, whatever its libraries have laid claim to before."""
    sample = Path(__file__).parents[2] / "data" / "sample" / "documents"
    with Readers(DocumentsConfig(), 1) as pool:
        readings = [(s.name, r) for s, r in pool.read(find_sources([str(sample)])) if isinstance(r, Reading)]
    fallen = {name: reading.reason for name, reading in readings if reading.reason}
    assert fallen == {"broken.jsonl.gz": "unreadable"}
    assert len(readings) > 10
