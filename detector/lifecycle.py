"""
The life of an incident: emerging -> ongoing -> recovering -> resolved, and back in a second wave.

`opened` and `advance` are the state machine and write the story that people read. Which service
belongs to which incident is left to `grouping`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from operator import attrgetter

from detector.incidents import Affected, Cause, Incident, Severity, Status, Step, Transition

_SEVERITIES = tuple(Severity)
# (authors a minute, times normal) that a service must reach: absolute and relative to itself, or
# the absolute number in the last column alone.
_MAJOR = (5.0, 10.0, 50.0)
_CRITICAL = (30.0, 30.0, 300.0)
_MAJOR_BREADTH, _CRITICAL_BREADTH = 3, 10  # services in one incident
_WAVE_SERVICES, _WAVE_SHARE = 2, 0.2  # of an incident: services that fail again, or of its peaks
_RELEASE = 0.4  # of a limit, under which a severity is lowered again
_LIMITS = tuple(
    (severity, limits, tuple(limit * _RELEASE for limit in limits))
    for severity, limits in ((Severity.CRITICAL, _CRITICAL), (Severity.MAJOR, _MAJOR))
)

LEGAL: Mapping[Status, frozenset[Status]] = {
    Status.EMERGING: frozenset({Status.ONGOING, Status.RECOVERING, Status.RESOLVED}),
    Status.ONGOING: frozenset({Status.RECOVERING, Status.RESOLVED}),
    Status.RECOVERING: frozenset({Status.ONGOING, Status.RESOLVED}),
    Status.RESOLVED: frozenset({Status.ONGOING}),
}


def severity_of(per_minute: float, times_normal: float, before: Severity | None = None) -> Severity:
    """
    Judge one service by its present rate; *before* is only lowered when the rate is well under its
    limit.
    """
    worst = -1 if before is None else _rank(before)
    for severity, limits, release in _LIMITS:
        rate, ratio, alone = release if worst >= _rank(severity) else limits
        if (per_minute >= rate and times_normal >= ratio) or per_minute >= alone:
            return severity
    return Severity.MINOR


def opened(
    id: str,
    affected: Sequence[Affected],
    cause: Cause | None,
    now: datetime,
    names: Mapping[str, str],
) -> Incident:
    """Raise an incident of *affected* at *now*."""
    incident = Incident(
        id=id,
        status=_status(None, affected),
        severity=_severity(None, affected),
        affected=_ordered(affected),
        onset_at=min(one.onset_at for one in affected),
        opened_at=now,
        updated_at=now,
        cause=cause,
        observed=sum(one.observed for one in affected),
        expected=round(sum(one.expected for one in affected), 2),
    )
    return _told(incident, now, ((Step.OPENED, _opening(incident, names)),))


def advance(
    old: Incident,
    affected: Sequence[Affected],
    cause: Cause | None,
    now: datetime,
    names: Mapping[str, str],
    merged_into: str | None = None,
) -> Incident:
    """
    Move *old* on to what is true at *now*; the transitions that this took are appended.

    *affected* are all its services, those that recovered included. *merged_into* ends it: another
    incident has its services now. A step that changes nothing leaves no transition.
    """
    if merged_into:
        ended = replace(old, status=Status.RESOLVED, resolved_at=now, updated_at=now)
        return _told(ended, now, ((Step.RESOLVED, f"merged into {merged_into}"),))
    affected = _ordered(affected)
    status, severity = _status(old.status, affected), _severity(old, affected)
    steps = _steps(old, affected, cause, status, severity, names)
    current = replace(
        old,
        affected=affected,
        onset_at=min(old.onset_at, *(one.onset_at for one in affected)),
        updated_at=now,
        resolved_at=now if status is Status.RESOLVED else None,
        cause=cause,
        observed=sum(one.observed for one in affected),
        expected=round(sum(one.expected for one in affected), 2),
    )
    for step, detail in steps:
        now_severe = severity if step is Step.SEVERITY_CHANGED else current.severity
        current = replace(current, status=_after(step, current.status), severity=now_severe)
        current = _told(current, now, ((step, detail),))
    return current


def _after(step: Step, status: Status) -> Status:
    return {
        Step.CONFIRMED: Status.ONGOING,
        Step.SECOND_WAVE: Status.ONGOING,
        Step.RECOVERING: Status.RECOVERING,
        Step.RESOLVED: Status.RESOLVED,
    }.get(step, status)


def _steps(
    old: Incident,
    affected: Sequence[Affected],
    cause: Cause | None,
    status: Status,
    severity: Severity,
    names: Mapping[str, str],
) -> list[tuple[Step, str]]:
    steps: list[tuple[Step, str]] = []
    if old.status in (Status.RECOVERING, Status.RESOLVED) and status is Status.ONGOING:
        steps.append(
            (Step.SECOND_WAVE, f"reports rise again: {_listed(_failing(affected), names)}")
        )
    if joined := _joined(old, affected):
        verb = "fails" if len(joined) == 1 else "fail"
        detail = f"{_listed(joined, names)} {verb} too, {len(affected)} services so far"
        steps.append((Step.SERVICE_JOINED, detail))
    if _cause_key(cause) != _cause_key(old.cause):
        steps.append((Step.CAUSE_CHANGED, _blame(cause, names)))
    if severity is not old.severity:
        steps.append((Step.SEVERITY_CHANGED, f"{old.severity} to {severity}"))
    if old.status is Status.EMERGING and status is Status.ONGOING:
        steps.append((Step.CONFIRMED, "reports stay far above normal"))
    if status is Status.RECOVERING and old.status is not Status.RECOVERING:
        steps.append((Step.RECOVERING, "reports have fallen well below their worst"))
    if status is Status.RESOLVED and old.status is not Status.RESOLVED:
        steps.append((Step.RESOLVED, "reports are back to normal"))
    return steps


def _told(incident: Incident, now: datetime, steps: Sequence[tuple[Step, str]]) -> Incident:
    """Append the steps to the story, with the status and the severity that the incident has now."""
    new = tuple(
        Transition(
            at=now, step=step, status=incident.status, severity=incident.severity, detail=detail
        )
        for step, detail in steps
    )
    return replace(incident, transitions=incident.transitions + new)


def is_wave(services: Collection[str], affected: Collection[Affected]) -> bool:
    """
    Whether *services* that fail again are a wave of the incident, or one that flickers.

    A wave takes two services, or a fifth of what was reported at the worst of all.
    """
    peaks = {one.service: one.peak_per_minute for one in affected}
    share = sum(peaks.get(service, 0.0) for service in services)
    return len(services) >= _WAVE_SERVICES or share >= _WAVE_SHARE * sum(peaks.values())


def _status(before: Status | None, affected: Sequence[Affected]) -> Status:
    """The most alive of the services decides; what was confirmed once does not emerge again."""
    alive = [one.status for one in affected]  # a set would cost more: to hash one is slow
    if before is Status.RECOVERING:
        failing = [one.service for one in _failing(affected)]
        if failing and not is_wave(failing, affected):
            return Status.RECOVERING
    for status in (Status.ONGOING, Status.EMERGING, Status.RECOVERING):
        if status in alive:
            known = before not in (None, Status.EMERGING)
            return Status.ONGOING if status is Status.EMERGING and known else status
    return Status.RESOLVED


def _severity(old: Incident | None, affected: Sequence[Affected]) -> Severity:
    """
    The worst service decides, and how many there are; it is not lowered while things get better
    anyway.
    """
    found = [one.severity for one in _failing(affected) or affected]
    worst = max((rank for rank, severity in enumerate(_SEVERITIES) if severity in found), default=0)
    breadth = (len(affected) >= _MAJOR_BREADTH) + (len(affected) >= _CRITICAL_BREADTH)
    rank = max(worst, breadth)
    lowers = old is not None and rank < _rank(old.severity)
    if old is not None and lowers and any(one.status is not Status.ONGOING for one in affected):
        return old.severity
    return _SEVERITIES[rank]


def _rank(severity: Severity) -> int:
    return _SEVERITIES.index(severity)


def _ordered(affected: Sequence[Affected]) -> tuple[Affected, ...]:
    return tuple(sorted(affected, key=attrgetter("joined_at", "service")))


def _failing(affected: Sequence[Affected]) -> tuple[Affected, ...]:
    return tuple([one for one in affected if one.status in (Status.EMERGING, Status.ONGOING)])


def _joined(old: Incident, affected: Sequence[Affected]) -> tuple[Affected, ...]:
    known = {one.service for one in old.affected}
    return tuple([one for one in affected if one.service not in known])


def _cause_key(cause: Cause | None) -> tuple[str, str | None] | None:
    return (cause.provider, cause.region) if cause else None


def _blame(cause: Cause | None, names: Mapping[str, str]) -> str:
    if cause is None:
        return "no shared cause any more"
    place = f"{names.get(cause.provider, cause.provider)} {cause.region or ''}".rstrip()
    return f"probable cause {place}, {_percent(cause.probability)}"


def _percent(probability: float) -> str:
    return f"{min(max(round(100 * probability), 1), 99)} %"  # never certain


def _listed(affected: Sequence[Affected], names: Mapping[str, str]) -> str:
    """Name the first three, and count the rest."""
    first = [names.get(one.service, one.service) for one in affected[:3]]
    more = len(affected) - len(first)
    return ", ".join(first) + (f" and {more} more" if more else "")


def _opening(incident: Incident, names: Mapping[str, str]) -> str:
    detail = (
        f"{_listed(incident.affected, names)}: {incident.observed} reports "
        f"where {incident.expected:.1f} are normal"
    )
    return f"{detail}; {_blame(incident.cause, names)}" if incident.cause else detail
