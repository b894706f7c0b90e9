"""
How far a service's hours are from what was expected of them, and how far from one to the next.

Chance (negative binomial) is taken out, and an hour weighs by the square of the share of its
variance that is not chance: quiet services know little about their own wander, and keep the prior.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Sums = tuple[Floats, Floats, Floats, Floats]

KEEP = float(np.exp(-1 / 672))
# Variance of an hour's log rate around what was expected, and of its change from hour to hour, of
# a service like any other; both weigh as much as so many hours of a busy one.
_AROUND, _STEP, _PRIOR_HOURS = 0.09, 0.04, 100.0
_TYPICAL = 0.0625
_LEAST_MEAN = 0.05  # reports an hour


def weighed(
    sums: Sums, previous: Floats, count: Floats, mean: Floats, dispersion: Floats, told: Flags
) -> tuple[Sums, Floats]:
    """
    Add an hour of *count* where *mean* was expected to the *sums* of `around` and `gained`.

    *previous* is the hour before's relative error, NaN where there is none; only services *told*
    count. Returns the sums and this hour's error.
    """
    around, around_weight, step, step_weight = sums
    noise = dispersion / np.maximum(mean, _LEAST_MEAN)
    weight = np.where(told, (_TYPICAL / (_TYPICAL + noise)) ** 2, 0.0)
    error = count / np.maximum(mean, _LEAST_MEAN) - 1
    follows = ~np.isnan(previous)
    change = np.where(follows, error - previous, 0.0)
    pair = np.where(follows, weight, 0.0)
    new = (
        around * KEEP + weight * (error**2 - noise),
        around_weight * KEEP + weight,
        step * KEEP + pair * (change**2 - 2 * noise),
        step_weight * KEEP + pair,
    )
    return new, np.where(told, error, np.nan)


def around(total: Floats, weight: Floats) -> Floats:
    """Variance of the logarithm of an hour's rate around what is expected of it."""
    return np.clip((total + _AROUND * _PRIOR_HOURS) / (weight + _PRIOR_HOURS), 0.01, 0.5)


def gained(total: Floats, weight: Floats) -> Floats:
    """Variance that the logarithm of the rate gains in an hour."""
    return np.clip((total + _STEP * _PRIOR_HOURS) / (weight + _PRIOR_HOURS), 0.003, 0.3)
