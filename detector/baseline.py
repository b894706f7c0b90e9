"""
The expected rate: what each service's reports are when nothing is wrong.

A hierarchical Gamma-Poisson model: rate = level x season x fast factor. The level forgets with a
half-life of two weeks; the season of 168 hours of the week is shrunk to 48 hours of weekday and
weekend, and these to the profile of the whole catalogue; the fast factor follows the last day.
Every array has one row a service. `learning` fills it, and `surge` tests each bucket against it.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector import spread
from detector.bucket import WIDTH
from detector.seasons import DAY_HOURS, WEEK_HOURS, season, share_known

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Flags = NDArray[np.bool_]

HOUR = 3600
MINUTE = 60
# A service never seen: 6 reports an hour, but anything from 0.1 to 600 would be no surprise. The
# shape of the Gamma prior is 1 / sigma^2 with sigma = 1.5 in the logarithm.
PRIOR_PER_HOUR = 6.0
PRIOR_SHAPE = 1 / 1.5**2
MIN_PER_HOUR = 0.03  # a service never blamed in years still gets a stray tag about once a day
_FAST_WEIGHT = 30.0
UNKNOWN = 0.7  # uncertainty above which a service counts as never learnt
_PRIOR_DISPERSION, _PRIOR_DISPERSION_WEIGHT = 1.6, 50.0
_MAX_DISPERSION = 6.0
_SEASON_SPREAD = 0.36  # variance of the logarithm of an unknown season


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """
    What is learnt, per service, and the hour being collected.

    *rates* are reports an hour at the middle of the previous, this and the next hour; *dispersion*
    is variance over mean of a minute's count; *uncertainty* the standard deviation of the logarithm
    of the rate. The *catalogue_…* arrays are [counts, exposure] over all services.
    """

    rates: Floats
    dispersion: Floats
    uncertainty: Floats
    wander: Floats
    reports: Floats
    exposure: Floats
    fast_reports: Floats
    fast_exposure: Floats
    day_reports: Singles
    day_exposure: Singles
    week_reports: Singles
    week_exposure: Singles
    residual: Floats
    residual_weight: Floats
    step: Floats
    step_weight: Floats
    previous_error: Floats
    roughness: Floats
    rough_reports: Floats
    hours: Floats
    hour_observed: Floats
    hour_expected: Floats
    hour_roughness: Floats
    hour_rough_reports: Floats
    hour_frozen: Flags
    minute_observed: Floats
    previous_minute: Floats
    catalogue_day: Floats
    catalogue_week: Floats
    hour: int
    hour_buckets: int
    minute_buckets: int


_COLUMNS = (
    *("dispersion", "uncertainty", "wander", "reports", "exposure"),
    *("fast_reports", "fast_exposure", "residual", "residual_weight", "step", "step_weight"),
    *("roughness", "rough_reports", "hours", "hour_observed", "hour_expected"),
    *("hour_roughness", "hour_rough_reports", "minute_observed"),
)


def cold(n_services: int, start: int) -> Baseline:
    """Know nothing yet: every service at the prior, from the bucket that begins at *start* on."""
    columns: dict[str, Any] = {name: np.zeros(n_services) for name in _COLUMNS}
    tables: dict[str, Any] = {
        f"{span}_{part}": np.zeros((n_services, width), np.float32)
        for span, width in (("day", DAY_HOURS), ("week", WEEK_HOURS))
        for part in ("reports", "exposure")
    }
    blank = Baseline(
        **columns,
        **tables,
        rates=np.zeros((n_services, 3)),
        previous_error=np.full(n_services, np.nan),
        previous_minute=np.full(n_services, np.nan),
        hour_frozen=np.zeros(n_services, np.bool_),
        catalogue_day=np.zeros((2, DAY_HOURS)),
        catalogue_week=np.zeros((2, WEEK_HOURS)),
        hour=start // HOUR,
        hour_buckets=0,
        minute_buckets=0,
    )
    return refreshed(blank)


def expected(baseline: Baseline, start: int) -> Floats:
    """
    Reports expected in the bucket that begins at *start*, interpolated between the hours' middles.
    """
    place = (start % HOUR + WIDTH / 2) / HOUR
    before, now, after = baseline.rates.T
    rate = (
        before * (0.5 - place) + now * (0.5 + place)
        if place < 0.5
        else now * (1.5 - place) + after * (place - 0.5)
    )
    return np.asarray(np.maximum(rate, MIN_PER_HOUR) * (WIDTH / HOUR))


def refreshed(baseline: Baseline) -> Baseline:
    """Work out the rates around the current hour, the dispersion and the uncertainty."""
    level = level_of(baseline) * fast_of(baseline)
    rates = np.stack([level * season_of(baseline, baseline.hour + i) for i in (-1, 0, 1)], axis=1)
    dispersion = (baseline.roughness + _PRIOR_DISPERSION * _PRIOR_DISPERSION_WEIGHT) / (
        baseline.rough_reports + _PRIOR_DISPERSION_WEIGHT
    )
    dispersion = np.clip(dispersion, 1.02, _MAX_DISPERSION)
    # Three things are uncertain: how much the rate wanders, the level, and the season.
    variance = (
        spread.around(baseline.residual, baseline.residual_weight)
        + 1 / (PRIOR_SHAPE + baseline.reports / dispersion)
        + season_variance(baseline)
    )
    wander = spread.gained(baseline.step, baseline.step_weight)
    return replace(
        baseline, rates=rates, dispersion=dispersion, uncertainty=np.sqrt(variance), wander=wander
    )


def season_variance(baseline: Baseline) -> Floats:
    """Variance of the logarithm of what is not yet known of the season around the current hour."""
    now, soon = (share_known(baseline.day_exposure, baseline.hour + i) for i in (0, 1))
    days = baseline.hours / 24
    known = np.minimum(now, soon) * days / (days + 1)  # one day is not every day
    return np.asarray(_SEASON_SPREAD * (1 - known) ** 2)


def usual_week(baseline: Baseline, row: int) -> Floats:
    """
    Reports an hour that are normal for the service in *row*, in the 168 hours from Monday 0:00 UTC.
    """
    level = level_of(baseline)[row]
    # Hour 96 since the epoch, a Thursday, began the first Monday.
    week = [level * season_of(baseline, 96 + hour)[row] for hour in range(WEEK_HOURS)]
    usual: Floats = np.maximum(np.array(week), MIN_PER_HOUR)
    return usual


def level_of(baseline: Baseline) -> Floats:
    """Reports an hour, whatever the hour, shrunk to the prior."""
    return (baseline.reports + PRIOR_SHAPE) / (baseline.exposure + PRIOR_SHAPE / PRIOR_PER_HOUR)


def fast_of(baseline: Baseline) -> Floats:
    """How the last day was, beside what level and season let expect."""
    return (baseline.fast_reports + _FAST_WEIGHT) / (baseline.fast_exposure + _FAST_WEIGHT)


def season_of(baseline: Baseline, hour: int) -> Floats:
    """How *hour*, in hours since the epoch, is beside the mean of the week."""
    return season(
        (baseline.day_reports, baseline.day_exposure),
        (baseline.week_reports, baseline.week_exposure),
        baseline.catalogue_day,
        baseline.catalogue_week,
        hour,
    )
