"""A run that is started again with other documents pays for the new ones only, and says what has changed."""

from collections.abc import Callable
from pathlib import Path

import pytest

import synth
from synth.report import manifests
from tests import corpus
from tests.endpoints import FakeEndpoint

NEW = 10
ONE_CALL_EACH = ("combinations.level2=off", "combinations.level3=off")


@pytest.fixture
def extend(start_fake: Callable[..., FakeEndpoint], tmp_path: Path) -> Callable[[Path], "Extended"]:
    endpoint = start_fake()
    entry = f'{{base_url="{endpoint.url}", model="fake", structured="json_schema"}}'

    def run(documents: Path) -> "Extended":
        before = endpoint.stats()
        settings = [f"models.far={entry}", *ONE_CALL_EACH]
        config = synth.recipe("synthllm-recommended", [str(documents)], "far", overrides=settings)
        result = synth.run(config, runs=tmp_path, name="r")
        return Extended(result.folder, endpoint.stats(), before)

    return run


class Extended:
    """A finished run, and what its endpoint counted meanwhile."""

    def __init__(self, folder: Path, after: dict[str, int], before: dict[str, int]) -> None:
        self.folder = folder
        self.answered = after["answered"] - before["answered"]
        self.repeated = after["repeated"] - before["repeated"]
        self.manifests = manifests(folder)

    @property
    def sources(self) -> set[str]:
        return set(synth.load(self.folder, "documents")["source"])

    def note(self) -> str:
        return " ".join(self.manifests["documents"].notes)


def write(folder: Path, seed: int) -> None:
    words = [f"term{seed}word{i}" for i in range(40)]
    (folder / f"new{seed}.md").write_text(
        f"# Subject {seed}\n\nThe rule of {' '.join(words)} holds in each case."
    )


def test_only_new_documents_are_read_and_extracted(
    extend: Callable[[Path], Extended], tmp_path: Path
) -> None:
    folder = corpus.write(tmp_path / "documents")
    first = extend(folder)
    assert first.note() == ""
    for seed in range(NEW):
        write(folder, seed)
    second = extend(folder)
    passages = len(synth.load(second.folder, "passages"))
    assert passages == len(corpus.TEXTS) + NEW
    assert second.repeated == 0
    # One extraction and one call for questions of each new passage; the rest answers the new questions.
    assert second.answered - 2 * NEW == second.manifests["answers"].inputs - first.manifests["answers"].inputs
    assert second.note() == (
        f"Files since the last time: {NEW} new (new0.md, new1.md, new2.md, {NEW - 3} more), 0 changed, 0 gone, "
        f"{len(corpus.TEXTS)} as they were."
    )


def test_changed_and_removed_documents_are_noticed(
    extend: Callable[[Path], Extended], tmp_path: Path
) -> None:
    folder = corpus.write(tmp_path / "documents")
    extend(folder)
    (folder / "lines.md").unlink()
    (folder / "chance.txt").write_text(
        "Chance\n\n" + "Luck is what the unprepared call a favourable outcome. " * 3
    )
    second = extend(folder)
    assert second.note() == (
        "Files since the last time: 0 new, 1 changed (chance.txt), 1 gone (lines.md), 4 as they were."
    )
    assert second.sources == set(corpus.TEXTS) - {"lines.md"}
    assert second.repeated == 0


def test_a_document_that_comes_back_is_not_paid_for_again(
    extend: Callable[[Path], Extended], tmp_path: Path
) -> None:
    folder = corpus.write(tmp_path / "documents")
    extend(folder)
    kept = (folder / "lines.md").read_bytes()
    (folder / "lines.md").unlink()
    extend(folder)
    (folder / "moved.md").write_bytes(kept)
    third = extend(folder)
    assert (third.answered, third.repeated) == (0, 0)
    assert third.note() == "Files since the last time: 1 new (moved.md), 0 changed, 0 gone, 5 as they were."
