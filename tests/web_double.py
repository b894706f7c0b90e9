"""A web server on loopback that answers by a script; records what it was asked."""

import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from tests.background import Background


@dataclass(frozen=True, kw_only=True)
class Answer:
    """
    One answer; "drop" closes the connection in the middle of the body, "reset" aborts it there,
    "hang" falls silent there, and "stall" sends nothing at all.
    """

    body: bytes = b""
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    kind: str = "answer"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


@dataclass
class WebDouble:
    """Answers the next of *faults*, else what *pages* has for the path, a value or a function."""

    pages: dict[str, Answer | Callable[[Asked], Answer]] = field(default_factory=dict)
    faults: deque[Answer] = field(default_factory=deque)
    asked: list[Asked] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    def __enter__(self) -> "WebDouble":
        double = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self.answer()

            def do_POST(self) -> None:
                self.answer()

            def answer(self) -> None:
                double._answer(self)

            def log_message(self, format: str, *args: object) -> None:
                """Be quiet."""

        self.stopping.clear()
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        self._background = Background(self._server)
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._background.stop()

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(request.path)
        length = int(request.headers.get("Content-Length", 0))
        asked = Asked(
            method=request.command,
            path=parts.path,
            query=parts.query,
            headers={name.lower(): value for name, value in request.headers.items()},
            body=request.rfile.read(length),
        )
        self.asked.append(asked)
        found = self.faults.popleft() if self.faults else self.pages.get(asked.path)
        answer = found(asked) if callable(found) else found or Answer(status=404)
        self._send(request, answer)

    def _send(self, request: BaseHTTPRequestHandler, answer: Answer) -> None:
        if answer.kind == "stall":
            self.stopping.wait(30)
            return
        try:
            request.send_response(answer.status)
            for name, value in answer.headers:
                request.send_header(name, value)
            size = len(answer.body) + (0 if answer.kind == "answer" else 100)
            request.send_header("Content-Length", str(size))
            request.end_headers()
            request.wfile.write(answer.body)
            request.wfile.flush()
        except OSError:
            return
        if answer.kind == "hang":
            self.stopping.wait(30)
        if answer.kind == "reset":
            abort(request.connection)
        request.close_connection |= answer.kind != "answer"


def abort(connection: socket.socket) -> None:
    """Have *connection* end in a reset, whatever the other side still waits for."""
    linger = struct.pack("ii", 1, 0)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    connection.close()


def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait for *condition*; fails the test when it does not come true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)
