"""
Status.io (``api.status.io/1.0/status/<page>``): what goes on now.

A page is known by an id that stands in its HTML only. Codes: 100 operational, 200 maintenance, 300
degraded, 400 partly and 500 wholly disrupted, 600 a security event.
"""

import msgspec

from detector.official import OfficialState
from stream.official.notice import MAX_TITLE, Notice, UnknownPage, instant

API = "https://api.status.io/1.0/status/"
IDS = {
    "https://status.gitlab.com": "5b36dc6502d06804c08349f7",
    "https://www.dockerstatus.com": "533c6539221ae15e3f000031",
    "https://status.roblox.com": "59db90dbcdeb2f04dadcf16d",
}
STATES = {
    100: OfficialState.OPERATIONAL,
    200: OfficialState.MAINTENANCE,
    300: OfficialState.DEGRADED,
    400: OfficialState.DEGRADED,
    500: OfficialState.OUTAGE,
    600: OfficialState.OUTAGE,
}


class _Overall(msgspec.Struct):
    status_code: int


class _Message(msgspec.Struct):
    datetime: str
    status: int | str | None = None


class _Incident(msgspec.Struct):
    id: str = msgspec.field(name="_id")
    name: str
    datetime_open: str
    messages: list[_Message] | None = None


class _Result(msgspec.Struct):
    status_overall: _Overall
    incidents: list[_Incident]


class _Page(msgspec.Struct):
    result: _Result


_page = msgspec.json.Decoder(_Page)


def address(page: str) -> str | None:
    """Return where the status of *page* is asked for, None where its id is not known."""
    id = IDS.get(page.rstrip("/"))
    return API + id if id else None


def parse(body: bytes) -> tuple[Notice, ...]:
    """Return what goes on now; raises `UnknownPage`."""
    try:
        result = _page.decode(body).result
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnknownPage(f"not Status.io: {error}") from error
    code = result.status_overall.status_code
    if code not in STATES:
        raise UnknownPage(f"field status_code: {code}, expected one of {sorted(STATES)}")
    if code >= 300 and not result.incidents:
        raise UnknownPage(f"the page is at {code}, and lists no incident")
    return tuple(_notice(one, STATES[code]) for one in result.incidents)


def _notice(found: _Incident, overall: OfficialState) -> Notice:
    messages = sorted(found.messages or (), key=lambda one: instant(one.datetime, "datetime"))
    last = messages[-1].status if messages else None
    state = STATES.get(last, overall) if isinstance(last, int) else overall
    times = [instant(one.datetime, "datetime") for one in messages]
    return Notice(
        id=found.id,
        title=found.name[:MAX_TITLE],
        # As long as it is listed it is not over, whatever the page as a whole says.
        state=OfficialState.DEGRADED if state is OfficialState.OPERATIONAL else state,
        posted_at=min([instant(found.datetime_open, "datetime_open"), *times]),
    )
