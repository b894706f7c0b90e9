"""Puts incidents into the outbox, as the watcher does."""

from dataclasses import replace
from datetime import datetime

from detector.bucket import WIDTH
from detector.incident_store import IncidentStore
from detector.incidents import Incident
from detector.round import Round
from detector.suspects import Suspect, encode


def write(
    store: IncidentStore,
    *incidents: Incident,
    until: datetime | None = None,
    suspects: tuple[Suspect, ...] = (),
) -> None:
    """Put the last transition of each of *incidents* into the outbox, all judged up to *until*."""
    fence = store.acquire("test", 60_000)
    assert fence is not None
    progress = store.progress()
    bucket = 10 if progress is None else progress.last_bucket + 10
    if until is not None:
        bucket = int(until.timestamp()) - WIDTH
    changes = tuple((incident, incident.transitions[-1]) for incident in incidents)
    kept = tuple({one.id: one for one in incidents}.values())
    round_ = Round(
        last_bucket=bucket,
        state=b"",
        texts=b"",
        changes=changes,
        incidents=kept,
        suspects=encode(suspects),
    )
    store.save(round_, fence)
    store.release("test")


def named(incident: Incident, name: str) -> Incident:
    """Return *incident* under another id."""
    return replace(incident, id=name)
