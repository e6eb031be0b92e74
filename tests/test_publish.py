import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import synth
from synth.publish.card import demo_model, markdown_text
from synth.settings import load

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

    def write(body: dict, name: str) -> str:  # type: ignore[type-arg]
        asked = (body.get("response_format") or {}).get("json_schema", {}).get("name")
        return scripted if asked == "passage_questions" else plain(body, name)

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
