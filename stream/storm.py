"""Which incidents are told together in one message, and which message that is."""

from datetime import datetime

from detector.deliveries import Deliveries
from detector.incident_store import IncidentStore
from detector.incidents import Incident
from stream.agenda import IN_DIGEST
from stream.alerts.channel import Channel, Digest, Digests
from stream.alerts.rules import STORM_SPAN
from stream.case import Case


def tell(
    case: Case,
    channel: Channel,
    deliveries: Deliveries,
    store: IncidentStore,
    attempted_at: datetime | None,
) -> str:
    """Tell all incidents of the storm in its one message; return the reference of each."""
    assert isinstance(channel, Digests)
    name, message = _joined(case, deliveries)
    digest = Digest(
        entry_id=f"storm-{name}",
        incidents=_members(name, deliveries, store),
        attempted_at=attempted_at,
    )
    message = channel.send_digest(digest, message or None)
    deliveries.keep(f"storm-{name}", message)
    for one in digest.incidents:
        deliveries.caught_up(one.id, None)
    return f"{IN_DIGEST}{name}:{message}"


def _joined(case: Case, deliveries: Deliveries) -> tuple[str, str]:
    """Put the incident into a storm; return the storm's name and its message, "" before one."""
    incident = case.incident
    reference = deliveries.reference(incident.id)
    if reference is not None:
        name, _, message = reference.removeprefix(IN_DIGEST).partition(":")
        return name, message
    name = deliveries.storm(incident.opened_at - STORM_SPAN) or case.entry_id
    deliveries.join_storm(name, incident.id, incident.opened_at)
    return name, deliveries.reference(f"storm-{name}") or ""


def _members(name: str, deliveries: Deliveries, store: IncidentStore) -> tuple[Incident, ...]:
    """Return the incidents of the storm as they stand."""
    found = (store.get(one) for one in deliveries.members(name))
    return tuple(one for one in found if one)
