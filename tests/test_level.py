"""The level's grid: mass is kept, counts move it, and what is not known is wide."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector import baseline, level
from detector.baseline import Baseline
from detector.likelihood import log_rising

START = 1_760_918_400


def known(uncertainty: float, n_services: int = 3) -> Baseline:
    cold = baseline.cold(n_services, START)
    return replace(
        cold,
        rates=np.full((n_services, 3), 60.0),
        uncertainty=np.full(n_services, uncertainty),
        day_exposure=np.full(cold.day_exposure.shape, 1_000, np.float32),
        hours=np.full(n_services, 1_000.0),
    )


def begun(base: Baseline) -> np.ndarray:
    mass = np.zeros((1 + level.N_EFFECTS, level.SIZE, len(base.uncertainty)), np.float32)
    mass[0] = level.prior(base)
    return mass


def mean_level(mass: np.ndarray, base: Baseline) -> np.ndarray:
    return (mass[0] * level.scales(base)).sum(axis=0)


@pytest.mark.parametrize("uncertainty", [0.3, 0.6, 1.6])
def test_a_minute_moves_levels_and_keeps_their_sum(uncertainty):
    base = known(uncertainty)
    mass = begun(base)
    mass[1:] = np.random.default_rng(1).random(mass[1:].shape)

    after = level.wandered(mass, base)

    assert after[0].sum(axis=0) == pytest.approx(1.0, abs=1e-5)
    assert after[1:].sum(axis=(0, 1)) == pytest.approx(mass[1:].sum(axis=(0, 1)), rel=1e-5)


@pytest.mark.parametrize("uncertainty", [0.3, 0.6, 1.6])
def test_level_follows_what_is_counted(uncertainty):
    base = known(uncertainty)
    mass = begun(base)
    for count in np.random.default_rng(2).poisson(1.6 * 10 / 60 * 60 / 6, 240).astype(float):
        mass = level.weighed(mass, np.full(3, count), np.full(3, 10 / 6), base)

    assert mean_level(mass, base) == pytest.approx(1.6, rel=0.2)


def test_new_rates_leave_the_level_in_reports_where_it_was():
    old, new = known(0.6), known(0.3)
    mass = begun(old)
    for _ in range(120):
        mass = level.weighed(mass, np.full(3, 2.0), np.full(3, 1.6), old)

    after = level.regridded(mass, old, new, np.full(3, 1.25))

    assert after[0].sum(axis=0) == pytest.approx(1.0, abs=1e-4)
    assert mean_level(after, new) * 1.25 == pytest.approx(mean_level(mass, old), rel=0.03)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([0.3, 0.6, 1.6]),
    st.sampled_from([0.001, 0.1, 5.0]),
    st.integers(0, 4_000),
)
def test_no_count_is_too_large(uncertainty, expected, count):
    base = known(uncertainty, 1)
    mass = begun(base)
    mass[1:] = 1e10

    after = level.weighed(mass, np.array([float(count)]), np.array([expected]), base)

    assert np.isfinite(after).all()
    assert after[0].sum() == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("uncertainty", [0.3, 1.6])
def test_one_bucket_brings_at_most_one_in_the_mean_over_all_that_it_may_hold(uncertainty):
    """
    What the budget rests on, summed exactly over the counts of one bucket: less than one, as no
    bucket may say more than 25 nats.
    """
    counts = np.arange(2_000.0)
    base = replace(known(uncertainty, len(counts)), dispersion=np.full(len(counts), 1.5))
    mass = begun(base)

    after = level.weighed(mass, counts, np.full(len(counts), 0.3), base)

    size = 0.3 / 0.5 * level.scales(base)
    choose = np.array([math.lgamma(x + 1) for x in counts])
    log = log_rising(size, counts) - choose - size * math.log(1.5) - counts * math.log(3.0)
    chance = (mass[0] * np.exp(log)).sum(axis=0)
    assert chance.sum() == pytest.approx(1.0, abs=1e-3)
    assert 0.4 < (chance * after[1:].sum(axis=(0, 1))).sum() < 1.001
