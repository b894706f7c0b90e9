"""Names outside the catalogue that surge beside words of outage; strangers spell them, as text."""

from datetime import timedelta

import streamlit as st

from dashboard import words
from dashboard.markup import el, join
from dashboard.posts import plain
from dashboard.site import Site
from detector.unknown import Surge

N_NAMES = 6
FRESH = timedelta(hours=2)


def show(site: Site) -> None:
    """Draw what surged lately; nothing where nothing did."""
    fresh = [one for one in site.snapshot.unknown if site.clock - one.last_at <= FRESH]
    if not fresh:
        return
    note = (
        "Many people say that these fail, but the catalogue does not know them: they are not "
        "counted as services and raise no incident until somebody adds them."
    )
    st.html(join(el("h2", "Uncatalogued", class_="section"), el("p", note, class_="soft")))
    with st.container(key="uncatalogued", gap="xsmall"):
        for one in fresh[:N_NAMES]:
            _name(one)


def _name(one: Surge) -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.text(plain(one.shown, 40))
        usual = f"{words.number(one.expected)} usual"
        people = words.plural(one.authors, "person", "people")
        since = f"since {words.clock(one.since_at)} UTC"
        st.html(el("p", f"{people}, {usual}, {since}", class_="soft"))
        st.code(f"outcry catalogue add {_quoted(one.shown)}", language=None)


def _quoted(name: str) -> str:
    """Return *name* as one harmless word of a shell."""
    kept = "".join(letter for letter in plain(name, 40) if letter.isalnum() or letter in " .&+-")
    return f"'{kept.strip(' -')}'"
