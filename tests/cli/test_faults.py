"""Wrong input: one sentence for each fault, on standard error, with the exit code of the contract."""

import contextlib
import gzip
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import Result

Synth = Callable[..., Result]
ROOT = Path(__file__).parents[2]


def failed(done: Result, code: int, *words: str) -> None:
    assert done.exit_code == code, done.output
    assert "Traceback" not in done.output
    for word in words:
        assert word in done.stderr
    assert done.stderr.rstrip().endswith(".")


def run(synth: Synth, documents: Path, *options: object) -> Result:
    return synth("run", "synthllm-recommended", "--documents", documents, "--no-ui", *options)


@contextlib.contextmanager
def endpoint(*options: str) -> Iterator[str]:
    """`synth fake-endpoint` in its own process; ends on Ctrl-C with exit code 0."""
    command = [sys.executable, "-m", "flows.cli", "fake-endpoint", "--port", "0", *options]
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    # Where the tests themselves run in the background, Ctrl-C is ignored, and so it would be in the child.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    served = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path}
    )
    signal.signal(signal.SIGINT, before)
    try:
        assert served.stdout is not None
        yield served.stdout.readline().strip()
    finally:
        served.send_signal(signal.SIGINT)
        assert served.wait(120) == 0


def entry(url: str, key: str = "") -> str:
    return f'models.big={{base_url="{url}", model="m1"{key}}}'


def test_every_fault_of_a_configuration_at_once(synth: Synth, documents: Path) -> None:
    done = run(
        synth, documents, "--set", "combinations.epoch=3", "--set", "screen.threshold=2", "--set", "seed=x"
    )
    failed(done, 2, "combinations.epoch", "screen.threshold", "seed")
    assert len(done.stderr.splitlines()) == 3


def test_a_missing_endpoint(synth: Synth, documents: Path) -> None:
    done = run(synth, documents, "--set", entry("http://127.0.0.1:9/v1"), "--model", "big")
    failed(done, 2, "models.big", "cannot be reached")


def test_a_key_that_is_not_set(synth: Synth, documents: Path) -> None:
    done = run(
        synth, documents, "--set", entry("http://127.0.0.1:9/v1", ', api_key_env="NO_KEY"'), "--model", "big"
    )
    failed(done, 2, "NO_KEY", "not set")


def test_a_wrong_key_and_an_unknown_model(
    synth: Synth, documents: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with endpoint("--api-key", "right", "--model", "other") as url:
        with_key = entry(url, ', api_key_env="KEY"')
        monkeypatch.setenv("KEY", "wr0ng")
        done = run(synth, documents, "--set", with_key, "--model", "big")
        failed(done, 2, "refused the key")
        assert "wr0ng" not in done.output
        monkeypatch.setenv("KEY", "right")
        failed(run(synth, documents, "--set", with_key, "--model", "big"), 2, "'m1'", "other")


@pytest.mark.parametrize("kind", ["missing", "empty"])
def test_no_documents(synth: Synth, tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "none"
    if kind == "empty":
        folder.mkdir()
    failed(run(synth, folder, "--model", "fake"), 2, str(folder))


def test_documents_that_cannot_be_read_are_rejected_rows(synth: Synth, home: Path, tmp_path: Path) -> None:
    (tmp_path / "good.txt").write_text("The slope of a line is a rate of change of one quantity. " * 4)
    (tmp_path / "broken.jsonl.gz").write_bytes(gzip.compress(b'{"text": "whole"}\n' * 99)[:-20])
    files = (tmp_path / "good.txt", tmp_path / "broken.jsonl.gz")
    few = ("--set", "combinations.level3=off", "--model", "fake", "--no-ui", "--name", "two")
    done = synth("run", "synthllm-recommended", "--documents", *files, *few)
    assert done.exit_code == 0, done.output
    assert "unreadable 1" in synth("stats", "two").stdout


def test_an_unknown_recipe_and_one_that_is_no_toml(synth: Synth, tmp_path: Path) -> None:
    failed(synth("run", "nonesuch"), 2, "nonesuch", "synthllm-recommended")
    (tmp_path / "bad.toml").write_text("documents = [")
    failed(synth("check", tmp_path / "bad.toml"), 2, "bad.toml", "TOML")


def test_an_unknown_run_and_an_unknown_row(synth: Synth, finished: Path) -> None:
    failed(synth("status", "nonesuch"), 2, "nonesuch")
    failed(synth("explain", finished, "q_nonesuch"), 2, "q_nonesuch")


def test_a_name_may_not_lead_out_of_the_folder_of_runs(synth: Synth, documents: Path) -> None:
    failed(run(synth, documents, "--name", "../x", "--model", "fake"), 2, "--name")


def test_wrong_usage_is_told_in_one_line(synth: Synth) -> None:
    done = synth("run", "demo", "--nonesuch")
    assert done.exit_code == 2
    assert "--nonesuch" in done.stderr


def test_a_folder_that_cannot_be_written(synth: Synth, documents: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = run(synth, documents, "--model", "fake", "--out", tmp_path / "file" / "runs")
    assert done.exit_code in (1, 2), done.output
    assert str(tmp_path / "file" / "runs") in done.stderr
    assert done.stderr.rstrip().endswith(".")


def test_a_full_disk_leaves_nothing_that_looks_whole(documents: Path, tmp_path: Path) -> None:
    """No file may grow beyond 20 kB: writing fails in the middle, as on a full disk."""
    few = [
        "--set",
        "combinations.max_level3=3",
        "--model",
        "fake",
        "--no-ui",
        "--out",
        str(tmp_path),
        "--name",
        "full",
    ]
    command = ["run", "synthllm-recommended", "--documents", str(documents), *few]
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-m", "flows.cli", *command], capture_output=True, text=True, timeout=120,
        # A compiled module would be cut off as well, and stay so for whoever imports it next.
        env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.strip().splitlines()[-1].endswith(".")
    assert not (tmp_path / "full" / "dataset").exists()
    assert not list((tmp_path / "full").rglob("*.tmp"))


def test_a_reader_that_leaves_does_no_harm(finished: Path) -> None:
    command = f"{sys.executable} -m flows.cli stats {finished} --json | head -c 1"
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, timeout=60,
        env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "{", "")
