"""What the API says of an incident and a service: plain JSON values, and their schema."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec

from detector.incidents import Cause, Incident, Sample, Severity, Status
from detector.suspects import Suspect
from models.catalogue import Catalogue

State = Literal["normal", "emerging", "ongoing", "recovering"]


class Out(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that the API returns."""


class CauseOut(Out, frozen=True, kw_only=True):
    """The provider that most probably failed; *probability* in [0, 1]."""

    provider: str
    name: str
    region: str | None
    probability: float
    reasons: tuple[str, ...]


class AffectedOut(Out, frozen=True, kw_only=True):
    """One service in an incident; *expected* is the normal number of reports since its onset."""

    service: str
    name: str
    status: Status
    severity: Severity
    onset_at: datetime
    resolved_at: datetime | None
    observed: int
    expected: float
    symptoms: dict[str, int]
    regions: dict[str, int]


class StepOut(Out, frozen=True, kw_only=True):
    """One step of the story."""

    at: datetime
    step: str
    status: Status
    severity: Severity
    detail: str


class IncidentOut(Out, frozen=True, kw_only=True):
    """An incident; *synthetic* is true when any evidence was made up by a replay."""

    id: str
    status: Status
    severity: Severity
    synthetic: bool
    onset_at: datetime
    opened_at: datetime
    updated_at: datetime
    resolved_at: datetime | None
    observed: int
    expected: float
    cause: CauseOut | None
    affected: tuple[AffectedOut, ...]
    story: tuple[StepOut, ...]


class EvidenceOut(Out, frozen=True, kw_only=True):
    """One post kept as evidence; *text* is untrusted plain text of a stranger."""

    service: str
    text: str
    source: str
    posted_at: datetime
    score: float
    lang: str | None
    url: str | None
    synthetic: bool


class SuspectOut(Out, frozen=True, kw_only=True):
    """
    A service of which much is posted, but rather by a campaign than by a crowd: not raised.

    *held* is true where it would have been raised, false where most posts repeat what was said.
    Of the present burst, *newcomers* are people not heard of before that day (*usual_newcomers*
    is the usual share), *alike* people with one text or near-copies of it; *why* is in words.
    """

    service: str
    name: str
    since_at: datetime
    held: bool
    posts: int
    people: int
    newcomers: int
    alike: int
    usual_newcomers: float
    why: tuple[str, ...]
    evidence: tuple[EvidenceOut, ...]


class ServiceOut(Out, frozen=True, kw_only=True):
    """One service of the catalogue; *incident* is the open one that has it."""

    id: str
    name: str
    industry: str
    state: State
    severity: Severity | None
    incident: str | None


class ProblemOut(Out, frozen=True, kw_only=True):
    """Why a request was not answered as asked."""

    error: str


def incident_out(incident: Incident, catalogue: Catalogue) -> IncidentOut:
    """Return *incident* without its posts."""
    return IncidentOut(
        id=incident.id,
        status=incident.status,
        severity=incident.severity,
        synthetic=incident.synthetic,
        onset_at=incident.onset_at,
        opened_at=incident.opened_at,
        updated_at=incident.updated_at,
        resolved_at=incident.resolved_at,
        observed=incident.observed,
        expected=incident.expected,
        cause=_cause(incident.cause, catalogue) if incident.cause else None,
        affected=tuple(
            AffectedOut(
                service=one.service,
                name=_name(one.service, catalogue),
                status=one.status,
                severity=one.severity,
                onset_at=one.onset_at,
                resolved_at=one.resolved_at,
                observed=one.observed,
                expected=one.expected,
                symptoms=dict(one.symptoms),
                regions=dict(one.regions),
            )
            for one in incident.affected
        ),
        story=tuple(
            StepOut(
                at=one.at,
                step=one.step.value,
                status=one.status,
                severity=one.severity,
                detail=one.detail,
            )
            for one in incident.transitions
        ),
    )


def evidence_out(sample: Sample) -> EvidenceOut:
    """Return one post, without the id that its platform gave it."""
    return EvidenceOut(
        service=sample.service,
        text=sample.text,
        source=sample.source,
        posted_at=sample.posted_at,
        score=sample.score,
        lang=sample.lang,
        url=sample.url if (sample.url or "").startswith(("https://", "http://")) else None,
        synthetic=sample.synthetic,
    )


def suspect_out(suspect: Suspect, catalogue: Catalogue) -> SuspectOut:
    """Return what is held back, with its posts as evidence."""
    return SuspectOut(
        service=suspect.service,
        name=_name(suspect.service, catalogue),
        since_at=suspect.since_at,
        held=suspect.held,
        posts=suspect.posts,
        people=suspect.people,
        newcomers=suspect.newcomers,
        alike=suspect.alike,
        usual_newcomers=suspect.usual_newcomers,
        why=suspect.why,
        evidence=tuple(evidence_out(sample) for sample in suspect.samples),
    )


def services_out(catalogue: Catalogue, open_: tuple[Incident, ...]) -> list[ServiceOut]:
    """Return every service of *catalogue* with how it stands in the open incidents."""
    standing: dict[str, tuple[Incident, Status, Severity]] = {}
    for incident in open_:
        for one in incident.affected:
            if one.status is not Status.RESOLVED:
                standing.setdefault(one.service, (incident, one.status, one.severity))
    return [_service(id_, catalogue, standing) for id_ in sorted(catalogue.services)]


def _service(
    id_: str, catalogue: Catalogue, standing: Mapping[str, tuple[Incident, Status, Severity]]
) -> ServiceOut:
    service = catalogue.services[id_]
    found = standing.get(id_)
    return ServiceOut(
        id=id_,
        name=service.name,
        industry=service.industry,
        state=found[1].value if found else "normal",  # type: ignore[arg-type] # never resolved
        severity=found[2] if found else None,
        incident=found[0].id if found else None,
    )


def _cause(cause: Cause, catalogue: Catalogue) -> CauseOut:
    return CauseOut(
        provider=cause.provider,
        name=_name(cause.provider, catalogue),
        region=cause.region,
        probability=cause.probability,
        reasons=cause.reasons,
    )


def _name(service: str, catalogue: Catalogue) -> str:
    known = catalogue.services.get(service)
    return known.name if known else service
