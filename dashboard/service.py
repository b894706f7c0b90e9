"""The page of one service: its reports, what is normal by hour of week, its past, its ties."""

import redis
import streamlit as st

from dashboard import charts, desk, grid, now, suspects, top, week, words
from dashboard.markup import Markup, el, join, mark
from dashboard.reader import Past
from dashboard.site import Site, address
from dashboard.told import past as past_story
from detector.incidents import Incident
from detector.series import KEPT_MINUTES, Series
from models.catalogue import Service

SPANS = {"6 hours": 6 * 60, "24 hours": 24 * 60, "3 days": KEPT_MINUTES}
N_PAST, N_TIES = 8, 8


def show(site: Site) -> None:
    """Draw the service that the address names, and the field to choose another."""
    if not top.show(site, brief=True):
        return
    chosen = _choose(site)
    if chosen is None:
        st.text("No service of the catalogue goes by that name.")
        return
    desk.problem()
    try:
        series = site.reader.series(chosen.id, site.now)
        past = site.reader.past(site.now)
        usual = site.reader.usual(chosen.id, site.now)
    except redis.RedisError:
        st.text("This service cannot be read while the store does not answer.")
        return
    with st.container(key="card-service"):
        st.html(_head(site, chosen, series))
        suspects.of(site, chosen.id)
        desk.service(site, chosen.id)
        _history(site, chosen, series)
        usually, ties = st.columns([5, 3], gap="large")
        with usually:
            st.html(join(week.drawn(usual, site.clock), _past(site, past, chosen.id)))
        with ties:
            st.html(join(_dependencies(site, chosen), _rules(site, chosen)))


def _choose(site: Site) -> Service | None:
    wanted = st.query_params.get("id") or _busiest(site)
    known = wanted in site.services
    # The field follows the address and the address the field, whichever was changed last.
    if known and st.session_state.get("service-of") != wanted:
        st.session_state["service"] = st.session_state["service-of"] = wanted
    st.selectbox(
        "Service",
        list(site.services),
        key="service",
        index=None,
        format_func=site.name,
        placeholder="Choose a service",
        label_visibility="collapsed",
        on_change=_chosen,
    )
    return site.services.get(wanted)


def _chosen() -> None:
    st.query_params["id"] = st.session_state["service-of"] = st.session_state["service"]


def _busiest(site: Site) -> str:
    return grid.tiles(site.snapshot, site.services)[0].service.id


def _hit(incident: Incident, service: str) -> bool:
    return any(one.service == service for one in incident.affected)


def _head(site: Site, service: Service, series: Series) -> Markup:
    failing = site.snapshot.failing.get(service.id)
    state = words.state(failing, is_held=service.id in site.snapshot.held)
    marks = [mark(state, "pill")]
    if failing:
        marks.append(mark(words.STATUS[failing.status], "pill"))
    head = el(
        "header",
        el("div", *marks, el("span", service.industry, class_="since"), class_="marks"),
        el("h1", service.name),
        class_=f"card-head {state.tone if failing else 'muted'}",
    )
    return join(head, _figures(site, series))


def _figures(site: Site, series: Series) -> Markup:
    last = site.snapshot.last_minute
    hour, day = (charts.minutes([series], last - n + 1, last) for n in (60, 24 * 60))
    hours = [day[i : i + 60] for i in range(0, len(day), 60)]
    busiest = max(sum(one.observed for one in minutes) for minutes in hours)
    told = [
        ("Last hour", sum(one.observed for one in hour), sum(one.expected for one in hour)),
        ("Last 24 hours", sum(one.observed for one in day), sum(one.expected for one in day)),
        ("Busiest hour of them", busiest, sum(one.expected for one in hour)),
    ]
    return el(
        "dl",
        *(
            el(
                "div",
                el("dt", name),
                el("dd", words.number(seen)),
                el("dd", f"{words.number(normal)} normal", class_="note"),
            )
            for name, seen, normal in told
        ),
        class_="figures",
    )


def _history(site: Site, service: Service, series: Series) -> None:
    length = st.segmented_control(
        "Span", list(SPANS), default="24 hours", key="span", label_visibility="collapsed"
    )
    last = site.snapshot.last_minute
    told = charts.minutes([series], last - SPANS[length or "24 hours"] + 1, last)
    st.vega_lite_chart(
        charts.plain_columns(told),
        charts.PLAIN,
        width="stretch",
        key=f"history-{service.id}",
        alt=f"Reports per minute of {service.name} against normal, the last {length}.",
    )


def _dependencies(site: Site, service: Service) -> Markup:
    up = [
        (edge.provider, f"{words.percent(edge.strength)} likely to fail with it")
        for edge in service.depends_on
    ]
    # One edge a region: the service is named once.
    down = [(id, "") for id in dict.fromkeys(id for id, _ in site.catalogue.dependents(service.id))]
    return join(_ties(site, "Depends on", up), _ties(site, "What depends on it", down))


def _ties(site: Site, heading: str, ties: list[tuple[str, str]]) -> Markup:
    if not ties:
        return Markup()
    failing, held = site.snapshot.failing, site.snapshot.held
    ordered = sorted(
        ((id, note, failing.get(id)) for id, note in ties),
        key=lambda tie: (tie[2] is None, site.name(tie[0]).casefold()),
    )
    rows = [
        el(
            "li",
            el("a", site.name(id), href=address("service", id=id)),
            mark(words.state(affected, is_held=id in held)),
            el("span", note, class_="soft"),
        )
        for id, note, affected in ordered[:N_TIES]
    ]
    rest = len(ties) - N_TIES
    more = el("p", f"and {rest} more", class_="more") if rest > 0 else Markup()
    return join(el("h2", heading, class_="small"), el("ul", *rows, class_="ties"), more)


def _rules(site: Site, service: Service) -> Markup:
    held = [
        one
        for one in site.snapshot.silences
        if one.service == service.id or one.industry == service.industry
    ]
    told = [
        el(
            "p",
            f"Muted until {words.moment(one.until)} by {one.by}"
            + (f": {one.reason}" if one.reason else ""),
        )
        for one in held
    ]
    often = words.yearly(site.environment.budget)
    rule = f"Raised by chance at most {often}; told on every channel that wants it."
    return join(el("h2", "Alert rules", class_="small"), el("p", rule, class_="said"), *told)


def _past(site: Site, past: Past, service: str) -> Markup:
    heading = el("h2", "Incidents", class_="small")
    hit = [one for one in past.incidents if _hit(one, service)]
    if not hit:
        return join(heading, el("p", "None is kept.", class_="soft"))
    rows = [now.row(past_story(site, past, one)) for one in hit[:N_PAST]]
    return join(heading, el("div", *rows, class_="rows"))
