"""The bar over which a service is raised, in reports per minute and in words. Pure."""

from dashboard.onset import evidence
from detector.surge import MIN_AUTHORS, threshold

HELD_MINUTES = 5
_LEAST = 1e-3


def nats(budget: float) -> float:
    """Return the evidence that is wanted at *budget* false incidents a service and year."""
    return threshold(budget)


def rate(expected: float, wanted: float) -> float:
    """
    Return the reports a minute that, held for `HELD_MINUTES`, bring the *wanted* evidence.

    *expected* is what is normal in a minute. The detector adds up evidence from bucket to bucket:
    a higher rate passes sooner, a lower one later. It also widens its normal by what it does not
    know of the service, so that this is the least that it takes.
    """
    normal = max(_LEAST, expected) * HELD_MINUTES
    low, high = normal, max(2 * normal, float(MIN_AUTHORS))
    while evidence(high, normal) < wanted:
        high *= 2
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if evidence(middle, normal) < wanted else (low, middle)
    return max(high, float(MIN_AUTHORS)) / HELD_MINUTES
