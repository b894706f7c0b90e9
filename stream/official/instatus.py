"""
Instatus (``/v3/summary.json``): what goes on now.

A page without anything leaves the lists out. One that says that it has issues and lists none is
unknown: a component fails of which nobody has written yet.
"""

import msgspec

from detector.official import OfficialState
from stream.official.notice import MAX_TITLE, Notice, UnknownPage, instant

IMPACTS = {
    "OPERATIONAL": OfficialState.DEGRADED,
    "MINOROUTAGE": OfficialState.DEGRADED,
    "DEGRADEDPERFORMANCE": OfficialState.DEGRADED,
    "PARTIALOUTAGE": OfficialState.OUTAGE,
    "MAJOROUTAGE": OfficialState.OUTAGE,
}
STATUSES = ("UP", "HASISSUES", "UNDERMAINTENANCE")


class _Head(msgspec.Struct):
    status: str


class _Incident(msgspec.Struct):
    name: str
    started: str
    status: str
    impact: str = ""
    id: str = ""
    url: str = ""


class _Maintenance(msgspec.Struct):
    name: str
    start: str
    status: str
    id: str = ""
    url: str = ""


class _Page(msgspec.Struct):
    page: _Head
    incidents: list[_Incident] | None = msgspec.field(name="activeIncidents", default=None)
    maintenances: list[_Maintenance] | None = msgspec.field(name="activeMaintenances", default=None)


_page = msgspec.json.Decoder(_Page)


def parse(body: bytes) -> tuple[Notice, ...]:
    """Return what goes on now; raises `UnknownPage`."""
    try:
        found = _page.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnknownPage(f"not Instatus: {error}") from error
    if found.page.status not in STATUSES:
        raise UnknownPage(f"field page.status: {found.page.status!r}, expected one of {STATUSES}")
    if found.page.status == "HASISSUES" and not found.incidents:
        raise UnknownPage("the page has issues, and lists none")
    running = (one for one in found.maintenances or () if one.status == "INPROGRESS")
    return (*map(_incident, found.incidents or ()), *map(_maintenance, running))


def _incident(found: _Incident) -> Notice:
    over = found.status == "RESOLVED"
    return Notice(
        id=found.id or found.url or f"{found.name} {found.started}",
        title=found.name[:MAX_TITLE],
        state=OfficialState.OPERATIONAL
        if over
        else IMPACTS.get(found.impact, OfficialState.DEGRADED),
        posted_at=instant(found.started, "started"),
        url=found.url,
    )


def _maintenance(found: _Maintenance) -> Notice:
    return Notice(
        id=found.id or found.url or f"{found.name} {found.start}",
        title=found.name[:MAX_TITLE],
        state=OfficialState.MAINTENANCE,
        posted_at=instant(found.start, "start"),
        url=found.url,
    )
