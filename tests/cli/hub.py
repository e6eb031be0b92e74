"""A stand-in for a dataset hub on loopback: repositories, large files and commits, as its client asks for them."""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PLANTED_TOKEN = "hf_planted0123456789abcdefghijklmnopq"


class Hub:
    """What was pushed lies in `files`, by repository and path; `asked` are the requests."""

    def __init__(self) -> None:
        self.files: dict[str, dict[str, bytes]] = {}
        self.private: dict[str, bool] = {}
        self.asked: list[str] = []
        self.fault: tuple[int, str] | None = None
        self._large: dict[str, bytes] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method: str, path: str, body: bytes, token: str) -> tuple[int, Any]:
        self.asked.append(f"{method} {path}")
        if path.startswith("/large/"):
            self._large[path.rpartition("/")[2]] = body
            return 200, {}
        if token != f"Bearer {PLANTED_TOKEN}":
            return 401, {"error": f"no such token: {token}"}
        if self.fault:
            return self.fault[0], {"error": self.fault[1]}
        if path == "/api/repos/create":
            return self._create(json.loads(body))
        if "/preupload/" in path:
            # The card is small; the rest takes the road of large files.
            modes = [
                (f["path"], "regular" if f["path"].endswith(".md") else "lfs")
                for f in json.loads(body)["files"]
            ]
            return 200, {"files": [{"path": p, "uploadMode": m, "shouldIgnore": False} for p, m in modes]}
        if path.endswith("/objects/batch"):
            return 200, {
                "transfer": "basic",
                "objects": [self._object(o) for o in json.loads(body)["objects"]],
            }
        if "/commit/" in path:
            return self._commit(path, body)
        if "/tree/" in path:
            held = self.files[path.split("/tree/")[0].removeprefix("/api/datasets/")]
            return 200, [
                {"type": "file", "path": p, "size": len(c), "oid": "0" * 40} for p, c in held.items()
            ]
        return 200, {"sha": "0" * 40, "id": "x", "siblings": []}

    def _create(self, asked: dict[str, Any]) -> tuple[int, Any]:
        name = f"{asked['organization']}/{asked['name']}"
        url = f"{self.url}/datasets/{name}"
        if name in self.files:
            return 409, {"error": "You already created this dataset repo", "url": url}
        self.files[name], self.private[name] = {}, asked.get("private", asked.get("visibility") == "private")
        return 200, {"url": url, "name": name}

    def _object(self, asked: dict[str, Any]) -> dict[str, Any]:
        upload = {"href": f"{self.url}/large/{asked['oid']}", "header": {}}
        return {"oid": asked["oid"], "size": asked["size"], "actions": {"upload": upload}}

    def _commit(self, path: str, body: bytes) -> tuple[int, Any]:
        name = path.split("/commit/")[0].removeprefix("/api/datasets/")
        for line in body.splitlines():
            said = json.loads(line)
            value = said["value"]
            if said["key"] == "file":
                self.files[name][value["path"]] = base64.b64decode(value["content"])
            elif said["key"] == "lfsFile":
                self.files[name][value["path"]] = self._large[value["oid"]]
            elif said["key"] == "deletedFile":
                del self.files[name][value["path"]]
        url = f"{self.url}/datasets/{name}/commit/{'0' * 40}"
        return 200, {"success": True, "commitUrl": url, "commitOid": "0" * 40}

    def _handler(hub: "Hub") -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                token = self.headers.get("Authorization") or ""
                status, made = hub.answer(self.command, self.path.partition("?")[0], body, token)
                said = json.dumps(made).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            do_GET = do_PUT = do_POST

            def log_message(self, *_: Any) -> None:
                pass

        return Handler
