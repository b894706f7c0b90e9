"""
Apple (``systemstatus/data/system_status_en_US.js``): its services, each with its events.

JSON, or JSON within a call of ``jsonCallback``. Times are unix milliseconds. An event stays listed
for some days after its end.
"""

import re

import msgspec

from detector.official import OfficialState
from stream.official.notice import MAX_TITLE, Notice, UnknownPage, instant

ADDRESS = "https://www.apple.com/support/systemstatus/data/system_status_en_US.js"
PAGE = "https://www.apple.com/support/systemstatus/"
TYPES = {
    "Outage": OfficialState.OUTAGE,
    "Issue": OfficialState.DEGRADED,
    "Performance": OfficialState.DEGRADED,
    "Maintenance": OfficialState.MAINTENANCE,
}
_CALL = re.compile(rb"^\s*[\w.]+\((.*)\)\s*;?\s*$", re.DOTALL)


class _Event(msgspec.Struct, rename="camel"):
    status_type: str
    event_status: str
    epoch_start_date: int | float
    epoch_end_date: int | float | None = None
    message_id: int | str = ""
    message: str | None = None


class _Service(msgspec.Struct, rename="camel"):
    service_name: str
    events: list[_Event]


class _Page(msgspec.Struct):
    services: list[_Service]


_page = msgspec.json.Decoder(_Page)


def parse(body: bytes) -> tuple[Notice, ...]:
    """Return the events that have begun, those that are over included; raises `UnknownPage`."""
    call = _CALL.match(body)
    try:
        page = _page.decode(call[1] if call else body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnknownPage(f"not Apple's status: {error}") from error
    if not page.services:
        raise UnknownPage("not Apple's status: no service is listed")
    return tuple(
        _notice(service.service_name, event)
        for service in page.services
        for event in service.events
        if event.event_status != "upcoming"
    )


def _notice(service: str, found: _Event) -> Notice:
    over = found.event_status in ("resolved", "completed")
    state = TYPES.get(found.status_type, OfficialState.DEGRADED)
    ended = found.epoch_end_date if over else None
    return Notice(
        id=f"{service} {found.message_id or found.epoch_start_date}",
        title=f"{service}: {found.message or found.status_type}"[:MAX_TITLE],
        state=OfficialState.OPERATIONAL
        if over and state is not OfficialState.MAINTENANCE
        else state,
        posted_at=instant(found.epoch_start_date / 1000, "epochStartDate"),
        resolved_at=instant(ended / 1000, "epochEndDate") if ended else None,
        url=PAGE,
        about=("Apple", service),
    )
