"""
What each hour teaches the baseline.

Counts above a cap teach no more than the cap, and hours inside an incident teach nothing. Minutes
tell the dispersion, hours the rest.
"""

from dataclasses import replace

import numpy as np

from detector import spread
from detector.baseline import (
    HOUR,
    MINUTE,
    Baseline,
    Flags,
    Floats,
    fast_of,
    level_of,
    refreshed,
    season_of,
)
from detector.bucket import WIDTH
from detector.seasons import (
    WEEK_KEEP,
    day_keep,
    faded_column,
    hour_of_week,
    profile,
)

_LEVEL_KEEP = float(np.exp(-1 / 504))
_FAST_KEEP = float(np.exp(-1 / 24))
_FINDING_HOURS = 48.0
_SETTLED = 20.0  # reports from which the error of the level no longer passes for its wander


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
    return refreshed(fresh)


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
    usual, fast = season_of(old, old.hour), fast_of(old)

    def faded(values: Floats, keep: float, gain: Floats) -> Floats:
        return np.asarray(np.where(learns, values * keep ** (share) + gain, values))

    reports = faded(old.reports, _LEVEL_KEEP, count)
    exposure = faded(old.exposure, _LEVEL_KEEP, usual * fast * share)
    # The level learns first: else what it did not know would be credited to the season as well.
    level = level_of(replace(old, reports=reports, exposure=exposure))
    calm = learns & (old.hour_observed <= cap)
    flat = level * fast * share
    # Until two days are seen the level is still to be found: hours seen before are measured by the
    # level as it is known now, else the first of them would pass for the usual ones.
    by_now = np.where(old.hours < _FINDING_HOURS, level / level_of(old), 1.0)[:, None]
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
