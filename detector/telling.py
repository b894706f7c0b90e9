"""
The second half of a tick: shared causes, and the incidents that people are told of. Pure.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from detector import contrast, surge
from detector.baseline import MINUTE, UNKNOWN, Floats
from detector.bucket import WIDTH, Bucket
from detector.cause import Explanation, explain
from detector.clues import Evidence
from detector.dependencies import Graph
from detector.evidence import illustrated
from detector.grouping import regrouped
from detector.incidents import Affected, Incident, Status, Transition
from detector.layout import column, edges
from detector.recovery import FAILING, NORMAL
from detector.state import State
from detector.verdicts import Rows, instant, verdicts
from models.catalogue import Catalogue

_POPULAR = 100  # services that would show a failure that takes down whatever it is
_CLIMBING = 2.0  # nats of suspicion from which a service says that it may be failing
_CHANCE = 8.0  # nats that the statistic of a normal service may reach in a day
WITH = "with:"  # before the other service, among the regions that posts name


def told(
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
    judged = verdicts(state, ended, state.hints, usual)
    if not judged:
        return state, ()
    state, explanation = _explained(state, graph, usual, opens, judged)
    moved = regrouped(state.incidents, judged, explanation, graph, now)
    shown = illustrated(moved, bucket, state.hints)
    before = {incident.id: len(incident.transitions) for incident in state.incidents}
    changes = tuple(
        (incident, transition)
        for incident in shown
        for transition in incident.transitions[before.get(incident.id, 0) :]
    )
    kept = tuple(hint for hint in state.hints if hint.service not in judged)
    return replace(state, incidents=shown, hints=kept), changes


def _explained(
    state: State, graph: Graph, usual: Floats, opens: bool, judged: Mapping[str, Affected]
) -> tuple[State, Explanation | None]:
    """Ask for the cause when a service begins to fail, and once a minute while two fail."""
    course, test = state.course, state.surge
    due = opens or state.next_start % MINUTE == 0
    if not due or np.count_nonzero(course.phase == FAILING) < 2:
        return state, None
    # A service counts for its incident's cause as long as that is open, recovered or not.
    known = {one.service: one for one in _in_open_incidents(state)}
    failing = (course.phase != NORMAL) | (column(state.services, dict.fromkeys(known, 1)) > 0)
    asked = surge.suspicion(test) >= _CLIMBING
    asked[_most(usual, _POPULAR)] = True  # what climbs, and the popular, tell of any failure
    asked[graph.rows_beside(failing)] = True
    rows = np.flatnonzero(asked)
    abnormal = np.zeros(len(state.services))
    abnormal[rows] = contrast.abnormality(
        test, state.baseline, rows, np.asarray(course.phase == FAILING)
    )
    # What failed since the onset is evidence to the end of the incident, however far it has
    # recovered.
    best = np.where(failing, np.maximum(course.evidence, np.maximum(abnormal, 0.0)), abnormal)
    evidence = Evidence(
        abnormal=np.where(failing, np.maximum(best, test.statistic - _CHANCE), best),
        per_minute=usual * MINUTE / WIDTH,
        learnt=np.asarray(state.baseline.uncertainty <= UNKNOWN),
        excess=test.recent_observed - test.recent_expected,
        blamed=test.recent_blamed,
        failing=failing,
        regions={(s, about): n for s, about, n in state.region_posts if WITH not in about},
        beside={
            (s, about.removeprefix(WITH)): n
            for s, about, n in state.region_posts
            if about.startswith(WITH)
        },
        places={s: (one.regions, one.languages) for s, one in {**known, **judged}.items()},
    )
    strongest = np.where(failing, evidence.abnormal, 0.0)
    return replace(state, course=replace(course, evidence=strongest)), explain(graph, evidence)


def _most(values: Floats, n: int) -> Rows:
    """Rows of the *n* greatest, of equals the first."""
    if len(values) <= n:
        return np.arange(len(values))
    least = np.partition(values, -n)[-n]
    above = np.flatnonzero(values > least)
    return np.concatenate([above, np.flatnonzero(values == least)[: n - len(above)]])


def _in_open_incidents(state: State) -> Iterator[Affected]:
    for incident in state.incidents:
        if incident.status is not Status.RESOLVED:
            yield from incident.affected
