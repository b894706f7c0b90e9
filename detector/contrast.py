"""
What a service that stays normal says, while others fail: would it be reported, if it failed too?

How strongly the services that fail now are reported, x normal, tells how strongly another one would
be; the more of them fail, the better. Nothing is taken for granted of one that may fail later.
"""

import numpy as np
from numpy.typing import NDArray

from detector import surge
from detector.baseline import Baseline, Flags, Floats
from detector.surge import Surge

_QUANTILES = (0.1, 0.3, 0.5, 0.7, 0.9)  # of the effects on the services that fail
_LEAST, _MOST = 2.5, 3_000.0  # x normal
_WORTH = 2.0  # services that what is assumed of effects counts for
_LATE = 0.2  # share of the services that fail and are not reported yet


def abnormality(test: Surge, base: Baseline, rows: NDArray[np.intp], failing: Flags) -> Floats:
    """Log-likelihood ratio, abnormal against normal, of *rows*, as *failing* ones are reported."""
    any_effect = surge.abnormality(test, base, rows)
    n = np.count_nonzero(failing)
    if not n:
        return any_effect
    now = test.recent_observed[failing] / np.maximum(test.recent_expected[failing], 1e-6)
    effects = np.quantile(np.clip(now, _LEAST, _MOST), _QUANTILES)
    alike = surge.abnormality(test, base, rows, effects)
    alike = np.logaddexp(np.log1p(-_LATE) + alike, np.log(_LATE))
    share = n / (n + _WORTH)
    mixed = np.logaddexp(np.log1p(-share) + any_effect, np.log(share) + alike)
    return np.where(failing[rows], any_effect, mixed)
