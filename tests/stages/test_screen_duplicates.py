"""The screen's policy of duplicates: twins, levels, languages, and questions of earlier runs."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from synth.config import ScreenConfig
from synth.dedup.index import Index
from synth.dedup.measuring import Measurer, Scheme
from synth.errors import ConfigError
from synth.stages.base import Output
from synth.stages.screen import open_index, screen_questions
from tests.stages.test_screen import LONG, SEQUENCE, passages, questions

SCHEME = Scheme(3, 128, 25, 5)
CHINESE = "一列火车在中午带着一百二十名乘客离开车站，晚上到达终点时车上有多少名乘客？"


def screen(table: pa.Table, index: Index | None = None, **settings: Any) -> Output:
    output = screen_questions(table, passages(), [], [], ScreenConfig(**settings), index=index)
    output.check_balance("screen")
    return output


def test_twins_stay_unless_they_are_treated_alike() -> None:
    table = questions(LONG, LONG.replace("120", "340"), LONG.replace("three towns", "some towns"))
    assert [r.row_id for r in screen(table).rejected] == ["q_002"]
    assert [r.row_id for r in screen(table, twins="alike").rejected] == ["q_001", "q_002"]


def test_levels_are_one_pool_and_languages_share_nothing() -> None:
    levels = pa.concat_tables(
        [
            questions(LONG, origin="level1"),
            questions("x", LONG, origin="level3").slice(1),
            questions("x", "x", CHINESE).slice(2),
        ]
    )
    rejected = screen(levels, min_words=1).rejected
    assert [(r.row_id, r.reason, r.clash_id) for r in rejected] == [("q_001", "duplicate", "q_000")]


def filled(folder: Path, **texts: str) -> Index:
    index = Index(folder, SCHEME)
    index.add("earlier", list(texts), Measurer(SCHEME).measure(list(texts.values())))
    return index


def test_what_an_earlier_run_published_is_not_published_again(tmp_path: Path) -> None:
    filled(tmp_path, old=LONG, q_001=SEQUENCE)
    index = open_index(ScreenConfig(index=str(tmp_path)))
    assert index is not None
    # The second is the stored row itself: a run whose rows were stored finds the same again.
    output = screen(questions(LONG.replace("evening", "morning"), SEQUENCE), index)
    assert [(r.row_id, r.reason, r.clash_id) for r in output.rejected] == [("q_000", "near_duplicate", "old")]
    assert "to an earlier question of the index" in output.rejected[0].detail


def test_the_fingerprint_follows_what_the_index_holds(tmp_path: Path) -> None:
    before = filled(tmp_path, old=LONG).fingerprint
    assert Index(tmp_path, SCHEME).fingerprint == before
    filled(tmp_path, old=SEQUENCE)
    assert Index(tmp_path, SCHEME).fingerprint != before


def test_an_index_that_is_not_there_or_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no index here"):
        open_index(ScreenConfig(index=str(tmp_path)))
    filled(tmp_path, old=LONG)
    with pytest.raises(ConfigError, match=r"has --shingle \(screen.shingle_words\) 3, and 5 is asked for"):
        open_index(ScreenConfig(index=str(tmp_path), shingle_words=5))
