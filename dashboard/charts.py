"""Series as pictures: the values of a chart, its Vega-Lite specification, and small sparklines."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from dashboard.markup import Markup, el
from dashboard.words import clock, number
from detector.incidents import Incident
from detector.series import Series

LEAD_IN_MINUTES = 30
SPARK_POINTS = 60
CHART_POINTS = 720
# Okabe and Ito's vermillion, blue and grey: told apart by every common kind of colour vision, and
# of enough contrast on both the light and the dark ground.
OBSERVED, EXPECTED, EVENT = "#e0622f", "#7f8ea3", "#3d8bd4"


@dataclass(frozen=True, slots=True)
class Minute:
    """Reports in one minute (unix time in minutes) against what is normal for it."""

    minute: int
    observed: float
    expected: float


def minutes(series: Iterable[Series], first: int, last: int) -> list[Minute]:
    """
    Sum *series* over each minute of [first, last].

    A minute that a series leaves out had no reports, and its normal is the one that was last known.
    """
    observed, expected = [0.0] * (last - first + 1), [0.0] * (last - first + 1)
    for one in series:
        _add(one, first, observed, expected)
    return [Minute(first + i, observed[i], expected[i]) for i in range(len(observed))]


def _add(one: Series, first: int, observed: list[float], expected: list[float]) -> None:
    known = dict(zip(one.minute, zip(one.observed, one.expected, strict=True), strict=True))
    before = [minute for minute in one.minute if minute < first]
    normal = known[before[-1]][1] if before else (one.expected[0] if one.expected else 0.0)
    for i in range(len(observed)):
        seen, normal = known.get(first + i, (0.0, normal))
        observed[i] += seen
        expected[i] += normal


def stretch(incident: Incident, end: int) -> tuple[int, int]:
    """
    Return the first and last minute of the incident's chart, with some normal time around it.

    The last one is at most *end*.
    """
    first = int(incident.onset_at.timestamp()) // 60 - LEAD_IN_MINUTES
    if incident.resolved_at is not None:
        end = min(end, int(incident.resolved_at.timestamp()) // 60 + LEAD_IN_MINUTES)
    return first, max(first + 1, end)


def trend(told: Sequence[Minute]) -> str:
    """Say where the last five minutes go against the five before: rising, falling or steady."""
    late = sum(one.observed for one in told[-5:])
    early = sum(one.observed for one in told[-10:-5])
    # Two Poisson counts of one rate differ by more than two deviations in 5 % of cases.
    if abs(late - early) <= 2 * (late + early) ** 0.5:
        return "steady"
    return "rising" if late > early else "falling"


def columns(told: Sequence[Minute], incident: Incident) -> dict[str, list[Any]]:
    """Return what `SPEC` draws, by column: minutes, then the incident's moments."""
    moments = [("onset", incident.onset_at), ("detected", incident.opened_at)]
    if incident.resolved_at is not None:
        moments.append(("resolved", incident.resolved_at))
    top = max([1.0, *(max(one.observed, one.expected) for one in told)])
    return {
        "at": [one.minute * 60_000.0 for one in told] + [_ms(at) for _, at in moments],
        "observed": [one.observed for one in told] + [top * 1.12] * len(moments),
        "expected": [one.expected for one in told] + [0.0] * len(moments),
        "event": [""] * len(told) + [name for name, _ in moments],
    }


def _ms(at: datetime) -> float:
    return at.timestamp() * 1000


X: dict[str, Any] = {
    "field": "at",
    "type": "temporal",
    "scale": {"type": "utc"},
    "axis": {
        "title": None,
        "format": "%H:%M",
        "tickCount": 7,
        "grid": False,
        "labelFlush": True,
        "labelOverlap": "greedy",
        "labelSeparation": 10,
        "domain": False,
    },
}


def axis(ticks: int) -> dict[str, Any]:
    """Return a quiet axis from nought, with about so many *ticks*."""
    quiet = {"title": None, "tickCount": ticks, "domain": False, "ticks": False}
    return {"scale": {"domainMin": 0}, "axis": quiet}


_Y: dict[str, Any] = {"type": "quantitative", **axis(4)}
_TOOLTIP: list[dict[str, Any]] = [
    {
        "field": "at",
        "type": "temporal",
        "format": "%H:%M UTC",
        "title": "minute",
        "scale": {"type": "utc"},
    },
    {"field": "observed", "type": "quantitative", "format": ",.0f", "title": "reports"},
    {"field": "expected", "type": "quantitative", "format": ",.1f", "title": "normal"},
]
_MINUTES = [{"filter": "datum.event === ''"}]
_EVENTS = [{"filter": "datum.event !== ''"}]


def _label(which: str, place: dict[str, Any]) -> dict[str, Any]:
    return {
        "transform": [{"filter": which}],
        "mark": {"type": "text", "color": EVENT, "fontSize": 12, "fontWeight": 600, **place},
        "encoding": {
            "x": X,
            "y": {"field": "observed", **_Y},
            "text": {"field": "event"},
        },
    }


# Constant, so that a refresh hands the browser new values only and nothing is drawn anew.
SPEC: dict[str, Any] = {
    "height": 250,
    "padding": {"left": 0, "right": 8, "top": 4, "bottom": 0},
    "background": "transparent",
    "config": {"view": {"stroke": None, "fill": "transparent"}},
    "layer": [
        {
            "transform": _MINUTES,
            "mark": {
                "type": "area",
                "color": OBSERVED,
                "opacity": 0.22,
                "line": {"color": OBSERVED, "strokeWidth": 2},
            },
            "encoding": {"x": X, "y": {"field": "observed", **_Y}},
        },
        {
            "transform": _MINUTES,
            "mark": {"type": "line", "color": EXPECTED, "strokeDash": [5, 4], "strokeWidth": 2},
            "encoding": {"x": X, "y": {"field": "expected", **_Y}},
        },
        {
            "transform": _EVENTS,
            "mark": {"type": "rule", "color": EVENT, "strokeWidth": 1.5},
            "encoding": {
                "x": X,
                "strokeDash": {
                    "condition": {"test": "datum.event === 'onset'", "value": [3, 3]},
                    "value": [1, 0],
                },
            },
        },
        _label("datum.event === 'onset'", {"align": "right", "dx": -6}),
        _label("datum.event !== '' && datum.event !== 'onset'", {"align": "left", "dx": 6}),
        {
            "transform": _MINUTES,
            "mark": {"type": "rule", "opacity": 0, "strokeWidth": 6},
            "encoding": {"x": X, "tooltip": _TOOLTIP},
        },
    ],
}
TALL: dict[str, Any] = {**SPEC, "height": 330}
# A service's days: the same without an incident's moments.
PLAIN: dict[str, Any] = {**SPEC, "layer": [*SPEC["layer"][:2], SPEC["layer"][-1]]}


def plain_columns(told: Sequence[Minute]) -> dict[str, list[Any]]:
    """Return what `PLAIN` draws, by column, thinned to what a screen can show."""
    kept = _thinned(told, CHART_POINTS)
    return {
        "at": [one.minute * 60_000.0 for one in kept],
        "observed": [one.observed for one in kept],
        "expected": [one.expected for one in kept],
        "event": [""] * len(kept),
    }


def description(told: Sequence[Minute], incident: Incident) -> str:
    """Say in words what the chart shows, for those who do not see it."""
    peak = max(told, key=lambda one: one.observed)
    at = datetime.fromtimestamp(peak.minute * 60, UTC)
    return (
        f"Reports per minute against normal. Onset about {clock(incident.onset_at)}, detected "
        f"{clock(incident.opened_at)} UTC. Highest: {number(peak.observed)} at {clock(at)}, where "
        f"{number(peak.expected)} is normal. Now {number(told[-1].observed)}, {trend(told)}."
    )


def spark(told: Sequence[Minute], tone: str = "muted", said: str = "") -> Markup:
    """
    Return a sparkline of *told*: the area of what was observed over that of the normal.

    *said* is what it shows in words, by default its highest minute.
    """
    kept = _thinned(told)
    top = max([1.0, *(max(one.observed, one.expected) for one in kept)])
    return el(
        "span",
        el("i", class_="normal", style=_shape([one.expected / top for one in kept])),
        el("i", class_="seen", style=_shape([one.observed / top for one in kept])),
        class_=f"spark {tone}",
        role="img",
        aria_label=said or f"highest {number(max((n.observed for n in kept), default=0))} a minute",
    )


def _thinned(told: Sequence[Minute], most: int = SPARK_POINTS) -> list[Minute]:
    """Return at most *most* minutes, each the highest of its neighbours."""
    size = -(-len(told) // most) or 1
    return [
        max(told[i : i + size], key=lambda one: one.observed) for i in range(0, len(told), size)
    ]


def _shape(heights: Sequence[float]) -> str:
    """Return the CSS that cuts an element to the area under *heights*, which are in [0, 1]."""
    step = 100 / max(1, len(heights) - 1)
    points = [f"{i * step:.1f}% {100 - 96 * height:.1f}%" for i, height in enumerate(heights)]
    return f"clip-path:polygon(0% 100%,{','.join(points)},100% 100%)"


def of_services(
    series: Mapping[str, Series], services: Iterable[str], first: int, last: int
) -> list[Minute]:
    """Sum the series of *services* that are known over each minute of [first, last]."""
    return minutes((series[one] for one in services if one in series), first, last)
