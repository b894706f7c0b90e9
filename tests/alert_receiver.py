"""An HTTP server that keeps what is posted to it and answers as it is told."""

import json
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.background import Background


@dataclass
class Receiver:
    """Use as a context manager; *statuses* are the next answers, 202 after them."""

    posted: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)

    def __enter__(self) -> "Receiver":
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.receiver = self
        self._background = Background(self._server)
        return self

    def __exit__(self, *_: object) -> None:
        self._background.stop()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def bodies(self) -> list[Any]:
        """Return what was posted, as JSON."""
        return [json.loads(body) for _, _, body in self.posted]


class _Server(ThreadingHTTPServer):
    receiver: Receiver


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 5

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        receiver = self.server.receiver
        receiver.posted.append((self.path, dict(self.headers), body))
        self.send_response(receiver.statuses.pop(0) if receiver.statuses else 202)
        self.send_header("Location", f"{receiver.url}/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
