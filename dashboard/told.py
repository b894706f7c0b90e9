"""From what was read to the story of an incident, as the pages draw it."""

from collections.abc import Mapping

from dashboard.site import Site
from dashboard.story import Story
from detector.actions import Marks
from detector.incidents import Incident
from detector.series import Series


def story(
    site: Site,
    incident: Incident,
    series: Mapping[str, Series] | None = None,
    marks: Marks | None = None,
) -> Story:
    """Return the story of *incident*; without *series* and *marks*, with those of the snapshot."""
    return Story(
        incident=incident,
        series=site.snapshot.stories if series is None else series,
        names=site.reader.names,
        clock=site.clock,
        official=site.snapshot.official.get(incident.id),
        marks=marks or site.snapshot.marks.get(incident.id),
    )
