"""
Other people's rules, re-implemented on counts a minute: what the detector is measured against.

Each takes counts of shape (services, minutes) and gives, for every minute, a statistic that uses
that minute and the past only; minus infinity while it has too little history. `rule` is the
threshold that its author states, for a back-test; the bench sets all to equal false-alarm rates.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from detector.baseline import Floats

DAY, WEEK = 1_440, 10_080


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """A rule by name; the statistic raises at *rule* or above."""

    statistic: Callable[[Floats], Floats]
    rule: float


def same_hour_multiple(counts: Floats) -> Floats:
    """15 minutes over what is usual at this hour of the day (as Downdetector describes)."""
    window, usual = _sums(counts, 15), np.full(counts.shape, np.nan)
    hours = counts.shape[1] // 60
    hourly = counts[:, : hours * 60].reshape(len(counts), hours, 60).sum(axis=2)
    for hour in range(24, hours + 1):
        past = hourly[:, hour % 24 : hour : 24].mean(axis=1) / 4
        usual[:, hour * 60 : hour * 60 + 60] = past[:, None]
    return _known(window / np.maximum(usual, 1.0))


def two_class_z(counts: Floats) -> Floats:
    """
    Z-score of 5 minutes against the day before (503radar's rule of two classes of evidence).

    The second class, at least three reports in the window, is a condition.
    """
    window = _sums(counts, 5)
    mean, spread = _day_before(counts)
    z = (window - 5 * mean) / np.sqrt(5 * np.maximum(spread, np.maximum(mean, 1 / DAY)))
    return _known(np.where(window >= 3, z, -np.inf))


def weekly_offset(counts: Floats) -> Floats:
    """
    Deviation of 30 minutes from the same time a week ago and from the hours before, in standard
    deviations (Augustine 2013, the best of SPOONS).
    """
    window = _sums(counts, 30)
    change = np.full(counts.shape, np.nan)
    change[:, WEEK:] = window[:, WEEK:] - window[:, :-WEEK]
    spread = np.full(counts.shape, np.nan)
    hourly = change[:, ::30]
    seen = sliding_window_view(hourly, 48, axis=1).std(axis=2)
    for i in range(seen.shape[1] - 1):
        at = (i + 48) * 30
        spread[:, at : at + 30] = seen[:, i][:, None]
    return _known(change / np.maximum(spread, 1.0))


def exponential_smoothing(counts: Floats) -> Floats:
    """Count above its own exponentially weighted mean, in deviations (Motoyama and others 2010)."""
    result = np.full(counts.shape, -np.inf)
    mean, variance = counts[:, 0].copy(), np.maximum(counts[:, 0], 1.0)
    for minute in range(1, counts.shape[1]):
        now = counts[:, minute]
        if minute >= 60:
            result[:, minute] = (now - mean) / np.sqrt(np.maximum(variance, 0.1))
        change = now - mean
        mean = mean + change / 30
        variance = variance * (1 - 1 / 30) + change**2 / 30
    return result


def median_deviation(counts: Floats) -> Floats:
    """5 minutes against the median of the day before, in median absolute deviations."""
    window, result = _sums(counts, 5), np.full(counts.shape, -np.inf)
    for at in range(DAY, counts.shape[1], 30):
        past = window[:, at - DAY : at : 5]
        median = np.median(past, axis=1, keepdims=True)
        spread = 1.4826 * np.median(np.abs(past - median), axis=1, keepdims=True)
        part = slice(at, min(at + 30, counts.shape[1]))
        result[:, part] = (window[:, part] - median) / np.maximum(spread, 1.0)
    return result


RIVALS: Mapping[str, Rival] = {
    "same-hour multiple": Rival(statistic=same_hour_multiple, rule=3.0),
    "two-class z-score": Rival(statistic=two_class_z, rule=3.0),
    "weekly offset": Rival(statistic=weekly_offset, rule=3.0),
    "keyword count, EWMA": Rival(statistic=exponential_smoothing, rule=3.0),
    "median, MAD": Rival(statistic=median_deviation, rule=3.0),
}


def _sums(counts: Floats, width: int) -> Floats:
    """Sum the last *width* minutes, fewer at the beginning."""
    total = np.cumsum(counts, axis=1)
    result = total.copy()
    result[:, width:] = total[:, width:] - total[:, :-width]
    return np.asarray(result)


def _day_before(counts: Floats) -> tuple[Floats, Floats]:
    """Mean and variance a minute of the day that ended five minutes ago."""
    mean, spread = np.full(counts.shape, np.nan), np.full(counts.shape, np.nan)
    first, second = _sums(counts, DAY) / DAY, _sums(counts**2, DAY) / DAY
    mean[:, DAY + 5 :] = first[:, DAY:-5]
    spread[:, DAY + 5 :] = (second - first**2)[:, DAY:-5]
    return mean, spread


def _known(values: Floats) -> Floats:
    return np.where(np.isnan(values), -np.inf, values)
