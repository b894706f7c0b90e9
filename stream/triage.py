"""What becomes of one thing to tell on one channel: now, later, with others, or not at all."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import structlog

from detector.actions import NO_MARKS, Actions, Marks
from detector.deliveries import Deliveries, Postponed
from detector.incidents import Incident, Severity, Status, Step
from detector.silence import Silence
from models.catalogue import Catalogue
from stream.agenda import IN_DIGEST, TOGETHER, Agenda
from stream.alerts import together
from stream.alerts.channel import Channel, Digests, is_story
from stream.alerts.headline import parent_id
from stream.alerts.rules import STORM_SPAN, Rules, flickers
from stream.case import Case

SETTLE = timedelta(seconds=30)
_SHOWN_LIMIT = 1_000

log = structlog.get_logger()


class Triage:
    """Decides for *channel*, by *rules*, by what people did and by what was told already."""

    def __init__(
        self,
        channel: Channel,
        deliveries: Deliveries,
        rules: Rules,
        catalogue: Catalogue,
        actions: Actions | None,
        agenda: Agenda,
    ):
        self._agenda = agenda
        self._channel = channel
        self._deliveries = deliveries
        self._rules = rules
        self._catalogue = catalogue
        self._industries = {one.id: one.industry for one in catalogue.services.values()}
        self._actions = actions
        self._silences: tuple[Silence, ...] = ()
        self._shown_at: dict[str, datetime] = {}
        self._clock = datetime.min.replace(tzinfo=UTC)
        self._postponed: Mapping[str, Postponed] = {}

    def begin(self, now: datetime, clock: datetime, postponed: Mapping[str, Postponed]) -> None:
        """Read what is silenced at *now*, once for a pass at event time *clock*."""
        self._silences = self._actions.silences(now) if self._actions else ()
        self._clock, self._postponed = clock, postponed

    def decide(self, case: Case, now: datetime) -> Postponed | str:
        """Return "story", "edit", "digest", "folded", "unwanted", or until when it waits."""
        if case.remark is not None:
            return "unwanted" if self._is_hushed(case.incident, now) else "story"
        story = is_story(case.transition) and not flickers(case.incident, case.transition)
        story = story and (not case.late or self.own(case) is None)
        if case.superseded and not story:
            return "folded"
        held = self._held(case.incident, now)
        if self.marks(case.incident).false_alarm and not self._ends_page(case):
            return "edit" if self._channel.edits and self.own(case) else "unwanted"
        if self.in_digest(case):
            return self._settled(case, now) or "digest"
        if self.own(case) is None:
            return self._first(case, now, held)
        if not self._channel.edits:
            over = case.transition.step is Step.RESOLVED
            repeated = flickers(case.incident, case.transition)
            return "unwanted" if repeated or (held and not over) else "story"
        if held and held[1] == "muted" and case.transition.step is not Step.RESOLVED:
            story = False
        return "story" if story else self._settled(case, now) or "edit"

    def marks(self, incident: Incident) -> Marks:
        """Return what people made of the incident."""
        marks = self._actions.marks([incident.id]) if self._actions else {}
        return marks.get(incident.id, NO_MARKS)

    def own(self, case: Case) -> str | None:
        """Return the reference of the incident's own message."""
        reference = self._reference(case)
        return None if reference is None or reference.startswith(IN_DIGEST) else reference

    def inherit(self, case: Case) -> str | None:
        """Let a whole that was never told have the message of a part of it; return that part."""
        if not case.merging or self.own(case) is not None:
            return None
        for child, reference in self._deliveries.references(case.merging).items():
            if not reference.startswith(IN_DIGEST):
                self._deliveries.hand_over(child, case.incident.id, reference)
                return child
        return None

    def touch(self, reference: str) -> None:
        """Let the message *reference* be edited at once."""
        self._shown_at.pop(reference, None)

    def in_digest(self, case: Case) -> bool:
        """Whether it is told in a digest; once it is critical, it gets a message of its own."""
        in_digest = (self._reference(case) or "").startswith(IN_DIGEST)
        return in_digest and case.incident.severity is not Severity.CRITICAL

    def note_shown(self, reference: str | None, now: datetime) -> None:
        """Note that the message *reference* was brought up to date at *now*."""
        if len(self._shown_at) >= _SHOWN_LIMIT:
            self._shown_at.clear()
        self._shown_at[reference or ""] = now

    def _ends_page(self, case: Case) -> bool:
        """Whether it is the end of what elsewhere would stay open."""
        over = case.transition.step is Step.RESOLVED
        return over and not self._channel.edits and self.own(case) is not None

    def _first(
        self, case: Case, now: datetime, held: tuple[datetime, str] | None
    ) -> Postponed | str:
        if parent_id(case.newest) is not None:
            return "unwanted"  # another one tells it
        if not self._rules.admits(case.incident, self._catalogue):
            return "unwanted"
        if held:
            if case.incident.status is Status.RESOLVED:
                log.info(
                    "alert_withheld",
                    reason=held[1],
                    incident=case.incident.id,
                    channel=self._channel.name,
                )
                return "unwanted"
            return Postponed(entry_id=case.entry_id, due_at=held[0], reason=held[1])
        waits = self._postponed.get(case.incident.id)
        put_off = case.late or (waits is not None and waits.reason == TOGETHER)
        if case.incident.status is Status.RESOLVED and put_off:
            return "unwanted"  # it began and ended while nobody was to be told
        if beside := self._together(case, now):
            return beside
        if not self._storms(case.incident):
            return "story"
        return self._join(case, now) or "digest"

    def _together(self, case: Case, now: datetime) -> Postponed | None:
        """Let it wait beside an incident that was told, of whose failure it may be a part."""
        span, incident = self._rules.together, case.incident
        until, before = incident.opened_at + span, self._postponed.get(incident.id)
        waited = before is not None and before.reason == TOGETHER
        if not span or self._clock >= until or (waited and before and now >= before.due_at):
            return None
        told = [one for one in self._agenda.told(self._agenda.recent()) if self._may_host(one, now)]
        found = together.host(incident, told, self._catalogue, self._agenda.waiting())
        if found is None:
            return None
        return Postponed(
            entry_id=case.entry_id,
            due_at=before.due_at if before and waited else now + span,
            reason=TOGETHER,
            event_due_at=until,
            beside=found.id,
        )

    def _may_host(self, incident: Incident, now: datetime) -> bool:
        """Only where what waits is seen: in a message that is edited, or while people are on it."""
        seen = self._channel.edits or incident.status is not Status.RESOLVED
        return seen and not self._is_hushed(incident, now)

    def _is_hushed(self, incident: Incident, now: datetime) -> bool:
        """Whether nothing more is told of it just now."""
        held = self._held(incident, now)
        muted = held is not None and held[1] == "muted"
        return muted or self.marks(incident).false_alarm is not None

    def _join(self, case: Case, now: datetime) -> Postponed | None:
        """Put it into a digest that was shown just now: the next edit shows all that joined."""
        name = self._deliveries.storm(case.incident.opened_at - STORM_SPAN)
        message = name and self._deliveries.reference(f"storm-{name}")
        if not message:
            return None
        self._deliveries.join_storm(str(name), case.incident.id, case.incident.opened_at)
        self._deliveries.keep(case.incident.id, f"{IN_DIGEST}{name}:{message}")
        return self._settled(case, now)

    def _settled(self, case: Case, now: datetime) -> Postponed | None:
        """Minor changes of one message come together, at most every `SETTLE`."""
        shown_at = self._shown_at.get(self._reference(case) or "")
        if shown_at is None or now - shown_at >= SETTLE or case.newest.status is Status.RESOLVED:
            return None
        return Postponed(entry_id=case.entry_id, due_at=shown_at + SETTLE, reason="settling")

    def _held(self, incident: Incident, now: datetime) -> tuple[datetime, str] | None:
        covering = [one for one in self._silences if one.covers(incident, self._industries)]
        until = max((one.until for one in covering), default=None)
        return self._rules.withheld(incident, now, until)

    def _storms(self, incident: Incident) -> bool:
        if incident.severity is Severity.CRITICAL or not isinstance(self._channel, Digests):
            return False
        since = incident.opened_at - STORM_SPAN
        return self._deliveries.n_roots_since(since) >= self._rules.storm_limit

    def _reference(self, case: Case) -> str | None:
        return self._deliveries.reference(case.incident.id)
