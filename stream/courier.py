"""
Empties the outbox into one channel: what is told now, later, together with others, or not at all.

A call is noted in Redis before it is made and after it returned. A crash in between, or an answer
that never came, leaves the note; the channel then looks whether its message is there, where it can.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from detector.actions import NO_MARKS, Actions, Marks
from detector.deliveries import Postponed
from detector.incident_store import IncidentStore, OutboxEntry
from detector.incidents import Incident, Severity, Status, Step, Transition
from detector.silence import Silence
from models.catalogue import Catalogue
from stream.alerts.channel import Alert, AlertError, Channel, Digest, Digests, Repeats, is_story
from stream.alerts.rules import STORM_SPAN, Rules, flickers

SETTLE = timedelta(seconds=30)
_RECENT_START = timedelta(minutes=10)
_BACKOFF_FIRST_SECONDS = 1.0
_BACKOFF_LIMIT_SECONDS = 300.0
_RETRY_AFTER_LIMIT_SECONDS = 3_600.0
_ACTIONS_READ = 50
_SHOWN_LIMIT = 1_000
_IN_DIGEST = "digest:"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Drained:
    """
    What one pass did: entries sent, folded into others, refused for good, put off, not wanted.

    *retry_at* is when the next pass makes sense, None for whenever something new is there;
    *n_failures* counts the retryable failures in a row.
    """

    n_sent: int = 0
    n_folded: int = 0
    n_refused: int = 0
    n_postponed: int = 0
    n_unwanted: int = 0
    retry_at: datetime | None = None
    n_failures: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One thing to decide on: *newest* is what waits behind it, *late* whether it was postponed."""

    entry_id: str
    incident: Incident
    transition: Transition
    newest: Incident
    superseded: bool = False
    late: bool = False


class Courier:
    """Tells *channel* what *rules* let through; used by one thread of the process that leads."""

    def __init__(
        self,
        store: IncidentStore,
        channel: Channel,
        *,
        rules: Rules | None = None,
        catalogue: Catalogue | None = None,
        actions: Actions | None = None,
        jitter: Callable[[], float] = random.random,
    ):
        self.channel = channel
        self.n_failures = 0
        self._store = store
        self._deliveries = store.deliveries(channel.name)
        self._rules = rules or Rules()
        self._catalogue = catalogue or Catalogue({})
        self._industries = {one.id: one.industry for one in self._catalogue.services.values()}
        self._actions = actions
        self._jitter = jitter
        self._silences: tuple[Silence, ...] = ()
        self._shown_at: dict[str, datetime] = {}
        self._fresh = True
        self._acted_at: datetime | None = None
        self._counts: dict[str, int] = {}

    def drain(self, now: datetime) -> Drained:
        """
        Tell what is due, oldest first, until one fails or a pause is due.

        A message that is edited in place gets the newest waiting snapshot at once, so that entries
        which are no story of their own need no telling when a later one of their incident waits. A
        refused entry is logged and passed: the next step of its incident tells it again.
        """
        self._counts = {}
        self._silences = self._actions.silences(now) if self._actions else ()
        retry_at = None
        self._note_actions(now)
        for case in [*self._due(now), *self._waiting()]:
            retry_at = self._handle(case, now)
            if retry_at is not None:
                break
        return Drained(retry_at=retry_at, n_failures=self.n_failures, **self._counts)

    # --- what there is ---

    def _waiting(self) -> list[_Case]:
        entries = self._store.outbox(self.channel.name)
        last = {entry.incident.id: entry for entry in entries}
        return [_case(entry, last[entry.incident.id]) for entry in entries]

    def _due(self, now: datetime) -> list[_Case]:
        found = []
        for incident_id, postponed in self._deliveries.postponed().items():
            incident = self._store.get(incident_id)
            if incident is None:
                self._deliveries.caught_up(incident_id, None)
            elif postponed.due_at <= now:
                found.append(_late(postponed.entry_id, incident))
        return found

    def _note_actions(self, now: datetime) -> None:
        """Let messages show at once who has an incident in hand, or calls it false."""
        since = self._acted_at or now - _RECENT_START
        self._acted_at = now
        if self._actions is None or not self.channel.edits:
            return
        recent = self._actions.audit(_ACTIONS_READ)
        waiting = self._deliveries.postponed()
        for incident_id in {one.about for one in recent if one.at >= since} - set(waiting):
            if reference := self._deliveries.reference(incident_id):
                self._shown_at.pop(reference, None)
                again = Postponed(entry_id="0-0", due_at=now, reason="acted")
                self._deliveries.put_off(incident_id, again)

    # --- what becomes of it ---

    def _handle(self, case: _Case, now: datetime) -> datetime | None:
        """Tell, put off or pass *case*; return when to go on, where a pause or a retry is due."""
        decided = self._decide(case, now)
        if isinstance(decided, Postponed):
            self._postpone(case, decided)
            return None
        if decided in ("folded", "unwanted"):
            self._finish(case, None)
            self._count(decided)
            return None
        return self._attempt(case, now, decided)

    def _decide(self, case: _Case, now: datetime) -> Postponed | str:
        """Return "story", "edit", "digest", "folded", "unwanted", or until when it waits."""
        story = is_story(case.transition) and not flickers(case.incident, case.transition)
        story = story and (not case.late or self._own(case) is None)
        if case.superseded and not story:
            return "folded"
        held = self._held(case.incident, now)
        if self._marks(case.incident).false_alarm and not self._ends_page(case):
            return "edit" if self.channel.edits and self._own(case) else "unwanted"
        if self._in_digest(case):
            return self._settled(case, now) or "digest"
        if self._own(case) is None:
            return self._first(case, now, held)
        if not self.channel.edits:
            over = case.transition.step is Step.RESOLVED
            repeated = flickers(case.incident, case.transition)
            return "unwanted" if repeated or (held and not over) else "story"
        if held and held[1] == "muted" and case.transition.step is not Step.RESOLVED:
            story = False
        return "story" if story else self._settled(case, now) or "edit"

    def _ends_page(self, case: _Case) -> bool:
        """Whether it is the end of what elsewhere would stay open."""
        over = case.transition.step is Step.RESOLVED
        return over and not self.channel.edits and self._own(case) is not None

    def _first(
        self, case: _Case, now: datetime, held: tuple[datetime, str] | None
    ) -> Postponed | str:
        if not self._rules.admits(case.incident, self._catalogue):
            return "unwanted"
        if held:
            if case.incident.status is Status.RESOLVED:
                log.info("alert_withheld", reason=held[1], **self._names(case))
                return "unwanted"
            return Postponed(entry_id=case.entry_id, due_at=held[0], reason=held[1])
        if case.late and case.incident.status is Status.RESOLVED:
            return "unwanted"  # it began and ended while nobody was to be told
        if not self._storms(case.incident):
            return "story"
        return self._join(case, now) or "digest"

    def _join(self, case: _Case, now: datetime) -> Postponed | None:
        """Put it into a digest that was shown just now: the next edit shows all that joined."""
        name = self._deliveries.storm(case.incident.opened_at - STORM_SPAN)
        message = name and self._deliveries.reference(f"storm-{name}")
        if not message:
            return None
        self._deliveries.join_storm(str(name), case.incident.id, case.incident.opened_at)
        self._deliveries.keep(case.incident.id, f"{_IN_DIGEST}{name}:{message}")
        return self._settled(case, now)

    def _settled(self, case: _Case, now: datetime) -> Postponed | None:
        """Minor changes of one message come together, at most every `SETTLE`."""
        shown_at = self._shown_at.get(self._reference(case) or "")
        if shown_at is None or now - shown_at >= SETTLE or case.newest.status is Status.RESOLVED:
            return None
        return Postponed(entry_id=case.entry_id, due_at=shown_at + SETTLE, reason="settling")

    def _held(self, incident: Incident, now: datetime) -> tuple[datetime, str] | None:
        covering = [one for one in self._silences if one.covers(incident, self._industries)]
        until = max((one.until for one in covering), default=None)
        return self._rules.withheld(incident, now, until)

    def _marks(self, incident: Incident) -> Marks:
        marks = self._actions.marks([incident.id]) if self._actions else {}
        return marks.get(incident.id, NO_MARKS)

    def _storms(self, incident: Incident) -> bool:
        if incident.severity is Severity.CRITICAL or not isinstance(self.channel, Digests):
            return False
        since = incident.opened_at - STORM_SPAN
        return self._deliveries.n_roots_since(since) >= self._rules.storm_limit

    # --- the call ---

    def _attempt(self, case: _Case, now: datetime, decided: str) -> datetime | None:
        try:
            reference = self._call(case, now, decided)
        except AlertError as error:
            if error.retryable:
                return self._retry(case, now, error)
            log.error("alert_refused", reason=error.reason, **self._names(case))
            self._finish(case, None)
            self._count("refused")
        else:
            self._finish(case, reference)
            self._note_shown(reference, now)
            self._repeat(case, now)
            self._fresh = False
            self._count("sent")
            log.info("alert_sent", **self._names(case))
        self.n_failures = 0
        pause = self.channel.pause_seconds
        return now + timedelta(seconds=pause) if pause else None

    def _call(self, case: _Case, now: datetime, decided: str) -> str | None:
        if decided == "digest":
            return self._call_digest(case, now)
        reference = self._own(case)
        alert = Alert(
            entry_id=case.entry_id,
            incident=case.incident,
            transition=case.transition,
            newest=case.newest,
            is_story=decided == "story",
            marks=self._marks(case.incident),
            attempted_at=self._attempted_at(case.incident.id, now),
        )
        kept = self.channel.send(alert, reference)
        if reference is None:
            self._deliveries.note_root(case.incident.id, case.incident.opened_at)
        return kept

    def _call_digest(self, case: _Case, now: datetime) -> str:
        """Tell all incidents of the storm in its one message."""
        assert isinstance(self.channel, Digests)
        reference = self._reference(case)
        if reference is not None:
            name, _, message = reference.removeprefix(_IN_DIGEST).partition(":")
        else:
            since = case.incident.opened_at - STORM_SPAN
            name = self._deliveries.storm(since) or case.entry_id
            self._deliveries.join_storm(name, case.incident.id, case.incident.opened_at)
            message = self._deliveries.reference(f"storm-{name}") or ""
        members = (self._store.get(one) for one in self._deliveries.members(name))
        digest = Digest(
            entry_id=f"storm-{name}",
            incidents=tuple(one for one in members if one),
            attempted_at=self._attempted_at(case.incident.id, now),
        )
        message = self.channel.send_digest(digest, message or None)
        self._deliveries.keep(f"storm-{name}", message)
        for one in digest.incidents:
            self._deliveries.caught_up(one.id, None)
        return f"{_IN_DIGEST}{name}:{message}"

    def _attempted_at(self, incident_id: str, now: datetime) -> datetime | None:
        """When an earlier call began; a Redis that crashed may have lost the last note of one."""
        earlier = self._deliveries.attempt(incident_id, now)
        return earlier or (now - _RECENT_START if self._fresh else None)

    def _retry(self, case: _Case, now: datetime, error: AlertError) -> datetime:
        delay = backoff(self.n_failures, error.retry_after, self._jitter())
        self.n_failures += 1
        facts = {"reason": error.reason, "n_failures": self.n_failures}
        log.warning("alert_retry", **facts, delay_seconds=round(delay, 1), **self._names(case))
        return now + timedelta(seconds=delay)

    # --- notes ---

    def _finish(self, case: _Case, reference: str | None) -> None:
        if case.late:
            self._deliveries.caught_up(case.incident.id, reference)
        else:
            self._deliveries.done(case.entry_id, case.incident.id, reference)

    def _repeat(self, case: _Case, now: datetime) -> None:
        """Come back to an incident that the channel would forget."""
        if isinstance(self.channel, Repeats) and case.newest.status is not Status.RESOLVED:
            due_at = now + timedelta(seconds=self.channel.repeat_seconds)
            again = Postponed(entry_id=case.entry_id, due_at=due_at, reason="repeat")
            self._deliveries.put_off(case.incident.id, again)

    def _postpone(self, case: _Case, postponed: Postponed) -> None:
        if case.late:
            self._deliveries.put_off(case.incident.id, postponed)
        else:
            self._deliveries.postpone(case.incident.id, postponed)
            self._count("postponed")
            names = self._names(case)
            log.debug("alert_postponed", reason=postponed.reason, **names)

    def _note_shown(self, reference: str | None, now: datetime) -> None:
        if len(self._shown_at) >= _SHOWN_LIMIT:
            self._shown_at.clear()
        self._shown_at[reference or ""] = now

    def _reference(self, case: _Case) -> str | None:
        return self._deliveries.reference(case.incident.id)

    def _own(self, case: _Case) -> str | None:
        """Return the reference of the incident's own message."""
        reference = self._reference(case)
        return None if reference is None or reference.startswith(_IN_DIGEST) else reference

    def _in_digest(self, case: _Case) -> bool:
        """Whether it is told in a digest; once it is critical, it gets a message of its own."""
        in_digest = (self._reference(case) or "").startswith(_IN_DIGEST)
        return in_digest and case.incident.severity is not Severity.CRITICAL

    def _count(self, what: str) -> None:
        self._counts[f"n_{what}"] = self._counts.get(f"n_{what}", 0) + 1

    def _names(self, case: _Case) -> dict[str, str]:
        return {
            "channel": self.channel.name,
            "incident": case.incident.id,
            "step": case.transition.step,
            "entry": case.entry_id,
        }


def backoff(n_failures: int, retry_after: float | None, jitter: float) -> float:
    """
    Return the seconds to wait after the failure number *n_failures*, counted from 0.

    Full jitter: uniform between 0 and an exponentially growing, bounded span, *jitter* being the
    draw from [0, 1); see Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    What the other side asked for comes on top, up to an hour.
    """
    span = min(_BACKOFF_LIMIT_SECONDS, _BACKOFF_FIRST_SECONDS * 2.0 ** min(n_failures, 30))
    if retry_after is None:
        return jitter * span
    return min(max(retry_after, 0.0), _RETRY_AFTER_LIMIT_SECONDS) + jitter * min(span, 1.0)


def _case(entry: OutboxEntry, last: OutboxEntry) -> _Case:
    return _Case(
        entry_id=entry.id,
        incident=entry.incident,
        transition=entry.transition,
        newest=last.incident,
        superseded=last.id != entry.id,
    )


def _late(entry_id: str, incident: Incident) -> _Case:
    last = incident.transitions[-1]
    return _Case(entry_id=entry_id, incident=incident, transition=last, newest=incident, late=True)
