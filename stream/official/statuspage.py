"""Atlassian Statuspage, v2 (``/api/v2/incidents.json``); others speak it, too."""

import msgspec

from detector.official import OfficialState
from stream.official.notice import MAX_TITLE, Notice, UnknownPage, instant

IMPACTS = {
    "none": OfficialState.DEGRADED,
    "minor": OfficialState.DEGRADED,
    "major": OfficialState.OUTAGE,
    "critical": OfficialState.OUTAGE,
    "maintenance": OfficialState.MAINTENANCE,
}
OVER = frozenset({"resolved", "postmortem", "completed"})


class _Component(msgspec.Struct):
    name: str


class _Incident(msgspec.Struct):
    id: str
    name: str
    status: str
    created_at: str
    impact: str = "none"
    resolved_at: str | None = None
    updated_at: str | None = None
    shortlink: str | None = None
    components: list[_Component] | None = None


class _Page(msgspec.Struct):
    incidents: list[_Incident] | None  # null, where incident.io has none


_page = msgspec.json.Decoder(_Page)


def parse(body: bytes) -> tuple[Notice, ...]:
    """Return the incidents of a page, those that are over included; raises `UnknownPage`."""
    try:
        page = _page.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnknownPage(f"not a Statuspage: {error}") from error
    return tuple(map(_notice, page.incidents or ()))


def _notice(found: _Incident) -> Notice:
    over = found.status in OVER
    ended = found.resolved_at or (found.updated_at if over else None)
    return Notice(
        id=found.id,
        title=found.name[:MAX_TITLE],
        state=OfficialState.OPERATIONAL
        if over and found.impact != "maintenance"
        else IMPACTS.get(found.impact, OfficialState.DEGRADED),
        posted_at=instant(found.created_at, "created_at"),
        resolved_at=instant(ended, "resolved_at") if ended else None,
        url=found.shortlink or "",
        about=tuple(one.name for one in found.components or ()),
    )
