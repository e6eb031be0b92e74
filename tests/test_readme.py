"""The examples of the README, run as they stand; and the links of all pages."""

import os
import sys
from pathlib import Path

import pytest

from tests import corpus, pages

README = (pages.ROOT / "README.md").read_text()
# Blocks marked `<!-- runs -->` run in order in one folder; the others need an endpoint or an installation.
BLOCKS = pages.blocks(README)
PAGES = sorted(
    [*pages.ROOT.glob("*.md"), *pages.ROOT.glob("docs/*.md"), *pages.ROOT.glob("docs/decisions/*.md")]
)


@pytest.mark.slow
def test_the_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SYNTH_HOME")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:/usr/bin:/bin")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(pages.ROOT), os.environ.get("PYTHONPATH", "")]))
    corpus.write(tmp_path / "notes")
    assert [block.language for block in BLOCKS] == ["sh", "sh", "sh", "python", "sh"]
    for block in BLOCKS:
        pages.run(block)
    assert (tmp_path / "first.jsonl").stat().st_size > 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    lost = [link for link in pages.links(page.read_text()) if not pages.is_there(page, *link)]
    assert lost == []


def test_the_readme_names_every_command_and_recipe() -> None:
    from flows.cli import app
    from synth.settings import shipped_recipes

    commands = {c.name or getattr(c.callback, "__name__", "") for c in app.registered_commands}
    commands |= {g.name or "" for g in app.registered_groups}
    assert {c for c in commands if f"`synth {c}" not in README} == set()
    assert {r for r in shipped_recipes() if f"`{r}`" not in README} == set()
