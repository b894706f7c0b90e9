"""How many messages a back-test would have sent: the rule by which alerts wait for one another."""

from collections.abc import Iterable
from datetime import timedelta

from detector.incidents import Incident, Status
from detector.state import State
from detector.verdicts import instant
from models.catalogue import Catalogue
from stream.alerts.headline import parent_id
from stream.alerts.together import host

_WAIT = timedelta(minutes=10)  # the default of `together_minutes`


class Alerts:
    """Follows one run; *sent* are the ids of incidents that got a message of their own."""

    def __init__(self, catalogue: Catalogue):
        self.sent: set[str] = set()
        self.n_edits = 0
        self._catalogue = catalogue
        self._seen: dict[str, Incident] = {}
        self._waiting: dict[str, str] = {}

    def follow(self, changed: Iterable[Incident], state: State) -> None:
        """Take the bucket after which *state* holds; *changed* are the incidents it moved."""
        for incident in changed:
            self._seen[incident.id] = incident
            if incident.id in self.sent:
                self.n_edits += 1
            elif incident.id not in self._waiting and not self._waits(incident):
                self._send(incident)
        now = instant(state.next_start)
        for id in list(self._waiting):
            incident = self._seen[id]
            if incident.status is Status.RESOLVED:
                del self._waiting[id]
            elif now >= incident.opened_at + _WAIT:
                del self._waiting[id]
                self.sent.add(id)

    def _send(self, incident: Incident) -> None:
        if parent_id(incident) is None:
            self.sent.add(incident.id)

    def _waits(self, incident: Incident) -> bool:
        told = [self._seen[id] for id in self.sent]
        waiting: dict[str, list[Incident]] = {}
        for id, beside in self._waiting.items():
            waiting.setdefault(beside, []).append(self._seen[id])
        found = host(incident, told, self._catalogue, waiting)
        if found is not None:
            self._waiting[incident.id] = found.id
        return found is not None
