"""How an incident went, newest first: what was judged, officially said, and done by people."""

from dataclasses import dataclass
from datetime import datetime

import streamlit as st

from dashboard import words
from dashboard.markup import Markup, el
from dashboard.posts import plain, safe_url
from dashboard.story import Story, peak
from detector.actions import Action
from detector.official import OfficialEvent

N_ENTRIES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line; *text* is shown as plain text below it, *tone* colours its dot."""

    at: datetime
    name: str
    tone: str
    text: str = ""
    url: str | None = None


def entries(story: Story) -> list[Entry]:
    """Return what happened in event time, newest first, down to the onset."""
    incident = story.incident
    made = [_onset(story)]
    made += [
        Entry(
            at=one.at,
            name=words.STEP[one.step],
            tone=words.STATUS[one.status].tone,
            text=plain(one.detail),
        )
        for one in incident.transitions
    ]
    for event in story.events:
        made += _official(story, event)
    if (highest := peak(story)) is not None:
        at, reports = highest
        made.append(Entry(at=at, name=f"Peak: {words.number(reports)} a minute", tone="major"))
    return sorted(made, key=lambda one: one.at, reverse=True)


def _onset(story: Story) -> Entry:
    first, last = story.onset or (story.incident.onset_at, story.incident.onset_at)
    within = "" if first == last else f"between {words.clock(first)} and {words.clock(last)} UTC"
    return Entry(at=story.incident.onset_at, name="Onset (estimated)", tone="muted", text=within)


def _official(story: Story, event: OfficialEvent) -> list[Entry]:
    lead = words.lead(event.posted_at - story.incident.opened_at)
    name = story.name(event.service)
    made = [
        Entry(
            at=event.posted_at,
            name=f"{name} says: {event.state} ({lead})",
            tone="official",
            text=plain(event.title, 200),
            url=safe_url(event.url),
        )
    ]
    if event.resolved_at is not None:
        over = f"{name} says that it is over"
        made.append(Entry(at=event.resolved_at, name=over, tone="official"))
    return made


def show(story: Story) -> None:
    """Draw the timeline; what people did is on top, as its times are those of the wall clock."""
    st.html(el("h2", "Timeline", class_="small"))
    told = entries(story)
    with st.container(key=f"timeline-{story.incident.id}", gap="xsmall"):
        for entry in done(story):
            _draw(entry)
        for entry in told[:N_ENTRIES]:
            _draw(entry)
    if told[N_ENTRIES:]:
        label = f"{len(told) - N_ENTRIES} earlier steps"
        with st.expander(label, key=f"earlier-{story.incident.id}"):
            for entry in told[N_ENTRIES:]:
                _draw(entry)


def _draw(entry: Entry) -> None:
    at = el("time", words.clock(entry.at), datetime=entry.at.isoformat())
    link = el("a", "its page", href=entry.url, rel="noreferrer") if entry.url else Markup()
    st.html(el("p", at, el("b", entry.name), link, class_=f"step {entry.tone}"))
    if entry.text:
        st.text(entry.text)


def done(story: Story) -> list[Entry]:
    """Return what people did, newest first; their times are wall clock."""
    if story.marks is None:
        return []
    standing = (story.marks.acknowledged, story.marks.false_alarm, *story.marks.notes)
    acts = [_done(one) for one in standing if one]
    return sorted(acts, key=lambda one: one.at, reverse=True)


def _done(action: Action) -> Entry:
    return Entry(
        at=action.at,
        name=f"{words.DONE[action.what]} by {action.by}",
        tone="person",
        text=plain(action.text),
    )
