"""The page "Now": the open incidents, then all services by state; calm when nothing fails."""

import streamlit as st

from dashboard import card, grid, top, words
from dashboard.filters import Filter, ask
from dashboard.markup import Markup, el, join, mark
from dashboard.site import Site, address
from dashboard.story import Story, title
from dashboard.told import story

N_WHOLE_CARDS = 2
N_RECENT = 8


def show(site: Site) -> None:
    """Draw the page."""
    if not top.show(site):
        return
    snapshot = site.snapshot
    wanted = ask(site)
    shown = [incident for incident in snapshot.open if wanted.fits(incident, site.services)]
    if not snapshot.open:
        st.html(_calm())
    elif not shown:
        st.text("No open incident fits the search.")
    for i, incident in enumerate(shown):
        (card.show if i < N_WHOLE_CARDS else card.show_brief)(story(site, incident))
    grid.show(site, wanted)
    _recent(site, wanted)


def _calm() -> Markup:
    return el(
        "div",
        el("b", "No open incident"),
        el("p", "No service is reported as failing more often than is normal for this hour."),
        class_="calm",
    )


def _recent(site: Site, wanted: Filter) -> None:
    recent = [one for one in site.snapshot.recent if wanted.fits(one, site.services)]
    heading = el("h2", "Resolved", class_="section")
    if not recent:
        st.html(join(heading, el("p", "No incident was resolved yet.", class_="soft")))
        return
    rows = [row(story(site, incident)) for incident in recent[:N_RECENT]]
    more = el("p", el("a", "All incidents →", href=address("history")), class_="more")
    st.html(join(heading, el("div", *rows, class_="rows"), more))


def row(told: Story) -> Markup:
    """Draw one incident of the past as a line that leads to it."""
    incident = told.incident
    ended = incident.resolved_at or incident.updated_at
    false = told.marks is not None and told.marks.false_alarm is not None
    return el(
        "p",
        mark(words.SEVERITY[incident.severity]),
        el("a", title(told), href=address("incident", id=incident.id)),
        el("span", words.plural(len(incident.affected), "service")),
        el("span", f"{words.moment(incident.onset_at)}, {words.span(ended - incident.onset_at)}"),
        el("span", f"{words.number(incident.observed)} people"),
        el(
            "span",
            el("b", "false alarm ") if false else Markup(),
            el("span", "synthetic", class_="synthetic") if incident.synthetic else Markup(),
        ),
        class_="resolved",
    )
