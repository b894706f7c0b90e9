"""The second channel: reports among those who name a service."""

import numpy as np

from detector import share


def weighed(reports, mentions, buckets, seed=1, known=(5_000.0, 15_000.0)):
    """Sums after *buckets* of so many *reports* and *mentions* a bucket in the mean."""
    rng = np.random.default_rng(seed)
    n = 20
    ratio = np.zeros((n, len(share.EFFECTS)))
    odds = share.usual_odds(np.full(n, known[0]), np.full(n, known[1]))
    for _ in range(buckets):
        affected, mentioned = (
            rng.poisson(rng.gamma(rate / 0.5, 0.5, n)).astype(float) for rate in (reports, mentions)
        )
        ratio = share.weighed(ratio, affected, mentioned, odds, np.full(n, 0.5), np.full(n, 1.5))
    return np.log(ratio.mean(axis=1))


def test_seven_of_ten_instead_of_one_of_four_is_evidence():
    assert np.median(weighed(3.5, 1.5, 60)) > 15


def test_a_surge_of_interest_is_none():
    assert weighed(5.0, 15.0, 360).max() < 8


def test_viral_mentions_lower_it():
    assert weighed(0.5, 150.0, 60).max() < 2


def test_nothing_is_said_while_the_usual_odds_are_not_known():
    assert weighed(3.5, 0.2, 60, known=(3.0, 1.0)).max() < 8


def test_a_bucket_in_which_nobody_speaks_changes_nothing():
    ratio = np.full((2, len(share.EFFECTS)), 7.0)
    zero = np.zeros(2)

    assert share.weighed(ratio, zero, zero, np.ones(2), np.ones(2), np.full(2, 1.5)) is ratio
