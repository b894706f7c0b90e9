"""
What posts add to the counts: symptoms, regions and samples, kept from before a service's incident
opens.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from itertools import groupby
from operator import attrgetter

import msgspec

from detector.bucket import Bucket
from detector.incidents import Incident, Sample, Status

MAX_SAMPLES = 12
_MAX_PENDING = 3  # samples of a service that is only suspicious
_MAX_KINDS = 20  # symptoms or regions of one service

Tally = tuple[tuple[str, int], ...]


class Hint(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """
    What its incident is still to be told of a service that is in one, or is suspicious.

    A struct, as thousands are made in a bucket of a great outage.
    """

    service: str
    symptoms: Tally = ()
    regions: Tally = ()
    languages: Tally = ()
    samples: tuple[Sample, ...] = ()


def gathered(hints: Sequence[Hint], bucket: Bucket, climbing: Set[str]) -> tuple[Hint, ...]:
    """Add *bucket* to the hints of the services that are *climbing*, and drop all others."""
    known = {hint.service: hint for hint in hints if hint.service in climbing}
    parts = (bucket.symptoms, bucket.regions, bucket.languages, bucket.samples)
    telling = {*parts[0], *parts[1], *parts[2], *parts[3]} & climbing & bucket.affected.keys()
    for service in telling:
        old = known.get(service) or Hint(service=service)
        known[service] = Hint(
            service=service,
            symptoms=added_up(old.symptoms, _items(bucket.symptoms, service)),
            regions=added_up(old.regions, _items(bucket.regions, service)),
            languages=added_up(old.languages, _items(bucket.languages, service)),
            # A bucket's are in the order of time: these are the newest.
            samples=(old.samples + bucket.samples.get(service, ()))[-_MAX_PENDING:],
        )
    return tuple([known[service] for service in sorted(known)])


def illustrated(
    incidents: Sequence[Incident], bucket: Bucket, hints: Sequence[Hint]
) -> tuple[Incident, ...]:
    """
    Give each open incident the best of its samples, of the bucket's, and of the hints' of services
    that have just joined it.
    """
    pending = {hint.service: hint.samples for hint in hints}
    return tuple([_illustrated(incident, bucket, pending) for incident in incidents])


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
    seen: set[str] = set()
    queues: dict[str, list[Sample]] = {}
    for sample in _newest_first(samples):
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


def _newest_first(samples: Sequence[Sample]) -> Iterable[Sample]:
    """Yield by time, then by id: of thousands few are looked at, so that most are not sorted."""
    newest = sorted(samples, key=attrgetter("posted_at"), reverse=True)
    for _, same in groupby(newest, key=attrgetter("posted_at")):
        yield from sorted(same, key=attrgetter("report_id", "service"))


def _items(counts: Mapping[str, Mapping[str, int]], service: str) -> Tally:
    found = counts.get(service)
    return tuple(found.items()) if found else ()


def added_up(old: Tally, new: Tally) -> Tally:
    """Add *new* to the tally *old*, the most frequent first."""
    if not new:
        return old
    if len(new) == 1 and len(old) <= 1:  # by far the most of all calls
        if not old:
            return new
        if old[0][0] == new[0][0]:
            return ((old[0][0], old[0][1] + new[0][1]),)
    total = dict(old)
    for kind, count in new:
        total[kind] = total.get(kind, 0) + count
    return tuple(sorted(total.items(), key=_most_frequent))[:_MAX_KINDS]


def _most_frequent(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]
