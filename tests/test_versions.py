"""Versions: never changed, never half, one writer at a time, pruned by rule; also after a kill at any instant."""

import hashlib
import multiprocessing
import os
import resource
import shutil
import signal
from pathlib import Path

import pytest

import synth
from synth import lock, versions
from synth.config import RunConfig
from synth.errors import StoreError
from synth.incremental.store import Store
from synth.versions import latest, numbers, publish_run, publish_version, sums_of
from tests.children import Child


def write(folder: Path, text: str) -> Path:
    """A dataset of two files with their sums."""
    (folder / "questions").mkdir(parents=True)
    files = {"README.md": f"# {text}\n", "questions/train-00000-of-00001.parquet": text * 1000}
    for name, content in files.items():
        (folder / name).write_text(content)
    said = [f"{hashlib.sha256(files[name].encode()).hexdigest()}  {name}\n" for name in sorted(files)]
    (folder / versions.SUMS).write_text("".join(said))
    return folder


def is_whole(folder: Path) -> bool:
    named = [line.split("  ") for line in (folder / versions.SUMS).read_text().splitlines()]
    there = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    if there != {name for _, name in named} | {versions.SUMS}:
        return False
    return all(hashlib.sha256((folder / name).read_bytes()).hexdigest() == sha for sha, name in named)


def test_each_new_dataset_is_a_version_beside_the_old(tmp_path: Path) -> None:
    place = tmp_path / "datasets" / "d"
    first = publish_run(place, write(tmp_path / "a", "one"))
    assert first == (place / "v0001", 1, True)
    again = publish_run(place, tmp_path / "a")
    assert again == (place / "v0001", 1, False)
    second = publish_run(place, write(tmp_path / "b", "two"))
    assert second == (place / "v0002", 2, True)
    assert latest(place) == place / "v0002"
    assert sums_of(place / "v0001") == sums_of(tmp_path / "a")
    assert is_whole(place / "v0001")
    assert not list(place.glob(".*.tmp"))


def test_files_of_a_version_cannot_be_written(tmp_path: Path) -> None:
    version = publish_run(tmp_path / "d", write(tmp_path / "a", "one")).folder
    assert {path.stat().st_mode & 0o222 for path in version.rglob("*") if path.is_file()} == {0}


def test_the_oldest_go_and_never_the_latest(tmp_path: Path) -> None:
    place = tmp_path / "d"
    for number, text in enumerate(("one", "two", "three", "four")):
        publish_run(place, write(tmp_path / text, text), keep=2)
        assert numbers(place) == list(range(max(1, number), number + 2))
    (place / "latest").write_text("v0003\n")  # somebody goes back to an older one
    publish_version(place, lambda folder: None, 1, is_same=lambda newest: True)
    assert latest(place) == place / "v0004"
    assert numbers(place) == [4]


def test_a_version_whose_writer_was_killed_before_it_was_named_is_named_by_the_next(tmp_path: Path) -> None:
    place, dataset = tmp_path / "d", write(tmp_path / "a", "one")
    shutil.copytree(dataset, place / "v0001")
    (place / ".v0002.tmp" / "questions").mkdir(parents=True)
    assert publish_run(place, dataset) == (place / "v0001", 1, True)
    assert latest(place) == place / "v0001"
    assert not list(place.glob(".*.tmp"))


def test_a_latest_that_names_nothing_is_a_sentence(tmp_path: Path) -> None:
    publish_run(tmp_path / "d", write(tmp_path / "a", "one"))
    for named in ("v0009", "../..", "", "v1"):
        (tmp_path / "d" / "latest").write_text(named)
        with pytest.raises(StoreError, match="there is v0001; write one of them") as fault:
            latest(tmp_path / "d")
        assert "\n" not in str(fault.value)


def test_two_writers_never_meet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "d"
    monkeypatch.setattr(versions, "TRIES", 2)
    file = lock.take(place)
    with pytest.raises(StoreError, match="Another process publishes to"):
        publish_run(place, write(tmp_path / "a", "one"))
    os.close(file)
    assert publish_run(place, tmp_path / "a").is_new


def test_many_writers_at_once_leave_whole_versions(tmp_path: Path) -> None:
    place = tmp_path / "d"
    datasets = [write(tmp_path / f"s{n}", f"text {n}") for n in range(6)]
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        made = pool.starmap(publish_run, [(place, dataset) for dataset in datasets])
    assert sorted(version.number for version in made) == numbers(place) == [1, 2, 3, 4, 5, 6]
    assert all(is_whole(place / f"v000{n}") for n in range(1, 7))
    assert latest(place) == place / "v0006"


def test_a_full_disk_leaves_the_old_version(tmp_path: Path) -> None:
    place = tmp_path / "d"
    publish_run(place, write(tmp_path / "a", "one"))

    def fill(folder: Path) -> None:
        write(folder, "two")
        raise OSError(28, "No space left on device")

    with pytest.raises(StoreError, match="No space left on device; make room"):
        publish_version(place, fill)
    assert latest(place) == place / "v0001"
    assert numbers(place) == [1]
    assert not list(place.glob(".*.tmp"))


# Kills itself at the n-th thing that it does to a file or folder below the dataset's folder.
KILLED = """
import os, signal, sys
from pathlib import Path
from synth.versions import publish_run
place, dataset, at = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
DEEDS = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.chmod", "shutil.copyfile"}
done = 0
def hook(event, args):
    global done
    if event in DEEDS and any(str(place) in str(arg) or ".tmp" in str(arg) for arg in args):
        done += 1
        if done == at:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(hook)
publish_run(place, dataset, keep=2)
"""


@pytest.mark.slow
def test_killed_at_every_instant_latest_is_always_whole(tmp_path: Path) -> None:
    datasets = [write(tmp_path / text, text) for text in ("one", "two", "three")]
    before = tmp_path / "before"
    for dataset in datasets[:2]:
        publish_run(before, dataset, keep=2)
    kills = 0
    for at in range(1, 100):
        place = tmp_path / f"d{at}"
        shutil.copytree(before, place)
        ended = Child(KILLED, place, datasets[2], at).wait()
        assert ended in (0, -signal.SIGKILL)
        there = [place / f"v{number:04d}" for number in numbers(place)]
        assert all(map(is_whole, there)), at
        named = latest(place)
        assert named in there
        assert publish_run(place, datasets[2], keep=2).folder == latest(place) == place / "v0003"
        assert numbers(place) == [2, 3]
        assert not list(place.glob(".*.tmp"))
        shutil.rmtree(place)
        if ended == 0:
            break
        kills += 1
    assert kills > 15  # else it was not killed at the moments that matter


def test_a_run_publishes_where_it_is_asked_to(config: RunConfig, tmp_path: Path) -> None:
    asked = config.publish.model_copy(update={"dataset": "mine"})
    result = synth.run(config.model_copy(update={"publish": asked}), runs=tmp_path / "runs", name="r")
    version = latest(tmp_path / "data" / "datasets" / "mine")
    assert version is not None
    assert result.version == (version, 1, True)
    assert sums_of(version) == sums_of(result.dataset)
    assert is_whole(version)
    assert synth.run(config, runs=tmp_path / "runs", name="r").version is None


def test_leftovers_that_are_links_or_folders_are_removed_and_not_what_they_lead_to(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.md").write_text("kept")
    for place in (tmp_path / "set", tmp_path / "store"):
        (place / ".b.tmp").mkdir(parents=True)
        (place / ".a.tmp").symlink_to(tmp_path / "mine")
    publish_version(tmp_path / "set", lambda folder: write(folder, "one"))  # type: ignore[arg-type,return-value]
    with Store(tmp_path / "store"):
        pass
    assert not [*tmp_path.glob("*/.*.tmp")]
    assert (tmp_path / "mine" / "notes.md").read_text() == "kept"


def test_a_version_that_was_damaged_is_made_anew_and_not_taken_for_the_same(tmp_path: Path) -> None:
    place, dataset = tmp_path / "d", write(tmp_path / "a", "one")
    damaged = publish_run(place, dataset).folder / "README.md"
    damaged.chmod(0o644)
    damaged.write_text("hal")
    assert publish_run(place, dataset) == (place / "v0002", 2, True)
    assert latest(place) == place / "v0002"
    assert is_whole(place / "v0002")
    (place / "v0002" / "README.md").unlink()
    made = publish_version(place, lambda folder: shutil.copytree(dataset, folder) and None)
    assert made == (place / "v0003", 3, True)
    assert is_whole(made.folder)


def test_a_disk_that_is_full_is_one_reason_and_leaves_the_old_version(tmp_path: Path) -> None:
    """The size of files is bounded here: what is said and left is that of a full disk."""
    place = tmp_path / "d"
    publish_run(place, write(tmp_path / "a", "one"))
    dataset = write(tmp_path / "b", "two" * 1000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(StoreError, match=r"^Cannot publish to \S*/d: File too large; make room and run"):
            publish_run(place, dataset)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert latest(place) == place / "v0001"
    assert {path.name for path in place.iterdir()} == {"v0001", "latest", ".lock"}
