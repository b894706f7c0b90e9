"""The page "Now": is anything failing, can the page be believed, what exactly, and the rest."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import redis
import streamlit as st

from dashboard import card, feed, grid, words
from dashboard.markup import Markup, el, join, mark
from dashboard.posts import token
from dashboard.snapshot import Reader, Snapshot, View
from dashboard.story import Story, title
from detector.incidents import Incident, Status
from models.catalogue import Service

N_WHOLE_CARDS = 3
N_RECENT = 10
_VERB = {
    Status.EMERGING: "may be failing",
    Status.ONGOING: "is reported as failing",
    Status.RECOVERING: "is recovering",
    Status.RESOLVED: "has recovered",
}


def show(reader: Reader, services: Mapping[str, Service], now: datetime) -> None:
    """Draw the page as of wall-clock time *now*."""
    view = reader.view(now)
    st.html(_masthead(view, services, now))
    if view.snapshot is None:
        return
    if feed.is_synthetic(view.snapshot):
        st.html(_replay_banner())
    st.html(_feed_strip(view, now))
    wanted = st.query_params.get("incident")
    if wanted:
        _one(reader, view.snapshot, services, wanted)
    else:
        _all(view.snapshot, services)


def headline(view: View, services: Mapping[str, Service], now: datetime) -> tuple[words.Mark, str]:
    """Say the state in one line; calm is claimed only where the feed is current."""
    snapshot = view.snapshot
    n_open = len(snapshot.open) if snapshot else 0
    match feed.pulse(view, now):
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
        return words.NORMAL, f"All normal across {words.plural(len(services), 'service')}"
    worst = snapshot.open[0]
    named = title(_story(worst, snapshot, services))
    return words.SEVERITY[worst.severity], f"{named} {_VERB[worst.status]}"


def _second_line(snapshot: Snapshot) -> str:
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


def _masthead(view: View, services: Mapping[str, Service], now: datetime) -> Markup:
    state, line = headline(view, services, now)
    complaint = feed.complaint(view, now)
    return el(
        "header",
        el("p", el("b", "Outcry"), class_="brand"),
        el("h1", el("span", state.sign, class_=f"sign {state.tone}", aria_hidden="true"), line),
        el("p", _second_line(view.snapshot), class_="second")
        if view.snapshot and view.snapshot.open
        else Markup(),
        el("p", complaint, class_="complaint", role="alert") if complaint else Markup(),
        class_=f"masthead {state.tone}",
    )


def _replay_banner() -> Markup:
    return el(
        "p",
        el("b", "SYNTHETIC REPLAY"),
        "The posts on this page were generated from a scenario. No person wrote them.",
        class_="replay",
        role="note",
    )


def _feed_strip(view: View, now: datetime) -> Markup:
    snapshot = view.snapshot
    assert snapshot is not None
    states = feed.sources(snapshot)
    silent = feed.dead(states)
    return el(
        "section",
        el("div", _event_clock(snapshot, now), *map(_source, states), class_="row"),
        el("div", *_counters(snapshot), class_="row small"),
        el("p", silent, class_="complaint", role="alert") if silent else Markup(),
        class_="feed",
        aria_label="State of the feed",
    )


def _event_clock(snapshot: Snapshot, now: datetime) -> Markup:
    watermark = snapshot.health.watermark_at
    if watermark is None:
        return el("span", el("b", "Event clock"), "not started", class_="fact")
    behind = now - watermark
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


def _all(snapshot: Snapshot, services: Mapping[str, Service]) -> None:
    if not snapshot.open:
        st.html(_calm())
    for i, incident in enumerate(snapshot.open):
        story = _story(incident, snapshot, services)
        (card.show if i < N_WHOLE_CARDS else card.show_brief)(story, _go)
    grid.show(snapshot, services)
    _recent(snapshot, services)


def _calm() -> Markup:
    return el(
        "div",
        el("b", "No open incident"),
        el("p", "No service is reported as failing more often than is normal for this hour."),
        class_="calm",
    )


def _story(incident: Incident, snapshot: Snapshot, services: Mapping[str, Service]) -> Story:
    return Story(
        incident=incident,
        series=snapshot.stories,
        names={service.id: service.name for service in services.values()},
        clock=snapshot.clock or snapshot.taken_at,
    )


def _go(incident_id: str) -> None:
    st.query_params["incident"] = incident_id


def _go_back() -> None:
    st.query_params.clear()


def _one(reader: Reader, snapshot: Snapshot, services: Mapping[str, Service], wanted: str) -> None:
    st.button(
        "All incidents",
        key="back",
        type="tertiary",
        icon=":material/arrow_back:",
        on_click=_go_back,
    )
    try:
        found = reader.find(wanted, snapshot)
    except redis.RedisError:
        st.text("This incident cannot be read while the store does not answer.")
        return
    if found is None:
        st.text("No incident is kept under the address that you followed.")
        return
    incident, series = found
    names = {service.id: service.name for service in services.values()}
    clock = snapshot.clock or snapshot.taken_at
    card.show(Story(incident=incident, series=series, names=names, clock=clock))


def _recent(snapshot: Snapshot, services: Mapping[str, Service]) -> None:
    st.html(el("h2", "Resolved", class_="section"))
    if not snapshot.recent:
        st.text("No incident was resolved yet.")
    for incident in snapshot.recent[:N_RECENT]:
        with st.container(
            key=f"resolved-{incident.id}", horizontal=True, vertical_alignment="center"
        ):
            st.html(_row(_story(incident, snapshot, services)))
            card.link(incident, "Open", _go)


def _row(story: Story) -> Markup:
    incident = story.incident
    ended = incident.resolved_at or incident.updated_at
    return el(
        "p",
        mark(words.SEVERITY[incident.severity]),
        el("b", title(story)),
        el("span", words.plural(len(incident.affected), "service")),
        el("span", f"{words.moment(incident.onset_at)}, {words.span(ended - incident.onset_at)}"),
        el("span", f"{words.number(incident.observed)} people"),
        el("span", "synthetic", class_="synthetic") if incident.synthetic else join(),
        class_="resolved",
    )
