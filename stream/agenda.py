"""What there is to tell on one channel: new entries, what waited until now, and remarks."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from detector.actions import Actions
from detector.deliveries import Deliveries, Postponed
from detector.incident_store import IncidentStore
from detector.incidents import Incident, Status
from detector.official import AFTER
from models.catalogue import Catalogue
from stream.alerts import charts, statements, together, wording
from stream.alerts.channel import Channel, Remarks
from stream.alerts.headline import parent_id
from stream.alerts.plain import plain
from stream.alerts.remark import Kind, Remark
from stream.case import Case, fresh, late
from stream.news import News

RECENT_START = timedelta(minutes=10)
IN_DIGEST = "digest:"
TOGETHER = "together"
_LOOK_AGAIN = timedelta(seconds=10)
_ACTIONS_READ = 50
_INCIDENTS_READ = 300
_NAME = 60  # characters


class Agenda:
    """Collects for *channel*; used by one thread of the process that leads."""

    def __init__(
        self,
        store: IncidentStore,
        channel: Channel,
        deliveries: Deliveries,
        catalogue: Catalogue,
        actions: Actions | None,
        news: News | None,
    ):
        self._store = store
        self._channel = channel
        self._deliveries = deliveries
        self._catalogue = catalogue
        self._actions = actions
        self._news = news
        self._acted_at: datetime | None = None
        self._looked_at: datetime | None = None
        self._owing = True
        self._unfinished = False
        self._beside: dict[str, str] = {}
        self._clock = datetime.min.replace(tzinfo=UTC)
        self._postponed: dict[str, Postponed] = {}

    def begin(self, clock: datetime) -> dict[str, Postponed]:
        """Start a pass at event time *clock*; return what is put off."""
        self._clock, self._postponed = clock, self._deliveries.postponed()
        if self._news is not None and self._news.refresh():
            self._owing = True
        return self._postponed

    def new(self) -> list[Case]:
        """Return what the outbox holds that was not passed yet."""
        entries = self._store.outbox(self._channel.name)
        last = {entry.incident.id: entry for entry in entries}
        merging: dict[str, list[str]] = defaultdict(list)
        for entry in last.values():
            if parent := parent_id(entry.incident):
                merging[parent].append(entry.incident.id)
        return [
            fresh(one, last[one.incident.id], tuple(merging.get(one.incident.id, ())))
            for one in entries
        ]

    def due(self, now: datetime) -> Iterator[Case]:
        """Yield what was put off until now."""
        for incident_id, postponed in list(self._postponed.items()):
            if postponed.due_at > now and not self._has_come(postponed):
                continue
            incident = self._store.get(incident_id)
            if incident is None:
                self._deliveries.caught_up(incident_id, None)
            else:
                yield late(postponed.entry_id, incident)

    def acted(self, now: datetime) -> set[str]:
        """Return the incidents that people did something about since the last pass."""
        since, self._acted_at = self._acted_at or now - RECENT_START, now
        recent = self._actions.audit(_ACTIONS_READ) if self._actions else ()
        found = {one.about for one in recent if one.at >= since}
        self._owing = self._owing or bool(found)
        return found

    def remarks(self, now: datetime) -> Iterator[Case]:
        """Yield what was not told of yet beside the steps; looked for when there is reason."""
        if not isinstance(self._channel, Remarks):
            return
        kinds = self._channel.remarks
        if not self._has_reason(kinds, now):
            return
        self._owing = True  # until all that is yielded was taken
        waiting = self.waiting()
        for incident in self.told(self.recent()):
            beside = waiting.get(incident.id, ())
            found = {one.id: one for one in self._of(incident, beside) if one.kind in kinds}
            for id in self._deliveries.untold(incident.id, list(found)):
                yield late(id, incident, found[id])
        self._owing = False

    def is_charted(self, incident_id: str) -> bool:
        """Whether a picture of its course is in its thread."""
        return self._deliveries.has_told(incident_id, (charts.BEGIN, charts.END))

    def look_again(self) -> None:
        """Come back to the remarks soon: one of them could not be told."""
        self._unfinished = True

    def recent(self) -> list[Incident]:
        """Return the incidents that are open, were opened last, or ended lately."""
        found = {one.id: one for one in (*self._store.open(), *self._store.recent(_INCIDENTS_READ))}
        return [one for one in found.values() if self._clock - one.updated_at <= AFTER]

    def told(self, incidents: Sequence[Incident]) -> list[Incident]:
        """Return those of *incidents* that have a message of their own on the channel."""
        held = self._deliveries.references([one.id for one in incidents])
        own = {id for id, reference in held.items() if not reference.startswith(IN_DIGEST)}
        return [one for one in incidents if one.id in own]

    def waiting(self) -> dict[str, list[Incident]]:
        """Return the incidents that wait for a message of their own, by whom they wait beside."""
        found: dict[str, list[Incident]] = defaultdict(list)
        for id, postponed in self._postponed.items():
            incident = self._store.get(id) if postponed.reason == TOGETHER else None
            if incident is not None and incident.status is not Status.RESOLVED:
                found[postponed.beside].append(incident)
        return found

    def _of(self, incident: Incident, waiting: Sequence[Incident]) -> Iterator[Remark]:
        if parent_id(incident) is not None:
            return
        if self._news:
            events = self._news.events(incident, self._clock)
            yield from statements.remarks(incident, events, self._catalogue)
        for one in waiting:
            until = self._postponed[one.id].event_due_at or self._clock
            yield together.remark(one, incident, until, self._catalogue)
        yield from charts.due(incident, self._clock)
        if self._actions and (mark := self._actions.marks([incident.id])[incident.id].acknowledged):
            yield Remark(
                id=f"acknowledged {mark.at.timestamp():.3f}",
                kind=Kind.ACKNOWLEDGED,
                line=f"{wording.clock(mark.at)} · In hand: {plain(mark.by, _NAME)}",
                at=mark.at,
            )

    def _has_reason(self, kinds: frozenset[Kind], now: datetime) -> bool:
        beside = {id: p.beside for id, p in self._postponed.items() if p.reason == TOGETHER}
        reason = self._owing or beside != self._beside
        self._beside = beside
        news = self._news is not None and not self._news.nothing_read
        moving = self._unfinished or news or Kind.CHART in kinds
        rested = self._looked_at is None or now - self._looked_at >= _LOOK_AGAIN
        reason = reason or (moving and rested)
        if reason:
            self._looked_at, self._unfinished = now, False
        return reason

    def _has_come(self, postponed: Postponed) -> bool:
        return postponed.event_due_at is not None and postponed.event_due_at <= self._clock
