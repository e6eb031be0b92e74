"""Runs copied to an S3-compatible store: killed, and taken up in another folder; one writer; a store that is busy."""

import hashlib
import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import synth
from synth.config import RunConfig
from synth.errors import StoreError
from synth.mirror import lease, objects
from synth.settings import load
from tests.endpoints import FakeEndpoint
from tests.services import store as stores
from tests.test_kill import IN_FLIGHT, contents, never, run_until, start

pytestmark = [pytest.mark.services, pytest.mark.slow, pytest.mark.timeout(900)]
URL = f"s3://{stores.BUCKET}/runs"


@pytest.fixture(scope="module")
def running_store() -> Iterator[stores.Store]:
    with stores.running() as store:
        yield store


@pytest.fixture
def store(running_store: stores.Store) -> Iterator[stores.Store]:
    """An empty bucket."""
    files = running_store.files()
    if found := files.find(stores.BUCKET):
        files.rm(found)
    running_store.busy.clear()
    yield running_store


@pytest.fixture
def quick_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two beats of the other process: its own are as always."""
    monkeypatch.setattr(lease, "DEAD_S", 2 * lease.BEAT_S + 2)


def kept(store: stores.Store) -> dict[str, bytes]:
    """All that the store has of the run `r`, but for who may write."""
    files, root = store.files(), f"{stores.BUCKET}/runs/r/"
    names = [name for name in files.find(root) if "/.lease/" not in name]
    return {name.removeprefix(root): files.cat_file(name) for name in names}


def is_resumable(there: dict[str, bytes]) -> int:
    """Every part that is spoken of is there as it was written; the number of manifests."""
    speaking = [json.loads(body) for name, body in there.items() if name.endswith("_manifest.json")]
    records = [json.loads(body) for name, body in there.items() if "/_parts/" in name]
    for part in [*records, *(part for manifest in speaking for part in manifest["parts"])]:
        for file in part["files"]:
            assert hashlib.sha256(there[file["path"]]).hexdigest() == file["sha256"]
    return len(speaking)


def until(moment: Callable[[], bool], process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + 240
    while not moment():
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.2)


def far(documents: Path, url: str) -> RunConfig:
    entry = {"base_url": f'"{url}"', "model": '"fake"', "structured": '"json_schema"', "identity": '"far"'}
    told = [f"models.far.{name}={value}" for name, value in entry.items()]
    few = [f"models.far.max_in_flight={IN_FLIGHT}", "combinations.epochs=1", "combinations.level2_sets=1"]
    return load(
        "synthllm-recommended",
        [str(documents)],
        "far",
        overrides=[*told, *few, "part_rows=5", f"mirror={URL!r}"],
    )


def test_a_finished_run_is_there_whole_and_goes_on_elsewhere(
    store: stores.Store, documents: Path, start_fake: Callable[..., FakeEndpoint], tmp_path: Path
) -> None:
    endpoint = start_fake()
    made = synth.run(far(documents, endpoint.url), name="r", runs=tmp_path / "one")
    there = kept(store)
    assert is_resumable(there) == 8
    here = {name: body for name, body in contents(made.folder).items() if "/." not in f"/{name}"}
    assert there == here
    calls = endpoint.stats()["requests"]
    again = synth.run(far(documents, endpoint.url), name="r", runs=tmp_path / "two")
    assert endpoint.stats()["requests"] == calls
    assert contents(again.dataset) == contents(made.dataset)

    # A dataset that changes is none in the store while it does; what it has no more goes.
    (documents / "energy.md").unlink()
    changed = synth.run(far(documents, endpoint.url), name="r", runs=tmp_path / "two")
    assert contents(changed.dataset) != contents(made.dataset)
    dataset = {n.removeprefix("dataset/"): b for n, b in kept(store).items() if n.startswith("dataset/")}
    assert dataset == contents(changed.dataset)


def test_killed_and_resumed_in_another_folder(
    store: stores.Store,
    quick_lease: None,
    documents: Path,
    start_fake: Callable[..., FakeEndpoint],
    tmp_path: Path,
) -> None:
    undisturbed, disturbed = start_fake(), start_fake("--latency", "0.8")
    assert run_until(start(documents, tmp_path / "plain", undisturbed.url), never)
    process = start(documents, tmp_path / "one", disturbed.url, f"mirror={URL!r}")

    def is_far() -> bool:
        there = kept(store)
        return sum(name.endswith("_manifest.json") for name in there) >= 2

    try:
        until(is_far, process)
        with pytest.raises(StoreError, match="Another process is at work in s3://bucket/runs/r;"):
            synth.run(far(documents, disturbed.url), name="r", runs=tmp_path / "two")
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()
    assert is_resumable(kept(store)) >= 2
    said: list[str] = []
    made = synth.run(
        far(documents, disturbed.url),
        name="r",
        runs=tmp_path / "two",
        explain=lambda _, why: said.append(why),
    )
    assert re.match(r"s3://bucket/runs/r is in the hands of another .*; waiting \d+ s to see", said[0])
    assert contents(made.dataset) == contents(tmp_path / "plain/r/dataset")
    assert contents(made.dataset) == {
        name.removeprefix("dataset/"): body
        for name, body in kept(store).items()
        if name.startswith("dataset/")
    }
    # What was answered before the last sending is not paid again.
    assert disturbed.stats()["repeated"] < undisturbed.stats()["distinct"] / 2


def test_one_that_was_taken_over_writes_nothing_more(
    store: stores.Store, documents: Path, start_fake: Callable[..., FakeEndpoint], tmp_path: Path
) -> None:
    url = start_fake().url
    taken: list[Any] = []

    def watch(run: Any) -> None:
        held = lease.Lease(objects.Objects(f"{URL}/r"), tmp_path)
        held._objects.create(held._name(2), held._said())
        taken.append(kept(store))

    with pytest.raises(StoreError, match="Another process has taken over s3://bucket/runs/r: "):
        synth.run(far(documents, url), name="r", runs=tmp_path / "runs", watch=watch)
    assert kept(store) == taken[0]


def test_a_busy_store_is_waited_for_then_told_in_a_sentence(
    store: stores.Store, documents: Path, start_fake: Callable[..., FakeEndpoint], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    url = start_fake().url

    def passes(run: Any) -> None:
        store.refuse = 9  # more than the client itself would bear

    monkeypatch.setattr(objects, "WAITS_S", (0.1,) * 20)
    before = store.refused
    synth.run(far(documents, url), name="r", runs=tmp_path / "runs", watch=passes)
    assert store.refused == before + 9
    assert is_resumable(kept(store)) == 8

    monkeypatch.setattr(objects, "WAITS_S", (0.1, 0.1))
    (documents / "energy.md").unlink()
    with pytest.raises(
        StoreError, match=r"^s3://bucket/runs/r could not be .*; once it answers, run the same"
    ) as fault:
        synth.run(far(documents, url), name="r", runs=tmp_path / "runs", watch=lambda run: store.busy.set())
    assert "\n" not in str(fault.value)
    store.busy.clear()
    done = synth.run(far(documents, url), name="r", runs=tmp_path / "runs")
    assert is_resumable(kept(store)) == 8
    assert done.dataset.is_dir()


def test_a_bucket_that_is_not_there_is_told_and_not_made(
    store: stores.Store, documents: Path, start_fake: Callable[..., FakeEndpoint], tmp_path: Path
) -> None:
    asked = far(documents, start_fake().url).model_copy(update={"mirror": "s3://misspelt/runs"})
    with pytest.raises(StoreError, match=r"^s3://misspelt/runs/r could not be [^\n]*; see that it is there"):
        synth.run(asked, name="r", runs=tmp_path / "runs")
    assert store.files().ls("") == [stores.BUCKET]


def test_connections_that_are_cut_in_mid_upload_are_made_again(
    store: stores.Store, documents: Path, start_fake: Callable[..., FakeEndpoint], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(objects, "WAITS_S", (0.1,) * 20)

    def cuts(run: Any) -> None:
        store.cut = 5

    made = synth.run(far(documents, start_fake().url), name="r", runs=tmp_path / "runs", watch=cuts)
    assert store.cut == 0
    assert is_resumable(kept(store)) == 8
    there = {n.removeprefix("dataset/"): b for n, b in kept(store).items() if n.startswith("dataset/")}
    assert there == contents(made.dataset)
