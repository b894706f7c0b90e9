"""What one round of the watcher leads to, and what the next one starts from. Values only."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field

from detector.incidents import Incident, Transition
from detector.reach import Mark
from detector.series import Point


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """
    All that is to be saved after some buckets; *last_bucket* is the start of the last of them.

    *changes* are in the order in which they happened; *state*, *texts*, *minute* and *suspects* are
    packed, the first three being the memory; *incidents* are snapshots to overwrite; *points* are
    finished minutes by service, *marks* how far incidents reached, by id; *deleted* names the posts
    whose evidence is to go from all incidents.
    """

    last_bucket: int
    state: bytes
    texts: bytes = b""
    minute: bytes = b""
    changes: tuple[tuple[Incident, Transition], ...] = ()
    incidents: tuple[Incident, ...] = ()
    suspects: bytes = b""
    points: Mapping[str, Sequence[Point]] = field(default_factory=dict)
    marks: Mapping[str, Sequence[Mark]] = field(default_factory=dict)
    deleted: Set[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where the watcher stands: what the last `Round` that was saved left."""

    last_bucket: int
    state: bytes
    texts: bytes
    minute: bytes
