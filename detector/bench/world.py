"""
A made-up year of many services: what reports look like where nothing, or something, is wrong.

Each service has a base rate, a season of the 168 hours of the week with its own phase, a level that
wanders (Ornstein-Uhlenbeck, standard deviation 0.25, time constant 3 h) and drifts from week to
week, holidays (both set in over six hours), harmless bumps of interest, past outages, and counts
that are negative binomial with variance `dispersion` x mean. Everything follows from the seed.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.baseline import HOUR, MINUTE, Floats
from detector.bucket import WIDTH
from detector.seasons import WEEK_HOURS

Singles = NDArray[np.float32]

EPOCH = 1_735_516_800  # Monday 30 December 2024, 00:00 UTC
PER_MINUTE = MINUTE // WIDTH
_WANDER, _WANDER_KEEP = 0.25, float(np.exp(-1 / 180))
_HOLIDAYS, _BUMPS, _OUTAGES = 9, 6, 4  # a year
_MENTIONS, _TALK = 3.0, 0.15  # mere mentions for a report, and how their logarithm wanders apart


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """
    One hour of all services: true *rate* a minute, shape (services, 60), and the *steady* one that
    it wanders about.

    *bumped* are the services with a harmless surge of interest within the last six hours.
    """

    rate: Floats
    steady: Floats
    bumped: NDArray[np.bool_]


class World:
    """
    Services of the base *rates* (reports a minute) from `EPOCH` on; hours come in order.

    The level's drift begins anew after so many *weeks*.
    """

    def __init__(
        self,
        rates: Floats,
        seed: int,
        *,
        bumps: bool = True,
        outages: bool = True,
        weeks: int = 54,
    ):
        self.rng = np.random.default_rng(seed)
        self.rates = rates
        self.dispersion = self.rng.uniform(1.2, 2.0, len(rates))
        self._season = _season(self.rng, len(rates))
        self._weekly = np.exp(
            np.cumsum(self.rng.normal(0, 0.05, (len(rates), weeks)), axis=1)
            + self.rng.normal(0, 0.15, (len(rates), weeks))
        )
        self._wander = self.rng.normal(0, _WANDER, len(rates))
        self._talk = self.rng.normal(0, _TALK, len(rates))
        self._days: dict[int, Floats] = {}
        self._bump_at = self._events(_BUMPS if bumps else 0)
        self._bump_size = 1 + np.minimum(4.0, self.rng.lognormal(0, 0.6, self._bump_at.shape))
        self._bump_rise = self.rng.uniform(30, 120, self._bump_at.shape)
        self._bump_fall = self.rng.uniform(60, 240, self._bump_at.shape)
        self._outage_at = self._events(_OUTAGES if outages else 0)
        self._outage_end = self._outage_at + self.rng.uniform(30, 180, self._outage_at.shape)
        self._outage_size = np.exp(self.rng.uniform(np.log(3), np.log(50), self._outage_at.shape))

    def hour(self, hour: int, *, outages: bool = False) -> Hour:
        """Live the *hour*-th hour since `EPOCH`, with past *outages* or without."""
        minutes = hour * 60 + np.arange(60.0)
        place = (np.arange(60) + 0.5) / 60
        here, after = self._season[:, hour % WEEK_HOURS], self._season[:, (hour + 1) % WEEK_HOURS]
        season = here[:, None] * (1 - place) + after[:, None] * place
        daily = self._daily(hour)
        wander, self._wander = self._walk(self._wander, _WANDER)
        bump, bumped = self._bump(minutes)
        steady = self.rates[:, None] * daily * season * bump
        if outages:
            steady = steady * self._outage(minutes)
        return Hour(rate=steady * wander, steady=steady, bumped=bumped)

    def adopt(self, other: "World") -> None:
        """Take over *other*'s services, but for what chance brings from now on."""
        self.dispersion, self._season, self._weekly = other.dispersion, other._season, other._weekly

    def mentions(self, rate: Floats, per_minute: int) -> Singles:
        """Mere mentions: three for a report that comes at *rate*, on a wander of their own."""
        talk, self._talk = self._walk(self._talk, _TALK)
        return self.counts(_MENTIONS * rate * talk, per_minute)

    def counts(self, rate: Floats, per_minute: int) -> Singles:
        """Reports in each part of a minute, *per_minute* of them, at *rate* a minute by minute."""
        mean = np.repeat(rate / per_minute, per_minute, axis=1)
        return drawn(self.rng, mean, self.dispersion[:, None])

    def _walk(self, at: Floats, deviation: float) -> tuple[Floats, Floats]:
        """An hour's factor of mean 1 by minute, of an Ornstein-Uhlenbeck process, and its end."""
        path = np.empty((len(at), 60))
        shocks = self.rng.normal(0, deviation * np.sqrt(1 - _WANDER_KEEP**2), path.shape)
        for i in range(60):
            at = at * _WANDER_KEEP + shocks[:, i]
            path[:, i] = at
        return np.exp(path - deviation**2 / 2), at

    def _events(self, per_year: float) -> Floats:
        """Minutes since `EPOCH` of a Poisson number of events, padded with infinity."""
        number = self.rng.poisson(per_year, len(self.rates))
        width = max(int(number.max(initial=0)), 1)
        at = self.rng.uniform(0, 52 * WEEK_HOURS * 60, (len(self.rates), width))
        return np.where(np.arange(width) < number[:, None], at, np.inf)

    def _daily(self, hour: int) -> Floats:
        """Week and holiday factor by minute; one day turns into the next over six hours."""
        place = (hour + (np.arange(60) + 0.5) / 60) / 24
        day = int(np.floor(place[0] - 0.5))
        part = np.clip((place - day - 1) * 4 + 0.5, 0.0, 1.0)
        before, after = np.log(self._day(day)), np.log(self._day(day + 1))
        return np.asarray(np.exp(before[:, None] * (1 - part) + after[:, None] * part))

    def _day(self, day: int) -> Floats:
        if day not in self._days:
            here = self.rng.random(len(self.rates)) < _HOLIDAYS / 365
            factor = np.where(here, self.rng.uniform(0.4, 1.8, len(self.rates)), 1.0)
            week = max(day, 0) // 7 % self._weekly.shape[1]
            kept = {d: f for d, f in self._days.items() if d >= day - 1}
            self._days = kept | {day: factor * self._weekly[:, week]}
        return self._days[day]

    def _bump(self, minutes: Floats) -> tuple[Floats, NDArray[np.bool_]]:
        since = minutes[-1] - self._bump_at
        active = (since > 0) & (since < self._bump_rise + 5 * self._bump_fall + 360)
        factor = np.ones((len(self.rates), 60))
        for row, k in zip(*np.nonzero(active), strict=True):
            age = minutes - self._bump_at[row, k]
            rise, fall = self._bump_rise[row, k], self._bump_fall[row, k]
            height = np.where(age < rise, age / rise, np.exp(-(age - rise) / fall))
            lasts = (age > 0) & (age < rise + 5 * fall)
            factor[row] *= 1 + (self._bump_size[row, k] - 1) * np.where(lasts, height, 0.0)
        return factor, np.asarray(active.any(axis=1))

    def _outage(self, minutes: Floats) -> Floats:
        near = (self._outage_at < minutes[-1]) & (self._outage_end > minutes[0])
        factor = np.ones((len(self.rates), 60))
        for row, k in zip(*np.nonzero(near), strict=True):
            during = (minutes >= self._outage_at[row, k]) & (minutes < self._outage_end[row, k])
            factor[row] *= np.where(during, self._outage_size[row, k], 1.0)
        return factor


def drawn(rng: np.random.Generator, mean: Floats, dispersion: Floats) -> Singles:
    """Negative binomial counts of *mean* and variance *dispersion* x mean, which broadcast."""
    extra = np.broadcast_to(dispersion - 1, mean.shape)
    return rng.poisson(rng.standard_gamma(mean / extra) * extra).astype(np.float32)


def start_of(hour: int) -> int:
    """Unix seconds at which the *hour*-th hour begins."""
    return EPOCH + hour * HOUR


def _season(rng: np.random.Generator, n: int) -> Floats:
    hours = np.arange(WEEK_HOURS)
    height, phase = rng.uniform(0.5, 1.0, (n, 1)), rng.uniform(0, 24, (n, 1))
    second = phase + rng.uniform(-3, 3, (n, 1))
    log = height * np.cos(2 * np.pi * (hours - phase) / 24)
    log = log + 0.3 * height * np.cos(4 * np.pi * (hours - second) / 24)
    weekend = np.log(rng.uniform(0.6, 1.1, (n, 1)))
    log = log + np.where(hours // 24 >= 5, weekend, 0.0) + rng.normal(0, 0.08, log.shape)
    season = np.exp(log)
    return np.asarray(season / season.mean(axis=1, keepdims=True))
