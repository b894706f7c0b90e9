"""The head of every page: the state in one line, and whether the page can be believed."""

from datetime import timedelta

import streamlit as st

from dashboard import feed, words
from dashboard.markup import Markup, el, join, mark
from dashboard.posts import token
from dashboard.site import Site
from dashboard.snapshot import Snapshot
from dashboard.story import title
from dashboard.told import story
from detector.incidents import Status

_VERB = {
    Status.EMERGING: "may be failing",
    Status.ONGOING: "is reported as failing",
    Status.RECOVERING: "is recovering",
    Status.RESOLVED: "has recovered",
}


def show(site: Site, *, brief: bool = False) -> bool:
    """
    Draw the head; return whether there is anything to show below it.

    *brief* leaves the headline out, and keeps what tells how current the page is.
    """
    snapshot = site.view.snapshot
    banner = _replay_banner() if snapshot and feed.is_synthetic(snapshot) else Markup()
    # One element, so that none of those below ever changes its place.
    st.html(join(_strip_only(site) if brief else _masthead(site), banner))
    return snapshot is not None


def headline(site: Site) -> tuple[words.Mark, str]:
    """Say the state in one line; calm is claimed only where the feed is current."""
    snapshot = site.view.snapshot
    n_open = len(snapshot.open) if snapshot else 0
    match feed.pulse(site.view, site.now):
        case feed.Pulse.BLIND:
            return words.Mark("✕", "Blind", "critical"), "The store cannot be reached"
        case feed.Pulse.EMPTY:
            return words.Mark("○", "Waiting", "muted"), "Waiting for the first reports"
        case feed.Pulse.LOOKING:
            return words.Mark("○", "Looking", "muted"), "Looking whether the feed moves"
        case feed.Pulse.STALLED | feed.Pulse.UNJUDGED:
            was = f", {words.plural(n_open, 'incident')} open when it stopped" if n_open else ""
            return words.Mark("‖", "Not current", "major"), f"No current picture{was}"
    assert snapshot is not None
    if not n_open:
        n_services = words.plural(len(site.services), "service")
        return words.NORMAL, f"All normal across {n_services}"
    worst = snapshot.open[0]
    named = title(story(site, worst))
    return words.SEVERITY[worst.severity], f"{named} {_VERB[worst.status]}"


def _second_line(snapshot: Snapshot) -> str:
    n_held = sum(1 for one in snapshot.suspects if one.held)
    held = f"{words.plural(n_held, 'service')} held back as suspect" if n_held else ""
    return ", ".join(filter(None, (_open_line(snapshot), held)))


def _open_line(snapshot: Snapshot) -> str:
    if not snapshot.open:
        return ""
    n_hit = len({one.service for incident in snapshot.open for one in incident.affected})
    counts = [
        (said.word.lower(), sum(1 for one in snapshot.open if one.severity is severity))
        for severity, said in words.SEVERITY.items()
    ]
    by_severity = ", ".join(f"{n} {word}" for word, n in counts if n)
    return (
        f"{words.plural(len(snapshot.open), 'open incident')} ({by_severity}), "
        f"{words.plural(n_hit, 'service')} affected"
    )


def _masthead(site: Site) -> Markup:
    state, line = headline(site)
    snapshot = site.view.snapshot
    second = _second_line(snapshot) if snapshot else ""
    sign = el("span", state.sign, class_=f"sign {state.tone}", aria_hidden="true")
    return el(
        "header",
        el("h1", sign, line),
        el("p", second, class_="second") if second else Markup(),
        _complaint(site),
        _feed_strip(site),
        class_=f"masthead {state.tone}",
    )


def _strip_only(site: Site) -> Markup:
    return el("header", _complaint(site), _feed_strip(site), class_="masthead brief")


def _complaint(site: Site) -> Markup:
    said = feed.complaint(site.view, site.now)
    return el("p", said, class_="complaint", role="alert") if said else Markup()


def _replay_banner() -> Markup:
    return el(
        "p",
        el("b", "SYNTHETIC REPLAY"),
        "The posts on this page were generated from a scenario. No person wrote them.",
        class_="replay",
        role="note",
    )


def _feed_strip(site: Site) -> Markup:
    snapshot = site.view.snapshot
    if snapshot is None:
        return Markup()
    states = feed.sources(snapshot)
    silent = feed.dead(states)
    return el(
        "section",
        el("div", _event_clock(site, snapshot), *map(_source, states), class_="row"),
        el("div", *_counters(snapshot), class_="row small"),
        el("p", silent, class_="complaint", role="alert") if silent else Markup(),
        class_="feed",
        aria_label="State of the feed",
    )


def _event_clock(site: Site, snapshot: Snapshot) -> Markup:
    watermark = snapshot.health.watermark_at
    if watermark is None:
        return el("span", el("b", "Event clock"), "not started", class_="fact")
    behind = site.now - watermark
    note = f"{words.span(behind)} behind now" if behind > timedelta(minutes=5) else "live"
    return el("span", el("b", "Event clock"), words.moment(watermark), el("i", note), class_="fact")


def _source(state: feed.SourceState) -> Markup:
    note = "no post yet" if state.post_age is None else f"last post {words.ago(state.post_age)}"
    if state.heartbeat_age is not None:
        note += f", heartbeat {words.ago(state.heartbeat_age)}"
    name = el("b", token(state.name, "unknown source"))
    return el("span", name, mark(state.mark), el("i", note), class_="fact")


def _counters(snapshot: Snapshot) -> list[Markup]:
    health = snapshot.health
    told = [
        ("reports", health.n_reports),
        ("name a service", health.n_tagged),
        ("late", health.n_late),
        ("invalid", health.n_invalid),
        ("duplicates", health.n_duplicate),
        ("reposts", health.n_repost),
        ("lost", health.n_lost),
    ]
    shown = [el("span", el("b", f"{n:,}"), name, class_="count") for name, n in told]
    if health.lag is not None:
        shown.append(el("span", el("b", f"{health.lag:,}"), "waiting in Kafka", class_="count"))
    return shown
