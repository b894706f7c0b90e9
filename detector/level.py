"""
How far each service's rate is from its baseline, as probabilities on a grid of the logarithm.

A hidden Markov model: the logarithm of rate over baseline steps up or down the grid as it wanders
and is pulled back (Ornstein and Uhlenbeck 1930), and a bucket's count is negative binomial at the
level. A service that was never learnt has a coarse grid that spans the rates of all services, one
that is known a fine one. Effects of an outage are whole steps of the grid, so that no outage
explains a count better than some normal level does: only their probabilities tell the two apart.
"""

import numpy as np
from numpy.typing import NDArray

from detector.baseline import UNKNOWN, Baseline, Floats, Singles, season_variance
from detector.likelihood import FEW, log_rising

Rows = NDArray[np.intp]
Times = NDArray[np.int64]

SIZE = 24  # points of a grid
_WORLD = 1.9  # standard deviation of the log rate over all services of the world
_FLOOR = np.float32(1e-9)  # of a posterior: nothing on the grid is impossible
# Nats between a level and the best normal one: single precision has no more to spare.
_LEAST = -46.0
# The same for what lies above the grid, by what is known of the service. Where nothing is known an
# outage beyond it explains nothing better than the highest normal level: the service may be busier
# than any other, and no outage at all.
_MOST = np.array((25.0, 25.0, 0.0), np.float32)
_CEILING = np.float32(np.exp(36.0))  # of a service's sums
_BLOCK = 2_500  # services at a time, which the processor's cache holds
_FASTEST = 0.4  # share of the mass at a point that a minute moves to the next
_SEASON_DRIFT = 1 / 150  # variance that an unknown season gains in a minute, x its own
_GROWTH = np.float32(0.05)  # share of outages that reach the next effect in a minute


# Points are this far apart in the logarithm of the level, by what is known of the service.
_SPACINGS = np.array((0.15, 0.25, 0.4))
_FINE_BELOW = np.array((0.4, 0.75))  # uncertainty of the baseline
# The point that is the baseline itself. One never seen may have sixty reports a minute already;
# how quiet it is below 0.4 an hour makes no difference.
_ZEROS = np.array((10, 10, 7))
# Effects of an outage, in points: 1.6, 2.5, 3.9, 7, 17, 60 and 300 on the finest grid.
_STEPS = (3, 6, 9, 13, 19, 27, 38)
N_EFFECTS = len(_STEPS)
_WIDTH = SIZE + _STEPS[-1]
_SCALES = np.exp((np.arange(_WIDTH)[:, None] - _ZEROS) * _SPACINGS)
_SCALES_32 = _SCALES.astype(np.float32)


def scales(baseline: Baseline) -> Floats:
    """Levels of each service's grid, x its baseline, shape (`SIZE`, services)."""
    return np.asarray(_SCALES[:SIZE].take(_kind(baseline), axis=1))


def prior(baseline: Baseline) -> Singles:
    """What is thought of the levels when only the baseline is known: sums to one by service."""
    unknown = baseline.uncertainty > UNKNOWN
    deviation = np.where(unknown, _WORLD, baseline.uncertainty)
    weight = np.exp(-((_logs(baseline) / deviation) ** 2) / 2) + float(_FLOOR)
    return np.asarray(weight / weight.sum(axis=0), np.float32)


def _around(normal: Floats, baseline: Baseline, rows: Rows) -> Singles:
    """
    Levels of *rows* about *normal*, x baseline, known half as well as the baseline tells of any.
    """
    deviation = baseline.uncertainty[rows] / 2
    centre = np.log(normal[rows]) - deviation**2 / 2
    weight = np.exp(-(((_logs(baseline)[:, rows] - centre) / deviation) ** 2) / 2) + float(_FLOOR)
    return np.asarray(weight / weight.sum(axis=0), np.float32)


def weighed(mass: Singles, count: Floats, expected: Floats, baseline: Baseline) -> Singles:
    """
    Weigh *mass*, shape (1 + `N_EFFECTS`, `SIZE`, services), by a bucket's *count*.

    The first row of a service is the posterior of its level if nothing has happened; the others are
    Shiryaev-Roberts sums by effect and level, which take in every onset up to now and are relative
    to what the first row predicted. *expected* is the baseline's.
    """
    new = np.empty(mass.shape, np.float32)
    kind, dispersion = _kind(baseline), baseline.dispersion
    for begin in range(0, mass.shape[2], _BLOCK):
        some = slice(begin, begin + _BLOCK)
        ratio = _likelihood(count[some], expected[some], dispersion[some], kind[some])
        _weigh(mass[..., some], ratio, new[..., some])
    return new


def _weigh(old: Singles, ratio: Singles, new: Singles) -> None:
    normal = old[0] * ratio[:SIZE]
    whole = normal.sum(axis=0)
    ratio /= whole
    np.maximum(normal / whole, _FLOOR, out=new[0])
    begins = old[0] / np.float32(N_EFFECTS)
    for k, step in enumerate(_STEPS, 1):
        np.add(old[k], begins, out=new[k])
        new[k] *= ratio[step : step + SIZE]


def wandered(mass: Singles, baseline: Baseline) -> Singles:
    """Let a minute pass: levels wander, outages grow; what a service has keeps its sum."""
    gain = baseline.wander / 60 + season_variance(baseline) * _SEASON_DRIFT
    half, pull = gain / (2 * _spacing(baseline) ** 2), gain / (2 * baseline.uncertainty**2)
    place = _places(baseline)
    up = np.minimum(half + pull * np.maximum(-place, 0), _FASTEST).astype(np.float32)
    down = np.minimum(half + pull * np.maximum(place, 0), _FASTEST).astype(np.float32)
    up[-1], down[0] = 0, 0
    new = np.empty(mass.shape, np.float32)
    for begin in range(0, mass.shape[2], _BLOCK):
        some = slice(begin, begin + _BLOCK)
        _wander(mass[..., some], up[:, some], down[:, some], new[..., some])
    return new


def _wander(old: Singles, up: Singles, down: Singles, new: Singles) -> None:
    stays, moves = 1 - up - down, np.empty((SIZE - 1, old.shape[2]), np.float32)
    for k in range(len(old)):
        np.multiply(old[k], stays, out=new[k])
        new[k, 1:] += np.multiply(old[k, :-1], up[:-1], out=moves)
        new[k, :-1] += np.multiply(old[k, 1:], down[1:], out=moves)
    for k in range(len(old) - 2, 0, -1):  # what has grown does not grow on in the same minute
        grown = new[k] * _GROWTH
        new[k] -= grown
        new[k + 1] += grown


def regridded(mass: Singles, old: Baseline, new: Baseline, factor: Floats) -> Singles:
    """Carry *mass* from *old*'s grid to that of *new*, which expects *factor* times as much."""
    zero = _ZEROS[_kind(new)]
    at = np.clip((_logs(old) - np.log(factor)) / _spacing(new) + zero, 0, SIZE - 1)
    low = np.minimum(at.astype(np.intp), SIZE - 2)
    part = (at - low).astype(np.float32)
    move = np.zeros((mass.shape[2], SIZE, SIZE), np.float32)
    point, row = np.indices(low.shape)
    move[row, point, low], move[row, point, low + 1] = 1 - part, part
    carried = np.ascontiguousarray((mass.transpose(2, 0, 1) @ move).transpose(1, 2, 0))
    np.maximum(carried[0], _FLOOR, out=carried[0])
    return carried


def keep(new: Singles, old: Singles, normal: Floats, held: Times, baseline: Baseline) -> None:
    """
    Keep the level of services in an incident, in place; its first bucket sets the level back to
    *normal*, what it was before. *held* counts the buckets of the incident, 0 where there is none.
    """
    rows = np.flatnonzero(held)
    if len(rows):
        new[0, :, rows] = old[0, :, rows]
        begins = rows[held[rows] == 1]
        if len(begins):
            new[0, :, begins] = _around(normal, baseline, begins).T


def capped(mass: Singles) -> Floats:
    """Sum what speaks for a change by service, after capping it in place."""
    total = mass[1:].sum(axis=(0, 1))
    if (total > _CEILING).any():
        mass[1:] *= np.where(total > _CEILING, _CEILING / total, np.float32(1))
    return np.asarray(np.minimum(total, _CEILING), np.float64)


def _likelihood(count: Floats, expected: Floats, phi: Floats, kind: Rows) -> Singles:
    """
    Likelihood of *count* at each level and above the highest, relative to the best normal level.
    """
    decline = -expected * np.log(phi) / (phi - 1)
    log = _SCALES_32.take(kind, axis=1)
    log *= decline.astype(np.float32)
    log -= log[0].copy()
    few = (count <= FEW) & (count == np.floor(count))
    some = np.flatnonzero(few & (count > 0))
    for rows in (some[np.argsort(count[some], kind="stable")], np.flatnonzero(~few)):
        if not len(rows):
            continue
        size = _SCALES.take(kind[rows], axis=1) * (expected[rows] / (phi[rows] - 1))
        gain = log_rising(size, count[rows]) - size * np.log(phi[rows])
        log[:, rows] = gain - gain[:SIZE].max(axis=0)
    return np.asarray(np.exp(np.clip(log, _LEAST, _MOST[kind], out=log), out=log))


def _kind(baseline: Baseline) -> Rows:
    return np.asarray(np.searchsorted(_FINE_BELOW, baseline.uncertainty, side="right"))


def _spacing(baseline: Baseline) -> Floats:
    return np.asarray(_SPACINGS[_kind(baseline)])


def _logs(baseline: Baseline) -> Floats:
    return np.asarray(_places(baseline) * _spacing(baseline))


def _places(baseline: Baseline) -> Rows:
    """Each point's distance from the baseline's, in points, shape (`SIZE`, services)."""
    return np.asarray(np.arange(SIZE)[:, None] - _ZEROS[_kind(baseline)])
