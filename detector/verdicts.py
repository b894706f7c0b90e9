"""From the arrays to values: how each service that is in trouble, or was until now, stands."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from detector.baseline import MINUTE, Floats
from detector.bucket import WIDTH, Bucket
from detector.evidence import Hint, enriched
from detector.incidents import Affected, Incident, Status, severity_of
from detector.recovery import EASING, FAILING, NORMAL, Course
from detector.state import State

_MEMORY_MINUTES = 5  # of the surge's recent counts

_STATUS: Mapping[tuple[int, bool], Status] = {
    (FAILING, False): Status.EMERGING,
    (FAILING, True): Status.ONGOING,
    (EASING, False): Status.RECOVERING,
    (EASING, True): Status.RECOVERING,
}


def instant(seconds: int) -> datetime:
    """Turn unix seconds into an aware UTC datetime."""
    return datetime.fromtimestamp(seconds, UTC)


def verdicts(
    state: State,
    ended: NDArray[np.intp],
    hints: Sequence[Hint],
    bucket: Bucket,
    usual: Floats,
) -> dict[str, Affected]:
    """
    Describe every open service, and the rows that have just *ended*, after *bucket*.

    A service in an open incident that the catalogue no longer has is described as resolved.
    """
    now = instant(state.next_start)
    known = _latest(state.incidents)
    noted = {hint.service: hint for hint in hints}
    rows = np.union1d(np.flatnonzero(state.course.phase != NORMAL), ended)
    result: dict[str, Affected] = {}
    for row in rows.tolist():
        service = state.services[row]
        old = known.get(service)
        begins = old is None or old.status is Status.RESOLVED
        hint = noted.get(service) if begins else None
        result[service] = enriched(_described(state, row, old, usual[row], now), bucket, hint)
    here = frozenset(state.services)
    for service, old in known.items():
        if old.status is not Status.RESOLVED and service not in here:
            result[service] = replace(old, status=Status.RESOLVED, resolved_at=now)
    return result


def carried(
    course: Course, services: Sequence[str], incidents: Sequence[Incident], rows: NDArray[np.intp]
) -> Course:
    """Let services that fail again go on counting from where their last episode stood."""
    known = _latest(incidents)
    again = [(row, known[services[row]]) for row in rows.tolist() if services[row] in known]
    if not again:
        return course
    observed, expected = course.observed.copy(), course.expected.copy()
    for row, old in again:
        observed[row] += old.observed
        expected[row] += old.expected
    return replace(course, observed=observed, expected=expected)


def _latest(incidents: Sequence[Incident]) -> dict[str, Affected]:
    """
    The last that is known of each service: that of its open incident, else of the one resolved
    last.
    """
    result: dict[str, Affected] = {}

    def age(incident: Incident) -> tuple[bool, float, str]:
        at = incident.resolved_at
        return at is None, at.timestamp() if at else 0.0, incident.id

    for incident in sorted(incidents, key=age):
        result |= {one.service: one for one in incident.affected}
    return result


def _described(
    state: State, row: int, old: Affected | None, usual: float, now: datetime
) -> Affected:
    course, test = state.course, state.surge
    over = bool(course.phase[row] == NORMAL)
    age = (state.next_start - int(course.onset[row])) / MINUTE
    rate = float(test.recent_observed[row]) / min(max(age, 1.0), _MEMORY_MINUTES)
    times_normal = rate / max(usual * MINUTE / WIDTH, 1e-6)
    base = old or Affected(
        service=state.services[row],
        status=Status.EMERGING,
        severity=severity_of(rate, times_normal),
        onset_at=instant(int(course.onset[row])),
        joined_at=now,
    )
    phase = int(course.phase[row]), bool(course.confirmed[row])
    return replace(
        base,
        status=Status.RESOLVED if over else _STATUS[phase],
        severity=base.severity if over else severity_of(rate, times_normal, base.severity),
        resolved_at=now if over else None,
        observed=int(course.observed[row]),
        expected=round(float(course.expected[row]), 2),
        peak_per_minute=round(max(base.peak_per_minute, float(course.peak[row])), 2),
    )
