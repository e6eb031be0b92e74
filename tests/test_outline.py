"""A prompt that has questions planned first: the outline reaches the table, the judges and `synth explain`."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

import synth
from flows.cli import app
from synth.errors import ConfigError
from synth.facade import Result
from synth.llm.journal import Journal
from synth.prompts.replies import parse
from synth.publish.rejected import _without_words
from synth.settings import load

PROMPT = """---
id: level1
version: 1
reply: outlined_questions
variables: [domain, levels, language, title, passage, most]
---
# System
You teach {{ domain }} for {{ levels | join(", ") }}. First outline which ideas to combine and how, then write a question. Write at most
{{ most }} of them in {{ language }}.

# User
Title: {{ title }}
<passage>
{{ passage }}
</passage>

# Tags
<item><outline>how</outline><question>what</question></item>
"""
SMALL = ["combinations.level2=off", "combinations.level3=off"]


@pytest.fixture
def run(documents: Path, tmp_path: Path) -> Callable[..., Result]:
    def go(name: str, *overrides: str) -> Result:
        config = load("synthllm-recommended", [str(documents)], "fake", overrides=[*SMALL, *overrides])
        return synth.run(config, name=name, runs=tmp_path / "runs")

    return go


@pytest.fixture
def outlined(run: Callable[..., Result], tmp_path: Path) -> Result:
    folder = tmp_path / "prompts"
    folder.mkdir()
    (folder / "level1.v1.md").write_text(PROMPT)
    return run("outlined", f'prompts.dir="{folder}"', "roles.judge=['fake']", "judge.well_posed=false")


def shown_to_judges(folder: Path) -> list[str]:
    with Journal(folder / "calls", read_only=True) as journal:
        records = [record for record in journal.records() if record["stage"] == "judge"]
    return [record["request"]["messages"][-1]["content"] for record in records]


def test_the_outline_of_a_question_is_kept_and_shown_to_its_judges(outlined: Result) -> None:
    questions = synth.load(outlined.folder, "questions")
    assert len(questions) and questions["outline"].notna().all()
    shown = shown_to_judges(outlined.folder)
    screened = set(synth.load(outlined.folder, "screened")["question_id"])
    judged = questions[questions["question_id"].isin(screened)]
    assert len(shown) == len(judged) > 0
    for outline in judged["outline"]:
        assert any(f"<outline>\n{outline}\n</outline>" in text for text in shown)
    row = questions.iloc[0]
    command = ["explain", str(outlined.folder), row["question_id"], "--full"]
    told = CliRunner().invoke(app, command, env={"COLUMNS": "400"}).stdout
    assert f"outline: {row['outline']}" in " ".join(told.split())


def test_other_prompts_have_none(run: Callable[..., Result]) -> None:
    plain = run("plain", "roles.judge=['fake']", "judge.well_posed=false")
    assert synth.load(plain.folder, "questions")["outline"].isna().all()
    assert not any("<outline>" in text for text in shown_to_judges(plain.folder))


def test_an_outline_is_read_from_tags_and_missing_ones_are_faults() -> None:
    text = "<item><outline>Join a and b.</outline><question>What is a + b?</question></item><item><question>x</question></item>"
    parsed = parse("outlined_questions", "tags", text)
    assert [(item.outline, item.question) for _, item in parsed.items] == [
        ("Join a and b.", "What is a + b?")
    ]
    assert [fault.place for fault in parsed.faults] == [1]


def test_an_outline_is_a_models_own_word() -> None:
    assert _without_words({"outline": "as the passage says", "origin": "level1"}) == {"origin": "level1"}


def test_a_judge_prompt_cannot_stand_where_questions_are_written(run: Callable[..., Result]) -> None:
    with pytest.raises(ConfigError, match="outlined_questions"):
        run("wrong", "prompts.level1='answer.v1'")
