"""The index: what it finds, what it refuses, and that it is never half written."""

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from synth import lock
from synth.dedup.choosing import Rules, choose_rows
from synth.dedup.index import Index, scheme_of
from synth.dedup.meanings import Known, said_of
from synth.dedup.measuring import Scheme
from synth.dedup.segments import Meant
from synth.dedup.shards import take
from synth.errors import ConfigError, StoreError
from tests.dedup.made import SCHEME, edited, exact_pairs, in_order, measured, same, without_kernel

RULES = Rules(0.7, "alike")


def filled(folder: Path, *batches: list[str]) -> Index:
    index = Index(folder, SCHEME)
    for number, texts in enumerate(batches):
        ids = [f"{number}-{place}" for place in range(len(texts))]
        index.add(f"source {number}", ids, measured(texts))
    return Index(folder, SCHEME)


def test_new_rows_are_found_as_the_exact_join_finds_them(tmp_path: Path) -> None:
    texts = list(dict.fromkeys(edited(seed=3, count=800)))
    old, new = texts[:300], texts[300:]
    index = filled(tmp_path, old[:120], old[120:])
    assert index.rows == 300
    found = index.search(measured(new), RULES)
    with without_kernel():
        assert Index(tmp_path, SCHEME).search(measured(new), RULES) == found
    truth: dict[int, float] = {}
    for (a, b), alike in exact_pairs(measured(texts), 0.7).items():
        if a < 300 <= b:
            truth[b - 300] = max(alike, truth.get(b - 300, 0))
    assert len(truth) > 50
    assert found.keys() <= truth.keys()
    assert len(found) >= 0.99 * len(truth)
    assert np.mean([found[row].jaccard == truth[row] for row in found]) > 0.99


def test_what_is_found_says_how_it_repeats(tmp_path: Path) -> None:
    stem = "A train leaves the station at noon and drives to the next town with a speed of "
    index = filled(tmp_path, [f"{stem}5 miles each hour"])
    new = measured(
        [f"{stem}5 MILES each hour.", f"{stem}6 miles each hour", f"{stem}5 miles an hour", "", "5"]
    )
    assert {row: match.how for row, match in index.search(new, Rules()).items()} == {0: "equal", 2: "near"}
    assert index.search(new, Rules(0.7, "remove"))[1].how == "twin"


def test_a_source_is_not_compared_with_itself_and_replaces_itself(tmp_path: Path) -> None:
    first, second = edited(1, 30), edited(2, 20)
    index = filled(tmp_path, first, second)
    assert not index.search(measured(first), RULES, "source 0")
    assert not index.search(measured(second), RULES, "source 0")  # what came later does not count
    assert len(index.search(measured(first), RULES, "source 1")) == 30
    assert len(index.search(measured(first), RULES)) == 30
    index.add("source 0", [f"x{place}" for place in range(10)], measured(first[:10]))
    assert Index(tmp_path, SCHEME).rows == 30
    assert len(list((tmp_path / "segments").iterdir())) == 2


def test_merging_changes_nothing_that_is_found(tmp_path: Path) -> None:
    texts = edited(3, 200)
    index = filled(tmp_path, texts[:70], texts[70:100], texts[100:120])
    before = index.search(measured(texts[120:]), RULES)
    index.merge()
    merged = Index(tmp_path, SCHEME)
    assert merged.rows == 120
    assert len(list((tmp_path / "segments").iterdir())) == 1
    assert merged.search(measured(texts[120:]), RULES) == before


def test_two_runs_find_what_one_run_over_all_finds(tmp_path: Path) -> None:
    texts = edited(9, 200)
    found = measured(texts)
    kept = choose_rows(take(found, np.arange(100)), np.arange(100), RULES).dup_of < 0
    index = Index(tmp_path, SCHEME)
    places = np.flatnonzero(kept)
    index.add("first", [f"{place:03d}" for place in places], take(found, places))
    at_once = choose_rows(found, in_order(found), RULES)
    for row, match in index.search(take(found, np.arange(100, 200)), RULES).items():
        if at_once.dup_of[row + 100] < 100:
            assert (int(match.id), match.jaccard) == (at_once.dup_of[row + 100], at_once.jaccard[row + 100])


def test_rows_come_back_as_they_went_in(tmp_path: Path) -> None:
    found = measured([*edited(5, 40), ""])
    index = Index(tmp_path, SCHEME)
    index.add("all", [str(place) for place in range(41)], found)
    (segment,) = Index(tmp_path, SCHEME)._segments()
    assert same(segment.with_keys(), found)


@pytest.mark.parametrize("other", [Scheme(5, 128, 25, 5), Scheme(3, 64, 12, 5), Scheme(3, 128, 32, 4)])
def test_an_index_of_another_scheme_is_refused(tmp_path: Path, other: Scheme) -> None:
    filled(tmp_path, ["one two three four"])
    with pytest.raises(ConfigError, match="is asked for"):
        Index(tmp_path, other)


def test_an_index_of_another_normaliser_is_refused(tmp_path: Path) -> None:
    filled(tmp_path, ["one two three four"])
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"normaliser": 0}))
    with pytest.raises(ConfigError, match="normaliser 0"):
        Index(tmp_path, SCHEME)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"segments": [1]}', '{"segments": [{}]}', "{" * 100_000])
def test_a_broken_manifest_is_one_clear_error(tmp_path: Path, content: str) -> None:
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(ConfigError, match="no manifest of an index"):
        Index(tmp_path, SCHEME)


def test_a_folder_of_other_things_is_no_index(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("all my work")
    with pytest.raises(ConfigError, match="holds other files"):
        Index(tmp_path, SCHEME)


@pytest.mark.parametrize("name", ["rows.parquet", "bands.parquet"])
@pytest.mark.parametrize("harm", ["cut", "flip", "swap", "gone"])
def test_a_broken_segment_is_one_clear_error(tmp_path: Path, name: str, harm: str) -> None:
    filled(tmp_path, edited(1, 50))
    (path,) = (tmp_path / "segments").glob(f"*/{name}")
    content = bytearray(path.read_bytes())
    if harm == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif harm == "flip":
        content[len(content) // 3] ^= 0xFF
        path.write_bytes(content)
    elif harm == "swap":
        path.write_bytes(b"PAR1" + b"\0" * (len(content) - 8) + b"PAR1")
    else:
        path.unlink()
    with pytest.raises(StoreError, match="restore the index from a copy") as fault:
        Index(tmp_path, SCHEME).search(measured(edited(1, 5)), RULES)
    assert str(fault.value).count("\n") == 0


def test_two_writers_do_not_meet(tmp_path: Path) -> None:
    index = filled(tmp_path, edited(1, 5))
    held = lock.take(tmp_path)
    try:
        with pytest.raises(StoreError, match="another process writes"):
            index.add("more", ["x"], measured(["one two three"]))
    finally:
        import os

        os.close(held)
    index.add("more", ["x"], measured(["one two three"]))


def test_a_writer_sees_what_another_wrote_since_it_was_opened(tmp_path: Path) -> None:
    one, other = Index(tmp_path, SCHEME), Index(tmp_path, SCHEME)
    one.add("one", ["a"], measured(["one two three"]))
    other.add("other", ["b"], measured(["four five six"]))
    assert Index(tmp_path, SCHEME).rows == 2


WRITER = """
import sys
from pathlib import Path
from tests.dedup.made import SCHEME, edited, measured
from synth.dedup.index import Index
texts = [measured(edited(seed, 400)) for seed in range(3)]
index = Index(Path(sys.argv[1]), SCHEME)
print("ready", flush=True)
for turn in range(10**6):
    rows = 100 + 100 * (turn % 3)
    found = texts[turn % 3]
    from synth.dedup.shards import take
    import numpy as np
    index.add("it", [f"{turn % 3}-{place}" for place in range(rows)], take(found, np.arange(rows)))
    if turn == 0:
        print("written", flush=True)
"""


@pytest.mark.slow
def test_killed_at_any_moment_it_is_the_old_index_or_the_new_one(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    rng = random.Random(7)
    texts = [edited(seed, 400) for seed in range(3)]
    for _ in range(8):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(folder)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        assert writer.stdout.readline() == "written\n"
        time.sleep(rng.random() / 5)
        writer.send_signal(signal.SIGKILL)
        writer.wait(10)
        index = Index(folder, SCHEME)
        assert index.rows in (100, 200, 300)
        number = index.rows // 100 - 1
        found = index.search(measured(texts[number][: index.rows]), RULES)
        assert len(found) == index.rows
        assert {match.id.split("-")[0] for match in found.values()} == {str(number)}
    index.add("it", [], measured([]))
    assert index.rows == 0
    shutil.rmtree(folder)


def test_another_index_is_taken_over_whole(tmp_path: Path) -> None:
    texts = list(dict.fromkeys(edited(3, 300)))
    mine, other = filled(tmp_path / "a", texts[:80]), Index(tmp_path / "b", SCHEME)
    other.add("source 0", ["x"], measured(texts[80:81]))  # a name that both have, for other texts
    other.add("more", [f"o-{place}" for place in range(119)], measured(texts[81:200]))
    assert mine.take_over(Index(tmp_path / "b", SCHEME)) == 120
    found = Index(tmp_path / "a", SCHEME)
    assert found.rows == 200
    assert found.sources[0] == "source 0" and len(set(found.sources)) == 3
    whole = filled(tmp_path / "c", texts[:200]).search(measured(texts[200:]), RULES)
    assert found.search(measured(texts[200:]), RULES).keys() == whole.keys()
    assert mine.take_over(Index(tmp_path / "b", SCHEME)) == 0  # again: there is nothing new in it
    assert not found.search(measured(texts[:80]), RULES, "source 0")


def test_what_cannot_be_merged_is_refused_and_leaves_the_old_index(tmp_path: Path) -> None:
    mine = filled(tmp_path / "a", edited(1, 20))
    before = (tmp_path / "a" / "manifest.json").read_bytes()
    with pytest.raises(ConfigError, match="this is the index itself"):
        mine.take_over(Index(tmp_path / "a", SCHEME))
    other = filled(tmp_path / "b", edited(2, 20))
    (path,) = (tmp_path / "b").glob("segments/*/bands.parquet")
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(StoreError, match="restore the index from a copy"):
        mine.take_over(other)
    assert (tmp_path / "a" / "manifest.json").read_bytes() == before
    assert scheme_of(tmp_path / "b") == SCHEME
    assert scheme_of(tmp_path / "nowhere") is None


MERGER = """
import os, signal, sys
from pathlib import Path
from synth.dedup.index import Index
from tests.dedup.made import SCHEME
home, at, done = Path(sys.argv[1]), int(sys.argv[2]), 0
mine, other = Index(home / "a", SCHEME), Index(home / "b", SCHEME)
def hook(event, args):
    global done
    if event in {"os.mkdir", "os.rename", "os.remove"}:
        done += 1
        if done == at:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(hook)
mine.take_over(other)
"""


@pytest.mark.slow
def test_killed_while_it_takes_another_over_it_is_the_old_or_the_new(tmp_path: Path) -> None:
    filled(tmp_path / "from" / "a", edited(1, 20))
    filled(tmp_path / "from" / "b", edited(2, 20), edited(4, 30))
    rows = []
    for at in (1, 5, 9, 11, 12, 40):
        home = shutil.copytree(tmp_path / "from", tmp_path / f"h{at}")
        subprocess.run(
            [sys.executable, "-c", MERGER, str(home), str(at)], check=False, cwd=Path(__file__).parents[2]
        )
        index = Index(home / "a", SCHEME)
        index.load()  # all that it names is there and whole
        rows.append(index.rows)
        Index(home / "a", SCHEME).take_over(Index(home / "b", SCHEME))
        assert Index(home / "a", SCHEME).rows == 70
        assert len(list((home / "a" / "segments").iterdir())) == 3
    assert rows[0] == 20 and rows[-1] == 70


def test_meanings_are_stored_and_those_of_another_embedder_refused(tmp_path: Path) -> None:
    texts = ["It has 4 hens and 9 cows.", "He pays 6 coins for 8 eggs."]
    vectors = np.eye(2, 5, dtype=np.float32)
    meant = Meant("one", Known(["a", "b"], vectors, [said_of(text) for text in texts]))
    index = Index(tmp_path / "a", SCHEME)
    index.add("first", ["a", "b"], measured(texts), meant)
    index.add("second", ["c"], measured(["Why is the sky blue?"]))
    for _ in range(2):
        known = Index(tmp_path / "a", SCHEME).known("one")
        assert known.ids == ["a", "b"]
        assert np.array_equal(known.vectors, vectors)
        assert [said.order for said in known.said] == [("4", "9"), ("6", "8")]
        index.merge()
    assert not Index(tmp_path / "a", SCHEME).known("one", before="").ids
    with pytest.raises(ConfigError, match="are those of one, and not of two"):
        index.known("two")
    with pytest.raises(ConfigError, match="are those of one, and not of two"):
        index.add("third", ["a"], measured(texts[:1]), meant._replace(embedder="two"))
