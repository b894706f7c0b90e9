"""The detector's learning and test on a made-up world: the code of production, on arrays."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from detector import baseline, learning, recovery, share, surge
from detector.baseline import Baseline, Floats, Singles
from detector.bench.world import EPOCH, PER_MINUTE, World, start_of
from detector.bucket import WIDTH
from detector.past import lived
from detector.surge import Surge

BUCKETS = 60 * PER_MINUTE  # an hour
_KEEP = share.KEEP**BUCKETS


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """What the detector knows of every service of a world at the beginning of hour *hour*."""

    base: Baseline
    test: Surge
    hour: int


def newborn(world: World) -> Life:
    """Know nothing of any service."""
    base = baseline.cold(len(world.rates), EPOCH)
    return Life(base=base, test=surge.cold(base, EPOCH), hour=0)


def aged(life: Life, world: World, hours: int, *, mentions: bool = False) -> Life:
    """
    Let *hours* pass at one step an hour, past outages included: only the baseline is learnt, and
    with *mentions* the usual share of reports among them.

    The test begins afresh; it needs a few hours at full resolution before it counts.
    """
    base = life.base
    affected, mentioned = life.test.share_affected, life.test.share_mentioned
    for hour in range(life.hour, life.hour + hours):
        rate = world.hour(hour, outages=True).rate
        counts = world.counts(rate, 1).astype(np.float64)
        affected = affected * _KEEP + counts.sum(axis=1) * mentions
        if mentions:
            mentioned = mentioned * _KEEP + world.mentions(rate, 1).sum(axis=1)
        base = lived(base, start_of(hour), counts)
    end = start_of(life.hour + hours)
    base = learning.advanced(base, end)
    test = replace(surge.cold(base, end), share_affected=affected, share_mentioned=mentioned)
    return Life(base=base, test=test, hour=life.hour + hours)


def deaf(life: Life) -> Life:
    """Forget the mentions: the second channel is silent until it has heard of some again."""
    none = np.zeros_like(life.test.share_affected)
    return replace(life, test=replace(life.test, share_affected=none, share_mentioned=none))


def judged(
    life: Life, counts: Floats | Singles, mentions: Floats | Singles | None = None
) -> Iterator[tuple[Life, Floats]]:
    """
    Judge *counts*, shape (services, buckets), from the life's hour on; *mentions* are as many.

    Yields after each bucket what is known and the statistic, minus infinity where fewer people than
    `surge.MIN_AUTHORS` speak. No incident is opened, so that one run serves every threshold.
    """
    base, test = life.base, life.test
    nobody, free = np.zeros(len(counts)), np.zeros(len(counts), np.bool_)
    begin = start_of(life.hour)
    named = np.zeros(counts.shape) if mentions is None else mentions
    rows = (np.ascontiguousarray(array.T, np.float64) for array in (counts, named))
    for i, (affected, mentioned) in enumerate(zip(*rows, strict=True)):
        start = begin + i * WIDTH
        learnt = learning.advanced(base, start)
        if learnt is not base:
            test = surge.rescaled(test, base, learnt)
            base = learnt
        rate = baseline.expected(base, start)
        test = surge.judged(test, start, affected, nobody, nobody, mentioned, rate, base, free)
        base = learning.collected(base, start, affected, rate, free)
        speaks = recovery.spoken(test) >= surge.MIN_AUTHORS
        hour = life.hour + (i + 1) // BUCKETS
        yield Life(base=base, test=test, hour=hour), np.where(speaks, test.statistic, -np.inf)
