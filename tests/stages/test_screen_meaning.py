"""The screen's last check: questions that say the same in other words."""

import pytest

from synth.config import ScreenConfig
from synth.llm.embeddings import embed_offline
from synth.settings import load
from synth.stages.screen import screen_questions
from tests.dedup.test_paraphrases import DUCKS, SAID
from tests.stages.test_screen import passages, questions

pytest.importorskip("wordllama")


def test_the_preferred_one_stays_and_the_other_names_it() -> None:
    config = ScreenConfig(semantic=True)
    output = screen_questions(questions(DUCKS, SAID), passages(), [], [], config, embed=embed_offline)
    output.check_balance("screen")
    (fallen,) = output.rejected
    assert (fallen.row_id, fallen.reason, fallen.clash_id) == ("q_001", "same_meaning", "q_000")
    meaning = fallen.row["meaning"]
    assert meaning["dup_of"] == "q_000"
    assert 0.7 <= meaning["cosine"] <= 1
    assert fallen.detail == f"cosine {meaning['cosine']:.3f}, with the same quantities"


def test_it_is_off_unless_it_is_asked_for() -> None:
    table = questions(DUCKS, SAID)
    output = screen_questions(table, passages(), [], [], ScreenConfig(), embed=embed_offline)
    assert not output.rejected


def test_a_run_that_looks_for_meanings_needs_an_embedder() -> None:
    played = load("synthllm-recommended", ["notes"], "fake").played()
    assert "embedder" not in played
    config = load("synthllm-recommended", ["notes"], "fake", overrides=["screen.semantic=true"])
    assert config.played()["embedder"] == "fake"
