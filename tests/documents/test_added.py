import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from synth.documents.formats import added
from tests.documents.distribution import install
from tests.documents.tools import Run, put

PAGE = Path(__file__).parents[2] / "docs" / "readers.md"


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    yield
    added.added.cache_clear()


def test_the_reader_in_the_documentation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = dict(re.findall(r"```(\w+)\n(.*?)```", PAGE.read_text(), re.DOTALL))
    points = tomllib.loads(blocks["toml"])["project"]["entry-points"]["synth.readers"]
    assert points == {"poem": "poems:read_poem"}
    install(
        tmp_path / "site", monkeypatch, module=blocks["python"] + "\npoem = read_poem\n", readers=("poem",)
    )
    put(tmp_path / "corpus", "a.poem", "The road\nTwo roads met in a wood, and both were long.")
    put(tmp_path / "corpus", "b.POEM", "A title alone")
    put(tmp_path / "corpus", "c.txt", "A text of the usual kind beside them.")
    made = Run(tmp_path / "stage", [tmp_path / "corpus"])
    found = made.rows("documents")
    assert sorted(found) == ["a.poem", "c.txt"]
    poem = found["a.poem"]
    assert (poem["title"], poem["text"]) == ("The road", "Two roads met in a wood, and both were long.")
    assert (poem["licence"], poem["format"]) == ("CC0-1.0", "poem")
    assert made.reasons() == {"b.POEM": "empty"}
    assert made.details() == {"b.POEM": "a title without a poem"}


def test_without_it_the_file_is_rejected(tmp_path: Path) -> None:
    put(tmp_path / "corpus", "a.poem", "The road\nTwo roads met in a wood, and both were long.")
    assert Run(tmp_path / "stage", [tmp_path / "corpus"]).reasons() == {"a.poem": "unsupported_format"}


def test_a_reader_comes_before_ours_unless_the_settings_name_a_format(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = "from synth.documents.content import Content\ndef txt(raw):\n    return Content('read by another: ' + raw.decode())\n"
    install(tmp_path / "site", monkeypatch, module=module, readers=("txt",))
    put(tmp_path / "corpus", "a.txt", "A text of the usual kind.")
    assert Run(tmp_path / "one", [tmp_path / "corpus"]).column("documents", "text") == [
        "read by another: A text of the usual kind."
    ]
    named = Run(tmp_path / "two", [tmp_path / "corpus"], formats={".txt": "text"})
    assert named.column("documents", "text") == ["A text of the usual kind."]
