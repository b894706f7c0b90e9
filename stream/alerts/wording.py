"""Numbers, spans and instants as people say them."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

_LIKELIHOODS = ((0.9, "very likely"), (0.7, "likely"), (0.5, "probably"))


def duration(span: timedelta) -> str:
    """Say *span* in its two largest units; what is negative or below a minute is "under 1 min"."""
    minutes = int(span.total_seconds() // 60)
    if minutes < 1:
        return "under 1 min"
    hours, minutes_left = divmod(minutes, 60)
    if hours < 1:
        return f"{minutes} min"
    days, hours_left = divmod(hours, 24)
    if days < 1:
        return f"{hours} h {minutes_left} min" if minutes_left else f"{hours} h"
    return f"{days} d {hours_left} h" if hours_left else f"{days} d"


def clock(at: datetime) -> str:
    """Say the time of day of *at*: "06:49 UTC"."""
    return f"{at.astimezone(UTC):%H:%M} UTC"


def day_and_clock(at: datetime) -> str:
    """Say *at* in full: "20 Oct 2025, 06:49 UTC"."""
    at = at.astimezone(UTC)
    return f"{at.day} {at:%b} {at.year}, {at:%H:%M} UTC"


def plural(n: int, noun: str) -> str:
    """Say "1 report", "1,200 reports"."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def usual(expected: float) -> str:
    """Say a normal count: "under 1", "about 6", "about 1,200"."""
    if not expected >= 0.95:
        return "under 1"
    return f"about {expected:,.0f}"


def times(observed: int, expected: float) -> str | None:
    """Say how many times the normal count *observed* is; None where the ratio says nothing."""
    if not math.isfinite(expected) or expected < 0.5 or observed < 1.5 * expected:
        return None
    ratio = observed / expected
    return f"{ratio:,.0f} times" if ratio >= 9.5 else f"{ratio:.1f} times"


def percent(probability: float) -> str:
    """Say a probability without claiming certainty: at most 99 %, at least 1 %."""
    clamped = min(max(probability, 0.01), 0.99) if math.isfinite(probability) else 0.01
    return f"{clamped:.0%}".replace("%", " %")


def likelihood(probability: float) -> str:
    """Say a probability in a word."""
    return next((word for least, word in _LIKELIHOODS if probability >= least), "possibly")


def listed(names: Sequence[str], limit: int) -> str:
    """Join *names* for a sentence; beyond *limit* of them, the last is "N more"."""
    shown = list(names[:limit])
    if len(names) > limit:
        shown.append(f"{len(names) - limit} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
