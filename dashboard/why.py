"""Why an incident was raised: the evidence of its first service against the bar, and in words."""

from datetime import timedelta

import streamlit as st

from dashboard import bar, words
from dashboard.charts import EVENT, EXPECTED, X, axis
from dashboard.markup import el, join
from dashboard.posts import plain
from dashboard.site import Site
from dashboard.story import Story
from detector.incidents import Affected
from detector.series import Series

BEFORE, AFTER = timedelta(minutes=15), timedelta(minutes=10)

_LINE = {"x": X, "y": {"field": "evidence", "type": "quantitative", **axis(3)}}
SPEC = {
    "height": 120,
    "padding": {"left": 0, "right": 8, "top": 4, "bottom": 0},
    "background": "transparent",
    "config": {"view": {"stroke": None, "fill": "transparent"}},
    "layer": [
        {
            "mark": {
                "type": "area",
                "interpolate": "step",
                "color": EVENT,
                "opacity": 0.2,
                "line": {"color": EVENT, "strokeWidth": 2, "interpolate": "step"},
            },
            "encoding": _LINE,
        },
        {
            "mark": {"type": "line", "color": EXPECTED, "strokeDash": [5, 4], "strokeWidth": 2},
            "encoding": {**_LINE, "y": {"field": "bar", "type": "quantitative", **axis(3)}},
        },
    ],
}


def show(site: Site, story: Story) -> None:
    """Draw the section; nothing is drawn of minutes that are no longer kept."""
    st.html(el("h2", "Why it was raised", class_="small"))
    first = story.first
    if first is None:
        return
    wanted = bar.nats(float(site.environment.budget))
    st.html(el("p", _words(site, story, first, wanted), class_="soft said"))
    series = story.series.get(first.service)
    told = columns(series, first, wanted) if series else {}
    if told.get("at"):
        legend = join(
            el("span", "evidence", class_="key evidence"), el("span", "the bar", class_="key bar")
        )
        st.html(el("p", legend, class_="legend"))
        st.vega_lite_chart(
            told,
            SPEC,
            width="stretch",
            key=f"why-{story.incident.id}",
            alt=f"Evidence that {story.name(first.service)} fails, minute by minute: over the bar "
            f"of {wanted:.0f} from {words.clock(first.joined_at)} UTC.",
        )
    detail = next((one.detail for one in story.incident.transitions if one.detail), "")
    if detail:
        with st.container(key="reasons-raised"):
            st.text(plain(detail))


def columns(series: Series, first: Affected, wanted: float) -> dict[str, list[float]]:
    """Return what `SPEC` draws: the greatest evidence of each minute around the raising."""
    begin = int((first.onset_at - BEFORE).timestamp()) // 60
    end = int((first.joined_at + AFTER).timestamp()) // 60
    rows = zip(series.minute, series.statistic, strict=True)
    kept = [(minute, nats) for minute, nats in rows if begin <= minute <= end]
    return {
        "at": [minute * 60_000.0 for minute, _ in kept],
        # Below nought it says how sure it is that all is well, which is nobody's question here.
        "evidence": [round(max(0.0, nats), 2) for _, nats in kept],
        "bar": [round(wanted, 2)] * len(kept),
    }


def _words(site: Site, story: Story, first: Affected, wanted: float) -> str:
    after = words.span(first.joined_at - first.onset_at)
    often = words.yearly(site.environment.budget)
    said = (
        f"{story.name(first.service)} was raised at {words.clock(first.joined_at)}, {after} after "
        "its reports had left their normal rate. Each report that is more than normal adds "
        f"evidence; the bar of {wanted:.0f} is set so that chance alone passes it at most {often} "
        "for a service."
    )
    normal = _normal(story, first)
    if normal is None:
        return said
    rate = bar.rate(normal, wanted)
    usual = f"{60 * normal:.1f} an hour" if normal < 1 else f"{words.number(normal)} a minute"
    return (
        f"{said} Where {usual} is normal, about {words.number(rate)} reports a minute for "
        f"{bar.HELD_MINUTES} minutes are enough; more of them sooner."
    )


def _normal(story: Story, first: Affected) -> float | None:
    told = story.minutes([first.service]) if first.service in story.series else []
    at = int(first.joined_at.timestamp()) // 60
    return next((one.expected for one in told if one.minute == at), None)
