"""Our incidents against the official ones: who was first, and what was missed."""

from collections.abc import Sequence
from datetime import timedelta

import streamlit as st

from dashboard import words
from dashboard.markup import Markup, el, join
from dashboard.posts import plain
from dashboard.reader import Past
from dashboard.site import Site, address
from dashboard.story import title
from dashboard.told import past as story
from detector.incidents import Incident
from detector.official import OfficialEvent, OfficialState, Scoreboard, belongs

N_LEADS, N_MISSED = 12, 12


def show(site: Site, past: Past) -> None:
    """Draw the scoreboard; of a replay, both sides of it are the scenario's."""
    st.html(el("h2", "Against the official status", class_="section"))
    if past.score is None or not (past.score.n_official or past.score.n_confirmed):
        said = "No official incident is known for this time, so that there is nothing to compare."
        st.html(el("p", said, class_="soft"))
        return
    st.html(join(_figures(past.score), _leads(site, past)))
    lost = missed(past.compared, past.events)
    st.html(el("h3", "Missed"))
    if not lost:
        st.html(el("p", "No official incident was missed.", class_="soft"))
    for event in lost[:N_MISSED]:
        at = el("time", words.moment(event.posted_at), datetime=event.posted_at.isoformat())
        st.html(el("p", at, el("b", site.name(event.service)), event.state, class_="missed"))
        st.text(plain(event.title, 200))
    if len(lost) > N_MISSED:
        st.html(el("p", f"and {len(lost) - N_MISSED} older ones", class_="more"))


def missed(
    incidents: Sequence[Incident], events: Sequence[OfficialEvent]
) -> tuple[OfficialEvent, ...]:
    """Return the official trouble that none of *incidents* is about, newest first."""
    found = (
        event
        for event in events
        if event.state is not OfficialState.MAINTENANCE
        and not any(belongs(event, one) for one in incidents)
    )
    return tuple(sorted(found, key=lambda event: event.posted_at, reverse=True))


def _figures(score: Scoreboard) -> Markup:
    middle = score.median_lead
    first = sum(1 for lead in score.leads if lead > timedelta())
    figures = [
        ("Confirmed", score.n_confirmed, "of ours were admitted"),
        ("Median lead", words.signed(middle) if middle is not None else "–", f"first in {first}"),
        ("Missed", score.n_missed, f"of {score.n_official} official ones"),
        ("Never admitted", score.n_unconfirmed, "false alarms, or silence"),
        ("Not judged", score.n_unjudged, "no page of theirs could be read"),
    ]
    rows = [
        el("div", el("dt", name), el("dd", str(value)), el("dd", note, class_="note"))
        for name, value, note in figures
    ]
    return el("dl", *rows, class_="figures panel")


def _leads(site: Site, past: Past) -> Markup:
    """Draw each lead as a bar, to the right where we were first, to the left where we were not."""
    known = [
        (one, lead)
        for one in past.compared
        if (lead := past.official[one.id].official.lead) is not None
    ]
    if not known:
        return Markup()
    most = max(abs(lead) for _, lead in known) or timedelta(seconds=1)
    rows = [_lead(site, past, one, lead, lead / most) for one, lead in known[:N_LEADS]]
    return join(el("h3", "Who was first"), el("ul", *rows, class_="bars leads"))


def _lead(site: Site, past: Past, one: Incident, lead: timedelta, share: float) -> Markup:
    left, width = (50.0, 50 * share) if share >= 0 else (50 + 50 * share, -50 * share)
    tone = "ours" if share >= 0 else "theirs"
    named = title(story(site, past, one))
    return el(
        "li",
        el("a", named, class_="name", href=address("incident", id=one.id)),
        el("span", el("i", style=f"left:{left:.1f}%;width:{width:.1f}%"), class_=f"bar {tone}"),
        el("span", words.signed(lead), class_="n"),
    )
