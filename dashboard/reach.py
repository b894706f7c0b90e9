"""How far an incident reached: industries over time, and where the people are who report."""

from collections.abc import Sequence

from dashboard import charts, words, world
from dashboard.markup import Markup, el, join
from dashboard.posts import token
from dashboard.story import Story
from detector.places import Share
from detector.radius import Industry, Moment, Radius

N_INDUSTRIES, N_PLACES = 8, 6


def spread(story: Story, reached: Radius) -> Markup:
    """Say who was first and last, and who is back, in the order of coming back."""
    first, last = story.name(reached.first), story.name(reached.last)
    said = [f"{first} was first, at {words.clock(reached.first_at)}."]
    if reached.last != reached.first:
        said.append(f"{last} was last, at {words.clock(reached.last_at)}.")
    if reached.recovered:
        named = [f"{story.name(one)} {words.clock(at)}" for one, at in reached.recovered[:10]]
        rest = len(reached.recovered) - len(named)
        more = f" and {rest} more" if rest else ""
        said.append(f"Back, in this order: {', '.join(named)}{more}.")
    elif story.incident.resolved_at is None:
        said.append("None of them is back yet.")
    return el("p", " ".join(said), class_="said")


def industries(reached: Radius) -> Markup:
    """Draw what share of each industry is hit, and how many of it failed over time."""
    rows = [_industry(one, reached.course) for one in reached.industries[:N_INDUSTRIES]]
    rest = len(reached.industries) - N_INDUSTRIES
    more = el("p", f"and {words.plural(rest, 'more industry', 'more industries')}", class_="more")
    head = el("h2", "Industries", class_="small")
    listed = el("ul", *rows, class_="bars industries")
    return el("section", head, listed, more if rest > 0 else Markup())


def _industry(one: Industry, course: Sequence[Moment]) -> Markup:
    steps = [
        charts.Minute(i, moment.failing.get(one.name, 0), 0.0) for i, moment in enumerate(course)
    ]
    share = 100 * one.hit / one.known
    over_time = f"failing over time, {one.failing} now"
    return el(
        "li",
        el("span", token(one.name, "other"), class_="name"),
        el("span", el("i", style=f"width:{max(2.0, share):.0f}%"), class_="bar"),
        el("span", f"{one.hit} of {one.known}", class_="n"),
        charts.spark(steps, "watch", over_time) if len(steps) > 1 else Markup(),
    )


def regions(reached: Radius) -> Markup:
    """Draw where reports come from, with how sure that is, and which cloud regions they name."""
    if not reached.countries and not reached.cloud_regions:
        return Markup()
    named = [_place(one, country(one.place)) for one in reached.countries[:N_PLACES]]
    clouds = [_place(one, token(one.place, "other")) for one in reached.cloud_regions[:3]]
    lists = [
        join(el("h3", title), el("ul", *rows, class_="bars places"))
        for title, rows in (("Countries", named), ("Cloud regions named", clouds))
        if rows
    ]
    note = (
        f"{_share(reached.placed)} of the reports name a place, {_share(reached.spoken)} are "
        "placed by their language only. The whisker is the interval of 95 %."
    )
    return el(
        "section",
        el("h2", "Regions", class_="small"),
        el("div", world.drawn(reached.countries), el("div", *lists), class_="where"),
        el("p", note, class_="more"),
    )


def country(code: str) -> str:
    """Return the name of the country of two letters."""
    found = world.countries().get(code)
    return found.name if found else token(code, "other")


def _place(one: Share, name: str) -> Markup:
    low, high = 100 * one.low, 100 * one.high
    whisker = el("b", style=f"left:{low:.0f}%;width:{max(0.5, high - low):.1f}%")
    return el(
        "li",
        el("span", name, class_="name"),
        el("span", el("i", style=f"width:{100 * one.share:.0f}%"), whisker, class_="bar whiskered"),
        el("span", f"{100 * one.share:.0f} %", class_="n"),
        el("small", f"{low:.0f} to {high:.0f} %"),
    )


def _share(part: float) -> str:
    return "Less than 1 %" if 0 < part < 0.01 else f"{100 * part:.0f} %"
