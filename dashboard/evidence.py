"""What people say of an incident; all of it is `st.text` and never markup."""

from collections.abc import Sequence

import streamlit as st

from dashboard import words
from dashboard.markup import Markup, el
from dashboard.posts import plain, safe_url, token
from dashboard.story import Story
from detector.incidents import Sample

N_POSTS = 6


def show(story: Story) -> None:
    """Draw a few posts, each with where it came from and, where that is safe, its link."""
    st.html(el("h2", "What people say", class_="small"))
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
