"""What an incident is called and how it stands, in one line: what a phone shows of an alert."""

from collections.abc import Iterable

from detector.incidents import Affected, Cause, Incident, Severity, Status, Step, Transition
from models.catalogue import Catalogue
from stream.alerts import wording
from stream.alerts.plain import plain

_ICONS = {Severity.CRITICAL: "🚨", Severity.MAJOR: "🟠", Severity.MINOR: "🟡"}
_WORST_FIRST = {Severity.CRITICAL: 0, Severity.MAJOR: 1, Severity.MINOR: 2}
_LINE, _NAME, _REGION = 150, 48, 24  # characters; the first is Slack's for a header
_MERGED = "merged into "  # how the detector says so


def headline(incident: Incident, catalogue: Catalogue, parent: Incident | None = None) -> str:
    """
    Say in one bounded line how bad it is, where it stands, and what fails.

    *parent* is the incident that it was merged into, where it is known.
    """
    line = _standing(incident, catalogue, parent)
    return plain(f"[SYNTHETIC] {line}" if incident.synthetic else line, _LINE)


def parent_id(incident: Incident) -> str | None:
    """Return the id of the other incident where this one ended by becoming part of it."""
    last = last_step(incident, Step.RESOLVED)
    if last is None or incident.status is not Status.RESOLVED:
        return None
    return last.detail.removeprefix(_MERGED) if last.detail.startswith(_MERGED) else None


def merged_into(incident: Incident) -> str | None:
    """Return that id as it may be shown."""
    return plain(parent_id(incident) or "", _NAME) or None


def _standing(incident: Incident, catalogue: Catalogue, parent: Incident | None) -> str:
    what, extent = _subject(incident, catalogue), _extent(incident)
    if incident.status is Status.RESOLVED:
        if into := merged_into(incident):
            whole = _subject(parent, catalogue) if parent else into
            return f"➡️ Now part of {whole}: {what}"
        lasted = wording.duration((incident.resolved_at or incident.updated_at) - incident.onset_at)
        return f"✅ Resolved after {lasted}: {what}{extent} (was {incident.severity})"
    if incident.status is Status.RECOVERING:
        return f"⏳ Recovering: {what}{extent} ({incident.severity})"
    lead = f"{_ICONS[incident.severity]} {incident.severity.capitalize()}, {incident.status}"
    return f"{lead}: {what} {_verb(incident)}{extent}"


def _subject(incident: Incident, catalogue: Catalogue) -> str:
    if incident.cause is not None:
        return provider_name(incident.cause, catalogue)
    names = [service_name(one.service, catalogue) for one in worst_first(incident.affected)]
    return wording.listed(names, 2) if names else "an unknown service"


def _verb(incident: Incident) -> str:
    if incident.cause is not None:
        return f"{wording.likelihood(incident.cause.probability)} failing"
    if incident.status is Status.EMERGING:
        return "may be failing"
    return "is failing" if len(incident.affected) == 1 else "are failing"


def _extent(incident: Incident) -> str:
    """Count the services where the subject is their cause; otherwise it has named them."""
    if incident.cause is None:
        return ""
    return f", {wording.plural(len(incident.affected), 'service')} affected"


def worst_first(affected: Iterable[Affected]) -> list[Affected]:
    """Sort services: those that still fail first, then by severity and number of reports."""

    def rank(one: Affected) -> tuple[bool, int, int, str]:
        over = one.status is Status.RESOLVED
        return over, _WORST_FIRST[one.severity], -one.observed, one.service

    return sorted(affected, key=rank)


def provider_name(cause: Cause, catalogue: Catalogue) -> str:
    """Name the provider, and the region where one is known: "Amazon Web Services (us-east-1)"."""
    region = f" ({plain(cause.region, _REGION)})" if cause.region else ""
    return service_name(cause.provider, catalogue) + region


def service_name(service: str, catalogue: Catalogue) -> str:
    """Name a service as the catalogue does, or by its id."""
    known = catalogue.services.get(service)
    return plain(known.name if known else service, _NAME) or "?"


def last_step(incident: Incident, step: Step) -> Transition | None:
    """Return the latest transition of this kind."""
    return next((one for one in reversed(incident.transitions) if one.step is step), None)
