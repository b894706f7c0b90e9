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

from detector.actions import Actions
from detector.deliveries import Postponed
from detector.incident_store import IncidentStore, OutboxEntry
from detector.incidents import Incident, Status
from models.catalogue import Catalogue
from stream.alerts.channel import Alert, AlertError, Channel, Digest, Digests, Repeats
from stream.alerts.rules import STORM_SPAN, Rules
from stream.triage import IN_DIGEST, Case, Triage

_RECENT_START = timedelta(minutes=10)
_BACKOFF_FIRST_SECONDS = 1.0
_BACKOFF_LIMIT_SECONDS = 300.0
_RETRY_AFTER_LIMIT_SECONDS = 3_600.0
_ACTIONS_READ = 50

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
        self._triage = Triage(
            channel, self._deliveries, rules or Rules(), catalogue or Catalogue({}), actions
        )
        self._actions = actions
        self._jitter = jitter
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
        self._triage.begin(now)
        retry_at = None
        self._note_actions(now)
        for case in [*self._due(now), *self._waiting()]:
            retry_at = self._handle(case, now)
            if retry_at is not None:
                break
        return Drained(retry_at=retry_at, n_failures=self.n_failures, **self._counts)

    # --- what there is ---

    def _waiting(self) -> list[Case]:
        entries = self._store.outbox(self.channel.name)
        last = {entry.incident.id: entry for entry in entries}
        return [_case(entry, last[entry.incident.id]) for entry in entries]

    def _due(self, now: datetime) -> list[Case]:
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
                self._triage.touch(reference)
                again = Postponed(entry_id="0-0", due_at=now, reason="acted")
                self._deliveries.put_off(incident_id, again)

    # --- what becomes of it ---

    def _handle(self, case: Case, now: datetime) -> datetime | None:
        """Tell, put off or pass *case*; return when to go on, where a pause or a retry is due."""
        decided = self._triage.decide(case, now)
        if isinstance(decided, Postponed):
            self._postpone(case, decided)
            return None
        if decided in ("folded", "unwanted"):
            self._deliveries.passed(None if case.late else case.entry_id, case.incident.id)
            self._count(decided)
            return None
        return self._attempt(case, now, decided)

    # --- the call ---

    def _attempt(self, case: Case, now: datetime, decided: str) -> datetime | None:
        try:
            reference = self._call(case, now, decided)
        except AlertError as error:
            if error.retryable:
                return self._retry(case, now, error)
            log.error("alert_refused", reason=error.reason, **self._names(case))
            self._deliveries.passed(None if case.late else case.entry_id, case.incident.id)
            self._count("refused")
        else:
            self._finish(case, reference)
            self._triage.note_shown(reference, now)
            self._repeat(case, now)
            self._fresh = False
            self._count("sent")
            log.info("alert_sent", **self._names(case))
        self.n_failures = 0
        pause = self.channel.pause_seconds
        return now + timedelta(seconds=pause) if pause else None

    def _call(self, case: Case, now: datetime, decided: str) -> str | None:
        if decided == "digest":
            return self._call_digest(case, now)
        reference = self._triage.own(case)
        alert = Alert(
            entry_id=case.entry_id,
            incident=case.incident,
            transition=case.transition,
            newest=case.newest,
            is_story=decided == "story",
            marks=self._triage.marks(case.incident),
            attempted_at=self._attempted_at(case.incident.id, now),
        )
        kept = self.channel.send(alert, reference)
        if reference is None:
            self._deliveries.note_root(case.incident.id, case.incident.opened_at)
        return kept

    def _call_digest(self, case: Case, now: datetime) -> str:
        """Tell all incidents of the storm in its one message."""
        assert isinstance(self.channel, Digests)
        reference = self._deliveries.reference(case.incident.id)
        if reference is not None:
            name, _, message = reference.removeprefix(IN_DIGEST).partition(":")
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
        return f"{IN_DIGEST}{name}:{message}"

    def _attempted_at(self, incident_id: str, now: datetime) -> datetime | None:
        """When an earlier call began; a Redis that crashed may have lost the last note of one."""
        earlier = self._deliveries.attempt(incident_id, now)
        return earlier or (now - _RECENT_START if self._fresh else None)

    def _retry(self, case: Case, now: datetime, error: AlertError) -> datetime:
        delay = backoff(self.n_failures, error.retry_after, self._jitter())
        self.n_failures += 1
        facts = {"reason": error.reason, "n_failures": self.n_failures}
        log.warning("alert_retry", **facts, delay_seconds=round(delay, 1), **self._names(case))
        return now + timedelta(seconds=delay)

    # --- notes ---

    def _finish(self, case: Case, reference: str | None) -> None:
        if case.late:
            self._deliveries.caught_up(case.incident.id, reference)
        else:
            self._deliveries.done(case.entry_id, case.incident.id, reference)

    def _repeat(self, case: Case, now: datetime) -> None:
        """Come back to an incident that the channel would forget."""
        if isinstance(self.channel, Repeats) and case.newest.status is not Status.RESOLVED:
            due_at = now + timedelta(seconds=self.channel.repeat_seconds)
            again = Postponed(entry_id=case.entry_id, due_at=due_at, reason="repeat")
            self._deliveries.put_off(case.incident.id, again)

    def _postpone(self, case: Case, postponed: Postponed) -> None:
        if case.late:
            self._deliveries.put_off(case.incident.id, postponed)
        else:
            self._deliveries.postpone(case.incident.id, postponed)
            self._count("postponed")
            names = self._names(case)
            log.debug("alert_postponed", reason=postponed.reason, **names)

    def _count(self, what: str) -> None:
        self._counts[f"n_{what}"] = self._counts.get(f"n_{what}", 0) + 1

    def _names(self, case: Case) -> dict[str, str]:
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


def _case(entry: OutboxEntry, last: OutboxEntry) -> Case:
    return Case(
        entry_id=entry.id,
        incident=entry.incident,
        transition=entry.transition,
        newest=last.incident,
        superseded=last.id != entry.id,
    )


def _late(entry_id: str, incident: Incident) -> Case:
    last = incident.transitions[-1]
    return Case(entry_id=entry_id, incident=incident, transition=last, newest=incident, late=True)
