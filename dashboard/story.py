"""An incident with what is needed to show it, and what it is called."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from dashboard import charts, onset, words
from dashboard.posts import token
from dashboard.snapshot import last_minute
from detector.actions import Marks
from detector.incidents import Affected, Incident
from detector.official import Official, OfficialEvent
from detector.series import Series


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """
    An incident with what is needed to show it.

    *names* are the catalogue's names by service id, *series* those of its services, *clock* is what
    "now" means in event time; *marks* what people did about it, *official* what companies say of
    it, in *events* one by one, oldest first.
    """

    incident: Incident
    series: Mapping[str, Series]
    names: Mapping[str, str]
    clock: datetime
    marks: Marks | None = None
    official: Official | None = None
    events: tuple[OfficialEvent, ...] = ()

    def name(self, service: str) -> str:
        """Return the catalogue's name of *service*, else its id."""
        return self.names.get(service) or token(service, "unknown service")

    def minutes(self, services: Sequence[str] | None = None) -> list[charts.Minute]:
        """Return the minutes of *services*, by default of all the incident's."""
        wanted = services or [one.service for one in self.incident.affected]
        first, last = charts.stretch(self.incident, last_minute(self.clock))
        return charts.of_services(self.series, wanted, first, last)

    @property
    def first(self) -> Affected | None:
        """Return the service that was raised first."""
        return min(
            self.incident.affected,
            key=lambda one: (one.joined_at, one.onset_at, one.service),
            default=None,
        )

    @property
    def onset(self) -> tuple[datetime, datetime] | None:
        """Return between which times it began, as far as the first service's minutes tell."""
        if self.first is None:
            return None
        return onset.interval(self.minutes([self.first.service]), self.first.joined_at)


def peak(story: Story) -> tuple[datetime, float] | None:
    """Return when the most reports came, and how many; None once the minutes are gone."""
    told = [one for one in story.minutes() if one.observed]
    if not told:
        return None
    highest = max(told, key=lambda one: one.observed)
    return datetime.fromtimestamp(highest.minute * 60, UTC), highest.observed


def title(story: Story) -> str:
    """Say what fails: the shared cause where one is known, else the services."""
    cause, affected = story.incident.cause, story.incident.affected
    if cause is not None:
        region = f" {token(cause.region)}" if cause.region else ""
        return story.name(cause.provider) + region
    names = [story.name(one.service) for one in affected]
    if len(names) <= 3:
        return (
            " and ".join(filter(None, [", ".join(names[:-1]), names[-1]])) if names else "Unknown"
        )
    return f"{names[0]}, {names[1]} and {len(names) - 2} more"


def subtitle(story: Story) -> str:
    """Say how the services hang together."""
    incident = story.incident
    n = len(incident.affected)
    if incident.cause is None:
        return (
            f"{words.plural(n, 'service')} affected, no shared cause found"
            if n > 1
            else "One service affected"
        )
    likely = f"probable cause, {words.percent(incident.cause.probability)}"
    return f"{likely} · {words.plural(n, 'service')} affected"
