"""What workers need is looked at before anything is paid for, and said in sentences; without a cluster here."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import synth
from flows import worker
from flows.engines import engine_of
from flows.hands import Hands, hands_of
from synth import clusters
from synth.config import RunConfig
from synth.documents.collect import shelf_for
from synth.documents.shares import read_share, shares_of
from synth.documents.shelf import RANGE
from synth.errors import ConfigError
from synth.llm.carrier import Carrier
from synth.runs import Run
from synth.settings import load


class Elsewhere:
    """Workers that see what they are told to see."""

    width = 2

    def __init__(self, seen: Callable[..., Any]) -> None:
        self._seen = seen

    def call(self, work: Callable[..., Any], *given: Any) -> Any:
        return work(*given)

    def everywhere(self, work: Callable[..., Any], *given: Any) -> dict[str, Any]:
        return {"tcp://10.0.0.7:1234": self._seen(work, *given)}


@pytest.fixture
def run(config: RunConfig, tmp_path: Path) -> Iterator[Run]:
    with Run.open(config, tmp_path / "runs", "r") as run:
        yield run


def looked(run: Run, seen: Callable[..., Any], carried: bool = True) -> str:
    hands = Hands(run, Elsewhere(seen))
    try:
        if carried:
            with Carrier(run.client, run.folder, "127.0.0.1", hands.told):
                hands.look()
        else:
            hands.look()
    except ConfigError as fault:
        return str(fault)
    return ""


def test_a_worker_that_has_everything_is_taken(run: Run) -> None:
    before = sorted(run.folder.rglob("*"))
    assert looked(run, lambda work, *given: work(*given)) == ""
    assert sorted(run.folder.rglob("*")) == before


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (
            lambda work, folder, token, code: work(folder / "not", token, code),
            "is not there; put the runs where",
        ),
        (lambda work, folder, token, code: work(folder, "other", code), "is another folder there"),
        (lambda work, folder, token, code: work(folder, token, "synth 0"), "runs other code"),
    ],
    ids=["missing", "another", "code"],
)
def test_what_a_worker_lacks_is_said(run: Run, seen: Callable[..., Any], said: str) -> None:
    found = looked(run, seen)
    assert found.startswith("runner: worker tcp://10.0.0.7:1234: ")
    assert said in found
    assert "\n" not in found


def test_a_worker_that_does_not_reach_this_process_is_said(run: Run) -> None:
    assert "is the folder of runs shared" in looked(run, lambda work, *given: work(*given), carried=False)


def test_a_worker_without_the_package_is_said(run: Run) -> None:
    def seen(work: Any, *given: Any) -> Any:
        raise ModuleNotFoundError("No module named 'flows'")

    assert (
        looked(run, seen)
        == "runner: a worker cannot import synth (No module named 'flows'); install it there."
    )


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["runner_address=tcp://127.0.0.1:1"], "runner_address: threads has no address"),
        (
            ["runner=dask", "runner_address=tcp://10.0.0.1:8786"],
            "runner_host: workers of tcp://10.0.0.1:8786",
        ),
        (["runner=ray", "runner_address=10.0.0.1:6379"], "runner_host: workers of 10.0.0.1:6379"),
    ],
)
def test_settings_that_cannot_work_are_faults(overrides: list[str], said: str) -> None:
    found = [*clusters.faults_of(load("demo", overrides=overrides))]
    assert any(one.startswith(said) for one in found), found


def test_a_package_that_is_missing_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "find_spec", lambda name: None)
    for runner in ("dask", "ray"):
        config = load("demo", overrides=[f"runner={runner}"])
        said = f"runner: {runner} is not installed; pip install 'synth[{runner}]'."
        assert [*clusters.faults_of(config)] == [said]
        with pytest.raises(ConfigError) as fault, engine_of(config):
            pass
        assert str(fault.value) == said


def test_without_prefect_workers_are_refused(config: RunConfig) -> None:
    with pytest.raises(ConfigError, match="leave out --no-ui"):
        synth.run(config.model_copy(update={"runner": "processes"}))


def test_threads_need_no_workers(run: Run) -> None:
    with hands_of(run) as hands:
        assert hands is None


def test_shares_fill_the_shelf_each_in_its_own_range(tmp_path: Path) -> None:
    for number in range(60):
        (tmp_path / f"{number}.txt").write_text(f"The sum of {number} and {number} is {2 * number}. " * 5)
    (tmp_path / "copy.txt").write_bytes((tmp_path / "7.txt").read_bytes())
    config = load("synthllm-recommended", [str(tmp_path)], "fake")
    folder = tmp_path / "stage"
    shares = shares_of(config, folder, 2)
    assert sorted(len(share.sources) for share in shares) == [20, 20, 20]
    # Together, as two workers may be at it: none sees the segments of the others as its own.
    told: list[tuple[int, int]] = []
    assert [read_share(share, lambda *so_far: told.append(so_far)) for share in reversed(shares)] == [20] * 3
    numbers = sorted(int(path.stem.removeprefix("read-")) for path in folder.rglob("read-*.parquet"))
    assert numbers == [0, RANGE, 2 * RANGE]
    shelf = shelf_for(folder, config.documents)
    assert all(key in shelf for share in shares for key in share.keys.values())
    assert shares_of(config, folder, 2) == []
    assert read_share(shares[0], lambda *so_far: None) == 0
    assert worker.code_of() == worker.code_of()
