"""
The second channel: of those who name a service, how many say that it fails?

A surge of interest raises mentions and reports alike, and leaves their ratio as it was; an outage
raises reports alone. Given how many name the service in a bucket, the reports among them are
beta-binomial where both counts are negative binomial of one dispersion. A Shiryaev-Roberts sum
over effects tests odds that are a multiple of what is usual. It says nothing while the usual odds
are not learnt, as then they may be anything.
"""

import numpy as np

from detector.baseline import Floats
from detector.bucket import WIDTH
from detector.likelihood import log_rising

EFFECTS = np.array((3.0, 6.0, 15.0, 60.0))
KEEP = 0.5 ** (
    WIDTH / (14 * 86_400)
)  # what is known of the odds fades with a half-life of two weeks
# Of posts that only name a service, those that the tagger takes for reports: 1.9 % of reviews at a
# launch, a surge that was no outage (`threads_reviews` in docs/tagger.md).
MISTAKEN = 0.02
_DEVIATIONS, _MARGIN = 2.0, 0.25  # above the estimate, in the logarithm, the odds are still usual
_PRIOR = 0.5
_MOST = float(np.exp(40.0))


def usual_odds(affected: Floats, mentioned: Floats) -> Floats:
    """Highest usual odds of a report against a mere mention, after so many of each."""
    reports, others = affected + _PRIOR, mentioned + _PRIOR
    deviation = np.sqrt(1 / reports + 1 / others)
    return np.asarray(reports / others * np.exp(_DEVIATIONS * deviation + _MARGIN))


def weighed(
    ratio: Floats,
    affected: Floats,
    mentioned: Floats,
    odds: Floats,
    usual: Floats,
    dispersion: Floats,
) -> Floats:
    """
    Update the sums *ratio*, shape (services, effects), with a bucket's counts.

    *usual* is the usual number of reports. A bucket in which nobody names the service changes
    nothing: it is not evidence, nor a chance for an onset to be seen.
    """
    rows = np.flatnonzero(affected + mentioned)
    if not len(rows):
        return ratio
    failing = (usual[rows] / (dispersion[rows] - 1))[:, None]
    other = failing / odds[rows, None]
    reports, all_of_them = affected[rows, None], (affected + mentioned)[rows, None]
    gain = (
        log_rising(failing * EFFECTS, reports)
        - log_rising(failing, reports)
        + log_rising(failing + other, all_of_them)
        - log_rising(failing * EFFECTS + other, all_of_them)
    )
    new = ratio.copy()
    new[rows] = np.minimum((1 + ratio[rows]) * np.exp(np.minimum(gain, 40.0)), _MOST)
    return new
