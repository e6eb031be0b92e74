"""A way to an endpoint on which the first answer to each POST gets lost, after its work was done."""

import http.server
import threading
import urllib.error
import urllib.request
from types import TracebackType
from typing import Self

HOP = {"host", "connection", "content-length", "transfer-encoding", "accept-encoding"}


class Losing:
    """Forwards requests; `lost` names those whose answer it kept to itself."""

    def __init__(self, url: str) -> None:
        self.lost: list[str] = []
        losing, target = self, url.removesuffix("/v1")

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", "0"))
                self.forward(self.rfile.read(length) if length else self.chunks())

            def do_GET(self) -> None:
                self.forward(None)

            def chunks(self) -> bytes:
                body = b""
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return body

            def forward(self, body: bytes | None) -> None:
                fields = {name: value for name, value in self.headers.items() if name.lower() not in HOP}
                asked = urllib.request.Request(target + self.path, body, fields, method=self.command)
                try:
                    with urllib.request.urlopen(asked, timeout=10) as answer:
                        status, said = answer.status, answer.read()
                except urllib.error.HTTPError as refused:
                    status, said = refused.code, refused.read()
                name = f"{self.command} {self.path}"
                if self.command == "POST" and name not in losing.lost:
                    losing.lost.append(name)
                    self.close_connection = True
                    return
                self.send_response(status)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *arguments: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"

    def __enter__(self) -> Self:
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.shutdown()
        self.server.server_close()
