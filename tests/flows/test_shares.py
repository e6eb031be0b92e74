"""What workers do ahead of a part, in shares: by more than one of them, kept when one dies, and the same rows."""

import os
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import synth
from flows import worker
from flows.engines import Engine, engine_of
from flows.hands import Hands
from synth.config import RunConfig
from synth.llm.carrier import Carrier
from synth.runs import Run, silent
from synth.settings import load
from tests import corpus
from tests.test_kill import contents

MORE_FILES = 45


def told(notes: Path, work: Callable[..., Any], *given: Any) -> tuple[int, Any]:
    """What a worker returns, and which it was.

    The first share of all kills its worker; those of the screen wait until two workers have one.
    """
    if work is worker.share and not (notes / "killed").exists():
        (notes / "killed").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if work is worker.share and given[0].stage == "screen":
        (notes / f"at work {os.getpid()}").touch()
        end = time.monotonic() + 120
        while len(list(notes.glob("at work *"))) < 2 and time.monotonic() < end:
            time.sleep(0.05)
    return os.getpid(), work(*given)


class Watched:
    """An engine that notes which process did what of which stage."""

    def __init__(self, engine: Engine, notes: Path) -> None:
        self._engine, self._notes, self.width = engine, notes, engine.width
        self.done: dict[str, list[int]] = defaultdict(list)

    def call(self, work: Callable[..., Any], *given: Any) -> Any:
        pid, made = self._engine.call(told, self._notes, work, *given)
        if work is worker.share:
            self.done[given[0].stage].append(pid)
        return made

    def everywhere(self, work: Callable[..., Any], *given: Any) -> dict[str, Any]:
        return self._engine.everywhere(work, *given)


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Enough files to be shared, and an item of a benchmark that some questions repeat."""
    folder = corpus.write(tmp_path_factory.mktemp("documents"))
    for number in range(MORE_FILES):
        said = f"Sum {number}: the sum of {number} and a falling ball is a ratio of two linear equations. "
        (folder / f"sum{number}.txt").write_text(said * 4)
    return folder


def configured(documents: Path, *more: str) -> RunConfig:
    # Strict settings, so that rows fall for several reasons.
    strict = ["screen.threshold=0.3", "screen.min_words=26", "screen.copied_source=0.02"]
    few = ["combinations.epochs=1", "combinations.level2_sets=1", "part_rows=40", *strict]
    return load("synthllm-recommended", [str(documents)], "fake", overrides=[*few, *more])


@contextmanager
def with_hands(run: Run, engine: Engine) -> Iterator[Hands]:
    hands = Hands(run, engine)
    with Carrier(run.client, run.folder.absolute(), run.config.runner_host, hands.told):
        yield hands


def carried_out(config: RunConfig, runs: Path) -> tuple[Path, Watched, dict[str, Any]]:
    """A run all of whose parts two processes do, one part after the other; and what was told of each stage."""
    heard: dict[str, list[tuple[int, int]]] = defaultdict(list)
    with Run.open(config, runs, "far") as run, engine_of(config) as engine:
        watched = Watched(engine, runs)
        with with_hands(run, watched) as hands:
            for stage in run.stages:
                plan = run.plan(stage)

                def hear(done: int, total: int, stage: str = stage) -> None:
                    heard[stage].append((done, total))

                run.commit(plan, [hands.work(plan, part, hear) for part in plan.parts])
        run.finish()
        return run.folder, watched, heard


def made(folder: Path) -> dict[str, bytes]:
    """The dataset, which has all rejected rows, and the files of those that the screen rejected."""
    return contents(folder / "dataset") | {
        f"fell {k}": v for k, v in contents(folder / "rejected" / "screen").items()
    }


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_shares_are_done_by_both_workers_and_change_nothing(documents: Path, tmp_path: Path) -> None:
    synth.run(configured(documents), runs=tmp_path, name="near")
    config = configured(documents, "runner=processes", "runner_workers=2")
    folder, watched, heard = carried_out(config, tmp_path)
    both, plain = made(folder), made(tmp_path / "near")
    assert sorted(both) == sorted(plain)
    assert [name for name in both if both[name] != plain[name]] == []
    assert any(name.startswith("fell ") for name in plain)
    assert (tmp_path / "killed").exists()
    assert len(watched.done["documents"]) >= 2
    assert len(watched.done["screen"]) >= 4
    assert len(set(watched.done["screen"])) == 2
    done, total = zip(*heard["screen"], strict=True)
    assert max(done) == max(total) == run_rows(folder)
    assert not list(folder.rglob(".ahead"))


def run_rows(folder: Path) -> int:
    return int(synth.load(folder, "questions").shape[0])


def test_shares_that_are_there_are_taken_up_and_others_of_another_key_go(
    documents: Path, tmp_path: Path
) -> None:
    synth.run(configured(documents), runs=tmp_path, name="near")
    with Run.open(configured(documents, "screen.min_words=27"), tmp_path, "near") as run:
        plan = run.plan("screen")
        (part,) = plan.parts
        shares = list(run.shares("screen", part.key, 2))
        assert len(shares) >= 4
        assert run.shares("screen", part.key, 1) == []
        run.share("screen", part.key, shares[1], silent)
        assert list(run.shares("screen", part.key, 2)) == [shares[0], *shares[2:]]
        kept = next(run.folder.rglob("*.share"))
        before = kept.stat().st_mtime_ns
        run.share("screen", part.key, shares[1], silent)
        assert kept.stat().st_mtime_ns == before
    with Run.open(configured(documents, "screen.min_words=25"), tmp_path, "near") as run:
        (part,) = run.plan("screen").parts
        assert list(run.shares("screen", part.key, 2)) == shares
        assert not kept.exists()
        for share in shares[::2]:
            run.share("screen", part.key, share, silent)
        record = run.work(run.plan("screen"), part, silent)
        assert record.rejected
        assert not list(run.folder.rglob(".ahead"))
        by_shares = {file.table: file.sha256 for file in record.files}
        again = run.make("screen", part, silent)
        assert {file.table: file.sha256 for file in again.files} == by_shares
