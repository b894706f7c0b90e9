"""An incident being worked on: what is known of it becomes a draft, and the draft an incident."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain, count

from detector import lifecycle
from detector.incidents import Affected, Cause, Cleared, Incident, Status


@dataclass(slots=True, kw_only=True, eq=False)
class Draft:
    """An incident being worked on in this bucket; *old* is None for a new one."""

    old: Incident | None
    lead: str
    affected: dict[str, Affected] = field(default_factory=dict)
    cause: Cause | None = None
    cleared: dict[str, Cleared] = field(default_factory=dict)
    claimed: bool = False  # by a more probable cause in this bucket
    absorbed_by: "Draft | None" = None

    @classmethod
    def of(cls, incident: Incident, verdicts: Mapping[str, Affected]) -> "Draft":
        """
        Bring an open incident's services up to date; those of a resolved one stay until they fail
        again.
        """
        affected = {one.service: one for one in incident.affected}
        if incident.status is not Status.RESOLVED:
            affected |= {s: one for s, one in verdicts.items() if s in affected}
        return cls(
            old=incident,
            lead=incident.affected[0].service,
            affected=affected,
            cause=incident.cause,
            cleared={one.service: one for one in incident.cleared},
        )

    @property
    def was_open(self) -> bool:
        """Whether it was, before this bucket."""
        return self.old is not None and self.old.status is not Status.RESOLVED

    @property
    def is_past(self) -> bool:
        """Whether it was resolved before this bucket."""
        return self.old is not None and not self.was_open

    @property
    def ended(self) -> float:
        """When it was resolved, unix seconds; 0 if it was not."""
        at = self.old.resolved_at if self.old else None
        return at.timestamp() if at else 0.0

    @property
    def open_services(self) -> list[str]:
        """Services that have not recovered."""
        return [s for s, one in self.affected.items() if one.status is not Status.RESOLVED]

    @property
    def age(self) -> tuple[bool, float, str]:
        """Order by the time of opening, new ones last."""
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


def finished(
    drafts: Sequence[Draft],
    now: datetime,
    names: Mapping[str, str],
) -> tuple[Incident, ...]:
    """Return the incidents that the *drafts* have become; ids stay, and new ones are unique."""
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
    draft: Draft, id: str, target: str | None, now: datetime, names: Mapping[str, str]
) -> Incident | None:
    affected = list(draft.affected.values())
    cleared = tuple(draft.cleared[service] for service in sorted(draft.cleared))
    if draft.old is None:
        if target:
            return None
        return replace(lifecycle.opened(id, affected, draft.cause, now, names), cleared=cleared)
    if not draft.was_open and not draft.is_open:
        return draft.old
    moved = lifecycle.advance(draft.old, affected, draft.cause, now, names, target)
    return replace(moved, cleared=cleared)


def _new_id(now: datetime, lead: str, taken: Collection[str]) -> str:
    base = f"{now:%Y%m%dT%H%M}-{lead}"
    return next(id for id in chain((base,), (f"{base}-{n}" for n in count(2))) if id not in taken)
