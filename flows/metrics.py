"""Figures of a run for Prometheus, at a port of this machine that only this machine reaches (`metrics_port`).

In: the run that is at work. Out: a page of samples, made anew for each scrape: calls, tokens and money by
stage and role, what is in flight, rows and rejected rows of finished stages, the size of the journal. Labels
are names of stages, roles, entries, reasons and of the run: no text of a row, no address, no key. Counters
begin with the process, as Prometheus expects of them.
"""

from collections.abc import Callable, Iterator
from http.server import HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from synth.llm.pulse import cost_of
from synth.pipeline import stage_of
from synth.schemas import STAGES, main_table
from synth.store import StageStore

if TYPE_CHECKING:
    from synth.llm.usage import Account
    from synth.runs import Run

HOST = "127.0.0.1"
CALLS = ("run", "stage", "role", "entry", "way")
TOKENS = ("prompt", "cached", "completion", "reasoning")


class Measured(Collector):
    """The figures of one run at a time; `hear` takes how far a stage has come."""

    def __init__(self, run: "Run") -> None:
        self.run = run
        self._course: dict[str, tuple[int, int]] = {}
        self._finished: dict[str, tuple[int, dict[str, int], dict[str, int]]] = {}
        self._roles: dict[Account, str] = {}

    def hear(self, stage: str, done: int, total: int) -> None:
        """A stage has come so far."""
        self._course[stage] = (done, total)

    def collect(self) -> Iterator[Metric]:
        """All samples as they are now."""
        yield from self._calls()
        yield from self._endpoints()
        yield from self._rows()
        size = GaugeMetricFamily("synth_journal_bytes", "Kept answers, in bytes on the disk", labels=["run"])
        size.add_metric([self.run.name], _bytes(self.run.folder / "calls"))
        yield size

    def _calls(self) -> Iterator[Metric]:
        calls = CounterMetricFamily("synth_calls", "Calls by what became of them", labels=[*CALLS, "outcome"])
        tokens = CounterMetricFamily(
            "synth_tokens", "Tokens, as endpoints tell them", labels=[*CALLS, "kind"]
        )
        cost = CounterMetricFamily("synth_cost", "Money, where prices are known", labels=[*CALLS, "currency"])
        for account, used in self.run.client.bill.items():
            way = "batch" if account.batch else "live"
            names = [self.run.name, account.stage, self._role(account), account.entry, way]
            for outcome in ("made", "reused", "failed", "unconfirmed"):
                _add(calls, [*names, outcome], getattr(used, outcome))
            for kind in TOKENS:
                _add(tokens, [*names, kind], getattr(used, f"{kind}_tokens"))
            whole = cost_of({account: used}, self.run.client.prices).whole
            if whole is not None:
                _add(cost, [*names, self.run.config.currency], float(whole))
        yield from (calls, tokens, cost)

    def _endpoints(self) -> Iterator[Metric]:
        said = {
            "in_flight": "Calls under way",
            "limit": "Calls that may be under way at one time",
            "tokens_per_s": "Tokens of replies in a second, over the last ten",
            "down": "Whether the endpoint is taken for down",
        }
        states = self.run.client.states()
        for name, doc in said.items():
            gauge = GaugeMetricFamily(f"synth_endpoint_{name}", doc, labels=["run", "entry"])
            for entry, state in states.items():
                gauge.add_metric([self.run.name, entry], float(getattr(state, name)))
            yield gauge

    def _rows(self) -> Iterator[Metric]:
        labels = ["run", "stage"]
        done = GaugeMetricFamily("synth_stage_done", "Of what the stage has to do, done", labels=labels)
        whole = GaugeMetricFamily("synth_stage_all", "Rows or calls that the stage has to do", labels=labels)
        for stage, (come, total) in tuple(self._course.items()):
            done.add_metric([self.run.name, stage], come)
            whole.add_metric([self.run.name, stage], total)
        rows = GaugeMetricFamily("synth_rows", "Rows that a finished stage put out", labels=labels)
        fallen = GaugeMetricFamily(
            "synth_rejected_rows", "Rows that a finished stage rejected", labels=[*labels, "reason"]
        )
        for stage in STAGES:
            _, outputs, reasons = self._of_stage(stage)
            if outputs:
                rows.add_metric([self.run.name, stage], outputs.get(main_table(stage), 0))
            for reason, count in reasons.items():
                fallen.add_metric([self.run.name, stage, reason], count)
        yield from (done, whole, rows, fallen)

    def _of_stage(self, stage: str) -> tuple[int, dict[str, int], dict[str, int]]:
        """Counts of a manifest, which may name many parts: it is read once for each time it is written."""
        store = StageStore(self.run.folder, stage)
        written = _mtime(store.manifest_path)
        if self._finished.get(stage, (-1,))[0] != written:
            manifest = store.manifest() if written else None
            counts = (manifest.outputs, manifest.reasons) if manifest else ({}, {})
            self._finished[stage] = (written, *counts)
        return self._finished[stage]

    def _role(self, account: "Account") -> str:
        """The roles that an entry plays in a stage."""
        config = self.run.config
        if account not in self._roles and account.stage in STAGES:
            spec = stage_of(account.stage, config)
            players = config.players((*spec.roles, *spec.more(config).roles))
            self._roles[account] = "+".join(role for role, entry in players.items() if entry == account.entry)
        return self._roles.get(account, "")


class _Port:
    """The page at one port, of whichever run is at work."""

    def __init__(self, port: int) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        self.server: HTTPServer = start_http_server(port, addr=HOST, registry=self.registry)[0]
        self.shown: Measured | None = None

    def show(self, measured: Measured) -> None:
        if self.shown is not None:
            self.registry.unregister(self.shown)
        self.registry.register(measured)
        self.shown = measured


_ports: dict[int, _Port] = {}


def show(run: "Run", say: Callable[[str], None]) -> Measured:
    """Serve the figures of a run from now on, in the place of the one before, until the process ends.

    A port that is taken is said, and is no reason for a run to fail.
    """
    measured, port = Measured(run), run.config.metrics_port
    try:
        _ports.setdefault(port, _ports.get(port) or _Port(port)).show(measured)
        say(f"Metrics for Prometheus: http://{HOST}:{port}/metrics")
    except OSError as fault:
        say(
            f"metrics_port {port} cannot be used ({fault.strerror}), so this run has no metrics; set another."
        )
    return measured


def stop() -> None:
    """Close all ports."""
    while _ports:
        _, port = _ports.popitem()
        port.server.shutdown()
        port.server.server_close()


def _add(family: CounterMetricFamily, labels: list[str], value: float) -> None:
    if value:
        family.add_metric(labels, value)


def _mtime(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _bytes(folder: Path) -> int:
    """Of all files below; segments are merged and removed while we look."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:
            continue
    return total
