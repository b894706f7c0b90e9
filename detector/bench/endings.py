"""How long after its true end an incident is resolved, and how often one is closed too early."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector import baseline, learning, recovery, surge
from detector.baseline import Floats
from detector.bench.alarms import lived
from detector.bench.life import Life, aged, newborn
from detector.bench.world import PER_MINUTE, World, drawn, start_of
from detector.bucket import WIDTH
from detector.recovery import NORMAL
from detector.tick import Policy

_FAILS = 90  # minutes of outage, then…
_AFTER = 150  # …minutes watched
_LEFT = 0.3  # of the excess, at the end of an outage of which people tire


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """
    *lag* is the median of minutes from the true end; *early* the share closed before it, *raised*
    the share found at all. In a *slow* one reports die away before the end.
    """

    rate: float
    size: float
    slow: bool
    lag: float
    early: float
    raised: float


def measured(rate: float, size: float, *, slow: bool, n: int = 60, seed: int = 2_040) -> Ending:
    """Let *n* learnt services of *rate* a minute fail for 90 minutes by *size*, and end."""
    world = World(np.full(n, rate), seed, bumps=False, outages=False)
    life = lived(aged(newborn(world), world, 28 * 24), world, 4).life
    minutes = np.arange(_FAILS + _AFTER)
    fall = _LEFT ** (minutes / _FAILS) if slow else np.ones(len(minutes))
    factor = 1 + (size - 1) * np.where(minutes < _FAILS, fall, 0.0)
    hours = [world.hour(life.hour + i).rate for i in range(len(minutes) // 60)]
    mean = np.concatenate(hours, axis=1) * factor
    counts = drawn(
        world.rng,
        np.repeat(mean / PER_MINUTE, PER_MINUTE, axis=1),
        world.dispersion[:, None],
    )
    closed = _closed(life, counts.astype(np.float64))
    raised = closed != 0
    lag = np.where(np.isnan(closed), np.inf, closed)[raised] - _FAILS
    return Ending(
        rate=rate,
        size=size,
        slow=slow,
        lag=round(float(np.median(lag)), 1) if len(lag) else float("nan"),
        early=round(float((lag < 0).mean()), 3) if len(lag) else float("nan"),
        raised=round(float(raised.mean()), 3),
    )


def _closed(life: Life, counts: Floats) -> Floats:
    """Minute at which each service's first incident ends: 0 never raised, NaN never ended."""
    base, test, course = life.base, life.test, recovery.cold(len(counts))
    limit, policy = surge.threshold(1.0), Policy()
    nobody = np.zeros(len(counts))
    closed: NDArray[np.float64] = np.zeros(len(counts))
    for i, affected in enumerate(np.ascontiguousarray(counts.T)):
        start = start_of(life.hour) + i * WIDTH
        learnt = learning.advanced(base, start)
        if learnt is not base:
            test, base = surge.rescaled(test, base, learnt), learnt
        rate = baseline.expected(base, start)
        frozen = recovery.frozen(course, start, base.uncertainty)
        test = surge.judged(test, start, affected, nobody, nobody, nobody, rate, base, frozen)
        usual = surge.usual(test, rate)
        quiet = round(policy.quiet_minutes * 60)
        course, moves = recovery.moved(
            course, test, start, affected, nobody, usual, base, limit, quiet
        )
        base = learning.collected(base, start, affected, rate, frozen)
        test = surge.cleared(test, moves.ended, start + WIDTH)
        ended = moves.ended[np.isnan(closed[moves.ended])]
        closed[ended] = (i + 1) / PER_MINUTE
        opens = np.flatnonzero(recovery.raised(course, test, limit) & (closed == 0))
        closed[opens] = np.nan
        course = recovery.opened(course, test, opens, start)
        assert (course.phase[closed == 0] == NORMAL).all()
    return closed


def table(n: int = 60) -> list[Ending]:
    """The endings that the documentation shows."""
    cells = ((0.5, 10.0, False), (0.5, 10.0, True), (2.0, 10.0, False), (10.0, 10.0, True))
    return [measured(rate, size, slow=slow, n=n) for rate, size, slow in cells]
