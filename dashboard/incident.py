"""The page of one incident, under an address that stays: everything that is known of it."""

import redis
import streamlit as st

from dashboard import affected, card, desk, evidence, export, reach, timeline, told, top, why
from dashboard.markup import el, join
from dashboard.site import Site
from dashboard.snapshot import Snapshot
from dashboard.story import Story
from detector.actions import NO_MARKS
from detector.radius import Radius, radius


def show(site: Site) -> None:
    """Draw the incident that the address names, or say that there is none."""
    if not top.show(site, brief=True):
        return
    wanted = st.query_params.get("id") or _worst(site.snapshot)
    if wanted is None:
        calm = el("p", "Nothing was raised yet.")
        st.html(el("div", el("b", "No incident"), calm, class_="calm"))
        return
    try:
        found = site.reader.find(wanted, site.snapshot, site.now)
    except redis.RedisError:
        st.text("This incident cannot be read while the store does not answer.")
        return
    if found is None:
        st.text("No incident is kept under the address that you followed.")
        return
    desk.problem()
    reached = radius(found.incident, site.catalogue, found.reach)
    _draw(site, told.found(site, found), reached)


def _worst(snapshot: Snapshot) -> str | None:
    """Return the incident to show when the address names none: the worst, else the last."""
    return next((one.id for one in (*snapshot.open, *snapshot.recent)), None)


def _draw(site: Site, story: Story, reached: Radius) -> None:
    minutes = story.minutes()
    with st.container(key=card.key(story)):
        st.html(card.head(story, level="h1"))
        _bar(site, story, reached)
        st.html(card.figures(story, minutes))
        picture, cause = st.columns([5, 3], gap="large")
        with picture:
            card.chart(story, minutes, tall=True)
            card.numbers(story, minutes)
        with cause:
            card.reasons(story)
            st.html(affected.symptoms(story.incident))
        hit = el("h2", "Affected services, as they joined", class_="small")
        st.html(join(hit, reach.spread(story, reached), affected.services(story)))
        broad, wide = st.columns([3, 5], gap="large")
        with broad:
            st.html(reach.industries(reached))
        with wide:
            st.html(reach.regions(reached))
        said, steps = st.columns([5, 3], gap="large")
        with said:
            why.show(site, story)
            evidence.show(story)
        with steps:
            timeline.show(story)


def _bar(site: Site, story: Story, reached: Radius) -> None:
    id = story.incident.id
    with st.container(horizontal=True, key="bar", gap="small"):
        desk.incident(site, story.incident, story.marks or NO_MARKS)
        with st.popover("Export", icon=":material/download:", key="export"):
            # Made when asked for: a refresh costs nothing.
            for label, ending, mime, make in export.KINDS:
                st.download_button(
                    label,
                    data=lambda make=make: make(story, reached),  # type: ignore[misc]
                    file_name=f"{id}.{ending}",
                    mime=mime,
                    on_click="ignore",
                    key=f"export-{ending}",
                )
