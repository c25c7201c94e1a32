"""A small package index on loopback, with wheels made on the spot: for tests of prepared packages."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import threading
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


def wheel(
    name: str,
    version: str = "1.0",
    files: Mapping[str, str] | None = None,
    *,
    tag: str = "py3-none-any",
    calls_itself: str | None = None,
) -> tuple[str, bytes]:
    """A wheel's file name and bytes. `calls_itself`: the name in its metadata, when it lies."""
    stem = f"{name.replace('-', '_')}-{version}"
    info = f"{stem}.dist-info"
    content = {
        f"{name.replace('-', '_')}.py": f"VERSION = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {calls_itself or name}\nVersion: {version}\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n",
        f"{info}/RECORD": "",
        **(files or {}),
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in content.items():
            archive.writestr(path, text)
    return f"{stem}-{tag}.whl", buffer.getvalue()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass
class Index:
    """What the index serves; change it while it runs."""

    url: str = ""
    projects: dict[str, dict[str, bytes]] = field(default_factory=dict)
    """Project -> file name -> bytes."""
    as_json: bool = True
    with_hashes: bool = True
    status: int = 200
    """Another one is answered to everything."""
    redirect_to: str | None = None
    file_base: str = "/files"
    """Where pages say that the files lie; may be absolute."""
    requests: list[str] = field(default_factory=list)
    authorizations: list[str] = field(default_factory=list)
    """The header of that name of each request, as far as there were different ones."""
    asked: threading.Event = field(default_factory=threading.Event)
    """Set by the first request."""
    stall: threading.Event = field(default_factory=threading.Event)
    """While it is set, nothing is answered."""
    hashes: dict[str, str] = field(default_factory=dict)
    """For tests to note what they added."""

    def add(self, file: tuple[str, bytes]) -> str:
        """Serve a file; returns its SHA-256."""
        name, data = file
        project = name.split("-")[0].replace("_", "-").lower()
        self.projects.setdefault(project, {})[name] = data
        return sha256(data)

    def lock(self, *pins: tuple[str, str, str]) -> bytes:
        return "".join(f"{name}=={version} --hash=sha256:{hash}\n" for name, version, hash in pins).encode()

    def answer(self, path: str) -> tuple[int, str, bytes]:
        parts = urlsplit(path).path.strip("/").split("/")
        if parts[0] == "simple" and len(parts) == 2 and parts[1] in self.projects:
            return 200, *self._page(self.projects[parts[1]])
        if parts[0] == "files" and len(parts) == 2:
            for files in self.projects.values():
                if parts[1] in files:
                    return 200, "application/octet-stream", files[parts[1]]
        return 404, "text/plain", b"no"

    def _page(self, files: Mapping[str, bytes]) -> tuple[str, bytes]:
        if self.as_json:
            entries = [
                {
                    "filename": name,
                    "url": f"{self.file_base}/{name}",
                    "hashes": {"sha256": sha256(data)} if self.with_hashes else {},
                }
                for name, data in files.items()
            ]
            return "application/vnd.pypi.simple.v1+json", json.dumps({"files": entries}).encode()
        links = (
            f'<a href="{self.file_base}/{name}{"#sha256=" + sha256(data) if self.with_hashes else ""}">x</a>'
            for name, data in files.items()
        )
        return "text/html", "".join(links).encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    index: Index


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        index = self.server.index
        index.requests.append(self.path)
        index.asked.set()
        authorization = self.headers.get("Authorization", "")
        if authorization not in index.authorizations:
            index.authorizations.append(authorization)
        while index.stall.is_set():
            time.sleep(0.01)
        headers = {}
        if index.redirect_to is not None:
            status, kind, body = 302, "text/plain", b""
            headers["Location"] = index.redirect_to
        elif index.status != 200:
            status, kind, body = index.status, "text/plain", b""
        else:
            status, kind, body = index.answer(self.path)
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        with contextlib.suppress(OSError):  # the other side was killed
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        return


@contextmanager
def serving() -> Iterator[Index]:
    """An index on a free port of loopback; its address ends in ``/simple``."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.index = Index(url=f"http://127.0.0.1:{server.server_port}/simple")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.index
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
