"""What companies say of an incident themselves, in words, and whether we were first."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from detector.incidents import Incident, Status
from detector.official import Official, OfficialEvent, OfficialState
from models.catalogue import Catalogue
from stream.alerts import wording
from stream.alerts.headline import service_name
from stream.alerts.plain import plain
from stream.alerts.remark import Kind, Remark

_TITLE = 120  # characters


def standing(official: Official, incident: Incident, catalogue: Catalogue) -> str:
    """Say how *incident* stands officially: who was first to speak of it, and how far from us."""
    first = official.first
    if first is not None:
        text = _posted(first, incident.opened_at, catalogue)
        over = official.state is OfficialState.OPERATIONAL or first.resolved_at is not None
        return f"{text}; over by their account" if over else text
    if official.state is OfficialState.UNKNOWN:
        return "not known: none of these services has a status page that we can read now"
    if incident.status is Status.RESOLVED:
        return "never a word: the status pages stayed green"
    return "no word yet: the status pages are green"


def remarks(
    incident: Incident, events: Iterable[OfficialEvent], catalogue: Catalogue
) -> list[Remark]:
    """Return what is to be told in the thread of each event: that it was posted, and its end."""
    found = []
    for event in sorted(events, key=lambda one: (one.posted_at, one.key)):
        line = f"{wording.clock(event.posted_at)} · Official: "
        line += _posted(event, incident.opened_at, catalogue)
        id = f"official {event.key}"
        found.append(Remark(id=id, kind=Kind.OFFICIAL, line=line, at=event.posted_at))
        if event.resolved_at is not None:
            who = service_name(event.service, catalogue)
            line = f"{wording.clock(event.resolved_at)} · Official: {who} calls it over"
            found.append(
                Remark(id=f"{id} over", kind=Kind.OFFICIAL, line=line, at=event.resolved_at)
            )
    return found


def _posted(event: OfficialEvent, opened_at: datetime, catalogue: Catalogue) -> str:
    who, title = service_name(event.service, catalogue), plain(event.title, _TITLE)
    said = f"{who} posted “{title}”" if title else f"{who} admitted it"
    same_day = event.posted_at.date() == opened_at.date()
    when = wording.clock if same_day else wording.day_and_clock
    return f"{said} at {when(event.posted_at)}: {_lead(event.posted_at - opened_at)}"


def _lead(lead: timedelta) -> str:
    if abs(lead) < timedelta(minutes=1):
        return "in the same minute as we"
    if lead < timedelta(0):
        return f"we were {wording.duration(-lead)} later"
    return f"we were {wording.duration(lead)} earlier"
