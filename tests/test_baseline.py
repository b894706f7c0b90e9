"""The expected rate: learns level, season and dispersion, and is not taught by outages."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from detector import baseline, learning
from detector.baseline import HOUR, Baseline, Floats
from detector.bucket import WIDTH

MONDAY = 1_760_918_400 // 604_800 * 604_800 + 4 * 86_400  # 00:00 UTC
BUCKETS = HOUR // WIDTH


def lived(
    rates: Floats, hours: int, seed: int = 1, known: Baseline | None = None, frozen: bool = False
) -> Baseline:
    """Live through *hours* whose reports an hour are *rates*, shape (hours, services)."""
    rng = np.random.default_rng(seed)
    state = known or baseline.cold(rates.shape[1], MONDAY)
    for rate in rates[:hours]:
        # An hour at once: bucket by bucket, 192 hours would take a minute.
        state = replace(
            state,
            hour_observed=rng.poisson(rate).astype(float),
            hour_expected=state.rates[:, 1],
            hour_buckets=BUCKETS,
            hour_frozen=np.full(len(rate), frozen),
        )
        state = learning.advanced(state, (state.hour + 1) * HOUR)
    return state


def test_never_seen_service_is_expected_at_the_prior_with_a_wide_uncertainty():
    state = baseline.cold(3, MONDAY)

    assert np.allclose(baseline.expected(state, MONDAY) * BUCKETS, baseline.PRIOR_PER_HOUR)
    assert (state.uncertainty > 1.5).all()


def test_level_is_learnt_within_an_hour_and_the_uncertainty_shrinks():
    state = lived(np.full((3, 2), (300.0, 6.0)), 3)

    rate = baseline.expected(state, MONDAY + 3 * HOUR) * BUCKETS

    assert 250 < rate[0] < 350
    assert 2 < rate[1] < 12
    assert state.uncertainty[0] < state.uncertainty[1] < 1.0


def test_season_of_the_day_is_learnt_in_a_week():
    hours = np.arange(24 * 8)
    rates = np.where((hours % 24 >= 8) & (hours % 24 < 20), 120.0, 30.0)[:, None]

    state = lived(rates, len(hours))

    night = baseline.expected(state, MONDAY + 8 * 86_400)[0]
    state = lived(np.full((12, 1), 30.0), 12, known=state)
    noon = baseline.expected(state, MONDAY + 8 * 86_400 + 12 * HOUR + 1800)[0]
    assert noon > 1.8 * night


def test_quiet_service_borrows_the_season_of_the_catalogue():
    hours = np.arange(24 * 8)
    shape = np.where((hours % 24 >= 8) & (hours % 24 < 20), 1.6, 0.4)[:, None]

    state = lived(shape * np.array([200.0] * 6 + [0.5]), len(hours))
    night = state.rates[-1, 1]
    state = lived(np.full((13, 7), (80.0,) * 6 + (0.2,)), 13, known=state)

    assert state.rates[-1, 1] > 1.5 * night


def test_outage_does_not_teach():
    calm = lived(np.full((48, 1), 60.0), 48)

    after = lived(np.full((2, 1), 6_000.0), 2, known=calm)

    assert after.rates[0, 1] < 2 * calm.rates[0, 1]


def test_frozen_service_learns_nothing():
    calm = lived(np.full((24, 1), 60.0), 24)

    after = lived(np.full((2, 1), 100.0), 2, known=calm, frozen=True)

    assert after.reports == calm.reports
    assert after.hours == calm.hours


def test_clusters_of_reports_raise_the_dispersion():
    rng = np.random.default_rng(5)
    state = baseline.cold(2, MONDAY)
    for i in range(12 * BUCKETS):
        at = MONDAY + i * WIDTH
        state = learning.advanced(state, at)
        counts = np.array([rng.poisson(1.0), 3 * rng.poisson(1 / 3)], float)
        mean = baseline.expected(state, at)
        state = learning.collected(state, at, counts, mean, np.zeros(2, bool))

    state = learning.advanced(state, MONDAY + 12 * HOUR)

    assert state.dispersion[0] < 1.3
    assert state.dispersion[1] > 2.0


def test_expected_rate_is_continuous_from_hour_to_hour():
    hours = np.arange(48)
    state = lived((60.0 + 50 * np.sin(hours / 4))[:, None], 48)
    start = MONDAY + 48 * HOUR

    rates = np.array([baseline.expected(state, start + s)[0] for s in range(0, HOUR, WIDTH)])

    assert np.abs(np.diff(rates)).max() < 0.02 * rates.mean()


@given(st.lists(st.integers(0, 50), min_size=1, max_size=30), st.integers(0, 10**6))
def test_expected_rate_is_always_positive_and_finite(counts, hours_later):
    state = baseline.cold(1, MONDAY)
    for i, count in enumerate(counts):
        at = MONDAY + i * WIDTH
        mean = baseline.expected(state, at)
        state = learning.collected(state, at, np.array([float(count)]), mean, np.zeros(1, bool))

    later = learning.advanced(learning.interrupted(state), MONDAY + hours_later * HOUR)
    rate = baseline.expected(later, MONDAY + hours_later * HOUR)

    assert np.isfinite(rate).all()
    assert (rate > 0).all()


def test_the_usual_week_begins_on_monday_and_knows_the_busy_hour() -> None:
    day = np.full((24, 1), 4.0)
    day[9] = 40.0

    week = baseline.usual_week(lived(np.tile(day, (14, 1)), 24 * 14), 0)

    assert week.shape == (168,)
    assert {int(np.argmax(hours)) for hours in week.reshape(7, 24)} == {9}
