"""
One incident as a card: what fails, since when, why, how sure, how bad, and what people say.

Names of the catalogue, numbers and words of ours are HTML through `markup`; whatever came from
posts, and the detector's sentences about them, are `st.text` and nothing else.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import streamlit as st

from dashboard import charts, words
from dashboard.markup import Markup, el, join
from dashboard.posts import plain, safe_url, token
from detector.incidents import Affected, Incident, Sample, Transition
from detector.series import Series

N_SERVICES, N_POSTS, N_STEPS, N_BARS = 8, 4, 6, 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """
    An incident with what is needed to show it.

    *names* are the catalogue's names by service id, *series* those of its services, *clock* is what
    "now" means in event time.
    """

    incident: Incident
    series: Mapping[str, Series]
    names: Mapping[str, str]
    clock: datetime

    def name(self, service: str) -> str:
        """Return the catalogue's name of *service*, else its id."""
        return self.names.get(service) or token(service, "unknown service")

    def minutes(self, services: Sequence[str] | None = None) -> list[charts.Minute]:
        """Return the minutes of *services*, by default of all the incident's."""
        wanted = services or [one.service for one in self.incident.affected]
        first, last = charts.stretch(self.incident, self.clock)
        return charts.of_services(self.series, wanted, first, last)


def title(story: Story) -> str:
    """Say what fails: the shared cause where one is known, else the services."""
    cause, affected = story.incident.cause, story.incident.affected
    if cause is not None:
        region = f" {token(cause.region)}" if cause.region else ""
        return story.name(cause.provider) + region
    names = [story.name(one.service) for one in affected]
    if len(names) <= 3:
        return (
            " and ".join(filter(None, [", ".join(names[:-1]), names[-1]])) if names else "Unknown"
        )
    return f"{names[0]}, {names[1]} and {len(names) - 2} more"


def subtitle(story: Story) -> str:
    """Say how the services hang together."""
    incident = story.incident
    n = len(incident.affected)
    if incident.cause is None:
        return (
            f"{words.plural(n, 'service')} affected, no shared cause found"
            if n > 1
            else "One service affected"
        )
    likely = f"probable cause, {words.percent(incident.cause.probability)}"
    return f"{likely} · {words.plural(n, 'service')} affected"


Go = Callable[[str], None]


def show(story: Story, go: Go | None = None) -> None:
    """Draw the whole card, with a button to *go* to its own address."""
    told = story.minutes()
    with st.container(key=f"card-{_key(story)}"):
        _top(story, go)
        st.html(_figures(story, told))
        picture, why = st.columns([5, 3], gap="large")
        with picture:
            _chart(story, told)
        with why:
            _reasons(story)
            st.html(_breakdowns(story.incident))
        st.html(_services(story))
        posts, timeline = st.columns([5, 3], gap="large")
        with posts:
            _posts(story)
        with timeline:
            _timeline(story)


def show_brief(story: Story, go: Go) -> None:
    """Draw the card's head and figures only."""
    with st.container(key=f"card-{_key(story)}"):
        _top(story, go)
        st.html(_figures(story, story.minutes()))


def _top(story: Story, go: Go | None) -> None:
    with st.container(horizontal=True, key=f"top-{story.incident.id}"):
        st.html(_head(story))
        if go is not None:
            link(story.incident, "Open", go)


def link(incident: Incident, label: str, go: Go) -> None:
    """Draw a button that leads to the incident's own address."""
    st.button(
        label,
        key=f"open-{incident.id}",
        type="tertiary",
        icon=":material/arrow_forward:",
        on_click=go,
        args=(incident.id,),
    )


def _key(story: Story) -> str:
    # The key becomes a CSS class, and the tone of the card's edge is chosen by it.
    return f"{_tone(story.incident)}-{token(story.incident.id, 'incident')}"


def _tone(incident: Incident) -> str:
    return "good" if incident.resolved_at else words.SEVERITY[incident.severity].tone


def mark(said: words.Mark, kind: str = "mark") -> Markup:
    """Draw a sign with its word."""
    return el(
        "span", el("b", said.sign, aria_hidden="true"), said.word, class_=f"{kind} {said.tone}"
    )


def _head(story: Story) -> Markup:
    incident = story.incident
    marks = [
        mark(words.SEVERITY[incident.severity], "pill"),
        mark(words.STATUS[incident.status], "pill"),
    ]
    if incident.synthetic:
        marks.append(mark(words.Mark("◇", "Synthetic", "synthetic"), "pill"))
    since = el("span", f"since {words.moment(incident.onset_at)}", class_="since")
    return el(
        "header",
        el("div", *marks, since, class_="marks"),
        el("h2", title(story)),
        el("p", subtitle(story), class_="subtitle"),
        class_="card-head",
    )


def _figures(story: Story, told: Sequence[charts.Minute]) -> Markup:
    incident = story.incident
    lasted = (incident.resolved_at or story.clock) - incident.onset_at
    normal = f"{words.times(incident.observed, incident.expected)} normal"
    return el(
        "dl",
        _figure("Lasted" if incident.resolved_at else "For", words.span(lasted), "since the onset"),
        _figure(
            "People reporting",
            words.number(incident.observed),
            f"{normal} ({words.number(incident.expected)})",
        ),
        _present(incident, told),
        _figure("Peak per minute", words.number(_peak(incident, told)), "at the worst moment"),
        _figure(
            "Detected",
            words.clock(incident.opened_at),
            f"{words.span(incident.opened_at - incident.onset_at)} after the onset",
        ),
        class_="figures",
    )


def _present(incident: Incident, told: Sequence[charts.Minute]) -> Markup:
    if incident.resolved_at is not None:
        return _figure("Resolved", words.clock(incident.resolved_at), "back to normal")
    direction = charts.trend(told)
    arrow = {"rising": "↗", "falling": "↘", "steady": "→"}[direction]
    return _figure("Per minute now", words.number(told[-1].observed), f"{arrow} {direction}")


def _peak(incident: Incident, told: Sequence[charts.Minute]) -> float:
    """Return the highest minute of all services together; an old incident's series may be gone."""
    alone = max((one.peak_per_minute for one in incident.affected), default=0.0)
    return max(alone, *(one.observed for one in told))


def _figure(name: str, value: str, note: str) -> Markup:
    return el("div", el("dt", name), el("dd", value), el("p", note))


def _chart(story: Story, told: Sequence[charts.Minute]) -> None:
    legend = join(
        el("span", "reports per minute", class_="key seen"),
        el("span", "normal", class_="key normal"),
        el("span", "UTC", class_="key"),
    )
    st.html(el("p", legend, class_="legend"))
    st.vega_lite_chart(
        charts.columns(told, story.incident),
        charts.SPEC,
        width="stretch",
        key=f"chart-{story.incident.id}",
        alt=charts.description(told, story.incident),
    )
    with st.expander("The numbers", key=f"numbers-{story.incident.id}"):
        st.dataframe(
            {
                "minute (UTC)": [
                    f"{datetime.fromtimestamp(m.minute * 60, story.clock.tzinfo):%d %b %H:%M}"
                    for m in reversed(told)
                ],
                "reports": [m.observed for m in reversed(told)],
                "normal": [round(m.expected, 2) for m in reversed(told)],
            },
            hide_index=True,
            height=240,
        )


def _reasons(story: Story) -> None:
    cause = story.incident.cause
    st.html(el("h3", "Why we think so" if cause else "What we know"))
    if cause is None:
        is_alone = len(story.incident.affected) == 1
        st.text(
            "Only this service is concerned; nothing points to a cause outside of it."
            if is_alone
            else "These services share no provider that would explain them together."
        )
        return
    with st.container(key=f"reasons-{story.incident.id}", gap="xsmall"):
        for reason in cause.reasons[:6]:
            st.text(plain(reason))


def _breakdowns(incident: Incident) -> Markup:
    symptoms = _summed(one.symptoms for one in incident.affected)
    regions = _summed(one.regions for one in incident.affected)
    return el(
        "div", _bars("Symptoms", symptoms), _bars("Regions named", regions), class_="breakdowns"
    )


def _summed(parts: Iterable[tuple[tuple[str, int], ...]]) -> list[tuple[str, int]]:
    total: dict[str, int] = {}
    for pairs in parts:
        for name, n in pairs:
            total[token(name, "other")] = total.get(token(name, "other"), 0) + n
    return sorted(total.items(), key=lambda pair: (-pair[1], pair[0]))[:N_BARS]


def _bars(heading: str, counted: Sequence[tuple[str, int]]) -> Markup:
    if not counted:
        return Markup()
    top = counted[0][1] or 1
    rows = [
        el(
            "li",
            el("span", name, class_="name"),
            el("span", el("i", style=f"width:{100 * n / top:.0f}%"), class_="bar"),
            el("span", words.number(n), class_="n"),
        )
        for name, n in counted
    ]
    return el("section", el("h3", heading), el("ul", *rows, class_="bars"))


def _services(story: Story) -> Markup:
    cause = story.incident.cause
    affected = sorted(
        story.incident.affected,
        key=lambda one: (
            cause is None or one.service != cause.provider,
            -one.observed,
            one.service,
        ),
    )
    head = (
        "Service",
        "State",
        "Since",
        "Reports",
        "Normal",
        "Times",
        "Peak / min",
        "Reports per minute",
    )
    rows = [_service(story, one) for one in affected[:N_SERVICES]]
    rest = affected[N_SERVICES:]
    names = ", ".join(story.name(one.service) for one in rest)
    more = el("p", f"and {len(rest)} more: {names}", class_="more") if rest else Markup()
    table = el(
        "table",
        el("thead", el("tr", *(el("th", name, scope="col") for name in head))),
        el("tbody", *rows),
    )
    return join(el("h3", "Affected services"), el("div", table, class_="scroll"), more)


def _service(story: Story, one: Affected) -> Markup:
    severity = words.SEVERITY[one.severity]
    return el(
        "tr",
        el("th", story.name(one.service), scope="row"),
        el("td", mark(words.STATUS[one.status]), " ", mark(severity)),
        el("td", words.clock(one.onset_at), class_="n"),
        el("td", words.number(one.observed), class_="n strong"),
        el("td", words.number(one.expected), class_="n"),
        el("td", words.times(one.observed, one.expected), class_="n"),
        el("td", words.number(one.peak_per_minute), class_="n"),
        el("td", charts.spark(story.minutes([one.service]), severity.tone), class_="picture"),
    )


def _posts(story: Story) -> None:
    st.html(el("h3", "What people say"))
    newest = sorted(story.incident.samples, key=lambda one: one.posted_at, reverse=True)
    if not newest:
        st.text("No sample post is kept for this incident.")
    for i, sample in enumerate(_various(newest)):
        with st.container(key=f"post-{i}-{story.incident.id}", gap="xsmall"):
            st.html(_byline(story, sample))
            st.text(plain(sample.text) or "(no text)")
            if url := safe_url(sample.url):
                st.link_button("Open the post", url, type="tertiary", icon=":material/open_in_new:")


def _various(newest: Sequence[Sample]) -> list[Sample]:
    """Pick the newest post of each service first, then the newest ones of all."""
    firsts = {sample.service: sample for sample in reversed(newest)}
    ordered = [*sorted(firsts.values(), key=lambda one: one.posted_at, reverse=True), *newest]
    return list({sample.report_id: sample for sample in ordered}.values())[:N_POSTS]


def _byline(story: Story, sample: Sample) -> Markup:
    parts = [
        el("b", story.name(sample.service)),
        el("span", token(sample.source, "unknown source")),
        el("span", f"{words.clock(sample.posted_at)} UTC"),
    ]
    if sample.lang:
        parts.append(el("span", token(sample.lang)))
    if sample.synthetic:
        parts.append(el("span", "synthetic", class_="synthetic"))
    return el("p", *parts, class_="byline")


def _timeline(story: Story) -> None:
    st.html(el("h3", "Timeline"))
    newest = list(reversed(story.incident.transitions))
    with st.container(key=f"timeline-{story.incident.id}", gap="xsmall"):
        for transition in newest[:N_STEPS]:
            _step(transition)
        st.html(
            el(
                "p",
                el("time", words.clock(story.incident.onset_at)),
                el("b", "Onset (estimated)"),
                class_="step",
            )
        )
    if newest[N_STEPS:]:
        with st.expander(
            f"{len(newest) - N_STEPS} earlier steps", key=f"earlier-{story.incident.id}"
        ):
            for transition in newest[N_STEPS:]:
                _step(transition)


def _step(transition: Transition) -> None:
    tone = words.STATUS[transition.status].tone
    name = words.STEP[transition.step]
    st.html(el("p", el("time", words.clock(transition.at)), el("b", name), class_=f"step {tone}"))
    if transition.detail:
        st.text(plain(transition.detail))
