"""
The expected rate: what each service's reports are when nothing is wrong.

A hierarchical Gamma-Poisson model, learnt once an hour: rate = level x season x fast factor. The
level forgets with a half-life of two weeks; the season of 168 hours of the week is shrunk to 48
hours of weekday and weekend, and these to the profile of the whole catalogue; the fast factor
follows the last day. Counts above a cap teach no more than the cap, and hours inside an incident
teach nothing. Every array has one row a service. Leaves the test of each bucket to `surge`.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector import spread
from detector.bucket import WIDTH
from detector.seasons import (
    DAY_HOURS,
    WEEK_HOURS,
    WEEK_KEEP,
    day_keep,
    faded_column,
    hour_of_week,
    profile,
    season,
    share_known,
)

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
_LEVEL_KEEP = float(np.exp(-1 / 504))
_FAST_KEEP = float(np.exp(-1 / 24))
_FAST_WEIGHT = 30.0
UNKNOWN = 0.7  # uncertainty above which a service counts as never learnt
_PRIOR_DISPERSION, _PRIOR_DISPERSION_WEIGHT = 1.6, 50.0
_MAX_DISPERSION = 6.0
_FINDING_HOURS = 48.0
_SETTLED = 20.0  # reports from which the error of the level no longer passes for its wander
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
    return _refreshed(blank)


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


def advanced(baseline: Baseline, start: int) -> Baseline:
    """
    Learn the hour that was collected when *start* lies in a later one; else return it as it is.
    """
    if start // HOUR == baseline.hour:
        return baseline
    learnt = _learnt(baseline) if baseline.hour_buckets else baseline
    zeros = np.zeros_like(baseline.hour_observed)
    fresh = replace(
        learnt,
        hour=start // HOUR,
        hour_buckets=0,
        hour_observed=zeros,
        hour_expected=zeros,
        hour_roughness=zeros,
        hour_rough_reports=zeros,
        hour_frozen=np.zeros_like(baseline.hour_frozen),
    )
    return _refreshed(fresh)


def collected(
    baseline: Baseline, start: int, observed: Floats, expected: Floats, frozen: Flags
) -> Baseline:
    """Add one bucket to the hour; a service *frozen* in any bucket learns nothing from the hour."""
    whole = replace(
        baseline,
        hour_buckets=baseline.hour_buckets + 1,
        hour_observed=baseline.hour_observed + observed,
        hour_expected=baseline.hour_expected + expected,
        hour_frozen=baseline.hour_frozen | frozen,
        minute_observed=baseline.minute_observed + observed,
        minute_buckets=baseline.minute_buckets + 1,
    )
    return whole if (start + WIDTH) % MINUTE else _minute_ended(whole)


def interrupted(baseline: Baseline) -> Baseline:
    """Forget the minute that a silent feed cut in two; all else is kept as it was."""
    return replace(
        baseline,
        minute_observed=np.zeros_like(baseline.minute_observed),
        minute_buckets=0,
        previous_minute=np.full_like(baseline.previous_minute, np.nan),
    )


def _minute_ended(baseline: Baseline) -> Baseline:
    """
    Take the squared difference of two successive minutes, whose mean is twice the variance of one.

    Differences do not see a slow drift of the level, which would pass for dispersion (von Neumann
    1941).
    """
    minute = baseline.minute_observed
    known = ~np.isnan(baseline.previous_minute) & (baseline.minute_buckets == MINUTE // WIDTH)
    difference = np.where(known, minute - baseline.previous_minute, 0.0)
    return replace(
        baseline,
        hour_roughness=baseline.hour_roughness + difference**2 / 2,
        hour_rough_reports=baseline.hour_rough_reports + np.where(known, minute, 0.0),
        previous_minute=minute,
        minute_observed=np.zeros_like(minute),
        minute_buckets=0,
    )


def _learnt(old: Baseline) -> Baseline:
    """Update every service that was in no incident with the hour's capped count."""
    learns = ~old.hour_frozen
    share = old.hour_buckets * WIDTH / HOUR
    mean = np.maximum(old.hour_expected, 1e-9)
    cap = mean + 4 * np.sqrt(old.dispersion * mean + (old.uncertainty * mean) ** 2) + 3
    cap = np.maximum(cap, mean * np.exp(3 * old.uncertainty))
    count = np.minimum(old.hour_observed, cap)
    week, day = hour_of_week(old.hour)
    usual, fast = _season(old, old.hour), _fast(old)

    def faded(values: Floats, keep: float, gain: Floats) -> Floats:
        return np.asarray(np.where(learns, values * keep ** (share) + gain, values))

    reports = faded(old.reports, _LEVEL_KEEP, count)
    exposure = faded(old.exposure, _LEVEL_KEEP, usual * fast * share)
    # The level learns first: else what it did not know would be credited to the season as well.
    level = _level(replace(old, reports=reports, exposure=exposure))
    calm = learns & (old.hour_observed <= cap)
    flat = level * fast * share
    # Until two days are seen the level is still to be found: hours seen before are measured by the
    # level as it is known now, else the first of them would pass for the usual ones.
    by_now = np.where(old.hours < _FINDING_HOURS, level / _level(old), 1.0)[:, None]
    day_exposure, week_exposure = (
        np.asarray(table * by_now, np.float32) for table in (old.day_exposure, old.week_exposure)
    )
    told = calm & (old.reports / old.dispersion >= _SETTLED)
    sums = (old.residual, old.residual_weight, old.step, old.step_weight)
    (residual, residual_weight, step, step_weight), error = spread.weighed(
        sums, old.previous_error, count, mean, old.dispersion, told
    )
    return replace(
        old,
        reports=reports,
        exposure=exposure,
        fast_reports=faded(old.fast_reports, _FAST_KEEP, count),
        fast_exposure=faded(old.fast_exposure, _FAST_KEEP, level * usual * share),
        day_reports=faded_column(old.day_reports, day, learns, day_keep(day), count),
        day_exposure=faded_column(day_exposure, day, learns, day_keep(day), flat),
        week_reports=faded_column(old.week_reports, week, learns, WEEK_KEEP, count),
        week_exposure=faded_column(week_exposure, week, learns, WEEK_KEEP, flat),
        residual=residual,
        residual_weight=residual_weight,
        step=step,
        step_weight=step_weight,
        previous_error=error,
        roughness=np.where(calm, old.roughness * spread.KEEP + old.hour_roughness, old.roughness),
        rough_reports=np.where(
            calm, old.rough_reports * spread.KEEP + old.hour_rough_reports, old.rough_reports
        ),
        hours=old.hours + np.where(learns, share, 0.0),
        catalogue_day=profile(old.catalogue_day, day, day_keep(day), count, flat, learns),
        catalogue_week=profile(old.catalogue_week, week, WEEK_KEEP, count, flat, learns),
    )


def _refreshed(baseline: Baseline) -> Baseline:
    """Work out the rates around the current hour, the dispersion and the uncertainty."""
    level = _level(baseline) * _fast(baseline)
    rates = np.stack([level * _season(baseline, baseline.hour + i) for i in (-1, 0, 1)], axis=1)
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
    level = _level(baseline)[row]
    # Hour 96 since the epoch, a Thursday, began the first Monday.
    week = [level * _season(baseline, 96 + hour)[row] for hour in range(WEEK_HOURS)]
    usual: Floats = np.maximum(np.array(week), MIN_PER_HOUR)
    return usual


def _level(baseline: Baseline) -> Floats:
    return (baseline.reports + PRIOR_SHAPE) / (baseline.exposure + PRIOR_SHAPE / PRIOR_PER_HOUR)


def _fast(baseline: Baseline) -> Floats:
    return (baseline.fast_reports + _FAST_WEIGHT) / (baseline.fast_exposure + _FAST_WEIGHT)


def _season(baseline: Baseline, hour: int) -> Floats:
    return season(
        (baseline.day_reports, baseline.day_exposure),
        (baseline.week_reports, baseline.week_exposure),
        baseline.catalogue_day,
        baseline.catalogue_week,
        hour,
    )
