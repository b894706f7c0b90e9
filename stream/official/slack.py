"""Slack's own status API (``/api/v2.0.0/current``)."""

import msgspec

from detector.official import OfficialState
from stream.official.notice import MAX_TITLE, Notice, UnknownPage, instant

KINDS = {
    "incident": OfficialState.DEGRADED,
    "notice": OfficialState.DEGRADED,
    "outage": OfficialState.OUTAGE,
    "maintenance": OfficialState.MAINTENANCE,
}


class _Note(msgspec.Struct):
    date_created: str


class _Incident(msgspec.Struct):
    id: int | str
    title: str
    type: str
    date_created: str | None = None
    url: str = ""
    services: list[str] | None = None
    notes: list[_Note] | None = None


class _Page(msgspec.Struct):
    status: str
    active_incidents: list[_Incident]


_page = msgspec.json.Decoder(_Page)


def parse(body: bytes) -> tuple[Notice, ...]:
    """Return what goes on now; raises `UnknownPage`."""
    try:
        page = _page.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnknownPage(f"not Slack's status: {error}") from error
    return tuple(map(_notice, page.active_incidents))


def _notice(found: _Incident) -> Notice:
    told = [one.date_created for one in found.notes or ()]
    times = [instant(at, "date_created") for at in (*told, found.date_created) if at]
    if not times:
        raise UnknownPage(f"incident {found.id}: field date_created is missing")
    return Notice(
        id=str(found.id),
        title=found.title[:MAX_TITLE],
        state=KINDS.get(found.type, OfficialState.DEGRADED),
        posted_at=min(times),
        url=found.url,
        about=tuple(found.services or ()),
    )
