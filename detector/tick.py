"""
One step of the detector: a closed bucket in, what changed out.

`tick` is a pure function: expected rate, sequential test, course of what fails, shared cause,
incidents. The caller gives it every bucket once and in order, those without a report included, and
saves what comes out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from detector import baseline, crowd, learning, recovery, surge
from detector.baseline import Flags, Floats
from detector.bucket import WIDTH, Bucket
from detector.evidence import gathered
from detector.grouping import reopenable
from detector.incidents import Incident, Transition
from detector.layout import column
from detector.recovery import NORMAL
from detector.state import State
from detector.suspects import suspected
from detector.telling import WITH, told
from detector.verdicts import Rows, carried, instant
from models.catalogue import Catalogue

_REMEMBERED = 2.0  # nats of suspicion from which a service's posts are kept as evidence
_REGION_KEEP = float(np.exp(-WIDTH / 300))
_REGION_FLOOR = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """
    What the operator decides.

    *false_incidents_per_service_year* is the budget that the threshold is computed from; an
    incident is over after *quiet_minutes* of calm at least, and a service that fails again within
    *reopen_hours* re-opens it.
    """

    false_incidents_per_service_year: float = 1.0
    quiet_minutes: float = 10.0
    reopen_hours: float = 6.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """
    What one bucket brought.

    *changes* are the transitions, each with the incident as it is after the bucket. *observed*,
    *expected* (authors in the bucket) and *statistic* (nats, to compare with *threshold*) are by
    row of *state.services*.
    """

    state: State
    changes: tuple[tuple[Incident, Transition], ...]
    observed: Floats
    expected: Floats
    statistic: Floats
    threshold: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """
    What a bucket says of each service by itself, before causes are asked for.

    *state* has moved on but for its incidents, hints and evidence; *ended* are the rows that are
    over and *raised* those that begin to fail; the rest is as in `Tick`.
    """

    state: State
    bucket: Bucket
    ended: Rows
    raised: Rows
    observed: Floats
    expected: Floats
    statistic: Floats
    threshold: float


def tick(state: State, bucket: Bucket, catalogue: Catalogue, policy: Policy) -> Tick:
    """
    Judge *bucket*, which begins at *state.next_start* or later, and say what changed.

    Where it begins later the feed was silent: nothing is learnt or forgotten over the gap, either
    way. Raises `ValueError` for a bucket of the past or one off the grid.
    """
    return concluded(measured(state, bucket, policy), catalogue, policy)


def measured(state: State, bucket: Bucket, policy: Policy) -> Measured:
    """Take the first half of `tick`: what depends on no edge of the catalogue."""
    if bucket.start < state.next_start or bucket.start % WIDTH:
        raise ValueError(
            f"bucket at {bucket.start}, expected a multiple of {WIDTH} "
            f"at {state.next_start} or later"
        )
    state = _arrived(state, bucket.start)
    limit = surge.threshold(policy.false_incidents_per_service_year)
    affected, recovered, blamed, mentioned = (
        column(state.services, counts)
        for counts in (bucket.affected, bucket.recovered, bucket.blamed, bucket.mentioned)
    )
    rate = baseline.expected(state.baseline, bucket.start)
    frozen = recovery.frozen(state.course, bucket.start, state.baseline.uncertainty)
    frozen |= _held_before(state)
    test = surge.judged(
        state.surge,
        bucket.start,
        affected,
        recovered,
        blamed,
        mentioned,
        rate,
        state.baseline,
        frozen,
    )
    usual = surge.usual(test, rate)
    quiet = round(policy.quiet_minutes * 60)
    course, moves = recovery.moved(
        state.course, test, bucket.start, affected, recovered, usual, state.baseline, limit, quiet
    )
    next_start = bucket.start + WIDTH
    crossing = np.flatnonzero(recovery.raised(course, test, limit) & (state.course.phase == NORMAL))
    judged = replace(
        state,
        next_start=next_start,
        baseline=learning.collected(state.baseline, bucket.start, affected, rate, frozen),
        surge=surge.cleared(test, moves.ended, next_start) if len(moves.ended) else test,
        course=course,
        region_posts=_regions(state.region_posts, bucket),
    )
    judged = _heard(judged, bucket, _climbing(judged, moves.ended))
    crossing = crossing[crowd.alone(judged.crowd, recovery.spoken(test), crossing)]
    judged, raised = _held_back(judged, crossing)
    return Measured(
        state=replace(judged, course=recovery.opened(course, test, raised, bucket.start)),
        bucket=bucket,
        ended=moves.ended,
        raised=raised,
        observed=affected,
        expected=usual,
        statistic=test.statistic,
        threshold=limit,
    )


def concluded(seen: Measured, catalogue: Catalogue, policy: Policy) -> Tick:
    """Take the second half of `tick`: causes and incidents, by the edges of *catalogue*."""
    state = seen.state
    now = instant(state.next_start)
    known = tuple(i for i in state.incidents if reopenable(i, now, policy.reopen_hours))
    course = carried(state.course, state.services, known, seen.raised)
    state = replace(state, course=course, incidents=known)
    after, changes = told(
        state, seen.ended, len(seen.raised) > 0, seen.bucket, catalogue, seen.expected
    )
    lasting = tuple(i for i in after.incidents if reopenable(i, now, policy.reopen_hours))
    return Tick(
        state=replace(after, incidents=lasting),
        changes=changes,
        observed=seen.observed,
        expected=seen.expected,
        statistic=seen.statistic,
        threshold=seen.threshold,
    )


def _arrived(state: State, start: int) -> State:
    """Come to the bucket at *start*: over a gap, into a new hour."""
    if start > state.next_start:
        state = replace(state, baseline=learning.interrupted(state.baseline))
    learnt = learning.advanced(state.baseline, start)
    if learnt is state.baseline:
        return state
    return replace(
        state, baseline=learnt, surge=surge.rescaled(state.surge, state.baseline, learnt)
    )


def _climbing(state: State, ended: Rows) -> Flags:
    """Services whose posts are worth keeping: they fail or have begun to climb."""
    high = (surge.suspicion(state.surge) >= _REMEMBERED) | (state.course.phase != NORMAL)
    high[ended] = True
    return np.asarray(high)


def _heard(state: State, bucket: Bucket, climbs: Flags) -> State:
    """Keep what is said of services that climb, and by whom."""
    climbing = {state.services[row] for row in np.flatnonzero(climbs).tolist()}
    fails = np.asarray(state.course.phase != NORMAL)
    said = crowd.heard(state.crowd, bucket, state.services, climbs, fails)
    return replace(state, hints=gathered(state.hints, bucket, climbing), crowd=said)


def _held_back(state: State, crossing: Rows) -> tuple[State, Rows]:
    """Part the services that would be raised: the state with the suspects, and those that are."""
    held = crossing[crowd.campaign(state.crowd, crossing) > 0]
    raised = np.setdiff1d(crossing, held)
    repeated = np.flatnonzero(crowd.repeats(state.crowd) & (state.course.phase == NORMAL))
    found = suspected(
        state.suspects,
        state.crowd,
        state.services,
        held,
        np.setdiff1d(repeated, raised),
        state.hints,
        instant(state.next_start),
    )
    return replace(state, suspects=found), raised


def _held_before(state: State) -> Flags:
    behind = {one.service: 1 for one in state.suspects if one.held}
    return np.asarray(column(state.services, behind) > 0)


def _regions(
    old: Sequence[tuple[str, str, float]], bucket: Bucket
) -> tuple[tuple[str, str, float], ...]:
    """Fade the posts that name a service with a region or another service; add the bucket's."""
    posts = {(provider, region): n * _REGION_KEEP for provider, region, n in old}
    for service, regions in bucket.regions.items():
        for region, count in regions.items():
            posts[service, region] = posts.get((service, region), 0.0) + count
    for service, others in bucket.beside.items():
        for other, count in others.items():
            key = (service, WITH + other)
            posts[key] = posts.get(key, 0.0) + count
    return tuple((*key, posts[key]) for key in sorted(posts) if posts[key] >= _REGION_FLOOR)
