"""A run whose parts are done by workers: what they are handed, what they tell, whom they ask for calls.

In: a run that this process holds, and an engine. Out: finished parts. This process plans, makes all calls to
models, and writes manifests; so limits, budget, journal and lock are what they are without workers.
"""

import secrets
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from flows import worker
from flows.engines import Engine, engine_of
from synth.ahead import Share
from synth.errors import ConfigError, SynthError
from synth.llm.carrier import Carrier
from synth.runs import Part, Plan, Run
from synth.settings import anchored
from synth.store import PartRecord
from synth.workplace import Report, Workplace
from synth.writing import write_bytes


class Hands:
    """The workers of one run."""

    def __init__(self, run: Run, engine: Engine) -> None:
        self._run, self._engine = run, engine
        # A worker's own folder is another one, so paths are whole.
        self._config, self._folder = anchored(run.config), run.folder.absolute()
        self._place = Workplace(self._config, self._folder, run.client)
        self._reports: dict[tuple[str, int], Report] = {}
        self._sharing = threading.Lock()

    @property
    def width(self) -> int:
        """How many parts are under way at one time."""
        return self._engine.width

    def work(self, plan: Plan, part: Part, report: Report) -> PartRecord:
        """As `Run.work`, by a worker.

        Raises:
            SynthError: as the part does.
        """
        record = self._run.found(plan, part)
        if record is not None:
            return record
        with self._sharing:
            self._ahead(plan, part, report)
        job = worker.Job(self._folder, self._config, plan.stage, part.index, part.key, part.size)
        made: PartRecord = self._asked(plan.stage, part.index, report, worker.work, job)
        return made

    def told(self, stage: str, index: int, done: int, total: int) -> None:
        """A worker has come so far."""
        if report := self._reports.get((stage, index)):
            report(done, total)

    def look(self) -> None:
        """Whether all workers have what they need.

        Raises:
            ConfigError: what some of them lack.
        """
        folder, token = self._folder, secrets.token_hex(8)
        here = folder / worker.HERE
        write_bytes(here, token.encode())
        try:
            found = self._engine.everywhere(worker.look, folder, token, worker.code_of())
        except (ImportError, AttributeError) as fault:
            raise ConfigError(f"runner: a worker cannot import synth ({fault}); install it there.") from fault
        finally:
            here.unlink(missing_ok=True)
        (folder / f"{worker.HERE}-{token}").unlink(missing_ok=True)
        if faults := [f"runner: worker {who}: {said}." for who, lacks in found.items() for said in lacks]:
            raise ConfigError(*faults[:5])

    def _ahead(self, plan: Plan, part: Part, report: Report) -> None:
        """What of a part may be done in shares, which the part then finds done."""
        shares = self._place.shares(plan.stage, part.key, self.width)
        if not shares:
            return
        done, total = [0] * len(shares), sum(share.size for share in shares)

        def do(place: int, share: Share) -> None:
            def count(so_far: int, of: int) -> None:
                done[place] = so_far
                report(sum(done), total)

            # Negative, so that it is none of a part's.
            job = worker.Job(self._folder, self._config, plan.stage, -1 - place, part.key, share.size)
            self._asked(plan.stage, job.index, count, worker.share, job, share)
            count(share.size, share.size)  # the last that was told may still be on its way

        with ThreadPoolExecutor(self.width) as pool:
            list(pool.map(do, range(len(shares)), shares))

    def _asked(self, stage: str, index: int, report: Report, work: Callable[..., Any], *given: Any) -> Any:
        self._reports[stage, index] = report
        try:
            made = self._engine.call(work, *given)
        finally:
            del self._reports[stage, index]
        if isinstance(made, SynthError):
            raise made
        return made


@contextmanager
def hands_of(run: Run) -> Iterator[Hands | None]:
    """The workers of a run, looked at and ready; None where it needs none.

    Raises:
        ConfigError: there are none, or they lack something.
    """
    if run.config.runner == "threads":
        yield None
        return
    with engine_of(run.config) as engine:
        hands = Hands(run, engine)
        with Carrier(run.client, run.folder.absolute(), run.config.runner_host, hands.told):
            hands.look()
            yield hands
