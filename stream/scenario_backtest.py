"""
Back-test of the shared cause on scenarios, with the knowledge that each one gave us taken away.

A scenario is counted once, and what its counts say of each service is measured once; the causes are
then sought with a catalogue that lacks the edges which only this outage has shown, and, in the same
pass, seed by seed with a share of all other edges deleted at random. Posts are made up: this
compares versions of the code, and says nothing of real outages.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from detector.batch import Accepted
from detector.incidents import Cause, Incident
from detector.texts import Texts, count_once
from detector.tick import Policy, measured
from models.catalogue import Catalogue
from stream.scenario_alerts import Alerts
from stream.scenario_past import accustomed
from stream.scenario_run import Named, Run, borrowed
from stream.sources.scenario import Scenario

DELETED = 0.3  # of all edges, and of what is known of owners, for each seed
JUDGING = 1_000  # the first seed that is reported; those below are for those who tune
NO_CAUSE = frozenset({"coincidence", "quiet", "manipulation", "viral"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeded:
    """A run with edges deleted: whom it named in time, and whom it ever blamed wrongly."""

    seed: int
    in_time: Named | None
    false_causes: tuple[Cause, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """
    What came of one scenario; *seeded* are the runs with edges deleted.

    *messages* are the incidents that got a message of their own, *n_alone* is how many it had been
    if each service had paged alone. *bystanders* tells of each service that is on record as blamed
    wrongly whether it was cleared, quiet or blamed.
    """

    scenario: Scenario
    incidents: tuple[Incident, ...]
    messages: frozenset[str]
    n_edits: int
    n_alone: int
    in_time: Named | None
    seeded: tuple[Seeded, ...]
    false_causes: tuple[Cause, ...]
    bystanders: Mapping[str, str]


def without_event(catalogue: Catalogue, event: str | None) -> Catalogue:
    """Leave out the edges whose whole evidence is the outage *event*."""
    return Catalogue(
        {
            id: replace(
                one,
                depends_on=tuple(
                    edge for edge in one.depends_on if not event or edge.evidence.split() != [event]
                ),
            )
            for id, one in catalogue.services.items()
        }
    )


def thinned(catalogue: Catalogue, seed: int, share: float = DELETED) -> Catalogue:
    """Leave out *share* of all edges and owners at random."""
    draw = random.Random(seed)
    return Catalogue(
        {
            id: replace(
                one,
                depends_on=tuple(e for e in one.depends_on if draw.random() >= share),
                owner=one.owner if one.owner and draw.random() >= share else None,
            )
            for id, one in catalogue.services.items()
        }
    )


def played(
    scenario: Scenario,
    entries: Sequence[Accepted],
    catalogue: Catalogue,
    policy: Policy,
    seeds: Sequence[int],
    weeks: int,
) -> Result:
    """
    Run the detector over the *entries* of *scenario*, whole and for each seed, after so many
    ordinary *weeks*.

    The runs with edges deleted end when the cause must be named; where there is none they go on,
    as none must be named at any time.
    """
    known = without_event(catalogue, scenario.script.event)
    state, buckets = accustomed(scenario, entries, tuple(known.services), weeks)
    run = Run(scenario, known, state)
    alerts = Alerts(known)
    seeded: list[Run] = []
    texts: Texts = {}
    for raw in buckets:
        bucket, texts = count_once(raw, texts)
        seen = measured(run.state, bucket, policy)
        if len(seen.raised) and not seeded:
            # Until something fails edges do not matter: all runs are one.
            seeded = [run.forked(thinned(known, seed)) for seed in seeds]
        for one in seeded:
            if not one.over:
                one.conclude(borrowed(seen, one.state), policy)
        alerts.follow(run.conclude(seen, policy), run.state)
    seeded = seeded or [run] * len(seeds)
    return Result(
        scenario=scenario,
        incidents=run.told(),
        messages=frozenset(alerts.sent),
        n_edits=alerts.n_edits,
        n_alone=len(_reported(run.told())),
        in_time=run.in_time or run.of_few,
        seeded=tuple(
            Seeded(seed=seed, in_time=one.in_time or one.of_few, false_causes=one.false_causes())
            for seed, one in zip(seeds, seeded, strict=True)
        ),
        false_causes=run.false_causes(),
        bystanders=dict(_bystanders(scenario, run.told())),
    )


def _reported(incidents: Sequence[Incident]) -> set[str]:
    """Return every service that an alert by itself would have told of."""
    affected = {one.service for incident in incidents for one in incident.affected}
    return affected | {one.service for incident in incidents for one in incident.cleared}


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
