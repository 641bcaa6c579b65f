"""A model hub on the loopback, as far as the real huggingface_hub client and torch.hub need one."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

COMMIT = "c0ffee" + "0" * 34
"""The only revision of every repository; ``main`` points at it."""

Repositories = dict[str, dict[str, bytes]]
"""``org/model`` → file name → content."""

_LARGE = (".bin", ".pt", ".pth", ".pkl", ".safetensors")
_RESOLVE = re.compile(r"/([^/]+/[^/]+)/resolve/[^/]+/(.+)")
_TREE = re.compile(r"/api/models/([^/]+/[^/]+)/tree/[^/]+/?")
_INFO = re.compile(r"/api/models/([^/]+/[^/]+?)(?:/revision/[^/]+)?")
_RAW = re.compile(r"/raw/([^/]+/[^/]+)/(.+)")
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


class Hub:
    """A running hub."""

    def __init__(self, url: str, repositories: Repositories) -> None:
        self.url = url
        """``http://127.0.0.1:PORT``: what ``HF_ENDPOINT`` takes."""
        self.repositories = repositories
        self.requests: list[str] = []
        """``METHOD path`` of every request, in order."""

    def raw(self, repository: str, name: str) -> str:
        """The plain download address of a file, as `torch.hub` takes one."""
        return f"{self.url}/raw/{repository}/{name}"

    def downloads(self, name: str) -> int:
        """Return how often the content of the file *name* was sent."""
        return sum(1 for request in self.requests if request.startswith("GET ") and request.endswith(f"/{name}"))


@contextlib.contextmanager
def hub(repositories: Mapping[str, Mapping[str, bytes]]) -> Iterator[Hub]:
    """Serve *repositories* while the context lasts."""

    class Handler(_Handler):
        served = Hub("", {name: dict(files) for name, files in repositories.items()})

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Handler.served.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield Handler.served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def etag(name: str, content: bytes) -> str:
    """The name of *content*'s blob: SHA-256 for what the Hub keeps in LFS, git's object id for the rest."""
    if name.endswith(_LARGE):
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    served: ClassVar[Hub]

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing: pytest shows what matters."""

    def do_HEAD(self) -> None:
        """Answer like GET; `_send` leaves the body out."""
        self._answer()

    def do_GET(self) -> None:
        """Answer by the first route that matches."""
        self._answer()

    def _answer(self) -> None:
        path = self.path.partition("?")[0]
        self.served.requests.append(f"{self.command} {path}")
        if match := _RAW.fullmatch(path) or _RESOLVE.fullmatch(path):
            self._file(match[1], match[2])
        elif match := _TREE.fullmatch(path):
            self._json([_entry(name, content) for name, content in self._repository(match[1]).items()])
        elif (match := _INFO.fullmatch(path)) and match[1] in self.served.repositories:
            siblings = [{"rfilename": name} for name in self._repository(match[1])]
            info: dict[str, Any] = {
                "_id": "1",
                "id": match[1],
                "modelId": match[1],
                "sha": COMMIT,
                "private": False,
                "tags": [],
            }
            self._json(info | {"siblings": siblings})
        else:
            self._missing("RepoNotFound")

    def _repository(self, name: str) -> dict[str, bytes]:
        return self.served.repositories.get(name, {})

    def _file(self, repository: str, name: str) -> None:
        content = self._repository(repository).get(name)
        if content is None:
            self._missing("EntryNotFound")
            return
        tag = f'"{etag(name, content)}"'
        headers = {"ETag": tag, "Accept-Ranges": "bytes", "X-Repo-Commit": COMMIT}
        if name.endswith(_LARGE):
            headers |= {"X-Linked-Etag": tag, "X-Linked-Size": str(len(content))}
        asked = _RANGE.fullmatch(self.headers.get("Range", ""))
        if asked is None:
            self._send(HTTPStatus.OK, content, headers)
            return
        first, last = int(asked[1]), int(asked[2] or len(content) - 1)
        headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
        self._send(HTTPStatus.PARTIAL_CONTENT, content[first : last + 1], headers)

    def _json(self, answer: Any) -> None:
        self._send(HTTPStatus.OK, json.dumps(answer).encode(), {"Content-Type": "application/json"})

    def _missing(self, code: str) -> None:
        self._send(HTTPStatus.NOT_FOUND, b"", {"X-Error-Code": code, "X-Error-Message": code, "X-Repo-Commit": COMMIT})

    def _send(self, status: HTTPStatus, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _entry(name: str, content: bytes) -> dict[str, Any]:
    tag = etag(name, content)
    entry: dict[str, Any] = {"type": "file", "oid": tag[:40], "size": len(content), "path": name}
    if name.endswith(_LARGE):
        entry["lfs"] = {"oid": tag, "size": len(content), "pointerSize": 134}
    return entry
