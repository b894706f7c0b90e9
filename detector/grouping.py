"""
Which service belongs to which incident: one incident for one failure.

Services whose failure one cause explains share an incident, the oldest that any of them is in; the
incidents emptied by this are resolved as merged into it, and ids stay as they are. What fails again
within hours re-opens its incident, if it is the cause itself, was a great part of it, or is not
alone. A service that is most probably reported for another's failure is taken out and shown as
cleared there. All others get their own. At most one open incident has a service.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from detector import lifecycle
from detector.bystanders import CLEARED
from detector.cause import Explanation
from detector.dependencies import MIN_EXPLAINED, Graph
from detector.drafts import Draft, finished
from detector.incidents import Affected, Cause, Cleared, Incident, Status

CLAIMED = 0.5  # probability from which a cause is named…
_DROPPED = 0.2  # …and under which it is named no longer
_CLEARED_NO_MORE = 0.3  # probability of spill-over under which a cleared service may fail after all


def regrouped(
    known: Sequence[Incident],
    verdicts: Mapping[str, Affected],
    explanation: Explanation | None,
    graph: Graph,
    now: datetime,
) -> tuple[Incident, ...]:
    """
    Place every service that is in trouble or has just recovered, and move all incidents on to
    *now*.

    *known* are the open incidents and the resolved ones that may be re-opened; *verdicts* the
    services' present course; *explanation* the present one, or None when nothing was asked.
    Incidents that nothing touched are returned as they were, new ones last; merged ones are
    returned once.
    """
    drafts = [Draft.of(incident, verdicts) for incident in known]
    if explanation is not None:
        _recall(drafts, explanation.cleared)
    _settle(drafts, verdicts)
    if explanation is not None:
        for cause in explanation.causes:
            if cause.probability >= CLAIMED:
                reached = explanation.reached.get(cause.provider, frozenset())
                _unite(drafts, cause, graph.explains(cause) | reached, verdicts)
        _reconsider(drafts, explanation.causes)
        for one in explanation.cleared:
            if one.probability >= CLEARED:
                _clear(drafts, replace(one, cleared_at=now))
    return finished(drafts, now, graph.names)


def reopenable(incident: Incident, now: datetime, hours: float) -> bool:
    """
    Whether a resolved incident is recent enough for a second wave, and still has its services.
    """
    if incident.status is not Status.RESOLVED or incident.resolved_at is None:
        return True
    merged = incident.transitions[-1].detail.startswith("merged into")
    return not merged and now - incident.resolved_at <= timedelta(hours=hours)


def _recall(drafts: Sequence[Draft], judged: Sequence[Cleared]) -> None:
    """Forget that services were cleared where their reports have outgrown it."""
    for one in judged:
        if one.probability < _CLEARED_NO_MORE:
            for draft in drafts:
                draft.cleared.pop(one.service, None)


def _clear(drafts: Sequence[Draft], cleared: Cleared) -> None:
    """Move a service from its incident to those cleared in the culprit's; it pages nobody."""
    service = cleared.service
    home = next((d for d in drafts if d.is_open and cleared.culprit in d.affected), None)
    place = next((d for d in drafts if d.is_open and service in d.open_services), None)
    if home is None or place is None or service == cleared.culprit:
        return
    del place.affected[service]
    home.cleared[service] = home.cleared.get(service, cleared)
    if not place.affected:
        place.absorbed_by = home


def _settle(drafts: list[Draft], verdicts: Mapping[str, Affected]) -> None:
    """Give each troubled service without an open incident its last one, or else one of its own."""
    homes = {s for draft in drafts if draft.was_open for s in (*draft.affected, *draft.cleared)}
    homes |= {s for draft in drafts if draft.is_past for s in _still_cleared(draft, verdicts)}
    again: dict[int, list[str]] = {}
    for service in sorted(verdicts):
        if service in homes or verdicts[service].status is Status.RESOLVED:
            continue
        past = [i for i, d in enumerate(drafts) if d.is_past and service in d.affected]
        last = max(past, key=lambda i: (drafts[i].ended, drafts[i].lead), default=-1)
        again.setdefault(last, []).append(service)
    for last, services in sorted(again.items()):
        if last < 0 or not _is_relapse(drafts, drafts[last], services):
            drafts += [Draft(old=None, lead=s, affected={s: verdicts[s]}) for s in services]
            continue
        drafts[last].affected |= {service: verdicts[service] for service in services}
        for alone in _relapsed(drafts, drafts[last]):
            _pour(alone, drafts[last], alone.open_services)


def _is_relapse(drafts: Sequence[Draft], past: Draft, services: Sequence[str]) -> bool:
    """
    Whether *services* that fail again re-open *past*: with those that did so before them, each
    alone, or as it is the cause itself that fails.
    """
    before = [service for draft in _relapsed(drafts, past) for service in draft.open_services]
    itself = past.cause is not None and past.cause.provider in services
    return itself or lifecycle.is_wave([*services, *before], past.affected.values())


def _relapsed(drafts: Sequence[Draft], past: Draft) -> list[Draft]:
    """Incidents since the end of *past* of services that were in it, and without a cause."""
    return [
        draft
        for draft in drafts
        if draft.is_open
        and draft.was_open
        and draft.old
        and draft.old.opened_at.timestamp() >= past.ended
        and draft.cause is None
        and past.affected.keys() >= set(draft.open_services)
    ]


def _still_cleared(draft: Draft, verdicts: Mapping[str, Affected]) -> list[str]:
    """Those whose reports outlast the failure that they were about: it is no failure of theirs."""
    ended = draft.ended
    return [s for s in draft.cleared if s in verdicts and verdicts[s].onset_at.timestamp() < ended]


def _unite(
    drafts: list[Draft],
    cause: Cause,
    explained: Collection[str],
    verdicts: Mapping[str, Affected],
) -> None:
    """Bring the services that *cause* explains into one incident."""
    sources = [d for d in drafts if d.is_open and _movable(d, cause, explained)]
    members = {s for d in sources for s in d.open_services if s in explained}
    if len(members) < MIN_EXPLAINED:
        return
    past = [
        d for d in drafts if d.cause and d.cause.provider == cause.provider and d not in sources
    ]
    same = [d for d in sources if d.cause and d.cause.provider == cause.provider]
    target = min(same or past or sources, key=lambda d: d.age)
    for source in sorted(sources, key=lambda d: d.age):
        if source is not target:
            _pour(source, target, members)
    if target.old is None:
        target.lead = cause.provider
    target.cause, target.claimed = _refined(target.cause, cause), True


def _refined(old: Cause | None, new: Cause) -> Cause:
    """
    Let a cause rest on all that was seen of it while nothing else explains more.

    A region stays once it is known, as posts name it less and less; and so does the probability: a
    better rival would have taken the incident over before this is asked.
    """
    if not old or old.provider != new.provider:
        return new
    region = new.region or old.region
    return replace(new if new.probability >= old.probability else old, region=region)


def _movable(draft: Draft, cause: Cause, explained: Collection[str]) -> bool:
    """
    A service with another claimed cause stays, unless the new cause explains most of its incident.
    """
    inside = [s for s in draft.open_services if s in explained]
    if not inside:
        return False
    own = not draft.claimed and (draft.cause is None or draft.cause.provider == cause.provider)
    most = 2 * len(inside) > len(draft.open_services)
    return own or (most and not draft.claimed)


def _pour(source: Draft, target: Draft, members: Collection[str]) -> None:
    moving = [s for s in source.open_services if s in members]
    for service in moving:
        target.affected[service] = source.affected[service]
    if len(moving) == len(source.open_services):
        source.absorbed_by = target
    else:
        source.affected = {s: a for s, a in source.affected.items() if s not in moving}


def _reconsider(drafts: Sequence[Draft], causes: Sequence[Cause]) -> None:
    """
    Drop a cause that the evidence has left while nothing recovers; on the way down it fades by
    itself.
    """
    probability = {cause.provider: cause.probability for cause in causes}
    for draft in drafts:
        failing = all(
            one.status in (Status.EMERGING, Status.ONGOING) for one in draft.affected.values()
        )
        if draft.cause and failing and probability.get(draft.cause.provider, 0.0) < _DROPPED:
            draft.cause = None
