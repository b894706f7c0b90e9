"""How many messages a course of incidents leads to: a back-test's count, by the couriers' rules."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from detector.incidents import Incident, Status, Transition
from models.catalogue import Catalogue
from stream.alerts import together
from stream.alerts.headline import parent_id


def messages(
    changes: Iterable[tuple[Incident, Transition]],
    catalogue: Catalogue,
    span: timedelta = timedelta(minutes=10),
) -> tuple[tuple[str, datetime], ...]:
    """
    Return the incidents that get a message of their own, each with when, in event time.

    *changes* are in order; *span* is how long an incident may wait beside another (the setting
    `alerts.together_minutes`). Routes, silences and storms are left out.
    """
    course = _Course(catalogue, span)
    for incident, transition in changes:
        course.take(incident, transition.at)
    course.release(datetime.max.replace(tzinfo=UTC))
    return tuple(course.sent)


class _Course:
    def __init__(self, catalogue: Catalogue, span: timedelta):
        self.sent: list[tuple[str, datetime]] = []
        self._catalogue = catalogue
        self._span = span
        self._told: dict[str, Incident] = {}
        self._waiting: dict[str, tuple[Incident, str]] = {}

    def take(self, incident: Incident, now: datetime) -> None:
        """Move on to *now*, where *incident* changed."""
        self.release(now)
        if incident.id in self._told:
            self._told[incident.id] = incident
        elif parent_id(incident) is not None or (
            incident.status is Status.RESOLVED and incident.id in self._waiting
        ):
            self._waiting.pop(incident.id, None)
        elif (beside := self._host(incident, now)) is not None:
            self._waiting[incident.id] = (incident, beside.id)
        else:
            self._tell(incident, now)

    def release(self, now: datetime) -> None:
        """Tell those that have waited for long enough."""
        for incident, _ in list(self._waiting.values()):
            if incident.opened_at + self._span < now:
                self._tell(incident, incident.opened_at + self._span)

    def _tell(self, incident: Incident, now: datetime) -> None:
        self._waiting.pop(incident.id, None)
        self._told[incident.id] = incident
        self.sent.append((incident.id, now))

    def _host(self, incident: Incident, now: datetime) -> Incident | None:
        if now >= incident.opened_at + self._span:
            return None
        beside: dict[str, list[Incident]] = defaultdict(list)
        for one, id in self._waiting.values():
            beside[id].append(one)
        return together.host(incident, self._told.values(), self._catalogue, beside)
