"""
The season of the week: 168 hours, shrunk to 48 of weekday and weekend, these to each other, and all
to the catalogue's.

Tables are counts and exposures by hour; what is learnt fades each time the hour comes round.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Flags = NDArray[np.bool_]

WEEK_HOURS = 168
DAY_HOURS = 48  # 24 of a weekday, 24 of a weekend's day
WEEK_KEEP = 0.9  # what an hour of the week keeps of its past, each time it comes round
_DAY_WEIGHT, _WEEK_WEIGHT, _PROFILE_WEIGHT = 10.0, 20.0, 50.0


def hour_of_week(hour: int) -> tuple[int, int]:
    """
    Give the place of the *hour* since the epoch in the week that begins on Monday, and among the 48
    of weekday and weekend.
    """
    week = (hour + 72) % WEEK_HOURS  # the epoch was a Thursday
    return week, week % 24 + (24 if week >= 120 else 0)


def day_keep(day: int) -> float:
    """Share that the *day*-th of the 48 hours keeps of its past when it comes round."""
    return float(WEEK_KEEP ** (1 / 2 if day >= 24 else 1 / 5))


def season(
    day: tuple[Singles, Singles],
    week: tuple[Singles, Singles],
    catalogue_day: Floats,
    catalogue_week: Floats,
    hour: int,
) -> Floats:
    """
    Factor of the *hour* since the epoch for every service; *day* and *week* are its counts and
    exposures.
    """
    at_week, at_day = hour_of_week(hour)
    n_day, e_day = catalogue_day[:, at_day]
    n_week, e_week = catalogue_week[:, at_week]
    profile_day = (n_day + _PROFILE_WEIGHT) / (e_day + _PROFILE_WEIGHT)
    profile = (n_week + _PROFILE_WEIGHT * profile_day) / (e_week + _PROFILE_WEIGHT)
    beside = (at_day + 24) % DAY_HOURS
    other = (day[0][:, beside] + _DAY_WEIGHT * profile_day) / (day[1][:, beside] + _DAY_WEIGHT)
    by_day = (day[0][:, at_day] + _DAY_WEIGHT * other) / (day[1][:, at_day] + _DAY_WEIGHT)
    usual = by_day * (profile / profile_day)
    return np.asarray(
        (week[0][:, at_week] + _WEEK_WEIGHT * usual) / (week[1][:, at_week] + _WEEK_WEIGHT),
        np.float64,
    )


def share_known(day_exposure: Singles, hour: int) -> Floats:
    """How much of the season of *hour* comes from what the service itself did, from 0 to 1."""
    _, at_day = hour_of_week(hour)
    own, other = day_exposure[:, at_day], day_exposure[:, (at_day + 24) % DAY_HOURS]
    return np.asarray((own + other) / (own + other + _DAY_WEIGHT), np.float64)


def faded_column(table: Singles, column: int, learns: Flags, keep: float, gain: Floats) -> Singles:
    """Fade *column* of a service that *learns*, and add to it."""
    new = table.copy()
    new[:, column] = np.where(learns, table[:, column] * keep + gain, table[:, column])
    return new


def profile(
    table: Floats, column: int, keep: float, count: Floats, flat: Floats, learns: Flags
) -> Floats:
    """
    Add the hour over all services; the square root keeps one giant from being the whole profile.
    """
    new = table.copy()
    weight = np.where(learns, 1 / np.sqrt(1 + flat), 0.0)
    new[:, column] = table[:, column] * keep + (np.sum(count * weight), np.sum(flat * weight))
    return new
