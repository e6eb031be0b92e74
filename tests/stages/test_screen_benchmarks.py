"""A judge that compares questions with items of benchmarks, asked as a run asks it."""

from pathlib import Path

import pytest

from synth.llm.client import Client
from synth.llm.journal import Journal
from synth.prompts.library import PromptLibrary
from synth.settings import load
from synth.stages.calls import Services
from synth.stages.screen_benchmarks import embed_of, judge_of

PAIRS = [(f"Why does thing {n} float?", f"What keeps thing {n} afloat?") for n in range(8)]


def test_the_judge_is_asked_once_for_each_pair(tmp_path: Path) -> None:
    (tmp_path / "b.jsonl").write_text('{"question": "Why?"}')
    config = load(
        "synthllm-recommended",
        ["notes"],
        "fake",
        overrides=["screen.benchmarks=['b.jsonl']", "roles.judge='fake'"],
    )
    assert set(config.played()) >= {"judge", "embedder"}
    with Journal(tmp_path / "calls") as journal, Client(config.in_use(), journal) as client:
        services = Services(client, PromptLibrary(), tmp_path)
        judge = judge_of(config, services)
        assert judge is not None
        embed = embed_of(config, services)
        assert embed is not None
        assert len(embed(["Why?", "How?"])) == 2
        assert services.calls.record().calls == 1  # what embeds is paid for as well
        said = list(judge(PAIRS))
        assert client.calls_made == len(PAIRS) + 1
        assert list(judge(PAIRS)) == said
        assert client.calls_made == len(PAIRS) + 1
    assert set(said) <= {True, False}


@pytest.mark.parametrize("setting", ["screen.paraphrases=false", "screen.benchmarks=[]"])
def test_nobody_is_asked_where_nothing_is_looked_for(tmp_path: Path, setting: str) -> None:
    (tmp_path / "b.jsonl").write_text('{"question": "Why?"}')
    config = load(
        "synthllm-recommended",
        ["notes"],
        "fake",
        overrides=["screen.benchmarks=['b.jsonl']", "roles.judge='fake'", setting],
    )
    assert "embedder" not in config.played()
    with Journal(tmp_path / "calls") as journal, Client(config.in_use(), journal) as client:
        services = Services(client, PromptLibrary(), tmp_path)
        assert (judge_of(config, services), embed_of(config, services)) == (None, None)
