"""
Heroku (``/api/v4/current-status``): what goes on now.

Its field `resolved` is false even where `state` says resolved, and what it lists as scheduled is
left there when it is over: neither is read.
"""

import msgspec

from detector.official import OfficialState
from stream.official.notice import MAX_TITLE, Notice, UnknownPage, instant

COLOURS = {
    "green": OfficialState.OPERATIONAL,
    "blue": OfficialState.MAINTENANCE,
    "yellow": OfficialState.DEGRADED,
    "red": OfficialState.OUTAGE,
}


class _System(msgspec.Struct):
    status: str
    system: str = ""
    name: str = ""


class _Update(msgspec.Struct):
    created_at: str


class _Incident(msgspec.Struct):
    id: int | str
    title: str
    state: str
    created_at: str
    full_url: str = ""
    systems: list[_System] | None = None
    updates: list[_Update] | None = None


class _Page(msgspec.Struct):
    status: list[_System]
    incidents: list[_Incident]


_page = msgspec.json.Decoder(_Page)


def parse(body: bytes) -> tuple[Notice, ...]:
    """Return what goes on now; raises `UnknownPage`."""
    try:
        page = _page.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnknownPage(f"not Heroku's status: {error}") from error
    failing = [one.system for one in page.status if one.status in ("yellow", "red")]
    if failing and not page.incidents:
        raise UnknownPage(f"{', '.join(failing)} is not green, and no incident is listed")
    return tuple(map(_notice, page.incidents))


def _notice(found: _Incident) -> Notice:
    colours = {COLOURS.get(one.status) for one in found.systems or ()}
    worst = OfficialState.OUTAGE if OfficialState.OUTAGE in colours else OfficialState.DEGRADED
    posts = [instant(one.created_at, "updates.created_at") for one in found.updates or ()]
    return Notice(
        id=str(found.id),
        title=found.title[:MAX_TITLE],
        state=OfficialState.OPERATIONAL if found.state == "resolved" else worst,
        posted_at=min([instant(found.created_at, "created_at"), *posts]),
        url=found.full_url,
        about=tuple(one.name for one in found.systems or () if one.name),
    )
