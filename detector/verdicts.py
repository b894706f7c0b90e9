"""From the arrays to values: how each service that is in trouble, or was until now, stands."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from detector.baseline import MINUTE, Floats
from detector.bucket import WIDTH
from detector.evidence import Hint, added_up
from detector.incidents import Affected, Incident, Status
from detector.layout import index
from detector.lifecycle import severity_of
from detector.recovery import EASING, FAILING, NORMAL, Course
from detector.state import State

Rows = NDArray[np.intp]

_MEMORY_MINUTES = 5  # of the surge's recent counts
_MOST_AT_ONCE = 200  # services that are described anew in every bucket

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
    state: State, ended: Rows, hints: Sequence[Hint], usual: Floats
) -> dict[str, Affected]:
    """
    Describe the open services and the rows that have just *ended*, after a bucket.

    Of many, those whose status is another than it was, and of the rest each once a minute in turn.
    A service in an open incident that the catalogue no longer has is described as resolved.
    """
    now = instant(state.next_start)
    known = _latest(state.incidents)
    noted = {hint.service: hint for hint in hints}
    rows = _due(state, np.union1d(np.flatnonzero(state.course.phase != NORMAL), ended), known)
    result: dict[str, Affected] = {}
    for row, episode in zip(rows.tolist(), _episodes(state, rows, usual), strict=True):
        service = state.services[row]
        hint = noted.get(service) or Hint(service=service)
        result[service] = _described(hint, episode, known.get(service), now)
    here = index(state.services)
    for service, old in known.items():
        if old.status is not Status.RESOLVED and service not in here:
            result[service] = replace(old, status=Status.RESOLVED, resolved_at=now)
    return result


def _due(state: State, rows: Rows, known: Mapping[str, Affected]) -> Rows:
    if len(rows) <= _MOST_AT_ONCE:
        return rows
    course, turns = state.course, MINUTE // WIDTH
    due = rows % turns == state.next_start // WIDTH % turns
    rest = np.flatnonzero(~due)
    columns = (rest, rows[rest], course.phase[rows[rest]], course.confirmed[rows[rest]])
    for i, row, *episode in zip(*(column.tolist() for column in columns), strict=True):
        old = known.get(state.services[row])
        due[i] = old is None or old.status is not _STATUS.get(tuple(episode), Status.RESOLVED)
    return np.asarray(rows[due])


def carried(
    course: Course, services: Sequence[str], incidents: Sequence[Incident], rows: Rows
) -> Course:
    """Let services that fail again go on counting from where their last episode stood."""
    if not len(rows):
        return course
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


def _episodes(
    state: State, rows: Rows, usual: Floats
) -> Iterator[tuple[int, bool, int, float, float, float, float, float]]:
    """Per row: phase, confirmed, onset, rate a minute, times normal, observed, expected, peak."""
    course, test = state.course, state.surge
    onset = course.onset[rows]
    minutes = np.clip((state.next_start - onset) / MINUTE, 1.0, _MEMORY_MINUTES)
    rate = test.recent_observed[rows] / minutes
    times_normal = rate / np.maximum(usual[rows] * (MINUTE / WIDTH), 1e-6)
    columns = (course.phase[rows], course.confirmed[rows], onset, rate, times_normal)
    counts = (course.observed[rows], course.expected[rows], course.peak[rows])
    return zip(*(column.tolist() for column in (*columns, *counts)), strict=True)


def _described(
    hint: Hint,
    episode: tuple[int, bool, int, float, float, float, float, float],
    old: Affected | None,
    now: datetime,
) -> Affected:
    phase, confirmed, onset, rate, times_normal, observed, expected, peak = episode
    over = phase == NORMAL
    severity = (
        old.severity
        if old and over
        else severity_of(rate, times_normal, old.severity if old else None)
    )
    return Affected(
        service=hint.service,
        status=Status.RESOLVED if over else _STATUS[phase, confirmed],
        severity=severity,
        onset_at=old.onset_at if old else instant(onset),
        joined_at=old.joined_at if old else now,
        resolved_at=now if over else None,
        observed=int(observed),
        expected=round(expected, 2),
        peak_per_minute=round(max(old.peak_per_minute if old else 0.0, peak), 2),
        symptoms=added_up(old.symptoms if old else (), hint.symptoms),
        regions=added_up(old.regions if old else (), hint.regions),
        languages=added_up(old.languages if old else (), hint.languages),
    )
