"""The page of one incident, under an address that stays: everything that is known of it."""

import redis
import streamlit as st

from dashboard import affected, card, desk, evidence, export, top, words
from dashboard.markup import Markup, el, join
from dashboard.posts import plain
from dashboard.site import Site
from dashboard.snapshot import Snapshot
from dashboard.story import Story
from dashboard.told import story
from detector.actions import NO_MARKS
from detector.incidents import Incident


def show(site: Site) -> None:
    """Draw the incident that the address names, or say that there is none."""
    if not top.show(site, brief=True):
        return
    wanted = st.query_params.get("id") or _worst(site.snapshot)
    if wanted is None:
        st.html(
            el("div", el("b", "No incident"), el("p", "Nothing was raised yet."), class_="calm")
        )
        return
    try:
        found = site.reader.find(wanted, site.snapshot)
        marks = site.reader.stores.actions.marks([wanted])[wanted]
    except redis.RedisError:
        st.text("This incident cannot be read while the store does not answer.")
        return
    if found is None:
        st.text("No incident is kept under the address that you followed.")
        return
    told = story(site, *found, marks=marks)
    desk.problem()
    _draw(site, told)


def _worst(snapshot: Snapshot) -> str | None:
    """Return the incident to show when the address names none: the worst, else the last."""
    return next((one.id for one in (*snapshot.open, *snapshot.recent)), None)


def _draw(site: Site, told: Story) -> None:
    minutes = told.minutes()
    with st.container(key=card.key(told)):
        st.html(card.head(told))
        _bar(site, told)
        st.html(card.figures(told, minutes))
        picture, why = st.columns([5, 3], gap="large")
        with picture:
            card.chart(told, minutes, tall=True)
        with why:
            card.reasons(told)
            _threshold(site, told)
            st.html(affected.symptoms(told.incident))
        st.html(affected.services(told))
        card.numbers(told, minutes)
        said, steps = st.columns([5, 3], gap="large")
        with said:
            evidence.posts(told)
        with steps:
            evidence.timeline(told)
        st.html(affected.regions(told.incident))


def _bar(site: Site, told: Story) -> None:
    with st.container(horizontal=True, key="bar", gap="small"):
        desk.incident(site, told.incident, told.marks or NO_MARKS)
        with st.popover("Export", icon=":material/download:", key="export"):
            # Made when asked for: a refresh costs nothing.
            st.download_button(
                "JSON",
                data=lambda: export.as_json(told),
                file_name=f"{told.incident.id}.json",
                mime="application/json",
                on_click="ignore",
                key="export-json",
            )
            st.download_button(
                "Post-incident report (Markdown)",
                data=lambda: export.as_markdown(told),
                file_name=f"{told.incident.id}.md",
                mime="text/markdown",
                on_click="ignore",
                key="export-markdown",
            )


def _threshold(site: Site, told: Story) -> None:
    st.html(join(el("h3", "Why it was raised"), el("p", _raised(site, told), class_="soft said")))
    first = told.incident.transitions[:1]
    if first and first[0].detail:
        with st.container(key="reasons-raised"):
            st.text(plain(first[0].detail))


def _raised(site: Site, told: Story) -> Markup:
    """Explain the threshold in words."""
    incident: Incident = told.incident
    first = min(incident.affected, key=lambda one: one.joined_at, default=None)
    if first is None:
        return Markup()
    often = words.yearly(site.environment.budget)
    after = words.span(first.joined_at - first.onset_at)
    return join(
        f"{told.name(first.service)} was raised at {words.clock(first.joined_at)}, {after} after "
        "its reports had left their normal rate. The bar is set so that chance alone passes it at "
        f"most {often} for a service; the higher a service's normal rate, the more reports that "
        "takes."
    )
