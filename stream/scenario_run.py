"""One pass of the detector over a scenario, with one catalogue: what it found, and when."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from detector.incidents import Cause, Incident, Status
from detector.state import State
from detector.tick import Measured, Policy, concluded
from detector.verdicts import instant
from models.catalogue import Catalogue
from stream.sources.scenario import Scenario

PATIENCE = timedelta(minutes=5)  # after the third affected service, until the cause must be named
_THIRD = 3
_FEW = timedelta(minutes=30)  # after the first of them, where there are never three


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Whom the main incident blamed in time, None for nobody, and whether that is the truth."""

    provider: str | None
    region: str | None
    probability: float
    right: bool


def borrowed(seen: Measured, own: State) -> Measured:
    """
    Take what another run measured: only incidents, and what causes were asked with, are one's own.
    """
    evidence = own.course.evidence.copy()
    evidence[seen.raised] = 0.0
    course = replace(seen.state.course, evidence=evidence)
    return replace(seen, state=replace(seen.state, incidents=own.incidents, course=course))


@dataclass(slots=True)
class Run:
    """One pass over a scenario with one catalogue, and what was seen in it."""

    scenario: Scenario
    known: Catalogue
    state: State
    incidents: dict[str, Incident] = field(default_factory=dict)
    causes: dict[str, Cause] = field(default_factory=dict)
    found_at: datetime | None = None
    third_at: datetime | None = None
    in_time: Named | None = None
    of_few: Named | None = None  # after `_FEW`, which counts where there are never three

    def forked(self, known: Catalogue) -> "Run":
        """Go on from here with another catalogue."""
        return Run(self.scenario, known, self.state, dict(self.incidents), dict(self.causes))

    @property
    def over(self) -> bool:
        """Whether the cause was due: nothing that comes later is judged."""
        return self.in_time is not None

    def conclude(self, seen: Measured, policy: Policy) -> tuple[Incident, ...]:
        """Take one bucket on; returns the incidents that changed in it."""
        result = concluded(seen, self.known, policy)
        self.state = result.state
        changed = {incident.id: incident for incident, _ in result.changes}
        self.incidents |= changed
        self.incidents |= {incident.id: incident for incident in result.state.incidents}
        for incident in result.state.incidents:
            if incident.cause and incident.status is not Status.RESOLVED:
                self._claimed(incident.cause)
        self._timed()
        return tuple(changed.values())

    def told(self) -> tuple[Incident, ...]:
        """Return all incidents as they were last, in the order of opening."""
        return tuple(sorted(self.incidents.values(), key=lambda one: (one.opened_at, one.id)))

    def false_causes(self) -> tuple[Cause, ...]:
        """Return whom any incident blamed at any time though it had not failed."""
        guilty = self.scenario.script.provider
        return tuple(cause for name, cause in sorted(self.causes.items()) if name != guilty)

    def _claimed(self, cause: Cause) -> None:
        if cause.probability > getattr(self.causes.get(cause.provider), "probability", 0.0):
            self.causes[cause.provider] = cause

    def _timed(self) -> None:
        """Note when the third of the planted services joined, and whom we blame in time."""
        if self.in_time is not None or self.scenario.script.provider is None:
            return
        open_ones = [i for i in self.state.incidents if i.status is not Status.RESOLVED]
        now = instant(self.state.next_start)
        joined = self._joined(open_ones)
        if joined and self.found_at is None:
            self.found_at = now
        if len(joined) >= _THIRD and self.third_at is None:
            self.third_at = now
        if open_ones and self.third_at and now >= self.third_at + PATIENCE:
            self.in_time = self._named(open_ones)
        elif open_ones and self.of_few is None and self.found_at and now >= self.found_at + _FEW:
            self.of_few = self._named(open_ones)
            if len(self._planted()) < _THIRD:
                self.in_time = self.of_few

    def _planted(self) -> set[str]:
        return {truth.service for truth in self.scenario.truth}

    def _joined(self, incidents: Sequence[Incident]) -> set[str]:
        affected = {one.service for incident in incidents for one in incident.affected}
        return affected & self._planted()

    def _named(self, incidents: Sequence[Incident]) -> Named:
        main = max(incidents, key=lambda one: (len(one.affected), one.observed, one.id))
        cause = main.cause
        provider = cause.provider if cause else None
        return Named(
            provider=provider,
            region=cause.region if cause else None,
            probability=cause.probability if cause else 0.0,
            right=self.scenario.script.provider in (provider or _alone(main), provider),
        )


def _alone(incident: Incident) -> str | None:
    """An incident of one service names it: a carrier that fails has its own name as cause."""
    return incident.affected[0].service if len(incident.affected) == 1 else None
