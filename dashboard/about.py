"""The page "Sources & settings": what feeds the page, what is muted, who did what, the settings."""

from collections.abc import Sequence

import redis
import streamlit as st

from dashboard import desk, top, words
from dashboard.markup import Markup, el, join
from dashboard.posts import plain, token
from dashboard.site import Site
from detector.actions import Action
from detector.feeds import Feed
from detector.silence import Silence


def show(site: Site) -> None:
    """Draw the page; it changes nothing but silences, which operators can end."""
    top.show(site, brief=True)
    desk.problem()
    title = el("h1", "Sources & settings", class_="section first")
    st.html(join(title, el("h2", "Sources", class_="section")))
    try:
        feeds = site.reader.stores.feeds.all()
        done = site.reader.stores.actions.audit(50)
        silences = site.reader.stores.actions.silences(site.now)
    except redis.RedisError:
        st.text("The sources cannot be read while the store does not answer.")
        return
    st.html(_feeds(site, feeds))
    st.html(el("h2", "Muted", class_="section"))
    _silences(site, silences)
    st.html(join(el("h2", "What was done", class_="section"), _audit(done)))
    st.html(join(el("h2", "Settings", class_="section"), _catalogue(site)))
    if site.environment.settings:
        st.code(site.environment.settings, language="toml")
    else:
        st.text("This page was started without them; `outcry config` prints them.")


def _feeds(site: Site, feeds: Sequence[Feed]) -> Markup:
    if not feeds:
        said = "No live source has run. Replays and files are seen in the line above."
        return el("p", said, class_="soft")
    head = ("Source", "State", "Received", "Sent", "Shed", "Invalid", "Connections", "Last change")
    rows = [_feed(site, feed) for feed in feeds]
    return _table(head, rows)


def _feed(site: Site, feed: Feed) -> Markup:
    numbers = (feed.n_received, feed.n_sent, feed.n_shed, feed.n_invalid, feed.n_connections)
    detail = el("small", plain(feed.detail, 200)) if feed.detail else Markup()
    return el(
        "tr",
        el("th", token(feed.name, "unknown source"), detail, scope="row"),
        el("td", feed.state),
        *(el("td", f"{n:,}", class_="n") for n in numbers),
        el("td", words.ago(site.now - feed.updated_at)),
    )


def _table(head: Sequence[str], rows: Sequence[Markup]) -> Markup:
    names = el("tr", *(el("th", name, scope="col") for name in head))
    table = el("table", el("thead", names), el("tbody", *rows), class_="plain")
    return el("div", table, class_="scroll panel")


def _silences(site: Site, silences: Sequence[Silence]) -> None:
    if not silences:
        st.html(el("p", "Nothing is muted.", class_="soft"))
    for held in silences:
        what = held.incident or held.industry or site.name(held.service or "")
        reason = f": {held.reason}" if held.reason else ""
        with st.container(horizontal=True, key=f"silence-{held.id}", vertical_alignment="center"):
            until = words.moment(held.until)
            st.html(el("p", el("b", what), f" until {until}, by {held.by}{reason}"))
            if site.may_act:
                st.button("Unmute", key=f"unmute-{held.id}", on_click=_unmute, args=(site, held.id))


def _unmute(site: Site, silence: str) -> None:
    desk.do(site, lambda: site.reader.stores.actions.unsilence(silence, site.actor, site.now))


def _audit(done: Sequence[Action]) -> Markup:
    if not done:
        return el("p", "Nobody has acted yet.", class_="soft")
    rows = [
        el(
            "tr",
            el("td", words.moment(one.at)),
            el("td", one.by),
            el("td", words.DONE[one.what]),
            el("td", one.about),
            el("td", one.text),
        )
        for one in done
    ]
    return _table(("When", "Who", "What", "About", "Text"), rows)


def _catalogue(site: Site) -> Markup:
    n, digest = len(site.services), site.catalogue.digest[:12]
    said = f"Catalogue of {words.plural(n, 'service')}, digest {digest}. Secrets are masked."
    return el("p", said, class_="soft")
