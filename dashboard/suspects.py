"""
What looks like a campaign rather than a crowd: shown with its reasons, and never raised.

Names of the catalogue and numbers are HTML through `markup`; the detector's reasons, and the post,
are `st.text` and nothing else.
"""

from collections.abc import Sequence

import streamlit as st

from dashboard import words
from dashboard.filters import Filter
from dashboard.markup import Markup, el, join, mark
from dashboard.posts import plain, token
from dashboard.site import Site, address
from detector.suspects import Suspect

N_SHOWN = 6
_POST = 160  # characters of the post that is shown


def show(site: Site, wanted: Filter) -> None:
    """Draw what is held back and fits; nothing where nothing is."""
    found = [one for one in ordered(site.snapshot.suspects) if _fits(site, one, wanted)]
    if not found:
        return
    note = (
        "Much is posted about these, but it looks like a campaign rather than a crowd, and raises "
        "nothing. It is judged anew every ten seconds."
    )
    st.html(join(el("h2", "Held back as suspect", class_="section"), el("p", note, class_="soft")))
    with st.container(key="suspects", gap="small"):
        for one in found[:N_SHOWN]:
            link = el("a", site.name(one.service), href=address("service", id=one.service))
            _one(one, link)
        if rest := found[N_SHOWN:]:
            names = ", ".join(site.name(one.service) for one in rest)
            st.html(el("p", f"and {names}", class_="more"))


def of(site: Site, service: str) -> None:
    """Draw the same of one *service*, for its own page."""
    with st.container(key="suspects"):
        for one in site.snapshot.suspects:
            if one.service == service:
                _one(one, el("b", "Suspect, not raised"))


def ordered(suspects: Sequence[Suspect]) -> list[Suspect]:
    """Return what would have been raised first, then by how much is posted."""
    return sorted(suspects, key=lambda one: (not one.held, -one.posts, one.service))


def _fits(site: Site, one: Suspect, wanted: Filter) -> bool:
    known = site.services.get(one.service)
    return wanted.takes(known) if known else not wanted.is_set


def _one(one: Suspect, name: Markup) -> None:
    people = f" by {words.plural(one.people, 'person', 'people')}" if one.people else ""
    line = el(
        "p",
        mark(words.HELD if one.held else words.REPEATED),
        name,
        el("span", f"{words.plural(one.posts, 'report')}{people}"),
        el("span", f"since {words.moment(one.since_at)}"),
        class_="resolved",
    )
    with st.container(key=f"suspect-{token(one.service)}", gap="xsmall"):
        st.html(line)
        st.text(plain("; ".join(one.why)))
        if posts := [text for post in one.samples if (text := plain(post.text, _POST))]:
            st.text(f"“{posts[0]}”")
