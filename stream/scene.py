"""What is put into a message beside the incident itself."""

from datetime import datetime

from detector.incident_store import IncidentStore
from detector.incidents import Incident
from models.catalogue import Catalogue
from stream.agenda import Agenda
from stream.alerts.around import Around
from stream.alerts.headline import parent_id
from stream.alerts.remark import Kind
from stream.alerts.stack import Stack
from stream.case import Case
from stream.news import News
from stream.triage import Triage


class Scene:
    """Collects what is known around an incident on one channel, and draws its course."""

    def __init__(
        self,
        store: IncidentStore,
        agenda: Agenda,
        triage: Triage,
        catalogue: Catalogue,
        news: News | None,
        stack: Stack | None,
    ):
        self._store = store
        self._agenda = agenda
        self._triage = triage
        self._catalogue = catalogue
        self._news = news
        self._stack = stack

    def around(self, incident: Incident, clock: datetime) -> Around:
        """Return what is known around *incident* at event time *clock*."""
        parent = parent_id(incident)
        return Around(
            marks=self._triage.marks(incident),
            stack=self._stack,
            official=self._news.of(incident, clock) if self._news else None,
            beside=tuple(self._agenda.waiting().get(incident.id, ())),
            parent=self._store.get(parent) if parent else None,
            charted=self._agenda.is_charted(incident.id),
        )

    def picture(self, case: Case) -> bytes | None:
        """Return the picture of its course, where that is what is to be told."""
        if case.remark is None or case.remark.kind is not Kind.CHART:
            return None
        from stream.alerts.chart import BEFORE_MINUTES, LONGEST_MINUTES, draw

        services = [one.service for one in case.newest.affected]
        shown = self._store.series(services, LONGEST_MINUTES + BEFORE_MINUTES)
        return draw(case.newest, shown, self._catalogue)
