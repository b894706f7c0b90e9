"""When the trouble began, as an interval: which minutes explain the counts about as well. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime
from math import log

from dashboard.charts import Minute

# Half the 95 % point of chi-squared with one degree of freedom: the usual drop of a log-likelihood
# (Wilks 1938). Counts vary more than Poisson's, so that the interval is rather too short.
DROP = 1.92
_LEAST = 1e-3  # reports a minute; a normal of nothing would make any report certain proof


def interval(told: Sequence[Minute], joined_at: datetime) -> tuple[datetime, datetime] | None:
    """
    Return between which times a service left its normal rate, or None where nothing tells.

    *told* are its minutes from before the onset. The rate is taken to jump once, to its mean
    afterwards; the interval has each minute for which the likelihood of a jump at its beginning is
    near the best one. Only what was known when the incident was raised counts.
    """
    last = int(joined_at.timestamp()) // 60
    known = [one for one in told if one.minute <= last]
    gains = _gains(known)
    best = max(gains, default=0.0)
    if best <= DROP:
        return None
    near = [one.minute for one, gain in zip(known, gains, strict=True) if gain >= best - DROP]
    return _at(min(near)), _at(max(near) + 1)


def _gains(told: Sequence[Minute]) -> list[float]:
    """Return the log-likelihood ratio of a jump at the beginning of each minute against none."""
    gains, observed, expected = [], 0.0, 0.0
    for one in reversed(told):
        observed += one.observed
        expected += max(_LEAST, one.expected)
        gains.append(evidence(observed, expected))
    return gains[::-1]


def evidence(observed: float, expected: float) -> float:
    """Return how many nats *observed* reports speak for more than the *expected* ones."""
    if observed <= expected:
        return 0.0
    return observed * log(observed / expected) - (observed - expected)


def _at(minute: int) -> datetime:
    return datetime.fromtimestamp(minute * 60, UTC)
