"""From closed buckets to one round of the watcher: all that is decided before saving. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import msgspec

from detector import minutes, reach, suspects
from detector.bucket import Bucket
from detector.erasure import erased
from detector.incidents import Incident, Transition
from detector.minutes import Minute
from detector.reach import Mark
from detector.round import Progress, Round
from detector.series import Point
from detector.state import State, decode, encode, initial
from detector.texts import Texts, count_once
from detector.tick import Policy, tick
from models.catalogue import Catalogue


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What the watcher carries from bucket to bucket; every replay of the log leads to the same."""

    state: State
    texts: Texts
    minute: Minute


def begin(catalogue: Catalogue, first_bucket: int) -> Memory:
    """Start knowing nothing, before the bucket at *first_bucket*, unix seconds."""
    services = tuple(catalogue.services)
    return Memory(
        state=initial(services, first_bucket),
        texts={},
        minute=minutes.begin(services, first_bucket),
    )


def restore(progress: Progress, catalogue: Catalogue) -> Memory:
    """Continue where the last `Round` left, with the services that the catalogue has now."""
    services = tuple(catalogue.services)
    minute = minutes.decode(progress.minute, services)
    return Memory(
        state=decode(progress.state, services),
        texts=msgspec.msgpack.decode(progress.texts, type=dict[str, int]),
        minute=minute or minutes.begin(services, progress.last_bucket),
    )


def judge(
    memory: Memory, buckets: Iterable[Bucket], catalogue: Catalogue, policy: Policy
) -> tuple[Memory, Round]:
    """Judge *buckets*, one at least, in time order; where rounds are cut makes no difference."""
    changes: list[tuple[Incident, Transition]] = []
    points: dict[str, list[Point]] = {}
    marks: dict[str, list[Mark]] = {}
    deleted: set[str] = set()
    last = 0
    for raw in buckets:
        bucket, texts = count_once(raw, memory.texts)
        deleted |= bucket.deleted
        state, bucket = erased(memory.state, bucket)
        result = tick(state, bucket, catalogue, policy)
        changes.extend(result.changes)
        troubled = {one.service for incident in result.state.incidents for one in incident.affected}
        minute, finished = minutes.add(
            memory.minute,
            bucket.start,
            result.observed,
            result.expected,
            result.statistic,
            troubled,
        )
        for service, point in finished.items():
            points.setdefault(service, []).append(point)
        for id, mark in reach.marks(bucket.start, result.state.incidents, catalogue).items():
            marks.setdefault(id, []).append(mark)
        memory = replace(memory, state=result.state, texts=texts, minute=minute)
        last = bucket.start
    return memory, Round(
        last_bucket=last,
        state=encode(memory.state),
        texts=msgspec.msgpack.encode(dict(memory.texts)),
        minute=minutes.encode(memory.minute),
        changes=tuple(changes),
        incidents=_to_save(memory.state, changes),
        suspects=suspects.encode(memory.state.suspects),
        points=points,
        marks=marks,
        deleted=deleted,
    )


def _to_save(state: State, changes: Iterable[tuple[Incident, Transition]]) -> tuple[Incident, ...]:
    """Return the newest snapshot of every incident that is open or was changed."""
    newest = {incident.id: incident for incident, _ in changes}
    newest.update({incident.id: incident for incident in state.incidents})
    return tuple(newest.values())
