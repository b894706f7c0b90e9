"""Google Cloud, Workspace and Search (``incidents.json``): all incidents of the last years."""

import msgspec

from detector.official import OfficialState
from stream.official.notice import MAX_TITLE, Notice, UnknownPage, instant

IMPACTS = {
    "SERVICE_INFORMATION": OfficialState.DEGRADED,
    "SERVICE_DISRUPTION": OfficialState.DEGRADED,
    "SERVICE_OUTAGE": OfficialState.OUTAGE,
    "AVAILABLE": OfficialState.OPERATIONAL,
}


class _Named(msgspec.Struct):
    title: str = ""
    id: str = ""


class _Update(msgspec.Struct):
    created: str | None = None
    when: str | None = None


class _Incident(msgspec.Struct):
    id: str
    begin: str
    status_impact: str
    end: str | None = None
    created: str | None = None
    external_desc: str = ""
    uri: str = ""
    affected_products: list[_Named] | None = None
    currently_affected_locations: list[_Named] | None = None
    previously_affected_locations: list[_Named] | None = None
    updates: list[_Update] | None = None


_page = msgspec.json.Decoder(list[_Incident])


def parse(body: bytes, address: str = "https://status.cloud.google.com/") -> tuple[Notice, ...]:
    """Return all incidents of the page at *address*; raises `UnknownPage`."""
    try:
        page = _page.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnknownPage(f"not a page of Google: {error}") from error
    return tuple(_notice(one, address) for one in page)


def _notice(found: _Incident, address: str) -> Notice:
    # "begin" is when the trouble began, often long before anybody wrote of it.
    posts = [one.created or one.when for one in found.updates or ()]
    told = [instant(at, "updates.created") for at in (*posts, found.created) if at]
    locations = found.currently_affected_locations or found.previously_affected_locations or ()
    lines = [line.strip(" *#") for line in found.external_desc.splitlines()]
    return Notice(
        id=found.id,
        title=next(filter(None, lines), found.id)[:MAX_TITLE],
        state=OfficialState.OPERATIONAL
        if found.end
        else IMPACTS.get(found.status_impact, OfficialState.DEGRADED),
        posted_at=min(told) if told else instant(found.begin, "begin"),
        resolved_at=instant(found.end, "end") if found.end else None,
        url=address + found.uri.lstrip("/"),
        about=tuple(one.title for one in found.affected_products or ()),
        regions=tuple(one.id for one in locations if one.id),
    )
