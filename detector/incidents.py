"""
Incidents as values: what is failing, since when, how sure, and how it went.

The state machine that moves them is `lifecycle`; which service belongs to which is `grouping`.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Status(StrEnum):
    """Where an incident, or one service in it, stands."""

    EMERGING = "emerging"
    ONGOING = "ongoing"
    RECOVERING = "recovering"
    RESOLVED = "resolved"


class Severity(StrEnum):
    """How bad: relative to the service's own history and in absolute numbers."""

    MINOR = "minor"
    MAJOR = "major"
    CRITICAL = "critical"


class Step(StrEnum):
    """What changed in a transition."""

    OPENED = "opened"
    CONFIRMED = "confirmed"
    SERVICE_JOINED = "service_joined"
    CAUSE_CHANGED = "cause_changed"
    SEVERITY_CHANGED = "severity_changed"
    RECOVERING = "recovering"
    SECOND_WAVE = "second_wave"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One post kept as evidence. Its text is untrusted: never HTML, Markdown or mrkdwn."""

    report_id: str
    service: str
    text: str
    source: str
    posted_at: datetime
    score: float
    lang: str | None = None
    url: str | None = None
    synthetic: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """The provider that most probably failed; *probability* in [0, 1], *reasons* in plain words."""

    provider: str
    probability: float
    region: str | None = None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleared:
    """
    A service that people report, most probably because *culprit* fails: blamed wrongly.

    *probability* of that in [0, 1]; *reason* in plain words.
    """

    service: str
    culprit: str
    probability: float
    reason: str
    cleared_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Affected:
    """
    One service in an incident.

    *onset_at* is the estimated start of the trouble, *joined_at* the end of the bucket that
    raised it;
    *observed* counts distinct authors since the onset and *expected* what is normal for that span;
    *peak_per_minute* is the highest rate over one minute; *languages* count those reports that name
    no region.
    """

    service: str
    status: Status
    severity: Severity
    onset_at: datetime
    joined_at: datetime
    resolved_at: datetime | None = None
    observed: int = 0
    expected: float = 0.0
    peak_per_minute: float = 0.0
    symptoms: tuple[tuple[str, int], ...] = ()
    regions: tuple[tuple[str, int], ...] = ()
    languages: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One step in an incident's story, at event time *at*; *detail* is plain text for people."""

    at: datetime
    step: Step
    status: Status
    severity: Severity
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """
    One failure: the services that it hit, and its probable shared cause.

    *onset_at* is the earliest onset among its services; *opened_at* when it was raised; *observed*
    and *expected* are sums over its services; *synthetic* is set when any evidence was made up.
    """

    id: str
    status: Status
    severity: Severity
    affected: tuple[Affected, ...]
    onset_at: datetime
    opened_at: datetime
    updated_at: datetime
    resolved_at: datetime | None = None
    cause: Cause | None = None
    observed: int = 0
    expected: float = 0.0
    samples: tuple[Sample, ...] = ()
    transitions: tuple[Transition, ...] = ()
    synthetic: bool = False
    cleared: tuple[Cleared, ...] = ()
