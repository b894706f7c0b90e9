"""What is normal for a service in each hour of the week, as a picture of 7 days by 24 hours."""

from collections.abc import Sequence
from datetime import datetime

from dashboard import words
from dashboard.markup import Markup, el, join

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def drawn(usual: Sequence[float] | None, clock: datetime) -> Markup:
    """Draw the 168 hours of *usual*, reports an hour from Monday 0:00 UTC; *clock*'s is framed."""
    heading = el("h2", "Normal by hour of the week", class_="small")
    if usual is None:
        return join(heading, el("p", "Not learnt yet.", class_="soft"))
    top = max(usual) or 1.0
    here = clock.weekday() * 24 + clock.hour
    rows = [
        el(
            "div",
            el("span", DAYS[day]),
            *(_hour(usual[hour], usual[hour] / top, hour, here) for hour in _hours(day)),
        )
        for day in range(7)
    ]
    low, high = words.number(min(usual)), words.number(max(usual))
    note = f"{low} to {high} reports an hour; the frame is this hour. Times are UTC."
    said = f"Normal reports an hour by hour of the week, from {low} to {high}"
    picture = el("div", *rows, class_="week", role="img", aria_label=said)
    return join(heading, picture, el("p", note, class_="more"))


def _hours(day: int) -> range:
    return range(24 * day, 24 * day + 24)


def _hour(rate: float, share: float, hour: int, here: int) -> Markup:
    title = f"{DAYS[hour // 24]} {hour % 24}:00 UTC: {words.number(rate)}"
    # A quarter of the tone is left to the least, so that the grid stays a grid.
    tone = f"--share:{10 + 80 * share:.0f}%"
    return el("i", style=tone, title=title, class_="here" if hour == here else None)
