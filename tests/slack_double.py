"""
A double of Slack's API on loopback: strict where Slack is, and failing on a script.

It speaks HTTP, so that the client, its time-outs and its parsing are the real ones. What it refuses
is what Slack documents to refuse, and everything that it does not know. It records what it took.
"""

import json
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qsl

from tests.background import Background
from tests.slack_rules import Refused, check_message, check_query
from tests.slack_uploads import PATH, File, Uploads

TOKEN = "xoxb-secret-token-of-the-test"
HOOK = "/services/T0SECRET/B0SECRET/hook-secret"
CHANNEL = "C0123456789"

Kind = Literal["answer", "hang", "drop", "take_and_drop", "garbage", "not_object"]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """
    What happens to one request instead of its handling.

    "answer" gives *status* (with *retry_after*, and with *error* as Slack's own code), "hang" no
    answer in time, "drop" a closed connection, "take_and_drop" the same after having accepted it.
    """

    kind: Kind = "answer"
    status: int = 200
    retry_after: str | None = None
    error: str | None = None


@dataclass
class Posted:
    """A message as it stands now, with how often it was edited."""

    ts: str
    text: str
    blocks: list[dict[str, Any]]
    thread_ts: str | None = None
    metadata: dict[str, Any] | None = None
    n_edits: int = 0
    is_broadcast: bool = False
    file: File | None = None


@dataclass
class SlackDouble:
    """A workspace with one channel, "#outages"; use as a context manager."""

    messages: list[Posted] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    faults: deque[Fault | None] = field(default_factory=deque)
    scopes: set[str] = field(default_factory=lambda: {"chat:write", "channels:history"})
    uploads: Uploads = field(default_factory=Uploads)
    page: int = 200
    app_token: str = ""
    socket_url: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)
    closing: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "SlackDouble":
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.slack = self
        self._background = Background(self._server)
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._background.stop()

    @property
    def address(self) -> str:
        """The host and port that it listens on."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def base_url(self) -> str:
        """What stands for https://slack.com/api/."""
        return f"{self.address}/api/"

    @property
    def webhook_url(self) -> str:
        """What stands for https://hooks.slack.com/services/…."""
        return f"{self.address}{HOOK}"

    @property
    def roots(self) -> list[Posted]:
        """The messages that are no replies, in order."""
        return [one for one in self.messages if one.thread_ts is None]

    def thread(self, root: Posted) -> list[Posted]:
        """Return the replies to *root*, in order."""
        return [one for one in self.messages if one.thread_ts == root.ts]

    def call(self, method: str, body: dict[str, Any]) -> dict[str, Any]:
        """Handle a valid request to the web API, or raise `Refused`."""
        match method:
            case "auth.test":
                return {"ok": True, "user": "outcry", "team": "Test", "bot_id": "B1"}
            case "chat.postMessage":
                return self._post(body)
            case "chat.update":
                return self._update(body)
            case "files.getUploadURLExternal":
                self._need_scope("files:write")
                return self.uploads.place(body, self.address)
            case "files.completeUploadExternal":
                self._need_scope("files:write")
                return self._show(body)
            case "conversations.history" | "conversations.replies":
                self._need_scope("channels:history")
                return self._read(method, body)
            case "conversations.list":
                self._need_scope("channels:read")
                check_query(method, body)
                return {"ok": True, "channels": [{"id": CHANNEL, "name": "outages"}]}
        raise Refused("unknown_method", method)

    def hook(self, body: dict[str, Any]) -> None:
        """Handle a request to the webhook, or raise `Refused`."""
        check_message("webhook", body)
        self._append(body, None)

    def _post(self, body: dict[str, Any]) -> dict[str, Any]:
        check_message("chat.postMessage", body)
        self._check_channel(body["channel"])
        thread = body.get("thread_ts")
        if thread is not None and thread not in [one.ts for one in self.roots]:
            raise Refused("thread_not_found", thread)
        message = self._append(body, thread)
        return {"ok": True, "channel": CHANNEL, "ts": message.ts, "message": {"text": message.text}}

    def _update(self, body: dict[str, Any]) -> dict[str, Any]:
        check_message("chat.update", body)
        if body["channel"] != CHANNEL:
            raise Refused("channel_not_found", "an edit needs the channel's id")
        found = next((one for one in self.messages if one.ts == body["ts"]), None)
        if found is None:
            raise Refused("message_not_found", body["ts"])
        found.text, found.blocks = body["text"], body["blocks"]
        found.n_edits += 1
        return {"ok": True, "channel": CHANNEL, "ts": found.ts, "text": found.text}

    def _show(self, body: dict[str, Any]) -> dict[str, Any]:
        file = self.uploads.complete(body, CHANNEL, {one.ts for one in self.roots})
        shown = self._append({"text": "", "blocks": []}, body["thread_ts"])
        shown.file = file
        return {"ok": True, "files": [{"id": file.id, "title": file.name}]}

    def _need_scope(self, scope: str) -> None:
        if scope not in self.scopes:
            raise Refused("missing_scope", scope)

    def _read(self, method: str, query: dict[str, str]) -> dict[str, Any]:
        """Newest first for a channel, oldest first with the root for a thread, in pages."""
        check_query(method, query)
        if query["channel"] != CHANNEL:
            raise Refused("channel_not_found", "only ids are known here")
        if method == "conversations.history":
            found = self.roots[::-1]
        else:
            found = [one for one in self.messages if query["ts"] in (one.ts, one.thread_ts)]
        oldest = float(query.get("oldest", 0))
        root = query.get("ts")
        found = [one for one in found if float(one.ts) > oldest or one.ts == root]
        begin, size = int(query.get("cursor", 0)), min(int(query.get("limit", 100)), self.page)
        rows = [_as_message(one, query) for one in found[begin : begin + size]]
        end = begin + size if begin + size < len(found) else ""
        return {"ok": True, "messages": rows, "response_metadata": {"next_cursor": str(end)}}

    def _append(self, body: dict[str, Any], thread: str | None) -> Posted:
        now = max(time.time(), float(self.messages[-1].ts) + 1e-6 if self.messages else 0.0)
        ts = f"{now:.6f}"
        metadata = body.get("metadata")
        message = Posted(ts, body["text"], body["blocks"], thread, metadata)
        message.is_broadcast = body.get("reply_broadcast", False)
        self.messages.append(message)
        return message

    def _check_channel(self, channel: str) -> None:
        if channel not in (CHANNEL, "#outages"):
            raise Refused("channel_not_found", channel)


class _Server(ThreadingHTTPServer):
    slack: SlackDouble


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = 5

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        method = self.path.rsplit("/", 1)[1] if self.path.startswith("/api/") else "webhook"
        method = "upload" if self.path.startswith(PATH) else method
        self._serve(method, body)

    def _serve(self, method: str, body: bytes) -> None:
        slack = self.server.slack
        with slack.lock:
            slack.requests.append(method)
            fault = slack.faults.popleft() if slack.faults else None
            if fault is None or fault.kind == "take_and_drop":
                answer = self._handle(method, body)
        if fault is None:
            self._answer(*answer)
        else:
            self._fail(fault)

    def _handle(self, method: str, body: bytes) -> tuple[int, str]:
        try:
            return 200, self._accept(method, body)
        except Refused as error:
            self.server.slack.refused.append(f"{method}: {error.code}: {error}")
            if method == "upload":
                return 400, error.code
            if method == "webhook":
                return 404 if error.code == "no_service" else 400, error.code
            return 200, json.dumps({"ok": False, "error": error.code})

    def _accept(self, method: str, body: bytes) -> str:
        slack = self.server.slack
        if method == "webhook":
            if self.path != HOOK:
                raise Refused("no_service", self.path)
            slack.hook(_json_object(self.headers, body))
            return "ok"
        if method == "upload":
            slack.uploads.put(self.path.removeprefix(PATH), body)
            return "OK"
        if method == "apps.connections.open":
            if self.headers.get("Authorization") != f"Bearer {slack.app_token}":
                raise Refused("invalid_auth", "")
            return json.dumps({"ok": True, "url": slack.socket_url})
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            raise Refused("invalid_auth" if "Authorization" in self.headers else "not_authed", "")
        if method in _TAKES_FORM:
            fields: dict[str, Any] = dict(parse_qsl(body.decode(), strict_parsing=True))
        else:
            fields = {} if method == "auth.test" else _json_object(self.headers, body)
        return json.dumps(slack.call(method, fields))

    def _fail(self, fault: Fault) -> None:
        if fault.kind == "hang":
            self.server.slack.closing.wait(10)
        if fault.kind in ("hang", "drop", "take_and_drop"):
            self.close_connection = True
            return
        if fault.kind in ("garbage", "not_object"):
            self._answer(200, "<html>proxy</html>" if fault.kind == "garbage" else "[1]")
            return
        headers = {} if fault.retry_after is None else {"Retry-After": fault.retry_after}
        text = json.dumps({"ok": False, "error": fault.error}) if fault.error else "oops"
        self._answer(fault.status, text, headers)

    def _answer(self, status: int, text: str, headers: dict[str, str] | None = None) -> None:
        data = text.encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the address has the webhook's secret in it."""


_TAKES_FORM = {"conversations.history", "conversations.replies", "conversations.list"}
_TAKES_FORM |= {"files.getUploadURLExternal", "files.completeUploadExternal"}


def _as_message(posted: Posted, query: dict[str, str]) -> dict[str, Any]:
    row: dict[str, Any] = {"type": "message", "ts": posted.ts, "text": posted.text}
    if posted.metadata and query.get("include_all_metadata") in ("1", "true"):
        row["metadata"] = posted.metadata
    if posted.file:
        row["files"] = [{"id": posted.file.id, "name": posted.file.name}]
    return row


def _json_object(headers: Any, body: bytes) -> dict[str, Any]:
    if not headers.get("Content-Type", "").startswith("application/json"):
        raise Refused("invalid_form_data", "not JSON")
    try:
        value = json.loads(body)
    except ValueError as error:
        raise Refused("json_not_object", str(error)) from error
    if not isinstance(value, dict):
        raise Refused("json_not_object", repr(value)[:40])
    return value
