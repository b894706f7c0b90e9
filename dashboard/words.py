"""How things are said on the page: marks of severity and status, spans, clock times, numbers."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from detector.actions import What
from detector.incidents import Affected, Severity, Status, Step


@dataclass(frozen=True, slots=True)
class Mark:
    """A sign and a word, so that colour (*tone*, a CSS class) never says anything alone."""

    sign: str
    word: str
    tone: str


SEVERITY = {
    Severity.CRITICAL: Mark("▲", "Critical", "critical"),
    Severity.MAJOR: Mark("◆", "Major", "major"),
    Severity.MINOR: Mark("●", "Minor", "minor"),
}
STATUS = {
    Status.EMERGING: Mark("◔", "Emerging", "watch"),
    Status.ONGOING: Mark("◉", "Ongoing", "watch"),
    Status.RECOVERING: Mark("◑", "Recovering", "better"),
    Status.RESOLVED: Mark("✓", "Resolved", "good"),
}
NORMAL = Mark("✓", "Normal", "good")
HELD = Mark("⊘", "Held: suspect", "muted")
REPEATED = Mark("↻", "Repeated", "muted")
STEP = {
    Step.OPENED: "Detected",
    Step.CONFIRMED: "Confirmed",
    Step.SERVICE_JOINED: "Service joined",
    Step.CAUSE_CHANGED: "Cause reassessed",
    Step.SEVERITY_CHANGED: "Severity changed",
    Step.RECOVERING: "Recovering",
    Step.SECOND_WAVE: "Second wave",
    Step.RESOLVED: "Resolved",
}


DONE = {
    What.ACKNOWLEDGED: "Acknowledged",
    What.RELEASED: "Released",
    What.FALSE_ALARM: "Called a false alarm",
    What.REAL: "Called real again",
    What.NOTE: "Note",
    What.SILENCED: "Muted",
    What.UNSILENCED: "Unmuted",
}


def state(affected: Affected | None, *, is_held: bool) -> Mark:
    """Say how a service is: how badly it fails, that its reports are held back, or normal."""
    if affected is not None:
        return SEVERITY[affected.severity]
    return HELD if is_held else NORMAL


def span(length: timedelta) -> str:
    """Say how long, in one or two units: "45 s", "12 min", "3 h 5 min", "2 d 4 h"."""
    seconds = max(0, int(length.total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 60:
        return f"{minutes} min"
    hours = minutes // 60
    if hours < 48:
        return f"{hours} h {minutes % 60} min" if minutes % 60 else f"{hours} h"
    return f"{hours // 24} d {hours % 24} h" if hours % 24 else f"{hours // 24} d"


def ago(length: timedelta) -> str:
    """Say how long ago, "just now" below ten seconds."""
    return "just now" if length < timedelta(seconds=10) else f"{span(length)} ago"


def clock(at: datetime) -> str:
    """Say the time of day in UTC, "06:50"."""
    return f"{at.astimezone(UTC):%H:%M}"


def moment(at: datetime) -> str:
    """Say date and time in UTC, "20 Oct 2025, 06:50 UTC"."""
    return f"{at.astimezone(UTC):%-d %b %Y, %H:%M} UTC"


def number(value: float) -> str:
    """Say a count or a rate, with one decimal below ten where it has any: "4,812", "0.4", "7"."""
    if 0 < abs(value) < 10 and round(value, 1) % 1:
        return f"{value:.1f}"
    return f"{value:,.0f}"


def times(observed: float, expected: float) -> str:
    """Say how many times the normal *observed* is, "×15"; without a normal to speak of, "new"."""
    if expected < 0.05:
        return "new" if observed else "–"
    return f"×{number(observed / expected)}"


def yearly(budget: str) -> str:
    """Say the setting of how often a year: "once a year", "0.25 times a year"."""
    often = budget.removesuffix(".0")
    return "once a year" if often == "1" else f"{often} times a year"


def signed(length: timedelta) -> str:
    """Say how long, with a sign where it is negative: "18 min", "−4 min"."""
    return f"{'' if length >= timedelta() else '−'}{span(abs(length))}"


def lead(length: timedelta) -> str:
    """Say who was first, an official post or we, by *length*: how long after us it came."""
    if abs(length) < timedelta(minutes=1):
        return "at the same time as we"
    return f"{span(abs(length))} {'after' if length > timedelta() else 'before'} us"


def percent(probability: float) -> str:
    """Say a probability; certainty is never claimed."""
    return f"{min(99, max(1, round(100 * probability)))} %"


def plural(n: int, one: str, many: str | None = None) -> str:
    """Say *n* things, "1 service", "12 services"."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"
