"""A run copied to a folder (`file://`): whole files, one writer, addresses that are no store, files that go."""

import multiprocessing
import threading
from pathlib import Path
from typing import Any

import pytest

import synth
from synth.config import RunConfig
from synth.errors import ConfigError, StoreError
from synth.mirror import lease, objects
from synth.mirror.mirror import Mirror
from synth.settings import load
from tests.test_kill import contents


def config(documents: Path, url: str) -> RunConfig:
    few = ["combinations.level2=off", "combinations.level3=off", f"mirror={url!r}"]
    return load("synthllm-recommended", [str(documents)], "fake", overrides=few)


def test_a_run_is_copied_to_a_folder_and_goes_on_elsewhere(documents: Path, tmp_path: Path) -> None:
    asked = config(documents, f"file://{tmp_path / 'share'}")
    made = synth.run(asked, name="r", runs=tmp_path / "one")
    there = {n: b for n, b in contents(tmp_path / "share" / "r").items() if not n.startswith(".lease/")}
    assert there == {n: b for n, b in contents(made.folder).items() if "/." not in f"/{n}"}
    again = synth.run(asked, name="r", runs=tmp_path / "two")
    assert contents(again.dataset) == contents(made.dataset)


def _create(place: str, number: int) -> bool:
    return objects.Objects(f"file://{place}").create("one", b"%d" % number * 100_000)


def test_of_several_exactly_one_creates_an_object(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        for turn in range(10):
            place = str(tmp_path / str(turn))
            made = pool.starmap(_create, [(place, number) for number in range(4)], chunksize=1)
            assert sum(made) == 1
            assert (Path(place) / "one").read_bytes() == b"%d" % made.index(True) * 100_000
            assert [path.name for path in Path(place).iterdir()] == ["one"]


def test_an_object_is_never_half_written(tmp_path: Path) -> None:
    """A reader, such as who looks at a lease, sees the old content or the new."""
    store, over, seen = objects.Objects(f"file://{tmp_path}"), threading.Event(), set()
    store.write("one", b"a" * 1_000_000)

    def read() -> None:
        while not over.is_set():
            seen.add(store.read("one"))

    reader = threading.Thread(target=read)
    reader.start()
    for turn in range(20):
        store.write("one", (b"b" if turn % 2 else b"a") * 1_000_000)
    over.set()
    reader.join()
    assert seen <= {b"a" * 1_000_000, b"b" * 1_000_000}


@pytest.mark.parametrize(
    "url",
    [
        "gs://bucket/runs",
        "http://127.0.0.1:1/x",
        "github://x",
        "ftp://127.0.0.1:1/x",
        "file://",
        "s3:///",
        "x",
    ],
)
def test_an_address_that_is_no_store_is_a_sentence_before_anything_is_made(
    url: str, documents: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"^mirror: [^\n]*\.$"):
        synth.run(config(documents, url), name="r", runs=tmp_path)
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize("url", ["s3://KEY:SECRET@bucket/runs", "file:///tmp/x?token=SECRET"])
def test_a_secret_in_an_address_is_refused_and_written_nowhere(
    url: str, documents: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="holds credentials or a query") as caught:
        synth.run(config(documents, url), name="r", runs=tmp_path)
    assert "SECRET" not in str(caught.value)
    assert not (tmp_path / "r").exists()


def test_a_file_that_goes_while_the_store_is_asked_again_ends_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines of the journal are sealed and removed, perhaps while a busy store lets them wait."""
    folder = tmp_path / "r"
    (folder / "calls").mkdir(parents=True)
    (folder / "calls" / "open.jsonl").write_bytes(b"line\n")
    (folder / "run.toml").write_bytes(b"seed = 1\n")
    mirror = Mirror(f"file://{tmp_path / 'share'}", folder)
    inner = mirror._objects._store.put_file

    def busy(source: str, path: str) -> Any:
        if source.endswith(".jsonl"):
            Path(source).unlink()
        return inner(source, path)

    mirror.open()
    monkeypatch.setattr(mirror._objects._store, "put_file", busy)
    mirror.send()
    mirror.close()
    there = {path.name for path in (tmp_path / "share" / "r").rglob("*") if path.is_file()}
    assert there == {"run.toml", "000001.json"}


def test_folders_that_go_while_they_are_looked_at_end_no_run(tmp_path: Path) -> None:
    folder, over = tmp_path / "r", threading.Event()
    folder.mkdir()
    mirror = Mirror(f"file://{tmp_path / 'share'}", folder)

    def swap() -> None:
        while not over.is_set():
            for name in ("a", "b", "c"):
                (folder / name / "deep").mkdir(parents=True, exist_ok=True)
            for name in ("a", "b", "c"):
                (folder / name / "deep").rmdir()
                (folder / name).rmdir()

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        for _ in range(300):
            list(mirror._files())
    finally:
        over.set()
        thread.join()


def test_a_lease_that_goes_while_it_is_read_belongs_to_another(tmp_path: Path) -> None:
    store = objects.Objects(f"file://{tmp_path / 'share'}")
    held = lease.Lease(store, tmp_path)
    held._newest = lambda: 7  # type: ignore[method-assign]  # it was there a moment ago
    with pytest.raises(StoreError, match="Another process is at work in "):
        held.take()
