"""
The detector on series of bins that are wider than its buckets, as benchmarks have them.

The code and the clock of production: a bin of five minutes is judged as the sum of thirty buckets
(negative binomials of one dispersion add up), and an hour of bins teaches level and season. No
incident is opened, so that one run serves every threshold.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from detector import baseline, learning, recovery, surge
from detector.baseline import HOUR, MINUTE, Baseline, Floats
from detector.bucket import WIDTH
from detector.surge import Surge

_FADES = 300 / WIDTH  # buckets after which what was heard lately counts e times less


def judged(counts: Floats, start: int, width: int) -> tuple[Floats, Floats]:
    """
    Nats that speak for an outage in the last minutes, and the statistic of the test, by bin.

    *counts* and both results have shape (series, bins).

    *start* is in unix seconds, a multiple of the *width* of the bins, which divides an hour. Minus
    infinity where fewer people than `surge.MIN_AUTHORS` speak. The series know nothing of one
    another: each is the only service of a catalogue of its own.
    """
    abnormal, statistic = np.empty(counts.shape), np.empty(counts.shape)
    every = np.arange(len(counts))
    for place, (base, test) in enumerate(_lives(counts, start, width)):
        speaks = recovery.spoken(test) >= surge.MIN_AUTHORS
        abnormal[:, place] = np.where(speaks, surge.abnormality(test, base, every), -np.inf)
        statistic[:, place] = np.where(speaks, test.statistic, -np.inf)
    return abnormal, statistic


def _lives(counts: Floats, start: int, width: int) -> Iterator[tuple[Baseline, Surge]]:
    base = baseline.cold(len(counts), start)
    test = surge.cold(base, start)
    nobody, free = np.zeros(len(counts)), np.zeros(len(counts), np.bool_)
    for place, count in enumerate(np.ascontiguousarray(counts.T)):
        at = start + place * width
        if at % HOUR == 0 and place:
            bins = counts[:, max(place - HOUR // width, 0) : place]
            learnt = _hour_over(base, bins, at, width)
            base, test = learnt, surge.rescaled(test, base, learnt)
        rate = baseline.expected(base, at + width // 2 // WIDTH * WIDTH) * (width // WIDTH)
        wandering = replace(base, wander=base.wander * (width // MINUTE))
        faded = _faded(test, width // WIDTH)
        test = surge.judged(faded, at, count, nobody, nobody, nobody, rate, wandering, free)
        # Nobody is merely mentioned: what is unknown of the second channel must not add up.
        test = replace(test, share_ratio=np.zeros_like(test.share_ratio))
        yield base, test


def _faded(test: Surge, buckets: int) -> Surge:
    """What was heard lately, after all *buckets* of a bin but the last."""
    keep = float(np.exp(-(buckets - 1) / _FADES))
    return replace(
        test,
        recent_observed=test.recent_observed * keep,
        recent_expected=test.recent_expected * keep,
    )


def _hour_over(base: Baseline, bins: Floats, now: int, width: int) -> Baseline:
    """Learn the hour of *bins* that ends *now*; a lone bin says nothing of the dispersion."""
    total, n = bins.sum(axis=1), bins.shape[1]
    collected = replace(
        base,
        hour_buckets=n * width // WIDTH,
        hour_observed=total,
        hour_expected=base.rates[:, 1] * (n * width / HOUR),
        hour_roughness=(np.diff(bins, axis=1) ** 2).sum(axis=1) / 2,
        hour_rough_reports=total * (n - 1) / n,
    )
    learnt = learning.advanced(collected, now)
    # Back to an hour of which nothing was collected, and on without the catalogue's profile.
    alone = replace(
        learnt,
        hour=learnt.hour - 1,
        catalogue_day=np.zeros_like(learnt.catalogue_day),
        catalogue_week=np.zeros_like(learnt.catalogue_week),
    )
    return learning.advanced(alone, now)
