"""What people say of an incident, and how it went; all of it is `st.text` and never markup."""

from collections.abc import Sequence

import streamlit as st

from dashboard import words
from dashboard.markup import Markup, el
from dashboard.posts import plain, safe_url, token
from dashboard.story import Story
from detector.actions import Action
from detector.incidents import Sample, Transition

N_POSTS, N_STEPS = 6, 8


def posts(story: Story) -> None:
    """Draw a few posts, each with where it came from and, where that is safe, its link."""
    st.html(el("h3", "What people say"))
    written = [sample for sample in story.incident.samples if plain(sample.text)]
    newest = sorted(written, key=lambda one: one.posted_at, reverse=True)
    if not newest:
        st.text("No sample post is kept for this incident.")
    for i, sample in enumerate(_various(newest)):
        with st.container(key=f"post-{i}-{story.incident.id}", gap="xsmall"):
            st.html(_byline(story, sample))
            st.text(plain(sample.text))
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


def timeline(story: Story) -> None:
    """Draw the steps of the incident, newest first, down to its estimated onset."""
    st.html(el("h3", "Timeline"))
    newest = list(reversed(story.incident.transitions))
    with st.container(key=f"timeline-{story.incident.id}", gap="xsmall"):
        for action in _actions(story):
            _act(action)
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


def _actions(story: Story) -> list[Action]:
    """Return what people did, newest first; their times are wall clock, the others' event time."""
    if story.marks is None:
        return []
    standing = (story.marks.acknowledged, story.marks.false_alarm, *story.marks.notes)
    return sorted((one for one in standing if one), key=lambda one: one.at, reverse=True)


def _act(action: Action) -> None:
    name = f"{words.DONE[action.what]} by {action.by}"
    at = el("time", f"{words.clock(action.at)}")
    st.html(el("p", at, el("b", name), class_="step person"))
    if action.text:
        st.text(plain(action.text))
