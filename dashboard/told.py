"""From what was read to the story of an incident, as the pages draw it."""

from collections.abc import Mapping

from dashboard.reader import Found, Past
from dashboard.site import Site
from dashboard.snapshot import Announced
from dashboard.story import Story
from detector.actions import Marks
from detector.incidents import Incident
from detector.series import Series


def story(site: Site, incident: Incident) -> Story:
    """Return the story of an *incident* of the snapshot."""
    snapshot = site.snapshot
    return _story(
        site,
        incident,
        snapshot.stories,
        snapshot.marks.get(incident.id),
        snapshot.official.get(incident.id),
    )


def found(site: Site, kept: Found) -> Story:
    """Return the story of an incident that was looked up."""
    return _story(site, kept.incident, kept.series, kept.marks, kept.announced)


def past(site: Site, kept: Past, incident: Incident) -> Story:
    """Return the story of an *incident* of the history, without its minutes."""
    return _story(site, incident, {}, kept.marks.get(incident.id), kept.official.get(incident.id))


def _story(
    site: Site,
    incident: Incident,
    series: Mapping[str, Series],
    marks: Marks | None,
    said: Announced | None,
) -> Story:
    return Story(
        incident=incident,
        series=series,
        names=site.reader.names,
        clock=site.clock,
        marks=marks,
        official=said.official if said else None,
        events=said.events if said else (),
    )
