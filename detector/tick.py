"""
One step of the detector: a closed bucket in, what changed out.

`tick` is a pure function: expected rate, sequential test, course of what fails, shared cause,
incidents. The caller gives it every bucket once and in order, those without a report included, and
saves what comes out.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from detector import baseline, recovery, surge
from detector.baseline import MINUTE, Floats
from detector.bucket import WIDTH, Bucket
from detector.cause import Evidence, Explanation, explain
from detector.dependencies import Graph
from detector.evidence import gathered, illustrated
from detector.grouping import regrouped, reopenable
from detector.incidents import Incident, Status, Transition
from detector.layout import column, edges, index
from detector.recovery import FAILING, NORMAL
from detector.state import State
from detector.verdicts import carried, instant, verdicts
from models.catalogue import Catalogue

Rows = NDArray[np.intp]

_REMEMBERED = 2.0  # nats of suspicion from which a service's posts are kept as evidence
_CHANCE = 8.0  # nats that the statistic of a normal service may reach in a day
_REGION_KEEP = float(np.exp(-WIDTH / 300))
_REGION_FLOOR = 0.05
_WITH = "with:"  # before the other service, among the regions that posts name


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
    raised = np.flatnonzero(recovery.raised(course, test, limit) & (state.course.phase == NORMAL))
    next_start = bucket.start + WIDTH
    judged = replace(
        state,
        next_start=next_start,
        baseline=baseline.collected(state.baseline, bucket.start, affected, rate, frozen),
        surge=surge.cleared(test, moves.ended, next_start) if len(moves.ended) else test,
        course=recovery.opened(course, test, raised, bucket.start),
        region_posts=_regions(state.region_posts, bucket),
    )
    return Measured(
        state=judged,
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
    after, changes = _told(
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
        state = replace(state, baseline=baseline.interrupted(state.baseline))
    learnt = baseline.advanced(state.baseline, start)
    if learnt is state.baseline:
        return state
    return replace(
        state, baseline=learnt, surge=surge.rescaled(state.surge, state.baseline, learnt)
    )


def _told(
    state: State,
    ended: Rows,
    opens: bool,
    bucket: Bucket,
    catalogue: Catalogue,
    usual: Floats,
) -> tuple[State, tuple[tuple[Incident, Transition], ...]]:
    """Bring the incidents up to date and collect the transitions of this bucket."""
    now = instant(state.next_start)
    graph = edges(catalogue, state.services)
    hints = gathered(state.hints, bucket, _climbing(state, ended))
    judged = verdicts(state, ended, hints, usual)
    if not judged:
        return replace(state, hints=hints), ()
    state, explanation = _explained(state, graph, usual, opens)
    moved = regrouped(state.incidents, judged, explanation, graph, now)
    shown = illustrated(moved, bucket, hints)
    told = {incident.id: len(incident.transitions) for incident in state.incidents}
    changes = tuple(
        (incident, transition)
        for incident in shown
        for transition in incident.transitions[told.get(incident.id, 0) :]
    )
    kept = tuple(hint for hint in hints if hint.service not in judged)
    return replace(state, incidents=shown, hints=kept), changes


def _explained(
    state: State, graph: Graph, usual: Floats, opens: bool
) -> tuple[State, Explanation | None]:
    """Ask for the cause when a service begins to fail, and once a minute while two fail."""
    course, test = state.course, state.surge
    # A service counts for its incident's cause as long as that is open, recovered or not.
    failing = (course.phase != NORMAL) | _in_open_incident(state)
    if np.count_nonzero(course.phase == FAILING) < 2 or not (
        opens or state.next_start % MINUTE == 0
    ):
        return state, None
    rows = graph.rows_beside(failing)
    abnormal = np.zeros(len(state.services))
    abnormal[rows] = surge.abnormality(test, state.baseline, rows)
    # What failed since the onset is evidence to the end of the incident, however far it has
    # recovered.
    best = np.where(failing, np.maximum(course.evidence, np.maximum(abnormal, 0.0)), abnormal)
    evidence = Evidence(
        abnormal=np.where(failing, np.maximum(best, test.statistic - _CHANCE), best),
        per_minute=usual * MINUTE / WIDTH,
        excess=test.recent_observed - test.recent_expected,
        blamed=test.recent_blamed,
        failing=failing,
        regions={(s, about): n for s, about, n in state.region_posts if _WITH not in about},
        beside={
            (s, about.removeprefix(_WITH)): n
            for s, about, n in state.region_posts
            if about.startswith(_WITH)
        },
    )
    strongest = np.where(failing, evidence.abnormal, 0.0)
    return replace(state, course=replace(course, evidence=strongest)), explain(graph, evidence)


def _in_open_incident(state: State) -> NDArray[np.bool_]:
    inside = {
        one.service: 1
        for incident in state.incidents
        if incident.status is not Status.RESOLVED
        for one in incident.affected
    }
    return np.asarray(column(state.services, inside) > 0)


def _climbing(state: State, ended: Rows) -> Callable[[str], bool]:
    """Tell of a service whether its posts are worth keeping: it fails or has begun to climb."""
    rows = index(state.services)
    high = (surge.suspicion(state.surge) >= _REMEMBERED) | (state.course.phase != NORMAL)
    high[ended] = True

    def climbs(service: str) -> bool:
        row = rows.get(service)
        return row is not None and bool(high[row])

    return climbs


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
            key = (service, _WITH + other)
            posts[key] = posts.get(key, 0.0) + count
    return tuple((*key, posts[key]) for key in sorted(posts) if posts[key] >= _REGION_FLOOR)
