import errno
import json
import re
from pathlib import Path
from typing import get_args

import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import synth
from synth.config import CombinationsConfig, RunConfig
from synth.dedup.index import Index
from synth.dedup.measuring import Measurer
from synth.errors import StoreError
from synth.export import export
from synth.publish import folder
from synth.publish.card import (
    HOW,
    demo_model,
    departures,
    markdown_code,
    markdown_sentence,
    markdown_text,
    writer,
)
from synth.report import read_stats
from synth.runs import Run
from synth.settings import load
from synth.stages.screen import scheme_of

BENCHMARK_ITEM = (
    "What is the speed of a ball that falls from a tower of 80 metres when it reaches the ground below it?"
)


def test_the_card_says_what_it_is(documents: Path) -> None:
    result = synth.run(load("synthllm-recommended", [str(documents)], "fake"))
    text = (result.dataset / "README.md").read_text()
    head = yaml.safe_load(text.split("---")[1])
    assert [c["config_name"] for c in head["configs"] if c.get("default")] == ["questions"]
    assert "fake model, which is no language model at all" in text
    assert "| documents | 6 | 6 | 6 | 0 |" in text


def test_the_card_claims_no_more_than_the_rows_hold(documents: Path) -> None:
    result = synth.run(load("synthllm-recommended", [str(documents)], "fake"))
    text = (result.dataset / "README.md").read_text()
    rows = pq.read_table(result.dataset / "questions").to_pylist()
    several = [row for row in rows if len(row["passage_ids"]) > 1]
    apart = [row for row in several if len(row["sources"]) > 1]
    assert f"{len(several)} questions had more than one passage in the prompt, {len(apart)} of them" in text
    assert "written by a language model" not in text
    used = {source for row in rows for source in row["sources"]}
    assert f"from {len(used)} documents (of 6 that were read) by" in text

    off = ["combinations.level3=off", "combinations.level2=off"]
    text = (
        synth.run(load("synthllm-recommended", [str(documents)], "fake", overrides=off)).dataset / "README.md"
    ).read_text()
    assert "No question had more than one passage in its prompt" in text
    assert "several passages" not in text


def test_uniform_sets_are_not_called_walks(documents: Path) -> None:
    uniform = ["combinations.level3=uniform", "combinations.level2=off", "combinations.max_level3=3"]
    result = synth.run(load("synthllm-recommended", [str(documents)], "fake", overrides=uniform))
    text = (result.dataset / "README.md").read_text()
    assert "| from concepts that were drawn uniformly" in text
    assert "that a walk on the graph joined" not in text


def test_hostile_names_and_licences_stay_text(tmp_path: Path) -> None:
    folder = tmp_path / "documents"
    folder.mkdir()
    body = "Speed is the rate of change of distance. " * 6
    head = '---\ntitle: "<script>alert(1)</script>"\nlicence: "<img src=x> [a](javascript:alert(1)) | # x"\n---\n'
    (folder / "a.md").write_text(head + body)
    result = synth.run(load("synthllm-recommended", [str(folder)], "fake"))
    text = (result.dataset / "README.md").read_text()
    assert "<script" not in text
    assert "<img" not in text
    assert "](javascript" not in text
    assert "javascript:" not in text


def test_no_benchmark_text_is_published(tmp_path: Path) -> None:
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "a.md").write_text("# Falling\n\nKinetic energy and potential energy of a falling ball. " * 8)
    benchmark = tmp_path / "bench.jsonl"
    benchmark.write_text(f'{{"question": "{BENCHMARK_ITEM}"}}\n')
    scripted = f'{{"suitable": true, "questions": [{{"question": "{BENCHMARK_ITEM}", "kind": "new", "level": "college"}}]}}'
    from synth.llm import fake

    plain = fake.write

    def write(body: dict, name: str, *more: object) -> str:  # type: ignore[type-arg]
        asked = (body.get("response_format") or {}).get("json_schema", {}).get("name")
        return scripted if asked == "passage_questions" else plain(body, name, *more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fake, "write", write)
        config = load(
            "synthllm-recommended", [str(folder)], "fake", overrides=[f"screen.benchmarks=['{benchmark}']"]
        )
        result = synth.run(config)
    rejected = pq.read_table(result.dataset / "rejected").to_pylist()
    assert [row["reason"] for row in rejected if row["stage"] == "screen"].count("contaminated") == 1
    for path in result.dataset.rglob("*"):
        assert not path.is_file() or b"falls from a tower of 80" not in path.read_bytes()
    assert "bench" in (result.dataset / "README.md").read_text()


@given(st.text())
def test_text_is_one_line_without_html(text: str) -> None:
    made = markdown_text(text)
    assert "\n" not in made
    assert "<" not in made


HOSTILE = (
    '<img src=x onerror="alert(1)"><script>alert(1)</script> [a](javascript:alert(1)) '
    "![b](http://evil.example/x) https://evil.example/y www.evil.example a@evil.example ``` ~~~ | x |\n# y"
)
# What GitHub's flavour of Markdown makes a link without any sign around it.
BARE = re.compile(r"https?://|\bwww\.|[\w.+-]@[\w-]", re.IGNORECASE)


@pytest.mark.parametrize(
    "text", [HOSTILE, "HTTPS://evil.example", "xhttp://evil.example", "WWW.evil.example"]
)
def test_an_address_in_text_does_not_become_a_link(text: str) -> None:
    shown = markdown_text(text)
    assert not BARE.search(shown.replace("\\", ""))
    assert not re.search(r"(?<!\\)[<\[`|]", shown)


def test_code_is_shown_as_it_is_and_nothing_in_it_is_markup() -> None:
    rule = "trend: max_accuracy <= 0.5 and slope <= 0"
    assert markdown_code(rule) == f"`{rule}`"
    assert markdown_code("a ``b`` c\n`") == "``` a ``b`` c ` ```"
    assert markdown_code("") == "` `"


def test_a_sentence_keeps_its_code_and_no_other_markup() -> None:
    said = "3 problems by the rule `max_accuracy <= 0.5`, of <b>_x_</b> at https://evil.example"
    shown = markdown_sentence(said)
    assert "`max_accuracy <= 0.5`, of &lt;b&gt;\\_x\\_" in shown
    assert not BARE.search(shown)
    # Backticks of a source make code at most, and one alone is a backtick.
    assert markdown_sentence("a ` <i>") == "a \\` &lt;i&gt;"
    assert markdown_sentence("`<script>alert(1)</script>`") == "`<script>alert(1)</script>`"


def test_text_without_an_address_stays_as_it_is() -> None:
    assert markdown_text("a b http www at: c") == "a b http www at: c"


@pytest.mark.parametrize(
    ("identity", "told"),
    [
        ("fake@1#fake", True),
        ("embedded/SmolLM2-135M-Instruct.Q4_1.gguf@sha256:b1", True),
        ("http://127.0.0.1:8000/v1#qwen3-32b", False),
    ],
)
def test_demonstration_models_are_told(identity: str, told: bool) -> None:
    assert (demo_model(identity) is not None) == told


def test_only_a_language_model_is_called_one() -> None:
    assert writer("http://127.0.0.1:8000/v1#qwen3-32b") == "a language model"
    assert "stand-in" in writer("fake@1#fake")


def test_without_text_no_passage_is_published(documents: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that echoes what it is shown, in whatever it is asked for."""
    from synth.llm import fake

    plain, told = fake.write, list[str]()

    def write(body: dict, name: str, *more: object) -> str:  # type: ignore[type-arg]
        shown = str(body["messages"][-1]["content"])
        told.append(shown)
        echo = json.dumps(shown[-600:])
        kind = (body.get("response_format") or {}).get("json_schema", {}).get("name")
        wrong = {
            "extraction": f'{{"level": "a", "subject": "b", "topics": [{{"name": "Speed", "key_concepts": ["speed", {echo}]}}]}}',
            "passage_questions": f'{{"suitable": true, "questions": [{{"question": {echo}, "kind": 7, "level": "a"}}]}}',
            "questions": f'{{"questions": [{{"question": {echo}}}]}}',
            "concept_questions": shown,
        }
        return wrong.get(kind) or (
            plain(body, name, *more) if len(told) % 2 else f"I cannot help with {shown[:250]}"
        )

    monkeypatch.setattr(fake, "write", write)
    config = load(
        "synthllm-recommended", [str(documents)], "fake",
        overrides=["dataset.include_text=false", "screen.max_words=30", "combinations.min_concepts=1"],
    )  # fmt: skip
    result = synth.run(config)
    rejected = pq.read_table(result.dataset / "rejected").to_pylist()
    assert {"too_long", "unparseable"} <= {row["reason"] for row in rejected}
    passages = synth.load(result.folder, "passages")["text"]
    pieces = {text[at : at + 40] for text in passages for at in range(0, len(text) - 40, 40)}
    published = "".join(f"{row['detail']} {json.loads(row['row'])}" for row in rejected)
    assert not [piece for piece in pieces if piece in published]
    kept = "".join(str(row) for row in synth.load(result.folder, "passages").to_dict("records"))
    assert [piece for piece in pieces if piece in kept]  # and `synth explain` still has it


def test_a_picture_that_fails_stops_nothing(documents: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def draw(concepts: object, incidence: object, path: Path) -> None:
        path.write_bytes(b"half a picture")
        raise RuntimeError("no font")

    monkeypatch.setattr(folder, "draw", draw)
    with pytest.warns(RuntimeWarning, match=r"graph.png cannot be drawn \(RuntimeError: no font\)"):
        result = synth.run(load("synthllm-recommended", [str(documents)], "fake"))
    assert not (result.dataset / "graph.png").exists()
    for file in ("README.md", "checksums.sha256"):
        assert "graph.png" not in (result.dataset / file).read_text()


@pytest.mark.parametrize("part", ["render_card", "draw"])
def test_a_dataset_that_cannot_be_written_leaves_no_rest(
    part: str, documents: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor one without its picture: a version is never changed again, so it would stay without."""
    config = load("synthllm-recommended", [str(documents)], "fake")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(folder, part, full)
        with pytest.raises(StoreError, match="No space left"):
            synth.run(config, name="r")
    assert [path.name for path in Path("data/runs/r").glob(".dataset*")] == []
    assert synth.run(config, name="r").dataset.is_dir()


def test_a_kill_between_two_datasets_loses_neither(
    config: RunConfig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = synth.run(config, name="r")
    sums = (first.dataset / folder.SUMS).read_text()
    plain = Path.rename

    def killed(self: Path, target: Path) -> Path:
        if self.name == ".dataset.tmp":
            raise KeyboardInterrupt
        return plain(self, target)

    other = config.model_copy(update={"dataset": config.dataset.model_copy(update={"name": "Other"})})
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "rename", killed)
        patch.setattr(folder, "recover", lambda run_folder: None)  # nothing runs after a kill
        synth.run(other, name="r")
    assert not first.dataset.exists()
    assert read_stats(first.folder)["rows"] > 0  # readers find the old one
    with pytest.raises(StoreError, match="older than its run"):  # and not: there is none
        export(first.folder, "jsonl", tmp_path / "out.jsonl")
    with Run.open(config, first.folder.parent, "r"):
        assert (first.dataset / folder.SUMS).read_text() == sums
    assert "Other" in (synth.run(other, name="r").dataset / "README.md").read_text()


def walked(**settings: object) -> list[str]:
    """What the card says of a run with these settings, and not of one without them."""
    plain = RunConfig()
    sections: dict[str, dict[str, object]] = {"combinations": {}, "graph": {}}
    for name, value in settings.items():
        section, _, key = name.partition("__")
        sections[section][key] = value
    changed = {name: getattr(plain, name).model_copy(update=some) for name, some in sections.items()}
    return [line for line in departures(plain.model_copy(update=changed)) if line not in departures(plain)]


@pytest.mark.parametrize("level3", get_args(CombinationsConfig.model_fields["level3"].annotation))
def test_every_kind_of_level_3_has_a_card(documents: Path, level3: str) -> None:
    few = [f"combinations.level3={level3}", "combinations.level2=off", "combinations.max_level3=3"]
    result = synth.run(load("synthllm-recommended", [str(documents)], "fake", overrides=few))
    assert HOW[level3]
    said = "level 3 draws the concepts of one passage" in (result.dataset / "README.md").read_text()
    assert said == (level3 == "within_passage")


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("combinations__temperature", 5.0, "temperature 5 instead of 1"),
        ("combinations__revisits", True, "come to a concept again"),
        ("combinations__hub_cap", 1, "as if 1 passage held it at most"),
        ("combinations__min_passages", 2, "concepts of 2 passages or more"),
        ("combinations__coverage_boost", 50.0, "weighs 50 times as much"),
        ("combinations__reference_score", "containment", "share of the set that they hold"),
        ("combinations__covers_new_concept", True, "brings a concept of the set"),
        ("graph__merge", "spelling", "by the rule spelling"),
        ("graph__min_passages", 2, "in fewer than 2 passages are left out"),
    ],
)
def test_every_change_of_the_walks_is_a_departure(setting: str, value: object, said: str) -> None:
    lines = walked(**{setting: value})
    assert len(lines) == 1
    assert said in lines[0]
    if setting.endswith(
        ("temperature", "hub_cap", "revisits", "coverage_boost", "combinations__min_passages")
    ):
        assert walked(**{setting: value}, combinations__level3="uniform") == walked(
            combinations__level3="uniform"
        )


def test_the_card_says_what_an_index_of_earlier_questions_took(documents: Path, tmp_path: Path) -> None:
    few = ["combinations.level3=off", "combinations.level2=off", "combinations.epochs=1"]
    before = synth.run(load("synthllm-recommended", [str(documents)], "fake", overrides=few), name="before")
    texts = pq.read_table(before.dataset / "questions").column("question").to_pylist()
    scheme = scheme_of(RunConfig().screen)
    Index(tmp_path / "seen", scheme).add("old", ["old-0"], Measurer(scheme).measure(texts[:1]))
    asked = [*few, f"screen.index={tmp_path / 'seen'}"]
    after = synth.run(load("synthllm-recommended", [str(documents)], "fake", overrides=asked), name="after")
    rejected = pq.read_table(after.dataset / "rejected").to_pylist()
    fallen = [row for row in rejected if row["clash_id"] == "old-0"]
    assert ["of the index (screen.index)" in row["detail"] for row in fallen] == [True]
    text = (after.dataset / "README.md").read_text()
    assert "one of the index `seen` of earlier ones were left out: 1 did." in " ".join(text.split())
    assert "of earlier ones were left out" not in (before.dataset / "README.md").read_text()
