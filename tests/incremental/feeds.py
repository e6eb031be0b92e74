"""A folder of documents that grows, and a store that takes what is new in it."""

from pathlib import Path

from synth.config import RunConfig
from synth.settings import load
from tests import corpus

# One call for concepts and one for questions of each passage, so that calls can be counted.
ONE_EACH = ("combinations.level2=off", "combinations.level3=off", "documents.near_duplicates=keep")


def config(documents: Path, *overrides: str, model: str = "fake", store: str = "notes") -> RunConfig:
    asked = [f"store.name={store}", *ONE_EACH, *overrides]
    return load("synthllm-recommended", [str(documents)], model, overrides=asked)


def put(folder: Path, *names: str) -> Path:
    """Some documents of the corpus, by name."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text(corpus.TEXTS[name])
    return folder


def more(folder: Path, seed: int) -> None:
    """A document of its own."""
    words = [f"term{seed}word{i}" for i in range(40)]
    (folder / f"new{seed}.md").write_text(
        f"# Subject {seed}\n\nThe rule of {' '.join(words)} holds in each case."
    )
