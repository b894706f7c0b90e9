"""
A Jetstream on loopback: faithful to what the protocol promises, and failing on a script.

It keeps a log of frames, starts at the cursor that is asked for (inclusive, clamped to the oldest),
and then goes on live. Content is invented.
"""

import json
import socket
import struct
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import Server, ServerConnection, serve

from tests.background import Background

FIRST_US = 1_783_175_888_000_000


def did(i: int) -> str:
    return f"did:plc:invented{i:016d}"


def post(i: int, text: str = "is the invented service down?", **record: Any) -> bytes:
    """The frame of post *i*, a millisecond after the one before."""
    body = {"$type": "app.bsky.feed.post", "createdAt": "1999-01-01T00:00:00Z", "text": text}
    commit = {
        "rev": f"3rev{i}",
        "operation": "create",
        "collection": "app.bsky.feed.post",
        "rkey": f"3key{i}",
        "record": {**body, "langs": ["en"], **record},
        "cid": "bafyinvented",
    }
    return json.dumps(
        {"did": did(i), "time_us": FIRST_US + i * 1000, "kind": "commit", "commit": commit}
    ).encode()


def deletion(i: int, of: int) -> bytes:
    """The frame by which the author of post *of* deletes it, as the event *i*."""
    commit = {
        "rev": f"3rev{i}",
        "operation": "delete",
        "collection": "app.bsky.feed.post",
        "rkey": f"3key{of}",
    }
    return json.dumps(
        {"did": did(of), "time_us": FIRST_US + i * 1000, "kind": "commit", "commit": commit}
    ).encode()


def account(i: int, of: int, status: str | None) -> bytes:
    """The frame that says what became of the account that wrote post *of*."""
    body: dict[str, Any] = {"active": status is None, "did": did(of), "seq": i, "time": "x"}
    if status:
        body["status"] = status
    return json.dumps(
        {"did": did(of), "time_us": FIRST_US + i * 1000, "kind": "account", "account": body}
    ).encode()


@dataclass(frozen=True, kw_only=True)
class Fault:
    """
    What goes wrong on one connection, after *after* frames.

    "status" refuses the handshake with *status*; "reset" aborts TCP, "half" does so in the middle
    of a frame, "stall" falls silent, "garbage" sends what is no frame and goes on, "twice" sends
    every frame two times and goes on.
    """

    kind: Literal["status", "reset", "half", "stall", "garbage", "twice"]
    after: int = 0
    status: int = 503
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""


@dataclass
class JetstreamDouble:
    """The server; use as a context manager. *log* may grow while it runs."""

    log: list[bytes] = field(default_factory=list)
    faults: deque[Fault] = field(default_factory=deque)
    oldest: int = 0
    asked: list[dict[str, list[str]]] = field(default_factory=list)
    n_sent: int = 0
    stopping: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    def __enter__(self) -> "JetstreamDouble":
        self.stopping.clear()
        self._server: Server = serve(
            self._serve,
            "127.0.0.1",
            self.port,
            process_request=self._greet,
            compression=None,
            close_timeout=0.2,
        )
        port = self._server.socket.getsockname()[1]
        self.uri = f"ws://127.0.0.1:{port}"
        self._background = Background(self._server)
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._background.stop()

    def _greet(self, connection: ServerConnection, request: Request) -> Response | None:
        self.asked.append(parse_qs(urlsplit(request.path).query))
        if self.faults and self.faults[0].kind == "status":
            fault = self.faults.popleft()
            response = connection.respond(fault.status, fault.body)
            for name, value in fault.headers:
                response.headers[name] = value
            return response
        return None

    def _serve(self, connection: ServerConnection) -> None:
        fault = self.faults.popleft() if self.faults else None
        cursor = int(self.asked[-1].get("cursor", ["0"])[0])
        place = max(self.oldest, self._place(cursor)) if cursor else self.oldest
        n = 0
        try:
            while not self.stopping.is_set():
                if fault and n == fault.after and self._fail(connection, fault):
                    return
                if place >= len(self.log):
                    self.stopping.wait(0.01)
                    continue
                for _ in range(2 if fault and fault.kind == "twice" else 1):
                    connection.send(self.log[place].decode(), text=True)
                    self.n_sent += 1
                place, n = place + 1, n + 1
        except (ConnectionClosed, OSError):
            return

    def _place(self, cursor: int) -> int:
        times = (json.loads(frame)["time_us"] for frame in self.log)
        return next((i for i, at in enumerate(times) if at >= cursor), len(self.log))

    def _fail(self, connection: ServerConnection, fault: Fault) -> bool:
        if fault.kind == "garbage":
            connection.send("{not json", text=True)
            connection.send(b"\x00\xff\xfe" * 10)
            connection.send('{"kind":"commit"}', text=True)
            return False
        if fault.kind == "stall":
            self.stopping.wait(30)
        if fault.kind == "half":
            connection.socket.sendall(b'\x81\x7e\x01\x00{"did":')
        if fault.kind in ("half", "reset"):
            linger = struct.pack("ii", 1, 0)
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            connection.socket.close()
        return fault.kind in ("half", "reset", "stall")
