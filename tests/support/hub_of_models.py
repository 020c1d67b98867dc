"""The Hugging Face hub as far as models are downloaded from it, on this machine: a real server on the loopback.

Of huggingface_hub's protocol it answers what a model is (`/api/models/ID/revision/REV`), its files (`/tree/`), and each
file (`/ID/resolve/REV/FILE`) with its ETag, the commit, and from where a download goes on (Range).
"""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

PIECE = 16_384
GATED, MISSING_REPO, MISSING_REVISION = "GatedRepo", "RepoNotFound", "RevisionNotFound"
"""What the hub says in the header X-Error-Code."""


class HubOfModels(ThreadingHTTPServer):
    """Serves the folder of each of `models`, by id, as it lies there."""

    daemon_threads = True

    def __init__(self, models: dict[str, Path]) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.address = f"http://127.0.0.1:{self.server_port}"
        self.models = models
        self.asked: list[tuple[str, str, str | None]] = []
        """Method, path, and the Range that was asked for."""
        self.refusals: dict[str, tuple[int, str]] = {}
        """By id: the status and the error code with which a model is refused."""
        self.held: dict[str, int] = {}
        """By file: after how many bytes its sending waits for `release`."""
        self.broken: dict[str, int] = {}
        """By file: after how many bytes the connection breaks, once."""
        self.due: dict[str, Path] = {}
        """By id: the folder that becomes the main branch as soon as somebody has been told what that is now."""
        self._may_go_on = threading.Event()
        self._earlier: dict[str, Path] = {}

    def release(self) -> None:
        """Send on what is held."""
        self.held.clear()
        self._may_go_on.set()

    def wait(self) -> None:
        self._may_go_on.wait()

    def push_what_is_due(self, id: str) -> None:
        """What the main branch was before can be had by its commit still."""
        if folder := self.due.pop(id, None):
            self._earlier[_commit(self.models[id])] = self.models[id]
            self.models[id] = folder

    def folder(self, id: str, revision: str) -> Path | None:
        """Of the main branch or of a commit."""
        main = self.models[id]
        return main if revision in ("main", _commit(main)) else self._earlier.get(revision)

    @property
    def environment(self) -> dict[str, str]:
        """Of a process that is to take it for the hub. Xet, another protocol, is not spoken."""
        return {"HF_ENDPOINT": self.address, "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}


@contextmanager
def hub_of_models(models: dict[str, Path]) -> Iterator[HubOfModels]:
    with HubOfModels(models) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.release()
        server.shutdown()


class _Answers(BaseHTTPRequestHandler):
    server: HubOfModels
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, *_: Any) -> None:
        pass

    def _answer(self) -> None:
        path = urlparse(self.path).path.strip("/")
        self.server.asked.append((self.command, path, self.headers.get("Range")))
        is_api = path.startswith("api/models/")
        owner, name, *rest = path.removeprefix("api/models/").split("/")
        id = f"{owner}/{name}"
        if id not in self.server.models:
            self._refuse(404 if self.headers.get("Authorization") else 401, MISSING_REPO)
            return
        if refusal := self.server.refusals.get(id):
            self._refuse(*refusal)
            return
        folder = self.server.folder(id, rest[1] if len(rest) > 1 else "main")
        if folder is None:
            self._refuse(404, MISSING_REVISION)
        elif is_api:
            self._describe(id, folder, is_tree=rest[:1] == ["tree"])
            self.server.push_what_is_due(id)
        else:
            self._send_file(folder / "/".join(rest[2:]), _commit(folder))

    def _describe(self, id: str, folder: Path, *, is_tree: bool) -> None:
        files = sorted(path for path in folder.iterdir() if path.is_file())
        if is_tree:
            told: Any = [{"type": "file", "path": f.name, "size": f.stat().st_size, "oid": _etag(f)} for f in files]
        else:
            told = {"id": id, "sha": _commit(folder), "siblings": [{"rfilename": file.name} for file in files]}
        content = json.dumps(told).encode()
        self._begin(200, len(content), {"Content-Type": "application/json"})
        self.wfile.write(content)

    def _send_file(self, path: Path, commit: str) -> None:
        if not path.is_file():
            self._refuse(404, "EntryNotFound", {"X-Repo-Commit": commit})
            return
        content = path.read_bytes()
        about = {"ETag": f'"{_etag(path)}"', "X-Repo-Commit": commit, "Accept-Ranges": "bytes"}
        first = 0
        if asked := self.headers.get("Range"):
            first = int(asked.removeprefix("bytes=").split("-")[0])
            about["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
        self._begin(206 if asked else 200, len(content) - first, about)
        if self.command == "HEAD":
            return
        for start in range(first, len(content), PIECE):
            if start - first >= self.server.held.get(path.name, len(content)):
                self.server.wait()
            if start >= self.server.broken.get(path.name, len(content)):
                del self.server.broken[path.name]
                self.close_connection = True
                return
            try:
                self.wfile.write(content[start : start + PIECE])
            except OSError:
                return  # the other side has gone

    def _refuse(self, status: int, code: str, about: dict[str, str] | None = None) -> None:
        words = json.dumps({"error": f"refused: {code}"}).encode()
        self._begin(status, len(words), {"X-Error-Code": code, "X-Error-Message": f"refused: {code}", **(about or {})})
        if self.command != "HEAD":
            self.wfile.write(words)

    def _begin(self, status: int, length: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(length), **headers}.items():
            self.send_header(name, value)
        self.end_headers()


def _commit(folder: Path) -> str:
    """Changes with any of the model's files."""
    digest = hashlib.sha1()
    for path in sorted(folder.iterdir()):
        digest.update(f"{path.name} {path.stat().st_size} {path.stat().st_mtime_ns}".encode())
    return digest.hexdigest()


def _etag(path: Path) -> str:
    return hashlib.sha1(path.read_bytes()).hexdigest()
