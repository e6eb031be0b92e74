"""An object store in a process of its own (moto's server), and a door before it that can answer 503."""

import http.client
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from typing import Any

import pytest

BUCKET = "bucket"
START_SECONDS = 120


class Store:
    """A store; while `busy` is set, or as often as `refuse` says, requests are answered with 503, and counted.

    As often as `cut` says, a connection ends in the middle of what is sent to the store.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.busy = threading.Event()
        self.refuse = self.refused = self.cut = 0
        self._door = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._door.server_address[1]}"
        threading.Thread(target=self._door.serve_forever, daemon=True).start()

    def environment(self) -> dict[str, str]:
        """What a client of it needs to be told."""
        own = {"AWS_ACCESS_KEY_ID": "one", "AWS_SECRET_ACCESS_KEY": "two", "AWS_DEFAULT_REGION": "us-east-1"}
        # The client's own tries: two, so that ours are seen.
        return {**own, "AWS_ENDPOINT_URL": self.url, "AWS_MAX_ATTEMPTS": "2"}

    def files(self) -> Any:
        """The store as fsspec shows it."""
        import s3fs

        return s3fs.S3FileSystem(use_listings_cache=False, skip_instance_cache=True)

    def close(self) -> None:
        self._door.shutdown()
        self._door.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        store = self

        class Door(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                self.raw_requestline = self.rfile.readline(65537)
                if not self.raw_requestline or not self.parse_request():
                    self.close_connection = True
                    return
                length = int(self.headers.get("Content-Length") or 0)
                if store.cut > 0 and self.command == "PUT" and length:
                    store.cut -= 1
                    self.rfile.read(length // 2)
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True
                    return
                body = self.rfile.read(length)
                if store.busy.is_set() or store.refuse > 0:
                    store.refuse -= 1
                    store.refused += 1
                    self.reply(503, {}, b"")
                    return
                inner = http.client.HTTPConnection("127.0.0.1", store.port, timeout=60)
                inner.request(self.command, self.path, body, dict(self.headers))
                answer = inner.getresponse()
                self.reply(answer.status, dict(answer.headers), answer.read())
                inner.close()

            def reply(self, status: int, headers: dict[str, str], body: bytes) -> None:
                self.send_response_only(status)
                length = {"Content-Length": str(len(body))} if self.command != "HEAD" else {}
                for name, value in {**headers, **length}.items():
                    if name.lower() not in ("transfer-encoding", "connection"):
                        self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

        return Door


@contextmanager
def running() -> Iterator[Store]:
    """A store for the block; skips the test where the packages are missing."""
    for package in ("moto", "s3fs", "flask"):
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed: pip install s3fs 'moto[server]'")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(port, process)
        store = Store(port)
        before = dict(os.environ)
        os.environ.update(store.environment())
        try:
            store.files().mkdir(BUCKET)
            yield store
        finally:
            os.environ.clear()
            os.environ.update(before)
            store.close()
    finally:
        process.kill()
        process.wait()


def _wait(port: int, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        assert process.poll() is None, "the store did not start"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("the store did not answer")
