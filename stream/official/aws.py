"""
AWS Health, public (``/public/currentevents``): what goes on now, in UTF-16 with a byte order mark.

A status of "0" is resolved, "1" informational, "2" degraded, "3" disrupted.
"""

import codecs
import re

import msgspec

from detector.official import OfficialState
from stream.official.notice import MAX_TITLE, Notice, UnknownPage, instant

STATES = {
    "0": OfficialState.OPERATIONAL,
    "1": OfficialState.DEGRADED,
    "2": OfficialState.DEGRADED,
    "3": OfficialState.OUTAGE,
}
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_REGION = re.compile(r"\b[a-z]{2}(?:-[a-z]+)+-\d\b")


class _Log(msgspec.Struct):
    timestamp: int | str


class _Event(msgspec.Struct):
    service: str
    status: str | int
    date: str | int
    summary: str = ""
    arn: str = ""
    service_name: str = ""
    event_log: list[_Log] | None = None


def parse(body: bytes) -> tuple[Notice, ...]:
    """Return the events that go on; raises `UnknownPage`."""
    encoding = next((name for mark, name in MARKS if body.startswith(mark)), "utf-8")
    try:
        events = msgspec.json.decode(body.decode(encoding), type=list[_Event])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnknownPage(f"not AWS Health: {error}") from error
    return tuple(map(_notice, events))


def _notice(event: _Event) -> Notice:
    times = [instant(event.date, "date")]
    times += [instant(one.timestamp, "event_log.timestamp") for one in event.event_log or ()]
    state = STATES.get(str(event.status))
    if state is None:
        raise UnknownPage(f"field status: {event.status!r}, expected 0 to 3")
    return Notice(
        id=event.arn or f"{event.service}-{event.date}",
        title=(event.summary or event.service)[:MAX_TITLE],
        state=state,
        posted_at=min(times),
        resolved_at=max(times) if state is OfficialState.OPERATIONAL else None,
        url="https://health.aws.amazon.com/health/status",
        about=tuple(filter(None, (event.service, event.service_name))),
        regions=tuple(_REGION.findall(f"{event.service} {event.arn}")[:1]),
    )
