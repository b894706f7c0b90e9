"""Time that passes in steps of an hour: only the baseline is learnt, and nothing is judged."""

from dataclasses import replace

import numpy as np

from detector import learning
from detector.baseline import HOUR, Baseline, Floats
from detector.bucket import WIDTH


def lived(base: Baseline, start: int, minutes: Floats) -> Baseline:
    """
    Let the hour that begins at *start*, unix seconds, pass; *minutes* are its reports, shape
    (services, 60). It is learnt when the next one begins.
    """
    base = learning.advanced(base, start)
    reports = minutes.sum(axis=1)
    return replace(
        base,
        hour_buckets=HOUR // WIDTH,
        hour_observed=reports,
        hour_expected=base.rates[:, 1].copy(),
        hour_roughness=(np.diff(minutes, axis=1) ** 2).sum(axis=1) / 2,
        hour_rough_reports=reports.copy(),
    )
