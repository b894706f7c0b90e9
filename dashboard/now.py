"""The page "Now": the open incidents, then all services by state; calm when nothing fails."""

import streamlit as st

from dashboard import card, grid, suspects, top, uncatalogued, words
from dashboard.filters import Filter, ask
from dashboard.markup import Markup, el, join, mark
from dashboard.site import Site, address
from dashboard.story import Story, title
from dashboard.told import story
from detector.incidents import Incident

N_WHOLE_CARDS = 2
N_RECENT = 8


def show(site: Site) -> None:
    """Draw the page."""
    if not top.show(site):
        return
    snapshot = site.snapshot
    wanted = ask(site)
    shown = [incident for incident in snapshot.open if wanted.fits(incident, site.services)]
    # One place for each part: what comes or goes in one does not move, and so close, the others.
    with st.container(key="open"):
        if not snapshot.open:
            st.html(_calm(site))
        elif not shown:
            st.text("No open incident fits the search.")
        for i, incident in enumerate(shown):
            _card(site, incident, brief=i >= N_WHOLE_CARDS)
    with st.container(key="held"):
        suspects.show(site, wanted)
    with st.container(key="unknown"):
        uncatalogued.show(site)
    grid.show(site, wanted)
    _recent(site, wanted)


def _card(site: Site, incident: Incident, *, brief: bool) -> None:
    told = story(site, incident)
    of = (told.clock, incident, told.marks, told.official)
    made = site.reader.drawn.once(("card", incident.id), of, lambda: card.drawn(told))
    card.show(told, made, brief=brief)


def _calm(site: Site) -> Markup:
    why = "No service is reported as failing more often than is normal for this hour."
    if any(one.held for one in site.snapshot.suspects):
        why = "What is reported more often than is normal is held back as suspect, see below."
    return el("div", el("b", "No open incident"), el("p", why), class_="calm")


def _recent(site: Site, wanted: Filter) -> None:
    recent = [one for one in site.snapshot.recent if wanted.fits(one, site.services)]
    heading = el("h2", "Resolved", class_="section")
    if not recent:
        st.html(join(heading, el("p", "No incident was resolved yet.", class_="soft")))
        return
    rows = [row(story(site, incident)) for incident in recent[:N_RECENT]]
    more = el("p", el("a", "All incidents →", href=address("history")), class_="more")
    st.html(join(heading, el("div", *rows, class_="rows"), more))


def _lead(told: Story) -> str:
    lead = told.official.lead if told.official else None
    return f"official {words.lead(lead)}" if lead is not None else ""


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
        el("span", _lead(told)),
        el(
            "span",
            el("b", "false alarm ") if false else Markup(),
            el("span", "synthetic", class_="synthetic") if incident.synthetic else Markup(),
        ),
        class_="resolved",
    )
