"""The pages of the Prefect UI in a real browser, with runs of a deployment. Skips without Chromium.

With $SYNTH_PICTURES, a folder, each page is also kept there as a picture: so those of docs/images are made.
"""

import io
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from PIL import Image

from flows.table import read_table
from flows.terminal import begin_lines
from tests import corpus
from tests.flows.conftest import ask
from tests.flows.served import command, kill, until
from tests.incremental.feeds import put
from tests.view.test_browser import CHROMIUM

pytestmark = [pytest.mark.flows, pytest.mark.slow]
in_a_browser = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium is installed (apt-get install chromium)"
)
NAME = "notes-nightly"
TABLE = f"""
[{NAME}]
description = "What is new in notes/, as the next version of the dataset `notes`."
recipe = "synthllm-recommended"
model = "fake"
documents = ["notes/"]
store = "notes"
cron = "0 2 * * *"
timezone = "Europe/Berlin"
tags = ["notes"]

[{NAME}.set]
screen.benchmarks = []
budget.money = 1
models.fake = {{base_url = "fake:", model = "fake", price = {{input = 0.5, output = 1.5}}}}
"""
RETRIED = """
[retried]
description = "A run that is cancelled, and then retried."
flow = "run"
recipe = "synthllm-recommended"
model = "far"
documents = ["documents/"]

[retried.set]
combinations.level2 = "off"
combinations.level3 = "off"
screen.benchmarks = []
models.far = {{base_url = "http://127.0.0.1:{port}/v1", model = "fake", structured = "json_schema"}}
"""
COLOURS = 64


class Shown(NamedTuple):
    """A deployment with two runs, and the second of the runs inside."""

    deployment: str
    run: str
    folder: Path


class Pages:
    """The pages of one server in one browser, and what they complained of."""

    def __init__(self, browser: Any, url: str) -> None:
        self._url = url
        self.page = browser.new_page(viewport={"width": 1280, "height": 900})
        self.page.add_init_script("localStorage.setItem('color-scheme', JSON.stringify('light'))")
        self.page.set_default_timeout(30_000)
        self.faults: list[str] = []
        self.page.on("console", self._hear)
        self.page.on("response", self._got)
        self.page.on("pageerror", lambda fault: self.faults.append(str(fault)))

    def _hear(self, said: Any) -> None:
        """A page says on its console what it could not read."""
        if said.type == "error" and not said.text.startswith("Failed to load resource"):
            self.faults.append(said.text)

    def _got(self, answer: Any) -> None:
        """Whatever could not be loaded, but the tab's icon, which Prefect names after states that have none."""
        if answer.status >= 400 and "/ico/" not in answer.url:
            self.faults.append(f"{answer.status} {answer.url}")

    def see(self, path: str, *words: str, tab: str = "", name: str = "", height: int = 900) -> None:
        """Open a page, and a tab of it; each of these words is there to be read."""
        self.page.set_viewport_size({"width": 1280, "height": height})
        self.page.goto(self._url + path)
        if tab:
            self.page.get_by_text(tab, exact=True).last.click()
        self.read(*words)
        self.keep(name)

    def read(self, *words: str) -> None:
        """Wait until each of these words is there to be read."""
        for word in words:
            self.page.get_by_text(word).filter(visible=True).first.wait_for()

    def press(self, *buttons: str) -> None:
        """Press one button after the other, the newest of its name."""
        for button in buttons:
            self.page.get_by_role("button", name=button, exact=True).last.click()

    def keep(self, name: str) -> None:
        """Keep what is seen now as a picture, where pictures are wanted."""
        if name and (folder := os.environ.get("SYNTH_PICTURES")):
            self.page.wait_for_timeout(2000)  # the graph moves to its place
            with Image.open(io.BytesIO(self.page.screenshot())) as picture:
                picture.convert("RGB").quantize(COLOURS).save(Path(folder) / f"{name}.png", optimize=True)


@pytest.fixture
def shown(server: str, tmp_path: Path) -> Iterator[Shown]:
    """Two firings of a deployment, the second over one new document."""
    from flows.serve import made_of
    from flows.watching import watch_over

    table = tmp_path / "table.toml"
    table.write_text(TABLE)
    put(tmp_path / "notes", "energy.md", "motion.md")
    deployment = str(made_of(read_table(table).entries[0], tmp_path / "data/runs").apply())
    watch_over(None, 60)
    fire(server, deployment)
    put(tmp_path / "notes", "rates.txt")
    fire(server, deployment)
    begin_lines(lambda: "")
    # The server is that of other tests too: the newest of this name is the one just made.
    named = {"name": {"any_": ["notes-0002"]}}
    inside = ask(server, "/flow_runs/filter", flow_runs=named, sort="START_TIME_DESC")
    yield Shown(deployment, inside[0]["id"], tmp_path / "data/runs/notes-0002")
    ask(server, f"/deployments/{deployment}/pause_deployment")


@contextmanager
def pages_of(server: str) -> Iterator[Pages]:
    """A browser, opened last: its event loop would make coroutines of what Prefect is asked for."""
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield Pages(browser, server.removesuffix("/api"))
        browser.close()


@pytest.fixture
def pages(shown: Shown, server: str) -> Iterator[Pages]:
    with pages_of(server) as pages:
        yield pages


def fire(api_url: str, deployment: str) -> None:
    """One firing, in this process."""
    from prefect.client.orchestration import get_client
    from prefect.flow_engine import run_flow

    from flows.incremental import incremental

    made = ask(api_url, f"/deployments/{deployment}/create_flow_run", parameters={})
    with get_client(sync_client=True) as client:
        run_flow(incremental, client.read_flow_run(made["id"]))


@in_a_browser
def test_the_pages_that_a_person_opens(pages: Pages, shown: Shown, server: str) -> None:
    keys = {"funnel", "cost", "yield", "rejected", "data-card", "graph", "dataset", "viewer"}

    def found() -> dict[str, Any]:
        of_run = {"flow_run_id": {"any_": [shown.run]}}
        return {a["key"]: a for a in ask(server, "/artifacts/filter", artifacts=of_run)}

    assert set(found()) == keys
    deployment, run = f"/deployments/deployment/{shown.deployment}", f"/runs/flow-run/{shown.run}"
    pages.see("/deployments", NAME, "notes", name="deployments", height=500)
    pages.see(deployment, "Next Run", "At 02:00 AM every day", "notes, what is new", name="deployment")
    pages.see(f"{deployment}?tab=Description", "What is new in notes/", tab="Description")
    pages.see(f"{deployment}/run", "Everything the run depends on", "Subject of the questions.", name="form")
    refused = len(pages.faults)
    epochs = pages.page.locator(".schema-form-property", has_text="Epochs (Optional)").last
    epochs.locator("input").fill("0")
    pages.press("Submit")
    pages.read("Failure reason: 0 is less than the minimum of 1")
    epochs.evaluate("field => field.scrollIntoView({block: 'center'})")
    pages.keep("form-refused")
    assert pages.faults[refused].startswith("409 ")
    del pages.faults[refused:]
    pages.see(run, "01 documents: 1 row in, 1 row out, 0 rejected.", name="run", height=1100)
    pages.see(run, "the dataset", "10 dataset", "01 documents", tab="Subflow Runs")
    pages.see(run, "data-card", "funnel", "yield", tab="Artifacts")
    of_run = {"name": {"any_": ["05 questions"]}, "parent_flow_run_id": {"any_": [shown.run]}}
    (stage,) = (one["id"] for one in ask(server, "/flow_runs/filter", flow_runs=of_run))
    pages.see(f"/runs/flow-run/{stage}", "questions: part 1 of 1", tab="Task Runs")

    at = {key: f"/artifacts/artifact/{one['id']}" for key, one in found().items()}
    pages.see(at["cost"], "of 1 USD (", "all stages", "cost a row out", name="cost", height=600)
    pages.see(at["funnel"], "rows out of dataset", "why", name="funnel", height=700)
    pages.see(at["yield"], "the run before it published", "notes-0001", name="yield", height=500)
    pages.see(at["rejected"], "meaning")
    pages.see(at["data-card"], "Mathematics questions")
    pages.see(at["graph"], "the most connected are drawn", name="graph", height=760)
    pages.page.locator("img[src^='data:image/png']").first.wait_for()
    pages.see(at["viewer"], f"synth view {shown.folder}")
    link = pages.page.get_by_role("link", name="See every row, and where it comes from")
    assert link.get_attribute("href").endswith("/d/notes-0002")
    latest = {one["key"]: one["latest_id"] for one in ask(server, "/artifacts/latest/filter")}
    pages.see(f"/artifacts/artifact/{latest['version']}", "published as notes v0002", "notes-0001")
    pages.see("/automations", "synth: a run failed", "synth: no progress", name="automations")
    assert not pages.faults


@in_a_browser
def test_cancel_and_retry_are_buttons(server: str, tmp_path: Path) -> None:
    """A run is cancelled at its first calls; retried, it goes on from there."""
    corpus.write(tmp_path / "documents")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    table, said, far = tmp_path / "table.toml", tmp_path / "said", tmp_path / "far"
    table.write_text(RETRIED.format(port=port))
    endpoint = ("fake-endpoint", "--port", str(port))

    def state(of: str = "id", name: str = "02 concepts") -> str:
        wanted = {of: {"any_": [run]}} | ({} if of == "id" else {"name": {"any_": [name]}})
        found = ask(server, "/flow_runs/filter", flow_runs=wanted, sort="START_TIME_DESC")
        return str(found[0]["state_name"]) if found else ""

    slow = command(*endpoint, "--latency-ms", "600000", said=far)
    with slow as answering, command("serve", str(table), said=said), pages_of(server) as pages:
        until(lambda: "Ctrl-C ends it" in said.read_text(), "the table to be served")
        wanted = {"name": {"any_": ["retried"]}}
        deployment = ask(server, "/deployments/filter", deployments=wanted)[0]["id"]
        run = ask(server, f"/deployments/{deployment}/create_flow_run", parameters={})["id"]
        until(lambda: state("parent_flow_run_id") == "Running", "calls under way")
        at = f"/runs/flow-run/{run}"
        pages.see(at, "01 documents: 6 rows in, 6 rows out, 0 rejected.")
        pages.press("Cancel", "Confirm")
        until(lambda: state() == "Cancelled", "the run to be cancelled")
        kill(answering)
        with command(*endpoint, said=far):
            pages.see(at, "Cancelled")
            pages.press("Retry", "Retry")
            until(lambda: state() == "Completed", "the run to be completed")
            reused = "01 documents: Reused, as nothing that it depends on has changed: 6 rows in"
            pages.see(at, reused, "10 dataset: ", name="retried-run", height=1200)
    assert not pages.faults


def test_automations_fire(server: str, documents: Path, tmp_path: Path) -> None:
    """A run of a deployment that failed, one at a ceiling, and one of low yield."""
    from prefect import tags

    from flows.synthllm import synthllm
    from flows.watching import TAG, watch_over
    from synth.errors import BudgetReached, ConfigError
    from synth.settings import load

    watch_over(None, 60)
    of = [str(documents)]
    small = ["combinations.level2=off", "combinations.level3=off", "screen.benchmarks=[]"]
    with tags(TAG):
        with pytest.raises(ConfigError):
            synthllm(load("synthllm-recommended", ["/nowhere"], "fake", overrides=small))
        with pytest.raises(BudgetReached):
            ended = load("synthllm-recommended", of, "fake", overrides=[*small, "budget.calls=2"])
            synthllm(ended, "ended", str(tmp_path))
        low = ["publish.min_yield=1", "screen.min_words=42"]
        synthllm(load("synthllm-recommended", of, "fake", overrides=[*small, *low]), "low", str(tmp_path))

    def fired() -> set[str]:
        wanted = {"event": {"name": ["prefect.automation.triggered"]}}
        found = ask(server, "/events/filter", filter=wanted, limit=50)["events"]
        return {event["resource"]["prefect.resource.name"] for event in found}

    names = {"synth: a run failed", "synth: a ceiling was reached", "synth: low yield"}
    until(lambda: names <= fired(), f"{names}, of which there are {fired()}")
