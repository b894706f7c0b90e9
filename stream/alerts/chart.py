"""An incident's course as a picture: reports a minute against what is normal. Needs Pillow."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from detector.incidents import Incident, Step
from detector.series import Series
from models.catalogue import Catalogue
from stream.alerts import wording
from stream.alerts.headline import headline

Floats = NDArray[np.float64]

BEFORE_MINUTES = 30  # shown ahead of the onset
LONGEST_MINUTES = 48 * 60
_WIDTH, _HEIGHT = 1_200, 520
_LEFT, _RIGHT, _TOP, _BOTTOM = 76, 28, 92, 56
_FINER = 2  # drawn larger by this and scaled down: smooth lines
_INK, _PALE, _GRID = "#1f2933", "#66727f", "#e4e8ec"
# Told apart without colours, too: one is an area, the other a dashed line.
_OBSERVED, _AREA, _EXPECTED = "#b3261e", "#f3d3d0", "#1f6f8b"
_STEPS = {Step.OPENED: "raised", Step.SECOND_WAVE: "second wave", Step.RESOLVED: "over"}
_HOUR_STEPS = (5, 10, 15, 30, 60, 120, 180, 360, 720)


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """Reports in each minute from *first*, unix time in minutes, over all services."""

    first: int
    observed: Floats
    expected: Floats


def course(incident: Incident, series: Mapping[str, Series]) -> Course:
    """
    Add up the minutes of the incident's services; a minute that is missing had no report.

    While it goes on, the last minute is the last that is there: the present one is not over.
    """
    end = (incident.resolved_at or incident.updated_at).timestamp() // 60
    if incident.resolved_at is None:
        end = min(end, max((one.minute[-1] for one in series.values() if one.minute), default=end))
    begin = incident.onset_at.timestamp() // 60 - BEFORE_MINUTES
    first = int(max(begin, end - LONGEST_MINUTES))
    n = int(min(max(end - begin, 1), LONGEST_MINUTES)) + 1
    observed, expected = np.zeros(n), np.zeros(n)
    for one in series.values():
        minutes = np.asarray(one.minute, np.int64) - first
        inside = (minutes >= 0) & (minutes < n)
        observed[minutes[inside]] += np.asarray(one.observed)[inside]
        if len(minutes):
            expected += np.interp(np.arange(n), minutes, np.asarray(one.expected))
    return Course(first=first, observed=observed, expected=expected)


def draw(incident: Incident, series: Mapping[str, Series], catalogue: Catalogue) -> bytes:
    """Return the picture as PNG."""
    from PIL import Image

    found = course(incident, series)
    with Image.new("RGB", (_WIDTH * _FINER, _HEIGHT * _FINER), "white") as large:
        sheet = _Sheet(large, found)
        sheet.grid()
        sheet.curves()
        for step in incident.transitions:
            if step.step in _STEPS:
                sheet.mark(step.at, f"{_STEPS[step.step]} {step.at.astimezone(UTC):%H:%M}")
        sheet.title(headline(incident, catalogue), _legend(incident))
        target = io.BytesIO()
        with large.resize((_WIDTH, _HEIGHT), Image.Resampling.LANCZOS) as small:
            small.save(target, "PNG", optimize=True)
    return target.getvalue()


def _legend(incident: Incident) -> str:
    n = wording.plural(len(incident.affected), "service")
    made_up = " · SYNTHETIC, not a live outage" if incident.synthetic else ""
    return f"Reports a minute (area) and the normal number (dashed), {n}, UTC{made_up}"


class _Sheet:
    """Draws on *image*; positions are in pixels of the finished picture."""

    def __init__(self, image: "Image.Image", found: Course):  # type: ignore[name-defined] # noqa: F821
        from PIL import ImageDraw, ImageFont

        self._pen = ImageDraw.Draw(image)
        self._font = ImageFont.load_default(15 * _FINER)
        self._large = ImageFont.load_default(22 * _FINER)
        self._course = found
        self._top = max(4.0, float(found.observed.max()) * 1.12)
        self._marked = -1e9

    def grid(self) -> None:
        """Draw the axes with their numbers."""
        step = _round(self._top / 4)
        for i in range(int(self._top / step) + 1):
            y = self._y(i * step)
            self._line([(_LEFT, y), (_WIDTH - _RIGHT, y)], _GRID, 1)
            self._text((_LEFT - 10, y), f"{i * step:,.0f}", _PALE, "rm")
        n = len(self._course.observed)
        every = next((one for one in _HOUR_STEPS if n / one <= 9), 1_440)
        for minute in range(-self._course.first % every, n, every):
            at = datetime.fromtimestamp((self._course.first + minute) * 60, UTC)
            self._text((self._x(minute), _HEIGHT - _BOTTOM + 12), f"{at:%H:%M}", _PALE, "ma")

    def curves(self) -> None:
        """Draw what was observed over what is normal."""
        observed = [(self._x(i), self._y(v)) for i, v in enumerate(self._course.observed)]
        base = self._y(0)
        corners = [(observed[0][0], base), *observed, (observed[-1][0], base)]
        self._pen.polygon([(x * _FINER, y * _FINER) for x, y in corners], fill=_AREA)
        self._line(observed, _OBSERVED, 2)
        expected = [(self._x(i), self._y(v)) for i, v in enumerate(self._course.expected)]
        for pair in _dashes(expected):
            self._line(pair, _EXPECTED, 2)

    def mark(self, at: datetime, text: str) -> None:
        """Draw a vertical line with *text* at its head, lower where the last one is near."""
        x = self._x(at.timestamp() / 60 - self._course.first)
        near = x - self._marked < 130
        self._marked = x
        y = _TOP + (18 if near else 0)
        self._line([(x, y), (x, self._y(0))], _INK, 1)
        right = x > _WIDTH - _RIGHT - 120
        self._text((x - 6 if right else x + 6, y), text, _INK, "ra" if right else "la")

    def title(self, text: str, legend: str) -> None:
        """Write the headline, without signs that the font does not have, and the legend."""
        known = "".join(c for c in text if c.isprintable() and ord(c) < 0x2500)
        shown = " ".join(known.split())
        self._pen.text((24 * _FINER, 20 * _FINER), shown, _INK, self._large)
        self._text((24, 54), legend, _PALE, "la")

    def _line(self, points: "list[tuple[float, float]]", colour: str, width: int) -> None:
        self._pen.line([(x * _FINER, y * _FINER) for x, y in points], colour, width * _FINER)

    def _text(self, at: tuple[float, float], text: str, colour: str, anchor: str) -> None:
        self._pen.text((at[0] * _FINER, at[1] * _FINER), text, colour, self._font, anchor)

    def _x(self, minute: float) -> float:
        n = max(len(self._course.observed) - 1, 1)
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * min(max(minute / n, 0.0), 1.0)

    def _y(self, value: float) -> float:
        return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * min(value / self._top, 1.0)


def _round(value: float) -> float:
    """Return the next of 1, 2, 5, 10, 20, 50 …"""
    power = 10.0 ** np.floor(np.log10(max(value, 1.0)))
    return float(next(power * one for one in (1, 2, 5, 10) if power * one >= value))


def _dashes(points: "list[tuple[float, float]]") -> "list[list[tuple[float, float]]]":
    """Cut a line into dashes of eight pixels with gaps between."""
    dashes: list[list[tuple[float, float]]] = []
    for (x0, y0), (x1, y1) in pairwise(points):
        n = max(int((x1 - x0) // 4), 1)
        for i in range(n):
            a, b = x0 + (x1 - x0) * i / n, x0 + (x1 - x0) * (i + 1) / n
            if int(a // 8) % 2 == 0:
                c, d = y0 + (y1 - y0) * i / n, y0 + (y1 - y0) * (i + 1) / n
                dashes.append([(a, c), (b, d)])
    return dashes
