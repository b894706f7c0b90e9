"""The web application: which address gives what, who may ask, and what goes wrong."""

import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import redis
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from detector.counts import Counts
from detector.feeds import Feed, Feeds
from detector.incident_store import IncidentStore
from detector.incidents import Incident
from detector.radius import radius
from detector.unknown_store import UnknownNames
from models.catalogue import Catalogue
from stream.api import feeds, shapes
from stream.api.events import Events
from stream.api.health import AliveOut, health_out
from stream.api.openapi import describe

_JSON = "application/json"
_FEED_LENGTH, _LIMIT, _MOST = 50, 50, 500
_SAFE = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
_PICTURE = {**_SAFE, "Content-Security-Policy": "default-src 'none'"}


class Api:
    """Answers from what *store* and *counts* have just now; reads only."""

    def __init__(
        self,
        store: IncidentStore,
        counts: Counts,
        catalogue: Catalogue,
        *,
        page_url: str,
        token: str | None = None,
        names: UnknownNames | None = None,
        sources: Feeds | None = None,
    ):
        self._sources = sources
        self._names = names
        self._store = store
        self._counts = counts
        self._catalogue = catalogue
        self._page_url = page_url
        self._token = token
        self._spec = describe(with_token=token is not None)
        self._events = Events(store, catalogue)

    def app(self) -> Starlette:
        """Return the application."""
        kept = {
            "/openapi.json": lambda _: _json(self._spec),
            "/v1/incidents": self._incidents,
            "/v1/incidents/{incident}": self._incident,
            "/v1/incidents/{incident}/evidence": self._evidence,
            "/v1/incidents/{incident}/radius": self._radius,
            "/v1/services": lambda _: _json(self._services()),
            "/v1/services/{service}": self._service,
            "/v1/unknown": self._unknown,
            "/v1/suspects": self._suspects,
            "/v1/health": self._health,
            "/feed.rss": self._rss,
            "/feed.atom": self._atom,
            "/badge/{service}.svg": self._badge,
            "/metrics": self._metrics,
        }
        routes = [Route(path, self._guarded(answer)) for path, answer in kept.items()]
        routes.append(Route("/v1/events", self._follow))
        routes.append(Route("/healthz", self._alive))
        handlers: Any = {HTTPException: _refused, redis.RedisError: _away}
        return Starlette(routes=routes, exception_handlers=handlers)

    # --- who may ask ---

    def _guarded(
        self, answer: Callable[[Request], Response]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            self._check(request)
            return await run_in_threadpool(answer, request)

        return endpoint

    def _check(self, request: Request) -> None:
        if self._token is None:
            return
        given = request.headers.get("authorization", "")
        if not secrets.compare_digest(given.encode(), f"Bearer {self._token}".encode()):
            raise HTTPException(401, "expected the header Authorization: Bearer with the token")

    # --- answers ---

    def _incidents(self, request: Request) -> Response:
        limit = _number(request, "limit", _LIMIT, _MOST)
        match request.query_params.get("status", "all"):
            case "open":
                found = self._store.open()[:limit]
            case "all":
                found = self._store.recent(limit)
            case _:
                raise HTTPException(400, "status is unknown; expected open or all")
        return _json([shapes.incident_out(one, self._catalogue) for one in found])

    def _incident(self, request: Request) -> Response:
        return _json(shapes.incident_out(self._found(request), self._catalogue))

    def _evidence(self, request: Request) -> Response:
        return _json([shapes.evidence_out(one) for one in self._found(request).samples])

    def _radius(self, request: Request) -> Response:
        incident = self._found(request)
        return _json(radius(incident, self._catalogue, self._store.marks(incident.id)))

    def _found(self, request: Request) -> Incident:
        asked = request.path_params["incident"]
        incident = self._store.get(asked) if _encodable(asked) else None
        if incident is None:
            raise HTTPException(404, "there is no incident with this id")
        return incident

    def _services(self) -> list[shapes.ServiceOut]:
        return shapes.services_out(self._catalogue, self._store.open())

    def _service(self, request: Request) -> Response:
        return _json(self._known(request))

    def _known(self, request: Request) -> shapes.ServiceOut:
        asked = request.path_params["service"]
        for one in self._services():
            if one.id == asked:
                return one
        raise HTTPException(404, "the catalogue has no service with this id")

    def _unknown(self, _: Request) -> Response:
        return _json(self._names.surges(self._catalogue) if self._names else ())

    def _suspects(self, _: Request) -> Response:
        found = self._store.suspects()
        return _json([shapes.suspect_out(one, self._catalogue) for one in found])

    def _health(self, _: Request) -> Response:
        until = self._store.judged_until()
        return _json(health_out(self._counts.health(), until, self._said()))

    def _said(self) -> tuple[Feed, ...]:
        return self._sources.all() if self._sources else ()

    def _rss(self, _: Request) -> Response:
        recent = self._store.recent(_FEED_LENGTH)
        body = feeds.rss(recent, self._catalogue, self._page_url)
        return Response(body, media_type="application/rss+xml", headers=_SAFE)

    def _atom(self, _: Request) -> Response:
        recent = self._store.recent(_FEED_LENGTH)
        body = feeds.atom(recent, self._catalogue, self._page_url)
        return Response(body, media_type="application/atom+xml", headers=_SAFE)

    def _badge(self, request: Request) -> Response:
        known = self._known(request)
        body = feeds.badge(known.name, known.state)
        return Response(body, media_type="image/svg+xml", headers=_PICTURE)

    def _metrics(self, _: Request) -> Response:
        from stream.api.metrics import exposition

        health, open_, held = self._counts.health(), self._store.open(), self._store.suspects()
        body = exposition(health, open_, held, time.time(), self._said())
        return Response(body, media_type="text/plain; version=0.0.4", headers=_SAFE)

    async def _follow(self, request: Request) -> Response:
        self._check(request)
        return self._events.stream(request)

    def _alive(self, _: Request) -> Response:
        return _json(AliveOut(judged_until=self._store.judged_until()))


def _number(request: Request, name: str, default: int, most: int) -> int:
    given = request.query_params.get(name)
    if given is None:
        return default
    if not (given.isascii() and given.isdigit() and 1 <= int(given[:9]) <= most):
        raise HTTPException(400, f"{name} is not a number from 1 to {most}")
    return int(given)


def _encodable(text: str) -> bool:
    return not any("\ud800" <= one <= "\udfff" for one in text)


def _json(value: Any) -> Response:
    return Response(msgspec.json.encode(value), media_type=_JSON, headers=_SAFE)


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    body = msgspec.json.encode(shapes.ProblemOut(error=error.detail))
    headers = {**_SAFE, **(error.headers or {})}
    if error.status_code == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(body, error.status_code, media_type=_JSON, headers=headers)


async def _away(_: Request, error: Exception) -> Response:
    body = msgspec.json.encode(shapes.ProblemOut(error=f"Redis: {type(error).__name__}"))
    return Response(body, 503, media_type=_JSON, headers=_SAFE)
