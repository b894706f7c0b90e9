"""
The sequential test: has a service's rate of reports left its normal level, and since when?

A Shiryaev-Roberts statistic over closed buckets, of a change at any time, to any of several
effects, from any level that the service may have. With p0 what the past predicts of a bucket when
nothing has happened, and p1 what it predicts after a change, R_t = (1 + R_{t-1}) p1 / p0. If
nothing happens the mean of R_t - t over all levels is a martingale that stays at 0, so the first
time that R reaches A comes after A buckets or more on average (Shiryaev 1963; Roberts 1966; as an
"e-detector" Shin, Ramdas and Rinaldo 2022). As p0 averages over what is not known of the level, a
service of which little is known needs no threshold of its own. `level` has the sums, `share` a
second one over mentions.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from detector import climb, level, share
from detector.baseline import MINUTE, Baseline, Flags, Floats, Singles
from detector.bucket import WIDTH
from detector.climb import EFFECTS
from detector.likelihood import log_ratio, log_sum

Times = NDArray[np.int64]

BUCKETS_PER_YEAR = 365.25 * 86_400 / WIDTH
# The martingale's mean includes what a normal service never shows, and R does not stop at A but
# jumps past it: false alarms are so many times rarer than buckets / A.
_OVERSHOOT = 2.5
# Fewer people than this raise no incident whatever the statistic says: friends, or one person with
# five accounts, can complain within a minute about a service that nobody has named for weeks. It
# costs little: the threshold asks for about as many where an outage is less than a hundredfold.
MIN_AUTHORS = 6
# Effects above 30 are left out of the suspicion, as to them a single post on a service of which
# nobody ever speaks is suspicious.
_MILD = int(np.searchsorted(EFFECTS, 30.0)) + 1
_RECENT_KEEP = float(np.exp(-WIDTH / 300))
_MAX_COUNT = 4_000.0
# Levels about the normal one, in deviations, and the logarithm of their chance (Gauss-Hermite).
_NODES = np.polynomial.hermite_e.hermegauss(5)[0]
_WEIGHTS = np.log(np.polynomial.hermite_e.hermegauss(5)[1] / np.sqrt(2 * np.pi))


@dataclass(frozen=True, slots=True, kw_only=True)
class Surge:
    """
    The test's state, one row a service.

    *mass* is what `level.weighed` updates, *normal* the level before any change, x baseline; *held*
    counts the buckets of an incident. *share_…* are reports and mentions, fading, and the
    sums of `share.weighed`. *climb* are CUSUMs by effect: *since* says where the present climb of
    each began, *climb_observed* and *climb_expected* what came since. *recent_…* fade with a time
    constant of 5 minutes; *last_minute* has the last six buckets.
    """

    statistic: Floats
    mass: Singles
    normal: Floats
    held: Times
    share_affected: Floats
    share_mentioned: Floats
    share_ratio: Floats
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
    return float(np.log(BUCKETS_PER_YEAR / _OVERSHOOT / false_incidents_per_service_year))


def cold(baseline: Baseline, start: int) -> Surge:
    """Begin the test at *start* without any evidence but the *baseline*."""
    n, k = len(baseline.uncertainty), len(EFFECTS)
    mass = np.zeros((1 + level.N_EFFECTS, level.SIZE, n), np.float32)
    mass[0] = level.prior(baseline)
    return Surge(
        statistic=np.full(n, -50.0),
        mass=_by_service(mass),
        normal=np.ones(n),
        held=np.zeros(n, np.int64),
        share_affected=np.zeros(n),
        share_mentioned=np.zeros(n),
        share_ratio=np.zeros((n, len(share.EFFECTS))),
        climb=np.zeros((n, k)),
        since=np.full((n, k), start, np.int64),
        climb_observed=np.zeros((n, k)),
        climb_expected=np.zeros((n, k)),
        recent_observed=np.zeros(n),
        recent_expected=np.zeros(n),
        recent_blamed=np.zeros(n),
        last_minute=np.zeros((n, MINUTE // WIDTH), np.float32),
    )


def usual(surge: Surge, expected: Floats) -> Floats:
    """Reports of one bucket that are normal at the level that the service has now."""
    return np.asarray(expected * surge.normal)


def judged(
    surge: Surge,
    start: int,
    affected: Floats,
    recovered: Floats,
    blamed: Floats,
    mentioned: Floats,
    expected: Floats,
    baseline: Baseline,
    frozen: Flags,
) -> Surge:
    """
    Update the test with the closed bucket that begins at *start*.

    *recovered* reports cancel as many *affected* ones, and some of those who are merely *mentioned*
    are reports by mistake: else whatever many people talk of would fail. Where *frozen* (in an
    incident) nothing is learnt of the level. Call once a bucket, in order.
    """
    count = np.minimum(np.maximum(affected - recovered, 0.0), _MAX_COUNT)
    expected = expected + share.MISTAKEN * mentioned
    mean = usual(surge, expected)
    held = np.where(frozen, surge.held + 1, 0)
    before = _by_level(surge.mass)
    if start % MINUTE == 0:
        before = level.wandered(before, baseline)
    mass = level.weighed(before, count, expected, baseline)
    level.keep(mass, before, surge.normal, held, baseline)
    total = level.capped(mass)
    shared = _shared(surge, count, mentioned, mean, baseline, frozen)
    statistic = np.log(np.maximum(total + shared.share_ratio.mean(axis=1), 1e-20))
    last_minute = surge.last_minute.copy()
    last_minute[:, start // WIDTH % last_minute.shape[1]] = affected
    climbs = (surge.climb, surge.since, surge.climb_observed, surge.climb_expected)
    gains = climb.gains(count, mean, baseline.dispersion)
    high, since, observed, usually = climb.moved(climbs, start, gains, affected, mean)
    return replace(
        shared,
        statistic=statistic,
        mass=_by_service(mass),
        normal=_before(surge, mass, statistic, held, baseline),
        held=held,
        recent_observed=surge.recent_observed * _RECENT_KEEP + count,
        recent_expected=surge.recent_expected * _RECENT_KEEP + mean,
        recent_blamed=surge.recent_blamed * _RECENT_KEEP + blamed,
        last_minute=last_minute,
        climb=high,
        since=since,
        climb_observed=observed,
        climb_expected=usually,
    )


def rescaled(surge: Surge, old: Baseline, new: Baseline) -> Surge:
    """
    Express the levels in the rates of *new*, learnt at the turn of the hour: in reports a minute
    they stay where they are.
    """
    # What is expected where the two hours meet is half of each.
    before = np.maximum(old.rates[:, 1] + old.rates[:, 2], 1e-9)
    factor = np.maximum(new.rates[:, 0] + new.rates[:, 1], 1e-9) / before
    mass = level.regridded(_by_level(surge.mass), old, new, factor)
    return replace(surge, mass=_by_service(mass), normal=surge.normal / factor)


def cleared(surge: Surge, rows: NDArray[np.intp], start: int) -> Surge:
    """Begin the test of *rows* afresh at *start*, as after a resolved incident."""
    mass, ratio = surge.mass.copy(order="K"), surge.share_ratio.copy()
    high, since = surge.climb.copy(), surge.since.copy()
    observed, expected = surge.climb_observed.copy(), surge.climb_expected.copy()
    mass[rows, 1:], ratio[rows] = 0, 0
    high[rows], since[rows], observed[rows], expected[rows] = 0, start, 0, 0
    return replace(
        surge,
        mass=mass,
        share_ratio=ratio,
        climb=high,
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


def abnormality(
    surge: Surge, baseline: Baseline, rows: NDArray[np.intp], effects: Floats = EFFECTS
) -> Floats:
    """
    Log-likelihood ratio, abnormal by any of *effects* against normal, of the last minutes of
    *rows*.

    Both sides are averaged over the levels, so a service of unknown level says little either way.
    """
    deviation = baseline.uncertainty[rows, None] / 2
    steps = np.exp(deviation * _NODES - deviation**2 / 2)
    dispersion = baseline.dispersion[rows, None]
    count = np.minimum(surge.recent_observed[rows], _MAX_COUNT)[:, None]
    base = np.maximum(surge.recent_expected[rows], 1e-6)[:, None]
    normal = _WEIGHTS + log_ratio(count, base, steps, dispersion)
    levels = (steps[:, :, None] * effects).reshape(len(rows), len(_NODES) * len(effects))
    failing = np.repeat(_WEIGHTS, len(effects)) + log_ratio(count, base, levels, dispersion)
    return np.asarray(log_sum(failing) - np.log(len(effects)) - log_sum(normal))


def _before(surge: Surge, mass: Singles, statistic: Floats, held: Times, base: Baseline) -> Floats:
    """
    Mean level before the onset, over all onsets up to now by what speaks for each of them.

    So the level stays where it was while reports rise, and follows when they were chance.
    """
    now = (mass[0] * level.scales(base)).sum(axis=0)
    past = np.exp(statistic)
    return np.where(held > 0, surge.normal, (surge.normal * past + now) / (past + 1))


def _by_level(mass: Singles) -> Singles:
    """Lay *mass* out with the services last, as `level` has it: arithmetic is faster so."""
    return np.ascontiguousarray(mass.transpose(1, 2, 0))


def _by_service(mass: Singles) -> Singles:
    """Look at *mass* by service, as the state is stored; nothing is copied."""
    return mass.transpose(2, 0, 1)


def _shared(
    surge: Surge,
    count: Floats,
    mentioned: Floats,
    mean: Floats,
    baseline: Baseline,
    frozen: Flags,
) -> Surge:
    """Weigh the reports among the mentions, and learn their usual odds outside of incidents."""
    odds = share.usual_odds(surge.share_affected, surge.share_mentioned)
    ratio = share.weighed(surge.share_ratio, count, mentioned, odds, mean, baseline.dispersion)
    keep, learns = np.where(frozen, 1.0, share.KEEP), ~frozen
    return replace(
        surge,
        share_affected=surge.share_affected * keep + count * learns,
        share_mentioned=surge.share_mentioned * keep + mentioned * learns,
        share_ratio=ratio,
    )
