"""Which incidents are told together in one message, and which message that is."""

from detector.deliveries import Deliveries
from detector.incident_store import IncidentStore
from detector.incidents import Incident
from stream.agenda import IN_DIGEST
from stream.alerts.rules import STORM_SPAN
from stream.case import Case


def joined(case: Case, deliveries: Deliveries) -> tuple[str, str]:
    """Put the incident into a storm; return the storm's name and its message, "" before one."""
    incident = case.incident
    reference = deliveries.reference(incident.id)
    if reference is not None:
        name, _, message = reference.removeprefix(IN_DIGEST).partition(":")
        return name, message
    name = deliveries.storm(incident.opened_at - STORM_SPAN) or case.entry_id
    deliveries.join_storm(name, incident.id, incident.opened_at)
    return name, deliveries.reference(f"storm-{name}") or ""


def members(name: str, deliveries: Deliveries, store: IncidentStore) -> tuple[Incident, ...]:
    """Return the incidents of the storm as they stand."""
    found = (store.get(one) for one in deliveries.members(name))
    return tuple(one for one in found if one)
