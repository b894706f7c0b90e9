"""The API's own description: OpenAPI 3.1, made from the types that it answers with."""

from typing import Any

import msgspec

from detector.radius import Radius
from detector.unknown import Surge
from stream.api import health, shapes

_KINDS = (
    shapes.IncidentOut,
    shapes.EvidenceOut,
    Radius,
    Surge,
    shapes.ServiceOut,
    shapes.SuspectOut,
    health.HealthOut,
    health.AliveOut,
    shapes.ProblemOut,
)
_REF = "#/components/schemas/{name}"
_TEXT = {"type": "string", "minLength": 1, "maxLength": 150}
_LIMIT = {"type": "integer", "minimum": 1, "maximum": 500, "default": 50}
_STATUS = {"type": "string", "enum": ["open", "all"], "default": "all"}


def describe(*, with_token: bool) -> dict[str, Any]:
    """Return the description; *with_token* when the API asks for one."""
    _, components = msgspec.json.schema_components(_KINDS, ref_template=_REF)
    listed = [_query("status", _STATUS), _query("limit", _LIMIT)]
    incident, service = _path("incident"), _path("service")
    paths = {
        "/v1/incidents": _get("List incidents, newest first", _many("IncidentOut"), listed),
        "/v1/incidents/{incident}": _get("Read one incident", _one("IncidentOut"), [incident]),
        "/v1/incidents/{incident}/evidence": _get(
            "Read the posts kept as evidence", _many("EvidenceOut"), [incident]
        ),
        "/v1/incidents/{incident}/radius": _get(
            "Read how far it reached, by industry and country, and its course",
            _one("Radius"),
            [incident],
        ),
        "/v1/services": _get("List the services and how they stand", _many("ServiceOut")),
        "/v1/services/{service}": _get("Read one service", _one("ServiceOut"), [service]),
        "/v1/unknown": _get("List names outside the catalogue that surge", _many("Surge")),
        "/v1/suspects": _get(
            "List what is held back as a campaign rather than a crowd", _many("SuspectOut")
        ),
        "/v1/health": _get("Read how the feed does", _one("HealthOut")),
        "/v1/events": _get("Follow changes as server-sent events", _other("text/event-stream")),
        "/feed.rss": _get("Read incidents as RSS", _other("application/rss+xml")),
        "/feed.atom": _get("Read incidents as Atom", _other("application/atom+xml")),
        "/badge/{service}.svg": _get("Show how a service does", _other("image/svg+xml"), [service]),
        "/metrics": _get("Read Prometheus metrics", _other("text/plain")),
        "/healthz": _get("Say whether it works", _one("AliveOut")),
    }
    paths["/healthz"]["get"]["security"] = []
    spec: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": "Outcry", "version": "1"},
        "paths": paths,
        "components": {"schemas": components},
    }
    if with_token:
        scheme = {"type": "http", "scheme": "bearer"}
        spec["components"]["securitySchemes"] = {"token": scheme}
        spec["security"] = [{"token": []}]
    return spec


def _get(
    summary: str, content: dict[str, Any], parameters: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    problem = {"content": _one("ProblemOut")}
    responses = {
        "200": {"description": "What was asked for", "content": content},
        "400": {"description": "The question is not understood", **problem},
        "401": {"description": "The token is missing or wrong", **problem},
        "404": {"description": "There is no such thing", **problem},
        "503": {"description": "Redis is away", **problem},
    }
    return {"get": {"summary": summary, "parameters": parameters or [], "responses": responses}}


def _one(name: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}


def _many(name: str) -> dict[str, Any]:
    items = {"$ref": f"#/components/schemas/{name}"}
    return {"application/json": {"schema": {"type": "array", "items": items}}}


def _other(kind: str) -> dict[str, Any]:
    return {kind: {"schema": {"type": "string"}}}


def _query(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema}


def _path(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": _TEXT}
