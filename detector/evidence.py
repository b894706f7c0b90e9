"""
What posts add to the counts: symptoms, regions and samples, kept from before a service's incident
opens.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from detector.bucket import Bucket
from detector.incidents import Affected, Incident, Sample, Status

MAX_SAMPLES = 12
_MAX_PENDING = 3  # samples of a service that is only suspicious
_MAX_KINDS = 20  # symptoms or regions of one service

Tally = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """What its incident is still to be told of a service that is in one, or is suspicious."""

    service: str
    symptoms: Tally = ()
    regions: Tally = ()
    languages: Tally = ()
    samples: tuple[Sample, ...] = ()


def gathered(
    hints: Sequence[Hint], bucket: Bucket, climbs: Callable[[str], bool]
) -> tuple[Hint, ...]:
    """Add *bucket* to the hints of the services of which *climbs* is true, and drop all others."""
    known = {hint.service: hint for hint in hints}
    parts = (bucket.symptoms, bucket.regions, bucket.languages, bucket.samples)
    telling = {service for part in parts for service in part if service in bucket.affected}
    return tuple(
        _added(known.get(service) or Hint(service=service), bucket)
        if service in telling
        else known[service]
        for service in sorted({*known, *telling})
        if climbs(service)
    )


def enriched(affected: Affected, hint: Hint | None) -> Affected:
    """Add the symptoms, regions and languages that *hint* has to a service in an incident."""
    if hint is None:
        return affected
    return replace(
        affected,
        symptoms=_tally(affected.symptoms, dict(hint.symptoms)),
        regions=_tally(affected.regions, dict(hint.regions)),
        languages=_tally(affected.languages, dict(hint.languages)),
    )


def illustrated(
    incidents: Sequence[Incident], bucket: Bucket, hints: Sequence[Hint]
) -> tuple[Incident, ...]:
    """
    Give each open incident the best of its samples, of the bucket's, and of the hints' of services
    that have just joined it.
    """
    pending = {hint.service: hint.samples for hint in hints}
    return tuple(_illustrated(incident, bucket, pending) for incident in incidents)


def _illustrated(
    incident: Incident, bucket: Bucket, pending: Mapping[str, tuple[Sample, ...]]
) -> Incident:
    if incident.status is Status.RESOLVED:
        return incident
    fresh = [s for one in incident.affected for s in bucket.samples.get(one.service, ())]
    for one in incident.affected:
        if one.joined_at == incident.updated_at:
            fresh += pending.get(one.service, ())
    if not fresh:
        return incident
    samples = chosen((*incident.samples, *fresh))
    synthetic = incident.synthetic or any(sample.synthetic for sample in fresh)
    return replace(incident, samples=samples, synthetic=synthetic)


def chosen(samples: Sequence[Sample]) -> tuple[Sample, ...]:
    """
    Choose the newest samples of distinct text, in turn from each service, the freshest service
    first.

    Depends on the set of samples only, not on their order.
    """
    newest = sorted(samples, key=lambda s: (-s.posted_at.timestamp(), s.report_id, s.service))
    seen: set[str] = set()
    queues: dict[str, list[Sample]] = {}
    for sample in newest:
        text = " ".join(sample.text.casefold().split())[:120]
        if text not in seen:
            seen.add(text)
            queues.setdefault(sample.service, []).append(sample)
            if len(queues) == MAX_SAMPLES:  # each has its turn, and older ones only come after
                break
    turns = (
        (turn, place, s) for place, q in enumerate(queues.values()) for turn, s in enumerate(q)
    )
    return tuple(sample for _, _, sample in sorted(turns, key=lambda t: t[:2])[:MAX_SAMPLES])


def _added(hint: Hint, bucket: Bucket) -> Hint:
    service = hint.service
    return Hint(
        service=service,
        symptoms=_tally(hint.symptoms, bucket.symptoms.get(service)),
        regions=_tally(hint.regions, bucket.regions.get(service)),
        languages=_tally(hint.languages, bucket.languages.get(service)),
        # A bucket's are in the order of time: these are the newest.
        samples=(*hint.samples, *bucket.samples.get(service, ()))[-_MAX_PENDING:],
    )


def _tally(old: Tally, new: Mapping[str, int] | None) -> Tally:
    """Add up, the most frequent first."""
    if not new:
        return old
    if not old and len(new) == 1:
        return tuple(new.items())
    total = dict(old)
    for kind, count in new.items():
        total[kind] = total.get(kind, 0) + count
    return tuple(sorted(total.items(), key=lambda item: (-item[1], item[0])))[:_MAX_KINDS]
