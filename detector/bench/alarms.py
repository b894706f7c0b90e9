"""False incidents: how often the statistic of a service that is fine comes up to a threshold."""

from dataclasses import dataclass

import numpy as np

from detector.baseline import Floats
from detector.bench.life import Life, judged
from detector.bench.world import PER_MINUTE, World

BLOCK_HOURS = 4
_YEAR_HOURS = 8_766.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """
    The statistic's *peaks* in a stretch without outages, shape (blocks of 4 h, services), and the
    *life* after it.
    """

    peaks: Floats
    life: Life


def lived(life: Life, world: World, hours: int, *, mentions: bool = False) -> Quiet:
    """Live *hours*, a multiple of 4, at full resolution and without any outage."""
    peaks = []
    for _ in range(0, hours, BLOCK_HOURS):
        highest = np.full(len(world.rates), -np.inf)
        for hour in range(life.hour, life.hour + BLOCK_HOURS):
            rate = world.hour(hour).rate
            counts = world.counts(rate, PER_MINUTE)
            named = world.mentions(rate, PER_MINUTE) if mentions else None
            for known, statistic in judged(life, counts, named):
                life = known
                highest = np.maximum(highest, statistic)
        peaks.append(highest)
    return Quiet(peaks=np.array(peaks), life=life)


def years(peaks: Floats) -> float:
    """Service-years that *peaks* span."""
    return peaks.size * BLOCK_HOURS / _YEAR_HOURS


def number(peaks: Floats, threshold: float) -> int:
    """False incidents at *threshold*: adjacent blocks that reach it are one incident."""
    over = peaks >= threshold
    before = np.vstack([np.zeros((1, over.shape[1]), np.bool_), over[:-1]])
    return int((over & ~before).sum())


def rate(peaks: Floats, threshold: float) -> tuple[float, tuple[float, float]]:
    """False incidents a service-year with the 95 % interval of a Poisson count."""
    n, span = number(peaks, threshold), years(peaks)
    low = n * (1 - 1 / (9 * n) - 1.96 / (3 * n**0.5)) ** 3 if n else 0.0
    high = (n + 1) * (1 - 1 / (9 * (n + 1)) + 1.96 / (3 * (n + 1) ** 0.5)) ** 3
    return n / span, (max(low, 0.0) / span, high / span)


def threshold(peaks: Floats, per_year: float) -> float:
    """
    Threshold with *per_year* alarms a service-year: the tail of the peaks is fitted as exponential.
    """
    ordered = np.sort(peaks[np.isfinite(peaks)])[::-1]
    wanted = per_year * years(peaks)
    k = min(max(30, int(3 * wanted)), len(ordered) - 1)
    if wanted >= 20 and wanted < len(ordered):
        return float(ordered[int(wanted)])
    tail = ordered[k]
    scale = float(np.mean(ordered[:k] - tail))
    return float(tail + scale * np.log(k / wanted))
