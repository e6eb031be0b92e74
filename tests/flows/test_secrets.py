"""A planted key is found nowhere after runs under Prefect: a good one, one that was refused, one that was echoed."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli import app
from tests import corpus
from tests.endpoints import PLANTED_KEY, FakeEndpoint

pytestmark = pytest.mark.flows
WRONG_KEY = "sk-wrong-9876543210fedcba"


def holding(folder: Path, secret: str) -> list[str]:
    """Files in which a text stands: of a run, or of Prefect's server with its states, logs and artifacts."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [str(path) for path in files if secret.encode() in path.read_bytes()]


def test_a_key_stands_nowhere(
    server: str,
    server_home: Path,
    start_fake: Callable[..., FakeEndpoint],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    far = start_fake("--api-key-env", "FAKE_KEY", "--fault", "status_500=0.05")
    documents = corpus.write(tmp_path / "documents")
    entry = f'models.far={{base_url="{far.url}",model="fake",api_key_env="FAR_KEY",structured="json_schema"}}'
    command = ["run", "synthllm-recommended", "--documents", str(documents), "--model", "far", "--set", entry]
    command += ["--set", "combinations.epochs=1", "--out", str(tmp_path / "runs"), "--name", "keyed"]

    monkeypatch.setenv("FAR_KEY", WRONG_KEY)  # the endpoint repeats it in what it says
    refused = CliRunner().invoke(app, command)
    assert refused.exit_code != 0
    assert "refused the key" in refused.output
    monkeypatch.setenv("FAR_KEY", PLANTED_KEY)
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output

    database = list(server_home.glob("prefect.db*"))
    assert b"keyed" in b"".join(path.read_bytes() for path in database)  # it is the one that was written
    for secret in (WRONG_KEY, PLANTED_KEY):
        assert secret not in refused.output + done.output
        assert holding(tmp_path, secret) == []
        assert holding(server_home, secret) == []
