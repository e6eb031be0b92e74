"""Who is answered, what a browser may do with it, and what DuckDB may touch."""

from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from starlette.testclient import TestClient

from synth.view.app import create
from synth.view.engine import Engine, QueryFault, TooSlow

Opened = Callable[..., TestClient]


@pytest.mark.parametrize("path", ["/", "/nothing", "/static/style.css", "/d/rich/t/dataset?page=x"])
def test_every_answer_carries_the_policy(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy and "http" not in policy and "data:" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example"])
def test_a_false_host_is_refused(client: TestClient, host: str) -> None:
    assert client.get("/", headers={"host": host}).status_code == 400


@pytest.mark.parametrize("host", ["127.0.0.1:8100", "localhost:1"])
def test_a_host_of_this_machine_is_answered(client: TestClient, host: str) -> None:
    assert client.get("/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_only_reading_is_answered(client: TestClient, method: str) -> None:
    assert client.request(method, "/").status_code == 405


def test_another_site_may_link_here_and_not_read(client: TestClient) -> None:
    site = {"sec-fetch-site": "cross-site"}
    assert client.get("/", headers={**site, "sec-fetch-mode": "navigate"}).status_code == 200
    assert client.get("/", headers={**site, "sec-fetch-mode": "no-cors"}).status_code == 403


def test_others_need_the_token(opened: Opened, runs: Path) -> None:
    with pytest.raises(ValueError, match="token"):
        create(runs, host="0.0.0.0")
    client = opened(runs, host="0.0.0.0", token="secret-token")
    assert client.get("/").status_code == 401
    assert client.get("/static/style.css").status_code == 401
    assert client.get("/?token=wrong").status_code == 401
    answer = client.get("/d/rich/stats?x=1&token=secret-token")
    assert answer.status_code == 303 and answer.headers["location"] == "/d/rich/stats?x=1"
    assert "httponly" in answer.headers["set-cookie"].lower()
    assert client.get("/d/rich/stats").status_code == 200  # the cookie is kept


@pytest.mark.parametrize(
    "path", ["/d/..%2f..", "/d/%2e%2e%2f", "/d/%2fetc", "/static/../app.py", "/static/%2e%2e/app.py"]
)
def test_names_are_no_paths(client: TestClient, path: str) -> None:
    assert client.get(path).status_code in (303, 404)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM read_parquet('{outside}')",
        "SELECT * FROM read_parquet('{inside}/../outside.parquet')",
        "ATTACH '{outside}.db'",
        "INSTALL fts",
        "LOAD fts",
        "SET enable_external_access = true",
        "SET threads = 64",
        "SET lock_configuration = false",
        "COPY (SELECT 1) TO '{outside}.csv'",
        "SELECT * FROM glob('/etc/*')",
    ],
)
def test_duckdb_reads_one_folder_and_stays_so(tmp_path: Path, sql: str) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside.parquet"
    inside.mkdir()
    pq.write_table(pa.table({"x": [1]}), outside)
    pq.write_table(pa.table({"x": [1]}), inside / "x.parquet")
    engine = Engine([inside])
    assert engine.rows("SELECT x FROM read_parquet(?)", [[str(inside / "x.parquet")]]) == [(1,)]
    with pytest.raises(QueryFault):
        engine.rows(sql.format(inside=inside, outside=outside))
    engine.close()


def test_variables_of_python_are_not_tables(tmp_path: Path) -> None:
    secret = pa.table({"x": [1]})
    engine = Engine([tmp_path])
    with pytest.raises(QueryFault):
        engine.rows("SELECT * FROM secret")
    assert secret.num_rows
    engine.close()


def test_a_question_that_takes_too_long_is_stopped(tmp_path: Path) -> None:
    engine = Engine([tmp_path], seconds=0.2)
    with pytest.raises(TooSlow):
        engine.rows("SELECT count(*) FROM range(10000000000) AS a, range(1000) AS b")
    assert engine.rows("SELECT 1") == [(1,)]
    engine.close()


def test_memory_ends_somewhere(tmp_path: Path) -> None:
    engine = Engine([tmp_path], memory="32MB")
    with pytest.raises(QueryFault):
        engine.rows("SELECT list(repeat('x', 1000) || range) FROM range(1000000)")
    engine.close()


def test_a_link_out_of_the_folder_is_not_followed(opened: Opened, tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    pq.write_table(pa.table({"secret": [1]}), tmp_path / "outside.parquet")
    pq.write_table(pa.table({"x": [1]}), inside / "x.parquet")
    (inside / "link.parquet").symlink_to(tmp_path / "outside.parquet")
    client = opened(inside)
    assert "secret" not in client.get("/d/inside/t/link").text
    assert client.get("/d/inside/t/x").status_code == 200


def test_duckdb_is_the_version_that_was_looked_at() -> None:
    assert duckdb.__version__.startswith("2.")
