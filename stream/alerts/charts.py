"""When an incident's course is shown as a picture in its thread."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from detector.incidents import Incident, Status, Step
from models.catalogue import Catalogue
from stream.alerts.headline import headline, last_step
from stream.alerts.remark import Kind, Remark

GROWN = timedelta(minutes=10)  # after it was raised; before, there is little to see
BEGIN, END = "chart begin", "chart end"


def due(incident: Incident, clock: datetime) -> Iterator[Remark]:
    """Yield the picture of what is confirmed, once it has grown, and the one of its course."""
    if incident.status is Status.RESOLVED:
        if incident.resolved_at and incident.resolved_at - incident.opened_at >= GROWN:
            yield _remark(END, incident.resolved_at)
    elif last_step(incident, Step.CONFIRMED) and clock - incident.opened_at >= GROWN:
        yield _remark(BEGIN, incident.opened_at + GROWN)


def describe(incident: Incident, catalogue: Catalogue) -> str:
    """Say what the picture shows, for who cannot see it."""
    return f"Reports a minute against what is normal. {headline(incident, catalogue)}"


def _remark(id: str, at: datetime) -> Remark:
    return Remark(id=id, kind=Kind.CHART, line="", at=at)
