"""
One incident as a card: what fails, since when, how sure, how bad, which services, and who has it.

Names of the catalogue, numbers and words of ours are HTML through `markup`; whatever came from
posts, and the detector's sentences about them, are `st.text` and nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import streamlit as st

from dashboard import affected, charts, words
from dashboard.markup import Markup, el, join, mark
from dashboard.posts import plain, token
from dashboard.site import address
from dashboard.story import Story, subtitle, title
from detector.incidents import Incident
from detector.official import OfficialState


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """The parts of a card, which viewers can share."""

    top: Markup
    minutes: list[charts.Minute]
    hit: Markup


def drawn(story: Story) -> Card:
    """Draw the parts of the card that the page "Now" has."""
    told = story.minutes()
    return Card(
        top=join(head(story, linked=True), figures(story, told)),
        minutes=told,
        hit=affected.listed(story),
    )


def show(story: Story, card: Card, *, brief: bool) -> None:
    """Show *card*: head and figures and, unless *brief*, the chart beside the services."""
    with st.container(key=key(story)):
        st.html(card.top)
        if brief:
            return
        picture, hit = st.columns([5, 4], gap="large")
        with picture:
            chart(story, card.minutes)
        with hit:
            st.html(card.hit)


def key(story: Story) -> str:
    """Return the key of the card's container: as long as it stays, so does what is typed in it."""
    return f"card-{token(story.incident.id, 'incident')}"


def _tone(incident: Incident) -> str:
    return "good" if incident.resolved_at else words.SEVERITY[incident.severity].tone


def head(story: Story, *, level: str = "h2", linked: bool = False) -> Markup:
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
        el(level, named),
        el("p", subtitle(story), class_="subtitle"),
        class_=f"card-head {_tone(incident)}",
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
    """Say who was first, the companies or we, and what they say."""
    name, known, incident = "Lead over the official status", story.official, story.incident
    if known is None or known.state is OfficialState.UNKNOWN:
        return _figure(name, "–", "no official page of it is read")
    if known.first is None or known.lead is None:
        so_far = (incident.resolved_at or story.clock) - incident.opened_at
        note = "so far: their pages say that all is well"
        return _figure(name, words.span(so_far), note)
    said = f"{story.name(known.first.service)}: {known.state}, {words.clock(known.first.posted_at)}"
    return _figure(name, words.signed(known.lead), said)


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
    return el("div", el("dt", name), el("dd", value), el("dd", note, class_="note"))


def chart(story: Story, told: Sequence[charts.Minute], *, tall: bool = False) -> None:
    """Draw reports a minute against the normal, with the incident's moments."""
    legend = join(
        el("span", "reports per minute", class_="key seen"),
        el("span", "normal", class_="key normal"),
        el("span", "UTC", class_="key zone"),
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
    st.html(el("h2", "Why we think so" if cause else "What we know", class_="small"))
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
