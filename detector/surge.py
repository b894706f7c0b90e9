"""
The sequential test: has a service's rate of reports left its normal level, and since when?

A mixture Shiryaev-Roberts statistic over closed buckets. For each effect size L_t is the likelihood
ratio of the bucket's count, negative binomial, at effect x null mean against the null mean, and R_t
= (1 + R_{t-1}) L_t. Under the null R_t - t is a martingale of mean 0, so the first time that the
mean of R over the effects reaches A comes after A buckets or more on average, whatever the effects
(Shiryaev 1963; Roberts 1966; as an "e-detector" Shin, Ramdas and Rinaldo 2022). Hence A = buckets
in a service-year / false incidents allowed in one.

The guarantee holds for a known null. Ours is estimated, so the null is composite: several levels,
each a number of standard deviations z above the estimate, and the statistic is the least over them
of log mean R + z^2/2: a level that far off is so much less likely to begin with. A filter of the
level follows its wander; it remembers the less the more it sees (a Kalman gain), looks back some
minutes, and while it is held it forgets, so that what it does not know widens the null.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from detector.baseline import MINUTE, Baseline, Flags, Floats, Singles, season_variance
from detector.bucket import WIDTH
from detector.likelihood import FEW, log_ratio, log_sum

Times = NDArray[np.int64]

BUCKETS_PER_YEAR = 365.25 * 86_400 / WIDTH
EFFECTS = np.array((2.5, 4.0, 7.0, 14.0, 30.0, 80.0, 300.0))
NULLS = np.array((0.0, 1.0, 2.0, 3.0, 4.0, 5.0))
# Fewer people than this raise no incident whatever the statistic says: friends, or one person with
# five accounts, can complain within a minute about a service that nobody has named for weeks. It
# costs little: the threshold asks for about as many where an outage is less than a hundredfold.
MIN_AUTHORS = 6
_LAG = 10  # minutes that the level filter looks back, so that an onset does not teach it
# The level of a service wanders: what its logarithm's variance gains in a minute, as a share of
# the variance of a learnt service's hours, and of the season that is not learnt yet.
_DRIFT, _SEASON_DRIFT = 1 / 90, 1 / 300
_BEHIND = 12.0  # minutes of drift between what the filter has seen and now
_FADE = float(np.exp(-1 / 180))  # the wander returns to the mean: nothing is remembered longer
# Nats of a climb that hold the filter; effects above 30 are left out, as to them a single post
# on a service of which nobody ever speaks is suspicious.
_SUSPICIOUS = 4.0
_MILD = int(np.searchsorted(EFFECTS, 30.0)) + 1
_MAX_HOLD = 240  # buckets that suspicion alone holds the filter; an open incident holds it longer
_RECENT_KEEP = float(np.exp(-WIDTH / 300))
_CEILING = 1e60  # of R: 138 nats say no more than 60
UNKNOWN = 0.7  # uncertainty of a baseline above which a service counts as never learnt
_UNLEARNT = 1.9  # standard deviation of the log rate over all services of the world
_LEAST = 1.4  # x a null level: an effect nearer to it would be evidence for neither
_CERTAIN = 138.0  # its logarithm
_MAX_COUNT = 4_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Surge:
    """
    The test's state, one row a service.

    *ratio* is R by null level and effect. *climb* are CUSUMs by effect at the expected level:
    *since* says where the present climb of each began, *climb_observed* and *climb_expected* what
    came since. *recent_…* fade with a time constant of 5 minutes; *last_minute* has the last six
    buckets.
    """

    statistic: Floats
    ratio: Floats
    level_reports: Floats
    level_exposure: Floats
    lag_observed: Singles
    lag_expected: Singles
    minute_observed: Floats
    minute_expected: Floats
    held: Times
    climb: Floats
    since: Times
    climb_observed: Floats
    climb_expected: Floats
    recent_observed: Floats
    recent_expected: Floats
    recent_blamed: Floats
    last_minute: Singles


def threshold(false_incidents_per_service_year: float) -> float:
    """Turn the budget into nats that the statistic must reach."""
    return float(np.log(BUCKETS_PER_YEAR / false_incidents_per_service_year))


def cold(n_services: int, start: int) -> Surge:
    """Begin the test at *start* without any evidence."""
    n, k = n_services, len(EFFECTS)
    return Surge(
        statistic=np.full(n, -50.0),
        ratio=np.zeros((n, len(NULLS), k)),
        level_reports=np.zeros(n),
        level_exposure=np.zeros(n),
        lag_observed=np.zeros((n, _LAG), np.float32),
        lag_expected=np.zeros((n, _LAG), np.float32),
        minute_observed=np.zeros(n),
        minute_expected=np.zeros(n),
        held=np.zeros(n, np.int64),
        climb=np.zeros((n, k)),
        since=np.full((n, k), start, np.int64),
        climb_observed=np.zeros((n, k)),
        climb_expected=np.zeros((n, k)),
        recent_observed=np.zeros(n),
        recent_expected=np.zeros(n),
        recent_blamed=np.zeros(n),
        last_minute=np.zeros((n, MINUTE // WIDTH), np.float32),
    )


def null_means(surge: Surge, baseline: Baseline, expected: Floats) -> Floats:
    """Reports of one bucket under each null level, shape (services, null levels)."""
    level, shape = _level(surge, baseline)
    return np.asarray((expected * level)[:, None] * _steps(surge, level, shape, baseline))


def usual(surge: Surge, baseline: Baseline, expected: Floats) -> Floats:
    """Reports of one bucket under the first null level: the first column of `null_means`."""
    level, _ = _level(surge, baseline)
    means = expected * level
    if len(rows := np.flatnonzero(_unknown(baseline))):
        most = _unlearnt(surge, baseline, rows)[:, 0] / level[rows]
        means[rows] *= np.maximum(most, 1.0)
    return np.asarray(means)


def judged(
    surge: Surge,
    start: int,
    affected: Floats,
    recovered: Floats,
    blamed: Floats,
    expected: Floats,
    baseline: Baseline,
    frozen: Flags,
) -> Surge:
    """
    Update the test with the closed bucket that begins at *start*.

    *recovered* reports cancel as many *affected* ones. More *affected* never lowers the statistic.
    Where *frozen* (in an incident) the level filter is held. Call once a bucket, in order.
    """
    count = np.minimum(np.maximum(affected - recovered, 0.0), _MAX_COUNT)
    means = null_means(surge, baseline, expected)
    nats = _bucket_log_ratio(count, means, baseline.dispersion)
    ratio = np.minimum(nats, _CERTAIN)
    np.exp(ratio, out=ratio)
    ratio *= 1 + surge.ratio
    np.minimum(ratio, _CEILING, out=ratio)
    mean = np.maximum(ratio.mean(axis=2), 1e-300)
    statistic = np.asarray(np.min(np.log(mean) + NULLS**2 / 2, axis=1))
    climbing = _climbed(surge, start, nats[:, 0, :], affected, means[:, :1])
    last_minute = surge.last_minute.copy()
    last_minute[:, start // WIDTH % last_minute.shape[1]] = affected
    return _level_followed(
        replace(
            climbing,
            statistic=statistic,
            ratio=ratio,
            recent_observed=surge.recent_observed * _RECENT_KEEP + count,
            recent_expected=surge.recent_expected * _RECENT_KEEP + means[:, 0],
            recent_blamed=surge.recent_blamed * _RECENT_KEEP + blamed,
            last_minute=last_minute,
        ),
        start,
        affected,
        expected,
        baseline,
        frozen,
    )


def rescaled(surge: Surge, factor: Floats) -> Surge:
    """
    Express the filter's exposure in the new rates, *factor* times the old: the level stays where it
    is.
    """
    single = factor.astype(np.float32)[:, None]
    return replace(
        surge,
        level_exposure=surge.level_exposure * factor,
        lag_expected=surge.lag_expected * single,
        minute_expected=surge.minute_expected * factor,
    )


def cleared(surge: Surge, rows: NDArray[np.intp], start: int) -> Surge:
    """Begin the test of *rows* afresh at *start*, as after a resolved incident."""
    ratio, climb, since = surge.ratio.copy(), surge.climb.copy(), surge.since.copy()
    observed, expected = surge.climb_observed.copy(), surge.climb_expected.copy()
    ratio[rows], climb[rows], since[rows], observed[rows], expected[rows] = 0, 0, start, 0, 0
    return replace(
        surge,
        ratio=ratio,
        climb=climb,
        since=since,
        climb_observed=observed,
        climb_expected=expected,
    )


def best_climb(surge: Surge) -> NDArray[np.intp]:
    """
    Per service, the effect whose CUSUM stands highest: its start is the estimate of the onset.
    """
    return np.asarray(np.argmax(surge.climb, axis=1))


def suspicion(surge: Surge) -> Floats:
    """Nats of the best climb of a moderate effect: what has come together since it was quiet."""
    return np.asarray(surge.climb[:, :_MILD].max(axis=1))


def abnormality(surge: Surge, baseline: Baseline, rows: NDArray[np.intp]) -> Floats:
    """
    Log-likelihood ratio, abnormal against normal, of the last minutes of *rows*.

    Both sides are averaged over the null levels, so a service of unknown level says little either
    way.
    """
    steps = _steps(surge, *_level(surge, baseline), baseline)[rows]
    dispersion = baseline.dispersion[rows, None]
    count = np.minimum(surge.recent_observed[rows], _MAX_COUNT)[:, None]
    base = np.maximum(surge.recent_expected[rows], 1e-6)[:, None]
    prior = -(NULLS**2) / 2
    normal = prior + log_ratio(count, base, steps, dispersion)
    scales = (steps[:, :, None] * EFFECTS).reshape(len(rows), len(NULLS) * len(EFFECTS))
    failing = np.repeat(prior, len(EFFECTS)) + log_ratio(count, base, scales, dispersion)
    return np.asarray(log_sum(failing) - np.log(len(EFFECTS)) - log_sum(normal))


def _bucket_log_ratio(count: Floats, means: Floats, dispersion: Floats) -> Floats:
    """
    Give `log_ratio` of every service, null level and effect; most counts are zero and cost no
    logarithm.
    """
    other = np.maximum(means[:, :1, None] * EFFECTS, _LEAST * means[:, :, None])
    result = means[:, :, None] - other
    result *= (np.log(dispersion) / (dispersion - 1))[:, None, None]
    few = (count <= FEW) & (count == np.floor(count))
    for some in (few & (count > 0), ~few):
        rows = np.flatnonzero(some)
        if len(rows):
            mean, spread = means[rows][:, :, None], dispersion[rows][:, None, None]
            scale = other[rows] / mean
            result[rows] = log_ratio(count[rows][:, None, None], mean, scale, spread)
    return np.asarray(result)


def _climbed(surge: Surge, start: int, gains: Floats, affected: Floats, expected: Floats) -> Surge:
    """
    Move the CUSUM of each effect (Page 1954); where one falls to zero its climb begins after this
    bucket.
    """
    climb = np.minimum(np.maximum(surge.climb + gains, 0.0), 1e6)
    up = climb > 0
    return replace(
        surge,
        climb=climb,
        since=np.where(up, surge.since, start + WIDTH),
        climb_observed=np.where(up, surge.climb_observed + affected[:, None], 0.0),
        climb_expected=np.where(up, surge.climb_expected + expected, 0.0),
    )


def _level(surge: Surge, baseline: Baseline) -> tuple[Floats, Floats]:
    """Give the filtered level relative to the baseline, a Gamma posterior: its mean and shape."""
    prior = 1 / baseline.uncertainty**2
    shape = surge.level_reports / baseline.dispersion + prior
    return shape / (surge.level_exposure / baseline.dispersion + prior), shape


def _steps(surge: Surge, level: Floats, shape: Floats, baseline: Baseline) -> Floats:
    """
    Give the null levels relative to the mean *level*, shape (services, null levels).

    Upper quantiles of the Gamma posterior (Wilson and Hilferty 1931), times what the level may have
    drifted since, log-normal; z is shared between the two in proportion to their deviations.
    """
    known, drifted = 1 / np.sqrt(shape), np.sqrt(_BEHIND * _drift(baseline))
    both = np.hypot(known, drifted)
    drift = np.exp(NULLS * (drifted**2 / both)[:, None])
    steps = np.maximum(_upper(shape, NULLS * (known / both)[:, None]) * drift, 1.0)
    rows = np.flatnonzero(_unknown(baseline))
    if len(rows):
        widest = _unlearnt(surge, baseline, rows) / level[rows, None]
        steps[rows] = np.maximum(steps[rows], widest)
    return np.asarray(steps)


def _unlearnt(surge: Surge, baseline: Baseline, rows: NDArray[np.intp]) -> Floats:
    """
    Null levels of services never learnt, x the baseline's prior.

    A Gamma prior would all but exclude the busiest services of the world: what is not seen yet is
    log-normal, and bounded by what the filter has seen, were there no prior.
    """
    dispersion = baseline.dispersion[rows]
    shape = surge.level_reports[rows] / dispersion + 1
    seen = surge.level_exposure[rows] / dispersion
    most = _upper(shape, np.broadcast_to(NULLS, (len(rows), len(NULLS)))) * shape[:, None]
    return np.minimum(most / np.maximum(seen, 1e-9)[:, None], np.exp(_UNLEARNT * NULLS))


def _upper(shape: Floats, z: Floats) -> Floats:
    """Quantile at *z* deviations of a Gamma distribution of mean 1, about."""
    return np.asarray((1 - 1 / (9 * shape[:, None]) + z / (3 * np.sqrt(shape[:, None]))) ** 3)


def _unknown(baseline: Baseline) -> Flags:
    return np.asarray(baseline.uncertainty > UNKNOWN)


def _drift(baseline: Baseline) -> Floats:
    return baseline.wander * _DRIFT + season_variance(baseline) * _SEASON_DRIFT


def _level_followed(
    surge: Surge, start: int, affected: Floats, expected: Floats, baseline: Baseline, frozen: Flags
) -> Surge:
    """Collect the minute; at its end feed the filter the minute of `_LAG` minutes ago, capped."""
    suspicious = suspicion(surge) >= _SUSPICIOUS
    held = np.where(suspicious, surge.held + 1, np.maximum(surge.held - 1, 0))
    observed, mean = surge.minute_observed + affected, surge.minute_expected + expected
    moved = replace(surge, held=held, minute_observed=observed, minute_expected=mean)
    if (start + WIDTH) % MINUTE:
        return moved
    slot = start // MINUTE % _LAG
    old_count = surge.lag_observed[:, slot].astype(np.float64)
    old_mean = surge.lag_expected[:, slot].astype(np.float64)
    level, shape = _level(surge, baseline)
    usual = level * old_mean
    cap = (
        usual * _steps(surge, level, shape, baseline)[:, 3]
        + 4 * np.sqrt(baseline.dispersion * usual)
        + 1
    )
    # Of a service never learnt, everything is suspicious: holding back would keep it so.
    learns = ~(frozen | (suspicious & (held <= _MAX_HOLD) & ~_unknown(baseline)))
    lag_observed, lag_expected = surge.lag_observed.copy(), surge.lag_expected.copy()
    lag_observed[:, slot], lag_expected[:, slot] = observed, mean
    count = np.minimum(old_count, cap)
    information = surge.level_reports / baseline.dispersion
    keep = np.minimum(1 / (1 + _drift(baseline) * information), _FADE)
    return replace(
        moved,
        minute_observed=np.zeros_like(observed),
        minute_expected=np.zeros_like(mean),
        lag_observed=lag_observed,
        lag_expected=lag_expected,
        level_reports=surge.level_reports * keep + np.where(learns, count, 0.0),
        level_exposure=surge.level_exposure * keep + np.where(learns, old_mean, 0.0),
    )
