"""How long after its onset an outage is raised, by base rate, size and ramp."""

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from detector.baseline import Floats
from detector.bench import oracle
from detector.bench.alarms import BLOCK_HOURS, lived
from detector.bench.life import Life, judged
from detector.bench.world import PER_MINUTE, World, drawn

RATES = (0.02, 0.1, 0.5, 2.0, 10.0)
CELLS = tuple(product((3.0, 10.0, 50.0, 300.0), (0, 5, 30)))  # size x normal, minutes of ramp
HORIZON = 120  # minutes after the onset; who has not alarmed by then counts as 120
_BUCKETS = HORIZON * PER_MINUTE


@dataclass(frozen=True, slots=True, kw_only=True)
class Trials:
    """
    Outages, one a row: *cell* indexes `CELLS`; *own* and *bound* are the highest statistic so far
    by bucket, *before* and *during* counts by minute.
    """

    rate: Floats
    cell: NDArray[np.intp]
    own: Floats
    bound: Floats
    before: NDArray[np.float32]
    during: NDArray[np.float32]


def trial(life: Life, world: World, past: NDArray[np.float32], turn: int) -> Trials:
    """Let an outage befall every service at once; *past* are its counts a minute until now."""
    cell = (np.arange(len(world.rates)) + 5 * turn) % len(CELLS)
    profiles = np.array([oracle.profile(size, ramp, _BUCKETS) for size, ramp in CELLS])
    hours = [world.hour(life.hour + i).rate for i in range(HORIZON // 60)]
    mean = np.repeat(np.concatenate(hours, axis=1) / PER_MINUTE, PER_MINUTE, axis=1)
    counts = drawn(world.rng, mean * profiles[cell], world.dispersion[:, None])
    seen = np.array([statistic for _, statistic in judged(life, counts)]).T
    return Trials(
        rate=world.rates,
        cell=cell,
        own=np.maximum.accumulate(seen, axis=1),
        bound=_bound(counts.astype(np.float64), mean, world.dispersion, cell),
        before=past,
        during=counts.reshape(len(counts), HORIZON, PER_MINUTE).sum(axis=2),
    )


def _bound(counts: Floats, mean: Floats, dispersion: Floats, cell: NDArray[np.intp]) -> Floats:
    result = np.empty(counts.shape)
    for i, (size, ramp) in enumerate(CELLS):
        rows = np.flatnonzero(cell == i)
        onset = oracle.profile(size, ramp, max(ramp * PER_MINUTE, 1))
        seen = oracle.statistics(counts[rows], mean[rows], dispersion[rows], onset)
        result[rows] = np.maximum.accumulate(seen, axis=1)
    return result


def warmed(life: Life, world: World, hours: int = BLOCK_HOURS) -> Life:
    """Let the test's level filter settle for *hours* at full resolution."""
    return lived(life, world, hours).life


def delay(highest: Floats, threshold: float, per_minute: int) -> tuple[float, float]:
    """Mean minutes to *threshold*, at most `HORIZON`, and the share that never came there."""
    hit = highest >= threshold
    found = hit.any(axis=1)
    minutes = np.where(found, (hit.argmax(axis=1) + 1) / per_minute, HORIZON)
    return float(minutes.mean()), float(1 - found.mean())
