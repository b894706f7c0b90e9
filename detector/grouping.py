"""
Which service belongs to which incident: one incident for one failure.

Services whose failure one cause explains share an incident, the oldest that any of them is in; the
incidents emptied by this are resolved as merged into it, and ids stay as they are. A service that
fails again within hours re-opens its incident. All others get their own. At most one open incident
has a service.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from detector import lifecycle
from detector.dependencies import MIN_EXPLAINED, Graph
from detector.incidents import Affected, Cause, Incident, Status

CLAIMED = 0.5  # probability from which a cause is named…
_DROPPED = 0.2  # …and under which it is named no longer


@dataclass(slots=True, kw_only=True, eq=False)
class _Draft:
    """An incident being worked on in this bucket; *old* is None for a new one."""

    old: Incident | None
    lead: str
    affected: dict[str, Affected] = field(default_factory=dict)
    cause: Cause | None = None
    claimed: bool = False  # by a more probable cause in this bucket
    absorbed_by: "_Draft | None" = None

    @property
    def age(self) -> tuple[bool, float, str]:
        old = self.old
        return (
            old is None,
            old.opened_at.timestamp() if old else 0.0,
            old.id if old else self.lead,
        )

    @property
    def is_open(self) -> bool:
        """Whether any service in it has not recovered, nor moved away."""
        return self.absorbed_by is None and any(
            one.status is not Status.RESOLVED for one in self.affected.values()
        )


def regrouped(
    known: Sequence[Incident],
    verdicts: Mapping[str, Affected],
    causes: Sequence[Cause] | None,
    graph: Graph,
    now: datetime,
) -> tuple[Incident, ...]:
    """
    Place every service that is in trouble or has just recovered, and move all incidents on to
    *now*.

    *known* are the open incidents and the resolved ones that may be re-opened; *verdicts* the
    services' present course; *causes* the present explanation, or None when nothing was asked.
    Incidents that nothing touched are returned as they were, new ones last; merged ones are
    returned once.
    """
    drafts = [_draft(incident, verdicts) for incident in known]
    _settle(drafts, verdicts)
    if causes is not None:
        for cause in causes:
            if cause.probability >= CLAIMED:
                _unite(drafts, cause, graph.explains(cause), verdicts)
        _reconsider(drafts, causes)
    return _finished(drafts, now, graph.names)


def reopenable(incident: Incident, now: datetime, hours: float) -> bool:
    """
    Whether a resolved incident is recent enough for a second wave, and still has its services.
    """
    if incident.status is not Status.RESOLVED or incident.resolved_at is None:
        return True
    merged = incident.transitions[-1].detail.startswith("merged into")
    return not merged and now - incident.resolved_at <= timedelta(hours=hours)


def _draft(incident: Incident, verdicts: Mapping[str, Affected]) -> _Draft:
    """
    Bring an open incident's services up to date; those of a resolved one stay until they fail
    again.
    """
    affected = {one.service: one for one in incident.affected}
    if incident.status is not Status.RESOLVED:
        affected |= {s: verdicts[s] for s in affected if s in verdicts}
    return _Draft(
        old=incident, lead=incident.affected[0].service, affected=affected, cause=incident.cause
    )


def _settle(drafts: list[_Draft], verdicts: Mapping[str, Affected]) -> None:
    """Give each troubled service without an open incident its last one, or else one of its own."""
    homes = {s for draft in drafts if _was_open(draft) for s in draft.affected}
    for service in sorted(verdicts):
        if service in homes or verdicts[service].status is Status.RESOLVED:
            continue
        past = [d for d in drafts if d.old and not _was_open(d) and service in d.affected]
        if past:
            last = max(past, key=lambda d: (_resolved_at(d), d.lead))
            last.affected[service] = verdicts[service]
        else:
            drafts.append(_Draft(old=None, lead=service, affected={service: verdicts[service]}))


def _unite(
    drafts: list[_Draft],
    cause: Cause,
    explained: Collection[str],
    verdicts: Mapping[str, Affected],
) -> None:
    """Bring the services that *cause* explains into one incident."""
    sources = [d for d in drafts if d.is_open and _movable(d, cause, explained)]
    members = {s for d in sources for s in _open_services(d) if s in explained}
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
    """Keep a region once it is known: posts name it less and less, and the provider is the same."""
    if old and old.provider == new.provider and new.region is None:
        return replace(new, region=old.region)
    return new


def _movable(draft: _Draft, cause: Cause, explained: Collection[str]) -> bool:
    """
    A service with another claimed cause stays, unless the new cause explains most of its incident.
    """
    inside = [s for s in _open_services(draft) if s in explained]
    if not inside:
        return False
    own = not draft.claimed and (draft.cause is None or draft.cause.provider == cause.provider)
    most = 2 * len(inside) > len(_open_services(draft))
    return own or (most and not draft.claimed)


def _pour(source: _Draft, target: _Draft, members: Collection[str]) -> None:
    moving = [s for s in _open_services(source) if s in members]
    for service in moving:
        target.affected[service] = source.affected[service]
    if len(moving) == len(_open_services(source)):
        source.absorbed_by = target
    else:
        source.affected = {s: a for s, a in source.affected.items() if s not in moving}


def _reconsider(drafts: Sequence[_Draft], causes: Sequence[Cause]) -> None:
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


def _finished(
    drafts: Sequence[_Draft],
    now: datetime,
    names: Mapping[str, str],
) -> tuple[Incident, ...]:
    taken = {draft.old.id for draft in drafts if draft.old}
    ids: dict[int, str] = {}
    for draft in drafts:
        ids[id(draft)] = draft.old.id if draft.old else _new_id(now, draft.lead, taken)
        taken.add(ids[id(draft)])
    result = []
    for draft in drafts:
        target = ids[id(draft.absorbed_by)] if draft.absorbed_by else None
        incident = _built(draft, ids[id(draft)], target, now, names)
        if incident:
            result.append(incident)
    return tuple(result)


def _built(
    draft: _Draft, id: str, target: str | None, now: datetime, names: Mapping[str, str]
) -> Incident | None:
    affected = list(draft.affected.values())
    if draft.old is None:
        return None if target else lifecycle.opened(id, affected, draft.cause, now, names)
    if not _was_open(draft) and not draft.is_open:
        return draft.old
    return lifecycle.advance(draft.old, affected, draft.cause, now, names, target)


def _new_id(now: datetime, lead: str, taken: Collection[str]) -> str:
    base = f"{now:%Y%m%dT%H%M}-{lead}"
    suffixes = (f"-{n}" for n in range(2, len(taken) + 3))
    return next(id for id in (base, *(base + s for s in suffixes)) if id not in taken)


def _open_services(draft: _Draft) -> list[str]:
    return [s for s, one in draft.affected.items() if one.status is not Status.RESOLVED]


def _was_open(draft: _Draft) -> bool:
    return draft.old is not None and draft.old.status is not Status.RESOLVED


def _resolved_at(draft: _Draft) -> float:
    at = draft.old.resolved_at if draft.old else None
    return at.timestamp() if at else 0.0
