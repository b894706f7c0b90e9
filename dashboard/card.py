"""
One incident as a card: what fails, since when, how sure, how bad, which services, and who has it.

Names of the catalogue, numbers and words of ours are HTML through `markup`; whatever came from
posts, and the detector's sentences about them, are `st.text` and nothing else.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import streamlit as st

from dashboard import affected, charts, words
from dashboard.markup import Markup, el, join, mark
from dashboard.posts import plain, token
from dashboard.site import address
from dashboard.story import Story, subtitle, title
from detector.incidents import Incident
from detector.official import OfficialState


def show(story: Story) -> None:
    """Draw the card as the page "Now" has it: head, figures, the chart beside the services."""
    told = story.minutes()
    with st.container(key=key(story)):
        st.html(join(head(story, linked=True), figures(story, told)))
        picture, hit = st.columns([5, 4], gap="large")
        with picture:
            chart(story, told)
        with hit:
            st.html(affected.listed(story))


def show_brief(story: Story) -> None:
    """Draw the card's head and figures only."""
    with st.container(key=key(story)):
        st.html(join(head(story, linked=True), figures(story, story.minutes())))


def key(story: Story) -> str:
    """Return the key of the card's container; a CSS class by which its edge gets its tone."""
    return f"card-{_tone(story.incident)}-{token(story.incident.id, 'incident')}"


def _tone(incident: Incident) -> str:
    return "good" if incident.resolved_at else words.SEVERITY[incident.severity].tone


def head(story: Story, *, linked: bool = False) -> Markup:
    """Draw the marks and the title, *linked* with a link to the incident's own page."""
    incident = story.incident
    marks = [
        mark(words.SEVERITY[incident.severity], "pill"),
        mark(words.STATUS[incident.status], "pill"),
    ]
    if incident.synthetic:
        marks.append(mark(words.Mark("◇", "Synthetic", "synthetic"), "pill"))
    since = el("span", f"since {words.moment(incident.onset_at)}", class_="since")
    link = address("incident", id=incident.id)
    named = el("a", title(story), href=link) if linked else Markup(el("span", title(story)))
    more = el("a", "Open ", el("b", "→", aria_hidden="true"), href=link, class_="open")
    return el(
        "header",
        el("div", *marks, *_handled(story), since, more if linked else Markup(), class_="marks"),
        el("h2", named),
        el("p", subtitle(story), class_="subtitle"),
        class_="card-head",
    )


def _handled(story: Story) -> list[Markup]:
    """Say who has the incident in hand, and whether he calls it false."""
    if story.marks is None:
        return []
    told = []
    if by := story.marks.acknowledged:
        told.append(mark(words.Mark("✋", f"Acknowledged by {by.by}", "good"), "pill"))
    if by := story.marks.false_alarm:
        told.append(mark(words.Mark("⊘", f"False alarm, says {by.by}", "muted"), "pill"))
    return told


def figures(story: Story, told: Sequence[charts.Minute]) -> Markup:
    """Draw the numbers that say how long, how big, and where it goes."""
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
        _official(story),
        class_="figures",
    )


def _official(story: Story) -> Markup:
    """Say what the companies say of it themselves, and who was first."""
    known = story.official
    if known is None or known.state is OfficialState.UNKNOWN:
        return _figure("Official status", "–", "no official page is read")
    if known.first is None or known.lead is None:
        return _figure("Official status", "Nothing yet", "their pages say that all is well")
    ours = known.lead >= timedelta()
    note = f"{words.span(abs(known.lead))} {'after' if ours else 'before'} us"
    at = words.clock(known.first.posted_at)
    return _figure("Official status", known.state.capitalize(), f"posted {at}, {note}")


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


def chart(story: Story, told: Sequence[charts.Minute], *, tall: bool = False) -> None:
    """Draw reports a minute against the normal, with the incident's moments."""
    legend = join(
        el("span", "reports per minute", class_="key seen"),
        el("span", "normal", class_="key normal"),
        el("span", "UTC", class_="key"),
    )
    st.html(el("p", legend, class_="legend"))
    st.vega_lite_chart(
        charts.columns(told, story.incident),
        charts.TALL if tall else charts.SPEC,
        width="stretch",
        key=f"chart-{story.incident.id}",
        alt=charts.description(told, story.incident),
    )


def numbers(story: Story, told: Sequence[charts.Minute]) -> None:
    """Draw the chart's numbers as a table, folded away."""
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


def reasons(story: Story) -> None:
    """Say why the probable cause is the probable cause."""
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
