"""How long after its onset an outage is raised, by base rate, size and ramp."""

from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from detector import baseline, surge
from detector.baseline import Floats
from detector.bench import oracle
from detector.bench.life import Life, deaf, judged
from detector.bench.world import PER_MINUTE, World, drawn, start_of
from detector.bucket import WIDTH

RATES = (0.02, 0.1, 0.5, 2.0, 10.0)
CELLS = tuple(product((3.0, 10.0, 50.0, 300.0), (0, 5, 30)))  # size x normal, minutes of ramp
HORIZON = 120  # minutes after the onset; who has not alarmed by then counts as 120
_BUCKETS = HORIZON * PER_MINUTE
# What `steady` is told of the world: variance of the log rate, and how much of it comes in an hour.
_WANDER, _WANDER_GAIN = 0.0625, 0.042


@dataclass(frozen=True, slots=True, kw_only=True)
class Trials:
    """
    Outages, one a row: *cell* indexes `CELLS`; by bucket the highest statistic so far of ours
    without (*own*) and with mentions (*shared*), of one that knows the steady rate (*steady*), of
    one that knows the true rate (*known*), and of the *bound*, which knows size and ramp as well;
    *during* are counts by minute.
    """

    cell: NDArray[np.intp]
    own: Floats
    shared: Floats
    steady: Floats
    known: Floats
    bound: Floats
    during: NDArray[np.float32]


def trial(life: Life, world: World, turn: int, quiet_hours: int = 4) -> Trials:
    """
    Let an outage befall every service after *quiet_hours*, in which the test finds the level.
    """
    cell = (np.arange(len(world.rates)) + 5 * turn) % len(CELLS)
    quiet = quiet_hours * 60 * PER_MINUTE
    profiles = np.ones((len(CELLS), quiet + _BUCKETS))
    for row, (size, ramp) in enumerate(CELLS):
        profiles[row, quiet:] = oracle.profile(size, ramp, _BUCKETS)
    hours = [world.hour(life.hour + i) for i in range(quiet_hours + HORIZON // 60)]
    mean, steady = (
        np.repeat(np.concatenate(rates, axis=1) / PER_MINUTE, PER_MINUTE, axis=1)
        for rates in ([hour.rate for hour in hours], [hour.steady for hour in hours])
    )
    named = np.concatenate([world.mentions(hour.rate, PER_MINUTE) for hour in hours], axis=1)
    counts = drawn(world.rng, mean * profiles[cell], world.dispersion[:, None]).astype(np.float64)
    after, normal = counts[:, quiet:], mean[:, quiet:]
    return Trials(
        cell=cell,
        own=_highest([s for _, s in judged(deaf(life), counts)][quiet:]),
        shared=_highest([s for _, s in judged(life, counts, named)][quiet:]),
        steady=_highest(_steady(life, world, counts, steady)[quiet:]),
        known=_highest(list(oracle.mixture(after, normal, world.dispersion).T)),
        bound=_bound(after, normal, world.dispersion, cell),
        during=after.reshape(len(counts), HORIZON, PER_MINUTE).sum(axis=2).astype(np.float32),
    )


def _highest(statistics: list[Floats]) -> Floats:
    return np.maximum.accumulate(np.array(statistics).T, axis=1)


def _steady(life: Life, world: World, counts: Floats, steady: Floats) -> list[Floats]:
    """Statistic of our test where it is told the rate but for its wander, and the dispersion."""
    n = len(counts)
    told = replace(
        life.base,
        dispersion=world.dispersion,
        uncertainty=np.full(n, _WANDER**0.5),
        wander=np.full(n, _WANDER_GAIN),
        day_exposure=np.full(life.base.day_exposure.shape, 1e6, np.float32),
        hours=np.full(n, 1e6),
    )
    test, seen = surge.cold(told, start_of(life.hour)), []
    nobody, free = np.zeros(n), np.zeros(n, np.bool_)
    for i in range(counts.shape[1]):
        start, now = start_of(life.hour) + i * WIDTH, counts[:, i]
        mean = np.maximum(steady[:, i], baseline.MIN_PER_HOUR * WIDTH / baseline.HOUR)
        test = surge.judged(test, start, now, nobody, nobody, nobody, mean, told, free)
        seen.append(test.statistic)
    return seen


def _bound(counts: Floats, mean: Floats, dispersion: Floats, cell: NDArray[np.intp]) -> Floats:
    result = np.empty(counts.shape)
    for i, (size, ramp) in enumerate(CELLS):
        rows = np.flatnonzero(cell == i)
        onset = oracle.profile(size, ramp, max(ramp * PER_MINUTE, 1))
        seen = oracle.statistics(counts[rows], mean[rows], dispersion[rows], onset)
        result[rows] = np.maximum.accumulate(seen, axis=1)
    return result


def delay(highest: Floats, threshold: float, per_minute: int) -> tuple[float, float]:
    """Mean minutes to *threshold*, at most `HORIZON`, and the share that never came there."""
    hit = highest >= threshold
    found = hit.any(axis=1)
    minutes = np.where(found, (hit.argmax(axis=1) + 1) / per_minute, HORIZON)
    return float(minutes.mean()), float(1 - found.mean())
