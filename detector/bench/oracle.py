"""
The bound: a CUSUM that knows the true rate, the size and the ramp, and lacks only the onset.

No detector of the same false-alarm rate has a shorter worst mean delay (Lorden 1971; Moustakides
1986).
"""

from functools import cache

import numpy as np

from detector.baseline import Floats
from detector.bench.world import PER_MINUTE, drawn
from detector.climb import EFFECTS, gains
from detector.likelihood import log_ratio

_FLOOR = -60.0
_NEVER = -1e9


def profile(size: float, ramp_minutes: int, n_buckets: int) -> Floats:
    """Multiple of the normal rate in each bucket after the onset, up to *size* after the ramp."""
    age = (np.arange(n_buckets) + 1) / PER_MINUTE
    share = np.minimum(1.0, age / ramp_minutes) if ramp_minutes else np.ones(n_buckets)
    return np.asarray(1 + (size - 1) * share)


def statistics(counts: Floats, mean: Floats, dispersion: Floats, onset: Floats) -> Floats:
    """
    Highest log-likelihood ratio over all onsets, per service and bucket.

    *counts* and the true *mean* have shape (services, buckets); *onset* is the profile up to the
    end of its ramp.
    """
    scores = np.full((len(counts), len(onset)), _NEVER)
    result = np.empty(counts.shape)
    phi = dispersion[:, None]
    for bucket in range(counts.shape[1]):
        gain = log_ratio(counts[:, bucket, None], mean[:, bucket, None], onset, phi)
        full = np.maximum(scores[:, -1], 0.0 if len(onset) == 1 else _FLOOR) + gain[:, -1]
        scores = np.concatenate([gain[:, :1], scores[:, :-1] + gain[:, 1:]], axis=1)
        scores[:, -1] = full if len(onset) == 1 else np.maximum(scores[:, -1], full)
        result[:, bucket] = np.maximum(scores.max(axis=1), 0.0)
    return result


def mixture(counts: Floats, mean: Floats, dispersion: Floats) -> Floats:
    """Log of a Shiryaev-Roberts mixture over effects that knows the true *mean*, not the size."""
    ratio = np.zeros((len(counts), len(EFFECTS)))
    result = np.empty(counts.shape)
    for bucket in range(counts.shape[1]):
        gain = gains(counts[:, bucket], mean[:, bucket], dispersion)
        ratio = np.minimum((1 + ratio) * np.exp(np.minimum(gain, 100.0)), 1e100)
        result[:, bucket] = np.log(np.maximum(ratio.mean(axis=1), 1e-30))
    return result


@cache
def threshold(rate: float, size: float, ramp_minutes: int, per_year: float) -> float:
    """
    Nats at which the oracle has *per_year* false alarms a service-year.

    The tail of a known likelihood ratio falls by e with each nat (Siegmund 1985), so a short run at
    *rate* a minute fixes it.
    """
    rng = np.random.default_rng(99)
    block = 4 * 60 * PER_MINUTE
    n, blocks = (48, 2) if ramp_minutes >= 30 else (150, 4)
    dispersion = rng.uniform(1.2, 2.0, n)
    mean = np.full((n, blocks * block), rate / PER_MINUTE)
    counts = drawn(rng, mean, dispersion[:, None]).astype(np.float64)
    onset = profile(size, ramp_minutes, max(ramp_minutes * PER_MINUTE, 1))
    peaks = statistics(counts, mean, dispersion, onset).reshape(n, blocks, block).max(axis=2)
    share = 0.1
    blocks_per_year = 365.25 * 6
    high = float(np.quantile(peaks, 1 - share))
    return high + float(np.log(-np.log(1 - share) * blocks_per_year / per_year))
