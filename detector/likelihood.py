"""Likelihood ratios of negative binomial counts, vectorised; NumPy has no log-gamma of its own."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FEW = 12  # counts up to which a product is cheaper than Gamma functions
_BLOCK = 16_384  # numbers at a time, which the processor's cache holds


def log_ratio(count: Floats, mean: Floats, scale: Floats, dispersion: Floats) -> Floats:
    """
    Log-likelihood ratio of *count*, negative binomial with variance *dispersion* x mean, at *scale*
    x *mean* against *mean*.

    With r = mean / (dispersion - 1) it is log of G(x + scale r) G(r) / (G(scale r) G(x + r)) less
    (scale - 1) r log dispersion (NB1: Cameron and Trivedi 2013, section 3.3). Arguments broadcast.
    """
    size = mean / (dispersion - 1)
    gain = log_rising(scale * size, count) - log_rising(size, count)
    return np.asarray(gain - (scale - 1) * size * np.log(dispersion))


def log_sum(values: Floats) -> Floats:
    """Log of the sum of the exponentials along the second axis."""
    top = values.max(axis=1)
    return np.asarray(top + np.log(np.exp(values - top[:, None]).sum(axis=1)))


def log_rising(base: Floats, count: Floats) -> Floats:
    """
    Log of base (base + 1) … (base + count - 1): by its factors where there are few.

    Faster where equal counts stand together.
    """
    if count.max(initial=0) <= FEW and not (count % 1).any():
        product = np.ones(np.broadcast_shapes(base.shape, count.shape))
        for i in range(int(count.max(initial=0))):
            np.multiply(product, base + i, out=product, where=count > i)
        return np.asarray(np.log(product))
    return _log_gamma(base + count) - _log_gamma(base)


def _log_gamma(x: Floats) -> Floats:
    """
    Log of the Gamma function for x > 0, by Stirling's series shifted by eight (relative error below
    1e-13).
    """
    result = np.empty(x.shape)
    flat, into = x.reshape(-1), result.reshape(-1)
    for begin in range(0, x.size, _BLOCK):
        some = slice(begin, begin + _BLOCK)
        into[some] = _stirling(flat[some])
    return result


def _stirling(x: Floats) -> Floats:
    product, y = x.copy(), np.empty_like(x)
    for i in range(1, 8):
        product *= np.add(x, i, out=y)
    np.add(x, 8, out=y)
    inverse = y * y
    np.divide(1, inverse, out=inverse)
    # 1/12 - inverse (1/360 - inverse (1/1260 - inverse / 1680))
    series = inverse / 1680
    for term in (1 / 1260, 1 / 360):
        np.subtract(term, series, out=series)
        series *= inverse
    np.subtract(1 / 12, series, out=series)
    series /= y
    result = np.log(y)
    result *= y - 0.5
    result -= y
    result += 0.9189385332046727
    result += series
    result -= np.log(product, out=product)
    return result
