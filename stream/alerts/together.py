"""
Which incidents may be one failure: a later one waits a while beside one that was told already.

Causes are known only after some minutes, and what fails for one cause does not fail in the same
ten seconds. Without this, each service would get a message, and the next minute its merging.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from detector.incidents import Affected, Incident, Severity, Status
from models.catalogue import Catalogue
from stream.alerts import wording
from stream.alerts.headline import parent_id, service_name
from stream.alerts.remark import Kind, Remark

NEAR = timedelta(minutes=10)
AGAIN = timedelta(hours=6)  # within which the detector re-opens an incident, too
_LEAST_STRENGTH = 0.1


def host(
    incident: Incident,
    told: Iterable[Incident],
    catalogue: Catalogue,
    waiting: Mapping[str, Sequence[Incident]] | None = None,
) -> Incident | None:
    """
    Return which of the incidents *told* this one may be part of, None if it stands alone.

    One that depends on what the other is about is taken before one that only came soon after it;
    *waiting* are those that wait already, by whom they wait for. What is critical waits only for
    what is critical and still goes on: people are alarmed then.
    """
    found = []
    for one in told:
        if not _may_hold(one, incident):
            continue
        members = (one, *(waiting or {}).get(one.id, ()))
        related = any(_related(incident, member, catalogue) for member in members)
        if related or _near(incident, filter(_goes_on, members)):
            found.append((related, _goes_on(one), one.opened_at, one.id, one))
    return max(found)[-1] if found else None


def remark(incident: Incident, beside: Incident, until: datetime, catalogue: Catalogue) -> Remark:
    """Say in the thread of *beside* that *incident* waits, at the longest until *until*."""
    names = [service_name(one.service, catalogue) for one in _first(incident)]
    verb = "fails" if len(incident.affected) == 1 else "fail"
    again = _services(incident) & _services(beside)
    how = f"{verb} again" if again and not _goes_on(beside) else f"{verb} too"
    line = f"{wording.clock(incident.opened_at)} · {wording.listed(names, 2)} {how}, perhaps for "
    line += f"the same reason; a message of its own by {wording.clock(until)} if it proves separate"
    return Remark(
        id=f"beside {incident.id}",
        kind=Kind.BESIDE,
        line=line,
        at=incident.opened_at,
        # Nobody looks into the thread of what was over.
        loud=not _goes_on(beside),
    )


def _may_hold(one: Incident, incident: Incident) -> bool:
    if one.id == incident.id or parent_id(one) is not None or one.opened_at > incident.opened_at:
        return False
    if incident.severity is Severity.CRITICAL:
        return _goes_on(one) and one.severity is Severity.CRITICAL
    return _goes_on(one) or incident.opened_at - (one.resolved_at or one.updated_at) <= AGAIN


def _goes_on(incident: Incident) -> bool:
    return incident.status is not Status.RESOLVED


def _near(incident: Incident, members: Iterable[Incident]) -> bool:
    """Whether it came soon after one of the others, or after a service joined them."""
    found = list(members)
    times = [one.opened_at for one in found]
    times += [one.joined_at for member in found for one in member.affected]
    return any(timedelta(0) <= incident.opened_at - at <= NEAR for at in times)


def _related(incident: Incident, other: Incident, catalogue: Catalogue) -> bool:
    """Whether one depends on the other, or it is the same service again."""
    mine, theirs = _services(incident), _services(other)
    if mine & theirs:
        return True
    failing = theirs | {other.cause.provider} if other.cause else theirs
    return bool(failing & _providers(mine, catalogue) or mine & _providers(theirs, catalogue))


def _services(incident: Incident) -> set[str]:
    return {one.service for one in incident.affected}


def _first(incident: Incident) -> list[Affected]:
    return sorted(incident.affected, key=lambda one: (-one.observed, one.service))


def _providers(services: Iterable[str], catalogue: Catalogue) -> set[str]:
    known = (catalogue.services.get(one) for one in services)
    edges = (edge for service in known if service for edge in service.depends_on)
    return {edge.provider for edge in edges if edge.strength >= _LEAST_STRENGTH}
