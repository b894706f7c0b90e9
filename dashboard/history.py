"""The page "History": every incident that is kept, and how well they were called."""

from collections.abc import Sequence
from datetime import timedelta
from statistics import median

import redis
import streamlit as st

from dashboard import export, now, score, top, words
from dashboard.filters import Filter, ask
from dashboard.markup import Markup, el, join
from dashboard.reader import Past
from dashboard.site import Site
from dashboard.told import past as story
from detector.incidents import Incident

A_PAGE = 50


def show(site: Site) -> None:
    """Draw the scoreboard and the list."""
    if not top.show(site, brief=True):
        return
    try:
        past = site.reader.past(site.now)
    except redis.RedisError:
        st.text("The history cannot be read while the store does not answer.")
        return
    st.html(el("h1", "History", class_="section first"))
    wanted = ask(site)
    shown = [one for one in past.incidents if wanted.fits(one, site.services)]
    st.html(_figures(past, shown))
    _list(site, past, shown, wanted)
    st.download_button(
        "All of them as a table (CSV)",
        data=lambda: export.history(story(site, past, one) for one in shown),
        file_name="incidents.csv",
        mime="text/csv",
        on_click="ignore",
        icon=":material/download:",
        key="export-history",
    )
    score.show(site, past)


def _figures(past: Past, told: Sequence[Incident]) -> Markup:
    false = sum(1 for one in told if past.marks[one.id].false_alarm)
    ended = [one.resolved_at - one.onset_at for one in told if one.resolved_at]
    detected = [one.opened_at - one.onset_at for one in told]
    figures = [
        ("Incidents", words.number(len(told)), f"{len(told) - len(ended)} open"),
        ("Onset to detection", _middle(detected), "in the median"),
        ("Lasted", _middle(ended), "in the median, where resolved"),
        _lead(past, told),
        ("Called false alarms", words.number(false), _share(false, len(told))),
    ]
    rows = [
        el("div", el("dt", name), el("dd", value), el("dd", note, class_="note"))
        for name, value, note in figures
    ]
    return el("dl", *rows, class_="figures panel")


def _middle(lengths: Sequence[timedelta]) -> str:
    return words.span(_median(lengths)) if lengths else "–"


def _median(lengths: Sequence[timedelta]) -> timedelta:
    return timedelta(seconds=median(length.total_seconds() for length in lengths))


def _share(n: int, of: int) -> str:
    return f"{100 * n / of:.0f} % of all" if of else "of none"


def _lead(past: Past, told: Sequence[Incident]) -> tuple[str, str, str]:
    name = "Lead over the official status"
    found = [past.official[one.id].official.lead for one in told]
    leads = [lead for lead in found if lead is not None]
    if not leads:
        return name, "–", "no official statement is known"
    first = sum(1 for lead in leads if lead > timedelta())
    return name, words.signed(_median(leads)), f"median; first in {first} of {len(leads)}"


def _list(site: Site, past: Past, shown: Sequence[Incident], wanted: Filter) -> None:
    if not shown:
        st.text("No incident fits the search." if wanted.is_set else "Nothing was raised yet.")
        return
    rows = [now.row(story(site, past, one)) for one in shown[:A_PAGE]]
    rest = len(shown) - A_PAGE
    more = el("p", f"and {rest} older ones; search to find them", class_="more")
    st.html(join(el("div", *rows, class_="rows panel"), more if rest > 0 else Markup()))
