"""
When did it begin, and who has spoken since? A CUSUM for each effect, at the level that is usual.

The start of the highest climb is the estimate of the onset (Page 1954). The arrays have one row a
service and one column an effect.
"""

import numpy as np
from numpy.typing import NDArray

from detector.baseline import Floats
from detector.bucket import WIDTH
from detector.likelihood import log_ratio

Times = NDArray[np.int64]

EFFECTS = np.array((2.5, 4.0, 7.0, 14.0, 30.0, 80.0, 300.0))  # x normal
_MOST = 1e6
Climbs = tuple[Floats, Times, Floats, Floats]


def gains(count: Floats, mean: Floats, dispersion: Floats) -> Floats:
    """Nats of a bucket's *count* for each effect, against the usual *mean*."""
    nats = ((1 - EFFECTS)[:, None] * (mean * np.log(dispersion) / (dispersion - 1))).T
    rows = np.flatnonzero(count)
    if len(rows):
        spread = dispersion[rows, None]
        nats[rows] = log_ratio(count[rows, None], mean[rows, None], EFFECTS, spread)
    return np.asarray(nats)


def moved(climbs: Climbs, start: int, gain: Floats, affected: Floats, mean: Floats) -> Climbs:
    """
    Move *climbs*, each effect's CUSUM, when it began, and what was seen and usual since, by a
    bucket. Where a CUSUM falls to zero its climb begins after this bucket.
    """
    climb, since, observed, expected = climbs
    high = np.minimum(np.maximum(climb + gain, 0.0), _MOST)
    up = high > 0
    return (
        high,
        np.where(up, since, start + WIDTH),
        np.where(up, observed + affected[:, None], 0.0),
        np.where(up, expected + mean[:, None], 0.0),
    )
