"""
Back-test of the shared cause on scenarios, with the knowledge that each one gave us taken away.

A scenario is counted once; then the detector runs over it with a catalogue that lacks the edges
which only this outage has shown, and again with a share of all edges deleted at random, seed by
seed. Posts are made up: this compares versions of the code, and says nothing of real outages.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from detector.bucket import Bucket
from detector.incidents import Cause, Incident, Status, Step, Transition
from detector.state import State, initial
from detector.texts import Texts, count_once
from detector.tick import Policy, tick
from detector.verdicts import instant
from models.catalogue import Catalogue
from stream.sources.scenario import Scenario

DELETED = 0.3  # of all edges, for each seed
PATIENCE = timedelta(minutes=5)  # after the third affected service, until the cause must be named
_THIRD = 3
_FEW = timedelta(minutes=30)  # after the first of them, where there are never three


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Whom the main incident blamed in time, None for nobody, and whether that is the truth."""

    provider: str | None
    probability: float
    right: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of one scenario; *seeded* are the runs with edges deleted."""

    scenario: Scenario
    incidents: tuple[Incident, ...]
    n_messages: int
    n_edits: int
    n_alone: int
    in_time: Named | None
    seeded: tuple[Named, ...]
    false_causes: tuple[Cause, ...]
    bystanders: Mapping[str, str]


def without_event(catalogue: Catalogue, event: str | None) -> Catalogue:
    """Leave out the edges whose whole evidence is the outage *event*."""
    return _with_edges(catalogue, lambda evidence: not event or evidence.split() != [event])


def thinned(catalogue: Catalogue, seed: int, share: float = DELETED) -> Catalogue:
    """Leave out *share* of all edges at random."""
    draw = random.Random(seed)
    return _with_edges(catalogue, lambda _: draw.random() >= share)


def _with_edges(catalogue: Catalogue, keep: Callable[[str], bool]) -> Catalogue:
    return Catalogue(
        {
            id: replace(one, depends_on=tuple(e for e in one.depends_on if keep(e.evidence)))
            for id, one in catalogue.services.items()
        }
    )


def played(
    scenario: Scenario,
    buckets: Sequence[Bucket],
    catalogue: Catalogue,
    policy: Policy,
    seeds: Sequence[int],
) -> Result:
    """Run the detector over the *buckets* of *scenario*, once whole and once for each seed."""
    known = without_event(catalogue, scenario.script.event)
    run = _Run(scenario, initial(tuple(known.services), buckets[0].start))
    start, fork = run.copy(), 0
    for i, bucket in enumerate(buckets):
        # Edges matter from the first planted service on: until there, all runs are one.
        if run.found_at is None:
            start, fork = run.copy(), i
        run.step(bucket, known, policy)
    seeded = [
        _seeded(start.copy(), buckets[fork:], thinned(known, seed), policy)
        for seed in (seeds if scenario.script.provider else ())
    ]
    return _result(scenario, run, tuple(seeded))


def _seeded(run: "_Run", buckets: Sequence[Bucket], known: Catalogue, policy: Policy) -> Named:
    for bucket in buckets:
        if run.in_time is None:
            run.step(bucket, known, policy)
    return run.in_time or Named(provider=None, probability=0.0, right=False)


@dataclass(slots=True)
class _Run:
    """One pass over a scenario, and what was seen in it."""

    scenario: Scenario
    state: State
    texts: Texts = field(default_factory=dict)
    incidents: dict[str, Incident] = field(default_factory=dict)
    steps: list[tuple[str, Transition]] = field(default_factory=list)
    causes: dict[str, Cause] = field(default_factory=dict)
    found_at: datetime | None = None
    third_at: datetime | None = None
    in_time: Named | None = None

    def copy(self) -> "_Run":
        return replace(
            self,
            incidents=dict(self.incidents),
            steps=list(self.steps),
            causes=dict(self.causes),
        )

    def step(self, raw: Bucket, known: Catalogue, policy: Policy) -> None:
        bucket, self.texts = count_once(raw, self.texts)
        result = tick(self.state, bucket, known, policy)
        self.state = result.state
        self.incidents |= {incident.id: incident for incident, _ in result.changes}
        self.incidents |= {incident.id: incident for incident in result.state.incidents}
        self.steps += [(incident.id, step) for incident, step in result.changes]
        for incident in result.state.incidents:
            if incident.cause and incident.status is not Status.RESOLVED:
                self._claimed(incident.cause)
        self._timed()

    def _claimed(self, cause: Cause) -> None:
        if cause.probability > getattr(self.causes.get(cause.provider), "probability", 0.0):
            self.causes[cause.provider] = cause

    def _timed(self) -> None:
        """Note when the third of the planted services joined, and whom we blame in time."""
        open_ones = [i for i in self.state.incidents if i.status is not Status.RESOLVED]
        now = instant(self.state.next_start)
        joined = self._joined(open_ones)
        if joined and self.found_at is None:
            self.found_at = now
        if len(joined) >= _THIRD and self.third_at is None:
            self.third_at = now
        due = self.third_at + PATIENCE if self.third_at else now
        late = self.found_at is not None and now >= self.found_at + _FEW
        if self.in_time is None and open_ones and ((self.third_at and now >= due) or late):
            self.in_time = self._named(open_ones)

    def _joined(self, incidents: Sequence[Incident]) -> set[str]:
        planted = {truth.service for truth in self.scenario.truth}
        return {one.service for i in incidents for one in i.affected if one.service in planted}

    def _named(self, incidents: Sequence[Incident]) -> Named:
        main = max(incidents, key=lambda one: (len(one.affected), one.observed, one.id))
        provider = main.cause.provider if main.cause else None
        return Named(
            provider=provider,
            probability=main.cause.probability if main.cause else 0.0,
            right=self.scenario.script.provider in (provider or _alone(main), provider),
        )


def _alone(incident: Incident) -> str | None:
    """An incident of one service names it: a carrier that fails has its own name as cause."""
    return incident.affected[0].service if len(incident.affected) == 1 else None


def _result(scenario: Scenario, run: _Run, seeded: tuple[Named, ...]) -> Result:
    script = scenario.script
    incidents = tuple(sorted(run.incidents.values(), key=lambda one: (one.opened_at, one.id)))
    opened = sum(step.step is Step.OPENED for _, step in run.steps)
    alone = {one.service for i in incidents for one in i.affected}
    alone |= {one.service for i in incidents for one in i.cleared}
    wrong = tuple(cause for name, cause in sorted(run.causes.items()) if name != script.provider)
    return Result(
        scenario=scenario,
        incidents=incidents,
        n_messages=opened,
        n_edits=len(run.steps) - opened,
        n_alone=len(alone),
        in_time=run.in_time if script.provider else None,
        seeded=seeded,
        false_causes=wrong,
        bystanders=dict(_bystanders(scenario, incidents)),
    )


def _bystanders(scenario: Scenario, incidents: Sequence[Incident]) -> Iterator[tuple[str, str]]:
    """Yield what became of each service that is on record as blamed wrongly."""
    cleared = {one.service for incident in incidents for one in incident.cleared}
    affected = {
        one.service
        for incident in incidents
        if not incident.transitions[-1].detail.startswith("merged into")
        for one in incident.affected
    }
    for row in (row for spill in scenario.script.spillover for row in spill.rows):
        if row.documented:
            service = row.service
            state = "cleared" if service in cleared else "quiet"
            yield service, "blamed" if service in affected else state
