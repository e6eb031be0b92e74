"""Figures for Prometheus: served on loopback while a run goes on, without a word of a row and without a key."""

import socket
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

import synth
from flows import metrics, progress
from synth.config import RunConfig
from synth.report import read_stats
from synth.runs import Run
from tests.endpoints import PLANTED_KEY, FakeEndpoint

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture
def port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        number: int = server.getsockname()[1]
    yield number
    metrics.stop()


def scraped(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        return str(answer.read(), "utf-8")


def samples(page: str) -> Samples:
    families = list(text_string_to_metric_families(page))
    found = [(s.name, frozenset(s.labels.items()), s.value) for family in families for s in family.samples]
    assert len({(name, labels) for name, labels, _ in found}) == len(found)
    return {(name, labels): value for name, labels, value in found}


def total(found: Samples, name: str, **labels: str) -> float:
    return sum(
        value for (said, of), value in found.items() if said == name and labels.items() <= dict(of).items()
    )


def test_a_run_is_scraped_while_it_goes_on(
    documents: Path,
    tmp_path: Path,
    port: int,
    start_fake: Callable[..., FakeEndpoint],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PLANTED", PLANTED_KEY)
    entry = f"""models.far={{base_url="{start_fake("--latency", "0.02").url}", model="fake", max_in_flight=3,
        api_key_env="PLANTED", structured="json_schema", price={{input=1.0, output=2.0}}}}"""
    more = [
        " ".join(entry.split()),
        f"metrics_port={port}",
        "combinations.epochs=1",
        "combinations.max_level3=4",
    ]
    config = synth.recipe("synthllm-recommended", documents=[str(documents)], model="far", overrides=more)
    pages: list[str] = []

    def look(stage: str, done: int, all_: int) -> None:
        progress.tell(stage, done, all_)
        if stage == "answers" and done == 5:
            pages.append(scraped(port))

    result = synth.run(config, name="seen", runs=tmp_path / "runs", watch=progress.watch, progress=look)
    during, after = samples(pages[0]), samples(scraped(port))
    assert total(during, "synth_calls_total", stage="answers", role="solver", entry="far", outcome="made") > 0
    assert total(during, "synth_endpoint_in_flight", entry="far") in (1, 2, 3)
    assert total(during, "synth_endpoint_limit", entry="far") == 3
    assert total(during, "synth_stage_done", stage="answers") == 5
    assert total(during, "synth_rows", stage="answers") == 0 < total(during, "synth_rows", stage="questions")
    stats = read_stats(result.folder)
    made = total(after, "synth_calls_total", outcome="made")
    assert made == total(after, "synth_stage_done", stage="concepts") + sum(
        total(after, "synth_stage_done", stage=stage) for stage in ("questions", "answers")
    )
    assert total(after, "synth_rows", stage="dataset") == stats["rows"]
    for row in result.funnel:
        assert total(after, "synth_rejected_rows", stage=row.stage) == sum(row.reasons.values())
    prompt, completion = (total(after, "synth_tokens_total", kind=kind) for kind in ("prompt", "completion"))
    cost = total(after, "synth_cost_total", currency="USD")
    assert cost == pytest.approx((prompt + 2 * completion) / 1e6) and cost > 0
    assert total(after, "synth_journal_bytes") > 10_000
    assert PLANTED_KEY not in pages[0] + scraped(port)
    labels = {value for _, of in after for _, value in of}
    texts = [
        *synth.load(result.folder, "dataset")["question"],
        *synth.load(result.folder, "concepts")["name"],
    ]
    assert not labels & set(texts) and max(map(len, labels)) < 40


def test_only_this_machine_reaches_it(config: RunConfig, tmp_path: Path, port: int) -> None:
    said: list[str] = []
    with Run.open(config.model_copy(update={"metrics_port": port}), tmp_path, "r") as run:
        progress.watch(run, said.append)
    assert said == [f"Metrics for Prometheus: http://127.0.0.1:{port}/metrics"]
    assert metrics._ports[port].server.server_address[0] == "127.0.0.1"


def test_a_port_that_is_taken_is_told_and_stops_nothing(config: RunConfig, tmp_path: Path) -> None:
    said: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        with Run.open(config.model_copy(update={"metrics_port": taken}), tmp_path, "r") as run:
            progress.watch(run, said.append)
            progress.tell("documents", 1, 1)
    assert len(said) == 1 and f"metrics_port {taken} cannot be used" in said[0]


def test_without_the_setting_nothing_is_opened(config: RunConfig, tmp_path: Path) -> None:
    with Run.open(config, tmp_path, "r") as run:
        progress.watch(run, lambda said: None)
    assert metrics._ports == {}
