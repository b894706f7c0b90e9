"""
`outcry source http`: takes reports over HTTP and answers when Kafka has them.

``POST /reports`` takes one JSON object, an array of them, or one a line (NDJSON), in the forms of
`stream.sources.posts`. What is valid is accepted though its neighbour is not; the answer has the
reason for each that was refused. A sender that gets no answer may send the same again: equal
content is the same report.
"""

import asyncio
import hmac
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec
import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from stream.authors import Authors
from stream.gate import Gate
from stream.live import connector
from stream.producer import BrokerUnreachable, DeliveryError
from stream.report import InvalidReport, Report
from stream.settings import Settings, SettingsError
from stream.sources.manners import Manners
from stream.sources.posts import parse

log = structlog.get_logger()

SOURCE = "http"
MAX_BYTES = 4 << 20
MAX_REPORTS = 5_000
MAX_REASONS = 100
DELIVERY_SECONDS = 15.0
BODY_SECONDS = 30.0  # for a body to arrive


class Intake:
    """The application: checks who sends, reads what he sends, and waits for Kafka."""

    def __init__(
        self,
        gate: Gate,
        authors: Authors,
        manners: Manners,
        token: str | None,
        *,
        body_seconds: float = BODY_SECONDS,
    ):
        self._gate = gate
        self._body_seconds = body_seconds
        self._authors = authors
        self._manners = manners
        self._token = token

    def app(self) -> Starlette:
        """Return the ASGI application."""
        return Starlette(
            routes=[
                Route("/reports", self.take, methods=["POST"]),
                Route("/healthz", self.health, methods=["GET"]),
            ]
        )

    async def health(self, _: Request) -> JSONResponse:
        """Say that we listen."""
        return JSONResponse({"ok": True})

    async def take(self, request: Request) -> JSONResponse:
        """Take reports: 202, 400, 401, 408, 413, 429 or 503, each with a reason."""
        if not self._may(request.headers.get("authorization", "")):
            return _no(401, "expected Authorization: Bearer and the token", "WWW-Authenticate")
        try:
            async with asyncio.timeout(self._body_seconds):
                body = await _body(request)
        except TimeoutError:
            seconds = f"{self._body_seconds:.0f} s"
            return _no(408, f"the body did not arrive within {seconds}", "Connection", "close")
        if body is None:
            return _no(413, f"at most {MAX_BYTES} bytes a request; send several")
        try:
            items = list(split(body, request.headers.get("content-type", "")))
        except ValueError as error:
            return _no(400, str(error))
        if len(items) > MAX_REPORTS:
            return _no(413, f"{len(items)} reports, at most {MAX_REPORTS} a request; send several")
        reports, refused = self._read(items)
        if not reports:
            return JSONResponse({"accepted": 0, "refused": refused}, 400 if refused else 202)
        waiting = self._gate.offer(reports)
        if waiting is None:
            return _no(429, "too many reports wait; come back", "Retry-After", "1")
        try:
            await asyncio.wrap_future(waiting)
        except (DeliveryError, BrokerUnreachable):
            return _no(503, "not stored: Kafka is away; send it again", "Retry-After", "5")
        return JSONResponse({"accepted": len(reports), "refused": refused}, 202)

    def _may(self, header: str) -> bool:
        if self._token is None:
            return True
        return hmac.compare_digest(header.encode(), f"Bearer {self._token}".encode())

    def _read(self, items: list[bytes]) -> tuple[list[Report], list[dict[str, object]]]:
        now = datetime.now(UTC)
        reports: list[Report] = []
        refused: list[dict[str, object]] = []
        for index, item in enumerate(items):
            try:
                report = parse(item, authors=self._authors, source=SOURCE, at="now", now=now)
            except (InvalidReport, ValueError) as error:
                if len(refused) < MAX_REASONS:
                    refused.append({"index": index, "reason": str(error)})
                continue
            if self._manners.allow(report.source, report.author, report.text):
                reports.append(report)
        return reports, refused


def split(body: bytes, content_type: str) -> Iterator[bytes]:
    """Yield each JSON value of *body*: the items of an array, the lines of NDJSON, or itself."""
    if "ndjson" in content_type or "jsonlines" in content_type:
        yield from (line for line in body.splitlines() if line.strip())
        return
    if not body.lstrip().startswith(b"["):
        yield body
        return
    try:
        yield from map(bytes, msgspec.json.decode(body, type=list[msgspec.Raw]))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"not a JSON array: {error}") from error


async def _body(request: Request) -> bytes | None:
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BYTES:
            return None
        parts.append(part)
    return b"".join(parts)


def _no(status: int, reason: str, header: str = "", value: str = "Bearer") -> JSONResponse:
    return JSONResponse({"error": reason}, status, headers={header: value} if header else None)


def serve(settings: Settings, author_key: bytes, stop: threading.Event) -> None:
    """Serve until *stop*; raises `SettingsError` when the port is taken."""
    wanted = settings.sources.http
    listener = _listener(wanted.host, wanted.port)
    token = wanted.token.get_secret_value() if wanted.token else None
    manners = Manners(settings.privacy.opt_out)
    with listener, Gate(connector(settings, DELIVERY_SECONDS), wanted.max_waiting) as gate:
        app = Intake(gate, Authors(author_key), manners, token).app()
        listen(app, listener, stop)


def listen(app: Starlette, listener: socket.socket, stop: threading.Event) -> None:
    """Run *app* on *listener* until *stop* is set."""
    config = uvicorn.Config(
        app, log_config=None, access_log=False, timeout_graceful_shutdown=5, lifespan="off"
    )
    server = uvicorn.Server(config)
    # Beside the main thread uvicorn leaves the signals to us.
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    host, port = listener.getsockname()[:2]
    log.info("started", source=SOURCE, address=f"http://{host}:{port}/reports")
    while not stop.wait(0.2) and thread.is_alive():
        pass
    server.should_exit = True
    thread.join()


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"sources.http.port = {port} on {host} cannot be had ({error.strerror}); choose another"
        ) from error
    return listener
