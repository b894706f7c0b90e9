"""
One incident as a card: what fails, since when, why, how sure, how bad, and what people say.

Names of the catalogue, numbers and words of ours are HTML through `markup`; whatever came from
posts, and the detector's sentences about them, are `st.text` and nothing else.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

import streamlit as st

from dashboard import affected, charts, evidence, words
from dashboard.markup import Markup, el, join, mark
from dashboard.posts import plain, token
from dashboard.story import Story, subtitle, title
from detector.incidents import Incident

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
            st.html(affected.breakdowns(story.incident))
        st.html(affected.services(story))
        said, steps = st.columns([5, 3], gap="large")
        with said:
            evidence.posts(story)
        with steps:
            evidence.timeline(story)


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
