"""A made-up incident, to see that a channel works; it says of itself that it is a test."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from detector.incidents import Affected, Incident, Sample, Severity, Status, Step, Transition
from models.catalogue import Catalogue
from stream.alerts.channel import Alert, AlertError, Channel


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What came of it; *detail* is for people and holds no secret."""

    ok: bool
    detail: str


def try_channel(channel: Channel, catalogue: Catalogue, now: datetime) -> Tried:
    """Send a made-up incident to *channel*, then its end."""
    began = incident(catalogue, now)
    ended = resolved(began, now)
    try:
        reference = channel.send(_alert(began, "test-1"), None)
        channel.send(_alert(ended, "test-2"), reference)
    except AlertError as error:
        again = "; it may pass by itself" if error.retryable else "; correct the settings"
        return Tried(ok=False, detail=f"{error.reason}{again}")
    edited = "edited to resolved, with a reply" if channel.edits else "then its end"
    return Tried(ok=True, detail=f"took a test incident, {edited}")


def incident(catalogue: Catalogue, now: datetime) -> Incident:
    """Return an open incident of the first service of *catalogue*."""
    service = min(catalogue.services, default="example")
    onset = now - timedelta(minutes=3)
    affected = Affected(
        service=service,
        status=Status.EMERGING,
        severity=Severity.MINOR,
        onset_at=onset,
        joined_at=now,
        observed=12,
        expected=0.4,
    )
    opened = Transition(
        at=now,
        step=Step.OPENED,
        status=Status.EMERGING,
        severity=Severity.MINOR,
        detail="a test by outcry alert test",
    )
    post = Sample(
        report_id="test",
        service=service,
        text="This is a test of Outcry's alerts. Nothing is wrong.",
        source="test",
        posted_at=now,
        score=1.0,
        synthetic=True,
    )
    return Incident(
        id=f"test-{now:%Y%m%dT%H%M%S}",
        status=Status.EMERGING,
        severity=Severity.MINOR,
        affected=(affected,),
        onset_at=onset,
        opened_at=now,
        updated_at=now,
        observed=12,
        expected=0.4,
        samples=(post,),
        transitions=(opened,),
        synthetic=True,
    )


def resolved(began: Incident, now: datetime) -> Incident:
    """Return *began* after its end."""
    over = Transition(
        at=now,
        step=Step.RESOLVED,
        status=Status.RESOLVED,
        severity=began.severity,
        detail="the test is over",
    )
    return replace(
        began,
        status=Status.RESOLVED,
        resolved_at=now,
        affected=tuple(
            replace(one, status=Status.RESOLVED, resolved_at=now) for one in began.affected
        ),
        transitions=(*began.transitions, over),
    )


def _alert(one: Incident, entry_id: str) -> Alert:
    return Alert(entry_id=entry_id, incident=one, transition=one.transitions[-1], newest=one)
