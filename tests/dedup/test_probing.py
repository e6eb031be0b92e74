"""Stored texts that share their buckets in hundreds: equal ones are found, and what is left out is counted."""

import json
from pathlib import Path

import numpy as np
import pytest

from synth.dedup import probing
from synth.dedup.choosing import Rules
from synth.dedup.deduplicate import deduplicate
from synth.dedup.index import Index
from synth.dedup.tables import options_of
from tests.dedup.made import SCHEME, measured
from tests.dedup.test_phases import in_steps, told

STORY = " ".join(f"word{place}" for place in range(120))


def twins(count: int, first: int = 1_000) -> list[str]:
    """Texts that differ in one number, so that they share nearly all their buckets."""
    return [f"{STORY} {first + number} at the end" for number in range(count)]


def filled(folder: Path, texts: list[str]) -> Index:
    Index(folder, SCHEME).add("before", [f"a{place:04d}" for place in range(len(texts))], measured(texts))
    return Index(folder, SCHEME)


@pytest.mark.parametrize("rules", [Rules(), Rules(crowded=50, leaders=4), Rules(0.7, "alike", 50, 4)])
def test_an_equal_text_is_found_whatever_its_bucket_holds(tmp_path: Path, rules: Rules) -> None:
    found = filled(tmp_path, twins(200)).searched(measured(twins(200)), rules)
    assert {row: (match.id, match.how) for row, match in found.matches.items()} == {
        row: (f"a{row:04d}", "equal") for row in range(200)
    }
    assert not len(found.left_out)


def test_near_texts_are_found_up_to_where_a_bucket_is_crowded(tmp_path: Path) -> None:
    index = filled(tmp_path, twins(200))
    last = f"{twins(200)[-1]} here"  # alike to all of them, most to the last one
    assert index.search(measured([last]), Rules(0.7, "keep"))[0].id == "a0199"
    crowded = index.searched(
        measured([last, "one two three four five six seven"]), Rules(0.999, "keep", 100, 4)
    )
    assert (crowded.matches, crowded.left_out.tolist()) == ({}, [0])
    assert index.crowded(Rules(crowded=100)) > 0
    assert index.crowded(Rules()) == 0


def test_many_pairs_are_compared_in_shares(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index, new = filled(tmp_path, twins(40)), measured([*twins(30, 1_020), "", "one", *twins(3)])
    at_once = index.search(new, Rules(0.7, "alike"))
    assert len(at_once) == 33
    monkeypatch.setattr(probing, "_PAIRS", 7)
    assert index.search(new, Rules(0.7, "alike")) == at_once


def test_rows_that_a_crowded_bucket_left_out_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("synth.dedup.tables.Rules", lambda *given: Rules(*given, crowded=50, leaders=2))
    for name, texts in (("a", twins(80)), ("b", [*twins(80), *twins(2, 5_000)])):
        rows = [json.dumps({"id": f"{name}{n}", "question": text}) + "\n" for n, text in enumerate(texts)]
        (tmp_path / f"{name}.jsonl").write_text("".join(rows))
    made = []
    for steps, name in ((deduplicate, "one"), (in_steps, "many")):
        asked = told(index=str(tmp_path / f"index {name}"))
        for table in "ab":
            given = options_of(**asked) if steps is deduplicate else None
            out = tmp_path / name / table
            paths = [tmp_path / f"{table}.jsonl"]
            done = deduplicate(paths, out, given) if given else in_steps(paths, out, index=asked["index"])
        made.append(done._replace(kept_path=Path(), removed_path=Path()))
        assert (done.kept, done.known, done.left_out) == (2, 80, 2)
        assert done.crowded > 0
    assert made[0] == made[1]
    assert np.all([done.stored == 82 for done in made])
