"""
A Mastodon instance on loopback: a stream without a cursor, timelines, and failures on a script.

Whoever subscribes gets what is published from then on; what came before is in the timeline.
"""

import json
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import Server, ServerConnection, serve

from tests.background import Background
from tests.jetstream_double import Fault
from tests.web_double import Answer, Asked, WebDouble, abort


def status(id: int, content: str = "<p>is it <b>down</b>?</p>", **more: Any) -> dict[str, Any]:
    """A public status of the account ada."""
    account = {"id": "1", "acct": "ada", "bot": False, "noindex": False, "note": "<p>hi</p>"}
    return {
        "id": str(id),
        "created_at": "2026-07-04T12:00:00.000Z",
        "in_reply_to_id": None,
        "visibility": "public",
        "language": "en",
        "uri": f"https://m.example/statuses/{id}",
        "url": f"https://m.example/@ada/{id}",
        "content": content,
        "reblog": None,
        "account": account | more.pop("account", {}),
    } | more


def event(name: str, payload: Any = None) -> bytes:
    """A message of the stream; its payload is JSON within JSON."""
    body: dict[str, Any] = {"stream": ["public"], "event": name}
    if payload is not None:
        body["payload"] = payload if isinstance(payload, str) else json.dumps(payload)
    return json.dumps(body).encode()


@dataclass
class MastodonDouble:
    """The instance; use as a context manager. *log* may grow while it runs."""

    log: list[dict[str, Any]] = field(default_factory=list)
    faults: deque[Fault] = field(default_factory=deque)
    web: WebDouble = field(default_factory=WebDouble)
    stopping: threading.Event = field(default_factory=threading.Event)
    n_subscribed: int = 0

    def __enter__(self) -> "MastodonDouble":
        self.stopping.clear()
        self._server: Server = serve(
            self._serve, "127.0.0.1", 0, process_request=self._greet, close_timeout=0.2
        )
        port = self._server.socket.getsockname()[1]
        self._background = Background(self._server)
        urls = {"configuration": {"urls": {"streaming": f"ws://127.0.0.1:{port}"}}}
        self.web.pages["/api/v2/instance"] = Answer(body=json.dumps(urls).encode())
        self.web.pages["/api/v1/timelines/public"] = self._timeline
        self.web.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self.web.__exit__(None, None, None)
        self._background.stop()

    def _timeline(self, asked: Asked) -> Answer:
        names = parse_qs(asked.query)
        newest, limit = int(names["min_id"][0]), int(names["limit"][0])
        page = [one for one in self.log if int(one["id"]) > newest][:limit]
        return Answer(body=json.dumps(page[::-1]).encode())

    def _greet(self, connection: ServerConnection, request: Request) -> Response | None:
        if not self.faults or self.faults[0].kind != "status":
            return None
        fault = self.faults.popleft()
        response = connection.respond(fault.status, fault.body)
        for name, value in fault.headers:
            response.headers[name] = value
        return response

    def _serve(self, connection: ServerConnection) -> None:
        fault = self.faults.popleft() if self.faults else None
        try:
            connection.recv()
            place, n = len(self.log), 0
            self.n_subscribed += 1
            while not self.stopping.is_set():
                if fault and fault.kind != "twice" and n == fault.after:
                    if self._fail(connection, fault):
                        return
                    fault = None
                if place >= len(self.log):
                    self.stopping.wait(0.01)
                    continue
                for _ in range(2 if fault and fault.kind == "twice" else 1):
                    connection.send(event("update", self.log[place]).decode(), text=True)
                place, n = place + 1, n + 1
        except (ConnectionClosed, OSError):
            return

    def _fail(self, connection: ServerConnection, fault: Fault) -> bool:
        if fault.kind == "garbage":
            connection.send("{not json", text=True)
            connection.send(b"\x00\xff\xfe" * 10)
            connection.send(event("update", "{}").decode(), text=True)
            return False
        if fault.kind == "stall":
            self.stopping.wait(30)
        if fault.kind == "half":
            connection.socket.sendall(b'\x81\x7e\x01\x00{"event":')
        if fault.kind in ("half", "reset"):
            abort(connection.socket)
        return fault.kind in ("half", "reset", "stall")
