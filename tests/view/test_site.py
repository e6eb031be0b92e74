"""The dataset as a static folder: whole without script, inert, from any folder of a plain file server."""

import functools
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import synth
from flows.cli import app
from synth.errors import ConfigError, StoreError
from synth.schemas import TABLES
from synth.site import pages, shards, write_site
from synth.view.profile import Kind, Shape
from tests.view import hostile
from tests.view.pages import Page
from tests.view.test_browser import CHROMIUM, Watched, browser, serious_faults

__all__ = ["browser"]


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None: ...


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """Serves the test's folder; a site lies in a folder below, as it would beside others."""
    handler = functools.partial(_Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.server_address[1]}"
        listening.shutdown()
        thread.join(10)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages and shards of so few rows that a small run has several, and pages that are the script's."""
    monkeypatch.setattr("synth.site.pages.PAGE", 10)
    monkeypatch.setattr("synth.site.PAGE", 10)
    monkeypatch.setattr("synth.site.SHARD", 20)
    monkeypatch.setattr(shards, "SHARD", 20)
    monkeypatch.setattr("synth.site.MOST_PAGES", 2)


def bad_run(folder: Path) -> Path:
    """A run whose published rows are all hostile."""
    questions = hostile.write(folder / "dataset" / "questions")
    next(questions.glob("*.parquet")).rename(questions / "train-00000-of-00001.parquet")
    return folder


def test_every_row_is_there_and_each_file_is_the_same_again(runs: Path, tmp_path: Path, small: None) -> None:
    done = write_site(runs / "rich", tmp_path / "one")
    write_site(runs / "rich", tmp_path / "two")
    one, two = ({p.relative_to(d): p.read_bytes() for p in d.rglob("*") if p.is_file()}
                for d in (tmp_path / "one", tmp_path / "two"))  # fmt: skip
    assert one == two
    frame = synth.load(runs / "rich", "dataset")
    told = json.loads(one[Path("site.json")])
    assert told["rows"] == len(frame) == done.rows and told["whole"] == done.pages == 2
    rows = [row for i in range(-(-len(frame) // 20)) for row in json.loads(one[Path(f"rows/{i}.json")])]
    assert len(rows) == len(frame)
    at = [column["name"] for column in told["columns"]].index("id")
    assert [row[at] for row in rows] == list(frame["id"])
    page = Page(one[Path("pages/1.html")].decode())
    assert all(str(id) in page.text for id in frame["id"][:10])
    assert not any(str(id) in page.text for id in frame["id"][10:])
    published = sorted((runs / "rich" / "dataset" / "questions").glob("*.parquet"))
    assert [one[Path("data") / file.name] for file in published] == [file.read_bytes() for file in published]


def test_what_is_there_is_not_overwritten(runs: Path, tmp_path: Path) -> None:
    other = tmp_path / "mine"
    other.mkdir()
    (other / "letter.txt").write_text("dear")
    for force in (False, True):
        with pytest.raises(ConfigError, match="other files"):
            write_site(runs / "plain", other, force)
    assert (other / "letter.txt").read_text() == "dear"
    write_site(runs / "plain", tmp_path / "site")
    with pytest.raises(ConfigError, match="--force"):
        write_site(runs / "plain", tmp_path / "site")
    write_site(runs / "rich", tmp_path / "site", force=True)
    assert json.loads((tmp_path / "site" / "site.json").read_bytes())["name"] == "rich"
    with pytest.raises(StoreError, match="no dataset"):
        write_site(tmp_path, tmp_path / "none")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "site"]


def test_the_command_writes_one(runs: Path, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "site"
    done = CliRunner().invoke(app, ["export", str(runs / "plain"), "--format", "site", "--out", str(out)])
    assert done.exit_code == 0 and (out / "index.html").is_file(), done.output


def test_no_page_has_markup_of_a_row_or_leads_away(runs: Path, tmp_path: Path) -> None:
    write_site(bad_run(tmp_path / "bad"), tmp_path / "site")
    made = sorted((tmp_path / "site").rglob("*.html"))
    assert len(made) == 4
    for path in made:
        page = Page(path.read_text())
        metas = [attributes for tag, attributes in page.elements if tag == "meta"]
        assert any(one.get("http-equiv") and one.get("content") == pages.POLICY for one in metas)
        for tag, attributes in page.elements:
            assert tag not in ("img", "iframe", "object", "embed", "base", "style", "marquee")
            for name, value in attributes.items():
                assert not name.startswith("on") and name != "style", (tag, name)
                if name in ("href", "src", "action"):
                    assert not value.startswith(("/", "\\")) and ":" not in value, (path, value)
                    assert value[0] == "#" or (path.parent / value.partition("?")[0]).exists(), value
    for path in (tmp_path / "site" / "rows").iterdir():
        assert path.read_bytes().isascii()


def test_a_table_without_rows_has_a_page(tmp_path: Path) -> None:
    questions = tmp_path / "none" / "dataset" / "questions"
    questions.mkdir(parents=True)
    pq.write_table(TABLES["dataset"].schema.empty_table(), questions / "train.parquet")
    assert write_site(tmp_path / "none", tmp_path / "site").pages == 1
    assert "There are no rows" in (tmp_path / "site" / "pages" / "1.html").read_text()


def test_what_json_cannot_hold_is_left_out() -> None:
    number = Shape("x", Kind.NUMBER)
    assert shards.cell(float("nan"), number) is None and shards.cell(float("-inf"), number) is None
    assert shards.cell(pa.scalar(0.5).as_py(), number) == 0.5


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed (apt-get install chromium)")
def test_a_browser_reads_pages_searches_and_sets_mathematics(
    browser: Any, server: str, runs: Path, tmp_path: Path, small: None
) -> None:
    write_site(runs / "rich", tmp_path / "sub" / "folder")
    watched = Watched(browser, server)
    page = watched.open("/sub/folder/")
    page.get_by_role("link", name="Rows", exact=True).click()
    page.wait_for_url("**/pages/1.html")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**#r0")
    for to in ("2.html", "?page=3"):
        page.keyboard.press("n")
        page.wait_for_url(f"**{to}")
        page.locator("tr[data-row]").first.wait_for()
    ids = [str(id) for id in synth.load(runs / "rich", "dataset")["id"]]
    page.locator("#r20 summary").click()
    assert ids[20] in page.locator("#r20").inner_text()
    assert page.locator("article").count() == min(10, len(ids) - 20)
    page.locator("#q").fill(ids[-1])
    page.get_by_role("button", name="Search").click()
    page.locator("#said", has_text="1 found").wait_for()
    page.locator("tr[data-row] a").click()
    page.locator(f"#r{len(ids) - 1} summary").click()
    assert ids[-1] in page.locator(f"#r{len(ids) - 1}").inner_text()
    watched.assert_quiet()
    watched.close()


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed (apt-get install chromium)")
def test_hostile_rows_stay_text_in_a_browser(
    browser: Any, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("synth.site.pages.PAGE", 5)
    monkeypatch.setattr("synth.site.PAGE", 5)
    monkeypatch.setattr("synth.site.MOST_PAGES", 1)
    write_site(bad_run(tmp_path / "bad"), tmp_path / "site")
    watched = Watched(browser, server)
    dialogs: list[str] = []

    def told(dialog: Any) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    watched.page.on("dialog", told)
    for path in ("index.html", "pages/1.html", "rows.html?page=2", "rows.html?page=3", "find.html?q=script"):
        page = watched.open(f"/site/{path}")
        page.locator(".panel, tr[data-row]").first.wait_for()
        assert "owned" not in page.title()
        assert page.locator("img, iframe, svg[onload], a[href^=javascript]").count() == 0
    assert not dialogs
    watched.assert_quiet()
    watched.close()


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed (apt-get install chromium)")
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_serious_fault_of_accessibility(
    browser: Any, server: str, runs: Path, tmp_path: Path, theme: str
) -> None:
    write_site(runs / "rich", tmp_path / "site")
    for path in ("index.html", "pages/1.html", "find.html?q=a"):
        assert not serious_faults(browser, f"{server}/site/{path}", theme), path
    page = browser.new_page(viewport={"width": 400, "height": 800})
    page.goto(f"{server}/site/pages/1.html")
    assert page.locator("html").evaluate("html => html.scrollWidth") <= 400
    page.close()
