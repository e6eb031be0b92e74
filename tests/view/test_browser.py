"""The viewer in a real browser: keys, mathematics, themes, the policy, accessibility. Skips without Chromium."""

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uvicorn

from flows.listening import open_socket
from synth.view.app import create
from tests.view import hostile

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed (apt-get install chromium)"),
]
# Errors of the browser that no page can help: it asks for its own icon before the page is read.
PAGES = (
    "/", "/d/rich/t/dataset", "/d/rich/t/dataset/row/0", "/d/rich/t/rejected", "/d/rich/t/rejected/row/0",
    "/d/rich/stats", "/d/rich/graph", "/d/rich/prompts", "/d/rich/prompts/level2.v1", "/d/rich/progress",
    "/compare?a=plain&b=rich", "/nothing", "/d/rich/t/dataset?f.origin=level2&q=a&sort=-label",
)  # fmt: skip


class Served:
    """A viewer in a thread, and its address."""

    def __init__(self, place: Path) -> None:
        listening = open_socket("127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        self.app = create(place)
        self._server = uvicorn.Server(uvicorn.Config(self.app, log_level="error", lifespan="off"))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [listening]}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join(20)
        self.app.state.site.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def served(runs: Path) -> Iterator[Served]:
    viewer = Served(runs)
    yield viewer
    viewer.close()


class Watched:
    """A page of the browser, and what it asked for and complained of."""

    def __init__(self, browser: Any, url: str, **more: Any) -> None:
        self.url = url
        self.page = browser.new_page(viewport={"width": 1280, "height": 900}, **more)
        self.asked: list[str] = []
        self.faults: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", lambda said: said.type == "error" and self.faults.append(said.text))
        self.page.on("pageerror", lambda fault: self.faults.append(str(fault)))

    def open(self, path: str) -> Any:
        self.page.goto(self.url + path)
        return self.page

    def assert_quiet(self) -> None:
        assert all(url.startswith(self.url) for url in self.asked), self.asked
        assert not self.faults

    def close(self) -> None:
        self.page.close()


@pytest.fixture
def watched(browser: Any, served: Served) -> Iterator[Watched]:
    page = Watched(browser, served.url)
    yield page
    page.close()


def test_from_the_first_page_to_the_sentence(watched: Watched) -> None:
    page = watched.open("/")
    page.get_by_role("link", name="rich", exact=True).click()
    page.wait_for_url("**/t/dataset")
    page.keyboard.press("/")
    page.keyboard.type("a")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=a")
    page.locator("aside a[href*='f.origin=level2']").click()
    page.wait_for_url("**f.origin=level2&q=a")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    page.locator(".sentence mark").first.wait_for()
    page.locator("h2", has_text="Where it comes from").wait_for()
    first = page.url
    page.keyboard.press("]")
    page.wait_for_url(lambda url: url != first)
    page.keyboard.press("[")
    page.wait_for_url(first)
    page.keyboard.press("u")
    page.wait_for_url("**/t/dataset?**")
    assert "f.origin=level2" in page.url
    watched.assert_quiet()


def test_a_bar_of_a_histogram_filters(watched: Watched) -> None:
    page = watched.open("/d/rich/t/dataset")
    bar = page.locator("th .histogram a", has=page.locator("rect:nth-of-type(2)")).first
    count = bar.get_attribute("aria-label").rpartition(": ")[2].split()[0]
    bar.locator("rect.hit").click(force=True)
    page.locator(".chips li").first.wait_for()
    assert page.locator(".count strong").inner_text() == count
    watched.assert_quiet()


def test_the_theme_turns_and_stays(watched: Watched) -> None:
    page = watched.open("/d/rich/stats")
    before = page.evaluate_handle("document.documentElement").get_property("dataset")
    assert before
    light = page.locator("body").evaluate(
        "body => getComputedStyle(document.documentElement).backgroundColor"
    )
    page.keyboard.press("t")
    dark = page.locator("body").evaluate("body => getComputedStyle(document.documentElement).backgroundColor")
    assert light != dark
    page.reload()
    assert page.locator("html").get_attribute("data-theme") in ("light", "dark")
    page.keyboard.press("?")
    assert page.locator("dialog#help").is_visible()
    watched.assert_quiet()


def test_mathematics_is_set_and_hostile_rows_stay_text(browser: Any, tmp_path: Path) -> None:
    folder = hostile.write(tmp_path / "bad")
    pq.write_table(
        pa.table({"problem": [r"Solve $x^2 = \frac{1}{2}$." + " " * 60 + "."]}), folder / "good.parquet"
    )
    viewer = Served(folder)
    watched = Watched(browser, viewer.url)
    try:
        page = watched.open("/d/bad/t/good/row/0")
        page.locator(".math .katex .mfrac").first.wait_for()
        dialogs: list[Any] = []
        page.on("dialog", lambda dialog: (dialogs.append(dialog), dialog.dismiss()))
        table = next(name for name in viewer.app.state.site.library.get("bad").tables if name != "good")
        base = f"/d/bad/t/{table.replace('<', '%3C').replace('>', '%3E').replace('[', '%5B').replace(']', '%5D')}"
        for number in range(len(hostile.TEXTS)):
            page = watched.open(f"{base}/row/{number}")
            page.locator("h1").first.wait_for(state="attached")
            assert "owned" not in page.title()
            assert page.locator("img, iframe, svg[onload], a[href^=javascript]").count() == 0
        watched.open(base)
        assert not dialogs
        watched.assert_quiet()
    finally:
        watched.close()
        viewer.close()


def serious_faults(browser: Any, url: str, theme: str) -> list[str]:
    """What a checker of accessibility finds in a page, as far as it is serious."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    # Only the checker's own script needs the policy to be passed by; the page is the same.
    context = browser.new_context(
        bypass_csp=True, color_scheme=theme, viewport={"width": 1280, "height": 900}
    )
    try:
        page = context.new_page()
        page.goto(url)
        page.locator("h1").first.wait_for(state="attached")
        found = axe.run(page).response["violations"]
        return [
            f"{one['id']}: {one['nodes'][0]['html'][:150]}"
            for one in found
            if one["impact"] in ("serious", "critical")
        ]
    finally:
        context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_no_serious_fault_of_accessibility(browser: Any, served: Served, path: str, theme: str) -> None:
    assert not serious_faults(browser, served.url + path, theme)


@pytest.mark.parametrize("path", ["/d/rich/t/dataset", "/d/rich/t/dataset/row/0", "/d/rich/stats"])
def test_a_narrow_screen_needs_no_scrolling_sideways(browser: Any, served: Served, path: str) -> None:
    page = browser.new_page(viewport={"width": 400, "height": 800})
    try:
        page.goto(served.url + path)
        assert page.locator("html").evaluate("html => html.scrollWidth") <= 400
    finally:
        page.close()


def test_menus_of_a_narrow_screen_stay_on_it_and_escape_closes_them(browser: Any, served: Served) -> None:
    page = browser.new_page(viewport={"width": 400, "height": 800})
    try:
        page.goto(f"{served.url}/d/rich/t/dataset")
        for menu in page.locator("details.menu").all():
            summary, sheet = menu.locator("summary"), menu.locator(".sheet")
            before = summary.bounding_box()
            summary.click()
            box = sheet.bounding_box()
            assert box["x"] >= 0 and box["x"] + box["width"] <= 400
            assert summary.bounding_box() == before
            page.keyboard.press("Escape")
            assert not sheet.is_visible()
    finally:
        page.close()


@pytest.mark.parametrize("scripted", [True, False])
def test_the_tab_of_this_page_is_in_sight(browser: Any, served: Served, scripted: bool) -> None:
    context = browser.new_context(java_script_enabled=scripted, viewport={"width": 400, "height": 800})
    try:
        page = context.new_page()
        page.goto(f"{served.url}/d/rich/progress")
        box = page.locator(".tabs [aria-current]").bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 400
    finally:
        context.close()


def test_without_script_rows_can_still_be_found(browser: Any, served: Served) -> None:
    context = browser.new_context(java_script_enabled=False)
    try:
        page = context.new_page()
        page.goto(f"{served.url}/d/rich/t/dataset")
        page.locator("aside a[href*='f.origin=level2']").click()
        page.locator("#q").fill("a")
        page.get_by_role("button", name="Search").click()
        page.locator("th a", has_text="label").click()
        assert all(part in page.url for part in ("f.origin=level2", "q=a", "sort=label"))
        page.locator("td.at a").first.click()
        assert page.locator(".sentence").count() and page.locator(".lead-text").is_visible()
    finally:
        context.close()
