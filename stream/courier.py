"""
Empties the outbox into one channel: what is told now, later, together with others, or not at all.

A call is noted in Redis before it is made and after it returned. A crash in between, or an answer
that never came, leaves the note; the channel then looks whether its message is there, where it can.
"""

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import structlog

from detector.actions import Actions
from detector.deliveries import Postponed
from detector.incident_store import IncidentStore
from detector.incidents import Status
from models.catalogue import Catalogue
from stream.agenda import RECENT_START, TOGETHER, Agenda
from stream.alerts.backoff import backoff
from stream.alerts.channel import Alert, AlertError, Channel, Repeats
from stream.alerts.remark import Kind
from stream.alerts.rules import Rules
from stream.alerts.stack import Stack
from stream.case import Case
from stream.drained import Drained
from stream.news import News
from stream.scene import Scene
from stream.storm import tell
from stream.triage import Triage

_PICTURE_TRIES = 5

log = structlog.get_logger()


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
        news: News | None = None,
        stack: Stack | None = None,
        jitter: Callable[[], float] = random.random,
    ):
        self.channel = channel
        self.n_failures = 0
        self._store = store
        self._deliveries = store.deliveries(channel.name)
        known = catalogue or Catalogue({})
        self._agenda = Agenda(store, channel, self._deliveries, known, actions, news)
        self._triage = Triage(
            channel, self._deliveries, rules or Rules(), known, actions, self._agenda
        )
        self._scene = Scene(store, self._agenda, self._triage, known, news, stack)
        self._n_skipped: dict[str, int] = {}
        self._jitter = jitter
        self._fresh = True
        self._clock = datetime.min.replace(tzinfo=UTC)
        self._postponed: dict[str, Postponed] = {}
        self._counts: dict[str, int] = {}

    def drain(self, now: datetime) -> Drained:
        """
        Tell what is due, oldest first, until one fails or a pause is due.

        What cannot be told at all is logged and passed, as everything behind it would wait for
        ever; the next step of its incident tells it again.
        """
        self._counts = {}
        self._clock = self._store.judged_until() or now
        self._begin(now)
        retry_at = None
        for case in self._cases(now):
            retry_at = self._handle(case, now)
            if retry_at is not None:
                break
        return Drained(retry_at=retry_at, n_failures=self.n_failures, **self._counts)

    # --- what there is ---

    def _begin(self, now: datetime) -> None:
        self._postponed = self._agenda.begin(self._clock)
        self._triage.begin(now, self._clock, self._postponed)
        acted = self._agenda.acted(now)
        if self.channel.edits:
            for incident_id in acted - set(self._postponed):
                self._touch(incident_id, now)

    def _cases(self, now: datetime) -> Iterator[Case]:
        """Steps before remarks, so that none of these waits for what only explains it."""
        yield from self._agenda.due(now)
        yield from self._agenda.new()
        yield from self._agenda.remarks(now)

    def _touch(self, incident_id: str, now: datetime) -> None:
        """Let the message of an incident be edited at once."""
        if reference := self._deliveries.reference(incident_id):
            self._triage.touch(reference)
            again = Postponed(entry_id="0-0", due_at=now, reason="touched")
            self._deliveries.put_off(incident_id, again)
            self._postponed[incident_id] = again

    # --- what becomes of it ---

    def _handle(self, case: Case, now: datetime) -> datetime | None:
        """Tell, put off or pass *case*; return when to go on, where a pause or a retry is due."""
        if child := self._triage.inherit(case):
            log.info("alert_handed_over", child=child, **self._names(case))
        decided = self._triage.decide(case, now)
        if isinstance(decided, Postponed):
            self._postpone(case, decided)
            return None
        if decided in ("folded", "unwanted"):
            self._pass(case)
            self._count(decided)
            return None
        return self._attempt(case, now, decided)

    # --- the call ---

    def _attempt(self, case: Case, now: datetime, decided: str) -> datetime | None:
        try:
            reference = self._call(case, now, decided)
        except AlertError as error:
            if error.retryable and case.remark and case.remark.kind is Kind.CHART:
                self._skip(case, error)
                return None
            if error.retryable:
                return self._retry(case, now, error)
            log.error("alert_refused", reason=error.reason, **self._names(case))
            self._pass(case)
            self._count("refused")
        else:
            self._triage.note_shown(reference, now)
            self._finish(case, reference, now)
            self._let_go(case, now)
            self._repeat(case, now)
            self._fresh = False
            self._count("sent")
            log.info("alert_sent", **self._names(case))
        self.n_failures = 0
        pause = self.channel.pause_seconds
        return now + timedelta(seconds=pause) if pause else None

    def _call(self, case: Case, now: datetime, decided: str) -> str | None:
        if decided == "digest":
            began = self._attempted_at(case.incident.id, now)
            return tell(case, self.channel, self._deliveries, self._store, began)
        reference = self._triage.own(case)
        alert = Alert(
            entry_id=case.entry_id,
            incident=case.incident,
            transition=case.transition,
            newest=case.newest,
            is_story=decided == "story",
            remark=case.remark,
            picture=self._scene.picture(case),
            around=self._scene.around(case.newest, self._clock),
            attempted_at=self._attempted_at(case.subject, now),
        )
        kept = self.channel.send(alert, reference)
        if reference is None:
            self._deliveries.note_root(case.incident.id, case.incident.opened_at)
        return kept

    def _attempted_at(self, subject: str, now: datetime) -> datetime | None:
        """When an earlier call began; a Redis that crashed may have lost the last note of one."""
        earlier = self._deliveries.attempt(subject, now)
        return earlier or (now - RECENT_START if self._fresh else None)

    def _retry(self, case: Case, now: datetime, error: AlertError) -> datetime:
        delay = backoff(self.n_failures, error.retry_after, self._jitter())
        self.n_failures += 1
        facts = {"reason": error.reason, "n_failures": self.n_failures}
        log.warning("alert_retry", **facts, delay_seconds=round(delay, 1), **self._names(case))
        return now + timedelta(seconds=delay)

    def _skip(self, case: Case, error: AlertError) -> None:
        """Let a picture wait, or go: no message waits for it."""
        self._n_skipped[case.subject] = self._n_skipped.get(case.subject, 0) + 1
        gone = self._n_skipped[case.subject] >= _PICTURE_TRIES
        if gone:
            del self._n_skipped[case.subject]
            self._pass(case)
        else:
            self._agenda.look_again()
        log.warning("alert_chart_skipped", reason=error.reason, gone=gone, **self._names(case))

    # --- notes ---

    def _pass(self, case: Case) -> None:
        if case.remark is not None:
            self._deliveries.remarked(case.incident.id, case.remark.id, None)
        else:
            self._deliveries.passed(None if case.late else case.entry_id, case.incident.id)

    def _finish(self, case: Case, reference: str | None, now: datetime) -> None:
        if case.remark is not None:
            self._deliveries.remarked(case.incident.id, case.remark.id, reference)
            if case.remark.kind is Kind.CHART:
                self._touch(case.incident.id, now)
        elif case.late:
            self._deliveries.caught_up(case.incident.id, reference)
        else:
            self._deliveries.done(case.entry_id, case.incident.id, reference)

    def _let_go(self, case: Case, now: datetime) -> None:
        """Let the message beside which it waited name it no longer."""
        waited = self._postponed.pop(case.incident.id, None)
        if waited and waited.reason == TOGETHER and self.channel.edits:
            self._touch(waited.beside, now)

    def _repeat(self, case: Case, now: datetime) -> None:
        """Come back to an incident that the channel would forget."""
        open_still = case.newest.status is not Status.RESOLVED and case.remark is None
        if isinstance(self.channel, Repeats) and open_still:
            due_at = now + timedelta(seconds=self.channel.repeat_seconds)
            again = Postponed(entry_id=case.entry_id, due_at=due_at, reason="repeat")
            self._deliveries.put_off(case.incident.id, again)

    def _postpone(self, case: Case, postponed: Postponed) -> None:
        self._postponed[case.incident.id] = postponed
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
            "step": case.remark.kind if case.remark else case.transition.step,
            "entry": case.entry_id,
        }
