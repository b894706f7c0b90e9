"""What becomes of one thing to tell on one channel: now, later, with others, or not at all."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from detector.actions import NO_MARKS, Actions, Marks
from detector.deliveries import Deliveries, Postponed
from detector.incidents import Incident, Severity, Status, Step, Transition
from detector.silence import Silence
from models.catalogue import Catalogue
from stream.alerts.channel import Channel, Digests, is_story
from stream.alerts.rules import STORM_SPAN, Rules, flickers

SETTLE = timedelta(seconds=30)
IN_DIGEST = "digest:"
_SHOWN_LIMIT = 1_000

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One thing to decide on: *newest* is what waits behind it, *late* whether it was postponed."""

    entry_id: str
    incident: Incident
    transition: Transition
    newest: Incident
    superseded: bool = False
    late: bool = False


class Triage:
    """Decides for *channel*, by *rules*, by what people did and by what was told already."""

    def __init__(
        self,
        channel: Channel,
        deliveries: Deliveries,
        rules: Rules,
        catalogue: Catalogue,
        actions: Actions | None,
    ):
        self._channel = channel
        self._deliveries = deliveries
        self._rules = rules
        self._catalogue = catalogue
        self._industries = {one.id: one.industry for one in catalogue.services.values()}
        self._actions = actions
        self._silences: tuple[Silence, ...] = ()
        self._shown_at: dict[str, datetime] = {}

    def begin(self, now: datetime) -> None:
        """Read what is silenced at *now*, once for a pass."""
        self._silences = self._actions.silences(now) if self._actions else ()

    def decide(self, case: Case, now: datetime) -> Postponed | str:
        """Return "story", "edit", "digest", "folded", "unwanted", or until when it waits."""
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
        if case.late and case.incident.status is Status.RESOLVED:
            return "unwanted"  # it began and ended while nobody was to be told
        if not self._storms(case.incident):
            return "story"
        return self._join(case, now) or "digest"

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
