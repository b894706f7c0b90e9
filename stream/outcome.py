"""What a finished replay led to, and when it is finished: everything read, judged and told."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from detector.counts import Counts
from detector.health import Health
from detector.incident_store import IncidentStore
from detector.incidents import Cause, Incident

MAX_INCIDENTS = 10_000
_PASSING = ("settling", "together", "touched")  # why a message is not up to date, but soon will be


def pending(
    end_offsets: Mapping[int, int], counts: Counts, store: IncidentStore, channels: Sequence[str]
) -> str | None:
    """Return in words what is still to do before the log up to *end_offsets* is done, or None."""
    for partition, end in end_offsets.items():
        if (read := counts.next_offset(partition) or 0) < end:
            return f"partition {partition} is read up to offset {read} of {end}"
    progress = store.progress()
    last_bucket = progress.last_bucket if progress else None
    if left := counts.read(last_bucket, limit=1):
        return f"closed buckets from {left[0].start} on are not judged"
    for channel in channels:
        if waiting := store.outbox(channel, limit=1):
            return f"{channel} has not sent {waiting[0].id}"
        if any(one.reason in _PASSING for one in store.deliveries(channel).postponed().values()):
            return f"{channel} waits to show the last changes"
    return None


def summary(incidents: Sequence[Incident], health: Health) -> dict[str, Any]:
    """Return what `outcry up --until-done --json` prints but its alerts; incidents oldest first."""
    return {
        "incidents": [_incident(one) for one in sorted(incidents, key=lambda one: one.opened_at)],
        "counts": {
            "reports": health.n_reports,
            "invalid": health.n_invalid,
            "late": health.n_late,
            "duplicates": health.n_duplicate,
        },
    }


def _incident(incident: Incident) -> dict[str, Any]:
    return {
        "id": incident.id,
        "status": incident.status,
        "services": [one.service for one in incident.affected],
        "cause": _cause(incident.cause),
        "severity": incident.severity,
        "onset_at": _instant(incident.onset_at),
        "opened_at": _instant(incident.opened_at),
        "resolved_at": _instant(incident.resolved_at),
        "observed": incident.observed,
        "expected": round(incident.expected, 2),
        "synthetic": incident.synthetic,
        "transitions": msgspec.to_builtins(incident.transitions),
    }


def _cause(cause: Cause | None) -> dict[str, Any] | None:
    if cause is None:
        return None
    return {
        "provider": cause.provider,
        "region": cause.region,
        "probability": round(cause.probability, 4),
        "reasons": list(cause.reasons),
    }


def _instant(at: datetime | None) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at else None
